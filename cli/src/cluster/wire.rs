//! Where requests leave for the API server: each says which program and which command sent it
//! (KEP-859), and is shown to who asked for it with -v. Credentials are added further below, and
//! bodies are never shown.

use std::fmt::Write as _;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use aws_lc_rs::rand;
use http::{HeaderMap, HeaderValue, Request, Response};
use kube::client::Body;
use tower::{BoxError, Layer, Service};

use crate::globals::Globals;
use crate::problem::say;

/// From here on the requests are shown.
const REQUESTS: u8 = 6;
/// And from here on their headers too.
const HEADERS: u8 = 7;

/// What every request says of its sender, and how much of it is shown.
#[derive(Clone)]
pub(super) struct Wire {
    sender: HeaderMap,
    server: String,
    verbosity: u8,
}

impl Wire {
    /// For one run of a command.
    pub(super) fn new(globals: &Globals, server: &http::Uri) -> Self {
        let mut sender = HeaderMap::new();
        let mut set = |name, text: &str| {
            if let Ok(value) = HeaderValue::from_str(text) {
                sender.insert(name, value);
            }
        };
        set("user-agent", &agent());
        // As kubectl has it: whoever minds can turn them off.
        let off = std::env::var("KUBECTL_COMMAND_HEADERS");
        if !matches!(
            off.as_deref(),
            Ok("0" | "f" | "F" | "false" | "False" | "FALSE")
        ) {
            set("kubectl-command", &globals.command);
            set("kubectl-session", &session());
        }
        Self {
            sender,
            server: server.to_string().trim_end_matches('/').to_owned(),
            verbosity: globals.verbosity,
        }
    }

    /// A request with its answer, as far as it is to be shown.
    fn show(&self, asked: &str, headers: &HeaderMap, came: &Came<'_>, began: Instant) {
        if self.verbosity < REQUESTS {
            return;
        }
        let time = began.elapsed().as_millis();
        let (outcome, answer) = match came {
            Came::Answer(status, headers) => (status.to_string(), Some(*headers)),
            Came::Nothing(error) => (format!("failed: {error}"), None),
        };
        let mut text = format!("{asked} {outcome} in {time} ms");
        if self.verbosity >= HEADERS {
            text.push_str(&lines("Request headers", headers));
            text.push_str(
                &answer
                    .map(|headers| lines("Response headers", headers))
                    .unwrap_or_default(),
            );
        }
        say("request", &text);
    }
}

/// What came of a request.
enum Came<'a> {
    Answer(http::StatusCode, &'a HeaderMap),
    Nothing(String),
}

/// `kubectl-mtls/v0.1.0 (linux/amd64)`, in the words that Go and kubectl have for it.
fn agent() -> String {
    let system = match std::env::consts::OS {
        "macos" => "darwin",
        other => other,
    };
    let processor = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    let version = env!("CARGO_PKG_VERSION");
    format!("kubectl-mtls/v{version} ({system}/{processor})")
}

/// A random UUID (RFC 9562, version 4), the same for all requests of one run.
fn session() -> String {
    let mut bytes = [0; 16];
    if rand::fill(&mut bytes).is_err() {
        return String::new();
    }
    let number = u128::from_be_bytes(bytes);
    let number = number & !(0xf << 76) | 4 << 76;
    let number = number & !(0b11 << 62) | 0b10 << 62;
    let hex = format!("{number:032x}");
    let parts = [
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..],
    ];
    parts.join("-")
}

/// Headers, a line each. What proves who somebody is stays out, wherever it comes from.
fn lines(title: &str, headers: &HeaderMap) -> String {
    let mut text = format!("\n  {title}:");
    for (name, value) in headers {
        let shown = match name.as_str() {
            "authorization" | "cookie" | "set-cookie" => "<not shown>".into(),
            _ => String::from_utf8_lossy(value.as_bytes()),
        };
        let _ = write!(text, "\n    {name}: {}", crate::output::printable(&shown));
    }
    text
}

/// Puts the wire around the client of the API server.
pub(super) struct Around(pub(super) Wire);

impl<S> Layer<S> for Around {
    type Service = Watched<S>;

    fn layer(&self, inner: S) -> Watched<S> {
        Watched {
            inner,
            wire: Arc::new(self.0.clone()),
        }
    }
}

/// A client whose requests are marked and shown.
pub(super) struct Watched<S> {
    inner: S,
    wire: Arc<Wire>,
}

type Answer<B> = Pin<Box<dyn Future<Output = Result<Response<B>, BoxError>> + Send>>;

impl<S, B> Service<Request<Body>> for Watched<S>
where
    S: Service<Request<Body>, Response = Response<B>, Error = BoxError>,
    S::Future: Send + 'static,
    B: Send + 'static,
{
    type Response = Response<B>;
    type Error = BoxError;
    type Future = Answer<B>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<Body>) -> Answer<B> {
        let wire = Arc::clone(&self.wire);
        let sender = wire.sender.iter();
        sender.for_each(|(name, value)| drop(request.headers_mut().insert(name, value.clone())));
        let asked = format!("{} {}{}", request.method(), wire.server, request.uri());
        let headers = request.headers().clone();
        let began = Instant::now();
        let answer = self.inner.call(request);
        Box::pin(async move {
            let answer = answer.await;
            let came = match &answer {
                Ok(answer) => Came::Answer(answer.status(), answer.headers()),
                Err(error) => Came::Nothing(error.to_string()),
            };
            wire.show(&asked, &headers, &came, began);
            answer
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_session_is_a_random_uuid() {
        let session = session();
        assert_ne!(session, super::session());
        let shape: Vec<_> = session.split('-').map(str::len).collect();
        assert_eq!(shape, [8, 4, 4, 4, 12], "{session}");
        assert_eq!(&session[14..15], "4", "{session}");
        assert!("89ab".contains(&session[19..20]), "{session}");
    }

    #[test]
    fn credentials_are_not_shown() {
        let mut headers = HeaderMap::new();
        headers.insert("authorization", "Bearer secret".parse().unwrap());
        headers.insert("accept", "application/json".parse().unwrap());
        let text = lines("Request headers", &headers);
        assert!(text.contains("accept: application/json"), "{text}");
        assert!(!text.contains("secret"), "{text}");
    }
}
