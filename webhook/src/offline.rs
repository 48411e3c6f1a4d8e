//! Reviews without a cluster: whoever feeds the webhook anything at all, as the fuzz targets do,
//! says what the API server would answer.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use axum::http::Uri;
use clap::Parser as _;
use kube::Client;
use policy::dialect;
use tokio::runtime::Runtime;
use tokio::time::Instant;

use crate::args::Args;
use crate::live::Live;
use crate::review::Review;
use crate::state::State;
use crate::{mutate, validate};

/// What an API server answers to a GET of a path: status and body.
pub type Answers = fn(&str) -> (u16, String);

/// A webhook without watches, whose reads a function answers.
pub struct Offline {
    state: Arc<State>,
    runtime: Runtime,
}

/// What the two paths answer to one body.
pub struct Answered {
    /// Of /validate.
    pub validated: String,
    /// Of /mutate.
    pub mutated: String,
}

impl Offline {
    /// A webhook that was told nothing and has seen nothing.
    ///
    /// # Errors
    /// When there is no runtime to be had.
    pub fn new(answers: Answers) -> anyhow::Result<Self> {
        let arguments = ["mtls-webhook"];
        let args = Args::try_parse_from(arguments)?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("starting the runtime")?;
        // The client starts a task of its own.
        let _entered = runtime.enter();
        let answer = move |uri: Uri| async move {
            let (status, body) = answers(uri.path());
            let status = http::StatusCode::from_u16(status).unwrap_or_default();
            Ok::<_, Infallible>((status, body))
        };
        let client = Client::new(Router::new().fallback(answer), "default");
        let state = State::new(&args, client.clone(), client)?;
        Ok(Self { state, runtime })
    }

    /// Both answers to a body. What stood before the change is what the watches have seen.
    ///
    /// # Errors
    /// The reason why the body is refused.
    pub fn review(&self, body: &[u8]) -> Result<Answered, String> {
        let request = Review::read(body)?;
        if let Some(old) = request.old_object() {
            let read = dialect::read(&old, &self.state.settings());
            self.state.change(|facts| facts.insert(read));
        }
        let live = Live {
            state: &self.state,
            deadline: Instant::now() + Duration::from_secs(60),
        };
        let validated = self
            .runtime
            .block_on(validate::validate(&request, &live))
            .map_err(|_| "not judged in time")?
            .write(&request.uid);
        let mutated = self
            .runtime
            .block_on(mutate::mutate(&request, &live))
            .write(&request.uid);
        if let Some(old) = request.old_object() {
            self.state.change(|facts| facts.remove(&old.id));
        }
        Ok(Answered { validated, mutated })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn validated(operation: &str, depth: usize) -> String {
        let object = format!(
            r#"{{"apiVersion": "apisix.apache.org/v2", "kind": "ApisixRoute",
                "metadata": {{"name": "r", "namespace": "shop"}}, "spec": {{"x": {}1{}}}}}"#,
            "[".repeat(depth),
            "]".repeat(depth)
        );
        let (new, old) = match operation {
            "DELETE" => ("null", object.as_str()),
            _ => (object.as_str(), "null"),
        };
        let body = format!(
            r#"{{"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {{
                "uid": "u", "operation": "{operation}", "namespace": "shop",
                "object": {new}, "oldObject": {old}}}}}"#
        );
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let webhook = Offline::new(|_| (404, String::new())).unwrap();
        webhook.review(body.as_bytes()).unwrap().validated
    }

    #[test]
    fn what_cannot_be_read_is_not_let_past() {
        assert!(validated("CREATE", 20).contains("\"allowed\":true"));
        let deep = validated("CREATE", 200);
        assert!(deep.contains("\"allowed\":false") && deep.contains("unreadable-object"));
        assert!(validated("DELETE", 200).contains("\"allowed\":true"));
    }
}
