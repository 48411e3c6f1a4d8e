//! An API server for tests: it lists, watches and gets what it is told, and knows who asked.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use clap::Parser as _;
use futures_util::stream;
use kube::Client;
use policy::dialect::{Kind, Role};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::args::Args;
use crate::state::State;

/// The text of an object that nobody can read: who asks for it panics.
pub(crate) const BUG: &str = "a bug";

pub(crate) const SECRET: Kind = Kind {
    group: "",
    version: "v1",
    kind: "Secret",
    plural: "secrets",
    role: Role::Context,
};

/// What it has, and what was asked of it.
#[derive(Clone, Default)]
pub(crate) struct Cluster(Arc<Mutex<Known>>);

#[derive(Default)]
struct Known {
    /// The text of each object by its path.
    objects: BTreeMap<String, String>,
    /// Who watches which collection.
    watches: Vec<(String, mpsc::UnboundedSender<String>)>,
    asked: Vec<String>,
}

impl Cluster {
    /// A webhook of this cluster, that watches nothing yet.
    pub(crate) fn webhook(&self, arguments: &[&str]) -> Arc<State> {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let args = Args::try_parse_from([&["mtls-webhook"], arguments].concat());
        let cluster = self.clone();
        let answer = move |request: Request| async move { cluster.answer(request).await };
        let client = Client::new(Router::new().fallback(answer), "default");
        State::new(
            &args.unwrap_or_else(|error| panic!("{error}")),
            client.clone(),
            client,
        )
        .unwrap_or_else(|error| panic!("{error}"))
    }

    /// Has an object from now on; who watches is told.
    pub(crate) fn put(&self, kind: &Kind, name: &str, object: &str) {
        self.slip(kind, name, object);
        self.tell(kind, "MODIFIED", object);
    }

    /// Has it from now on, and nobody is told yet.
    pub(crate) fn slip(&self, kind: &Kind, name: &str, object: &str) {
        let path = path(kind, name);
        self.known().objects.insert(path, object.to_owned());
    }

    /// Has it no longer; who watches is told.
    pub(crate) fn delete(&self, kind: &Kind, name: &str) {
        let gone = self.lose(kind, name);
        self.tell(kind, "DELETED", &gone);
    }

    /// Has it no longer, and nobody is told.
    pub(crate) fn lose(&self, kind: &Kind, name: &str) -> String {
        self.known()
            .objects
            .remove(&path(kind, name))
            .unwrap_or_default()
    }

    /// Every watch ends, too late to go on from where it was.
    pub(crate) fn forget_watches(&self) {
        let gone = json!({"type": "ERROR", "object": {"kind": "Status", "apiVersion": "v1",
            "metadata": {}, "status": "Failure", "reason": "Expired", "code": 410}});
        for (_, watch) in self.known().watches.drain(..) {
            let _ = watch.send(gone.to_string());
        }
    }

    /// How often something was asked for whose path ends so.
    pub(crate) fn asked(&self, end: &str) -> usize {
        let known = self.known();
        known
            .asked
            .iter()
            .filter(|path| path.ends_with(end))
            .count()
    }

    fn tell(&self, kind: &Kind, event: &str, object: &str) {
        let line = format!("{{\"type\":\"{event}\",\"object\":{object}}}");
        for (path, watch) in &self.known().watches {
            if *path == collection(kind) {
                let _ = watch.send(line.clone());
            }
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn answer(&self, request: Request) -> Response {
        let path = request.uri().path().to_owned();
        let query = request.uri().query().unwrap_or_default();
        let mut known = self.known();
        known.asked.push(path.clone());
        if query.contains("watch=true") {
            let (watch, events) = mpsc::unbounded_channel();
            known.watches.push((path, watch));
            return Body::from_stream(lines(events)).into_response();
        }
        let path = path.replace("/namespaces/shop/", "/");
        // What is written is of no interest here, but that it is.
        let path = path.trim_end_matches("/status");
        if let Some(object) = known.objects.get(path) {
            assert_ne!(object, BUG);
            return object.clone().into_response();
        }
        if !is_collection(path) {
            return (StatusCode::NOT_FOUND, missing()).into_response();
        }
        let inside = format!("{path}/");
        let items = known.objects.range(inside.clone()..);
        let items = items.take_while(|(path, _)| path.starts_with(&inside));
        let items: Vec<_> = items.map(|(_, object)| object.as_str()).collect();
        let head = r#"{"apiVersion":"v1","kind":"List","metadata":{"resourceVersion":"1"}"#;
        format!("{head},\"items\":[{}]}}", items.join(",")).into_response()
    }
}

/// `/api/v1/KINDS` or `/apis/GROUP/VERSION/KINDS`.
fn is_collection(path: &str) -> bool {
    let parts = path.split('/').count();
    parts == if path.starts_with("/api/") { 4 } else { 5 }
}

fn missing() -> String {
    json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "reason": "NotFound", "message": "not found", "code": 404})
    .to_string()
}

fn lines(
    events: mpsc::UnboundedReceiver<String>,
) -> impl futures_util::Stream<Item = Result<String, Infallible>> {
    stream::unfold(events, |mut events| async move {
        let line = events.recv().await?;
        Some((Ok(format!("{line}\n")), events))
    })
}

fn collection(kind: &Kind) -> String {
    let root = if kind.group.is_empty() {
        "/api"
    } else {
        "/apis"
    };
    format!("{root}/{}/{}", kind.api_version(), kind.plural)
}

fn path(kind: &Kind, name: &str) -> String {
    format!("{}/{name}", collection(kind))
}

/// The text of an object of a kind, in the namespace `shop`.
pub(crate) fn object(kind: &Kind, name: &str, spec: &Value) -> String {
    json!({"apiVersion": kind.api_version(), "kind": kind.kind, "spec": spec,
        "metadata": {"name": name, "namespace": "shop", "resourceVersion": "7"}})
    .to_string()
}
