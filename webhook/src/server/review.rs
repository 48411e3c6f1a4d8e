//! One review: read, judged and answered, within the time that the API server gives it.

use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::body::Body;
use axum::extract::{Query, State as Shared};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use tokio::time::{Instant, timeout_at};

use super::Server;
use super::crowd::Guest;
use crate::caught::caught;
use crate::live::Live;
use crate::review::{Answer, Request, Review};
use crate::validate::Late;
use crate::{mutate, record, validate};

/// What live reads leave of the API server's patience, for the judgement after them.
const MARGIN: Duration = Duration::from_millis(300);
/// What the judgement leaves of it, for the answer to travel.
const TRAVEL: Duration = Duration::from_millis(100);
/// What a client is told that comes while every place is at work.
const CROWDED: &str = "too many clients at once";
/// Where nothing is said.
const DEFAULT: Duration = Duration::from_secs(5);
/// The longest that a webhook may be given.
const LONGEST: Duration = Duration::from_secs(30);

/// `?timeout=5s`, which the API server appends.
#[derive(Default, Deserialize)]
pub(super) struct Timeout {
    #[serde(default)]
    timeout: String,
}

impl Timeout {
    fn span(&self) -> Duration {
        let seconds = self
            .timeout
            .strip_suffix('s')
            .and_then(|seconds| seconds.parse().ok());
        seconds.map_or(DEFAULT, Duration::from_secs).min(LONGEST)
    }
}

/// Which of the two is asked.
#[derive(Clone, Copy)]
enum Webhook {
    Mutate,
    Validate,
}

pub(super) async fn validate(
    Shared(server): Shared<Arc<Server>>,
    Extension(guest): Extension<Arc<Guest>>,
    Query(limit): Query<Timeout>,
    body: Body,
) -> Response {
    review(&server, &guest, Webhook::Validate, limit.span(), body).await
}

pub(super) async fn mutate(
    Shared(server): Shared<Arc<Server>>,
    Extension(guest): Extension<Arc<Guest>>,
    Query(limit): Query<Timeout>,
    body: Body,
) -> Response {
    review(&server, &guest, Webhook::Mutate, limit.span(), body).await
}

/// What is not answered in time is an error, as if there were no answer at all: the failure policy
/// of the configuration decides, and nobody slips through by making the judgement slow.
async fn review(
    server: &Server,
    guest: &Guest,
    webhook: Webhook,
    limit: Duration,
    body: Body,
) -> Response {
    let begun = Instant::now();
    let (state, deadline) = (&server.state, begun + limit.saturating_sub(TRAVEL));
    let refused = |uid, outcome, status, reason: &str| {
        record::unanswered(state, webhook.name(), uid, outcome, begun.elapsed());
        (status, reason.to_owned()).into_response()
    };
    let body = match server.bodies.receive(body, deadline).await {
        Ok(body) => body,
        Err((status, reason)) => return refused("", "unread", status, reason),
    };
    let request = match Review::read(&body.bytes) {
        Ok(request) => request,
        Err(reason) => return refused("", "bad", StatusCode::BAD_REQUEST, &reason),
    };
    let live = Live {
        state,
        deadline: begun + limit.saturating_sub(MARGIN),
    };
    let uid = &*request.uid;
    if !guest.begins() {
        return refused(uid, "unread", StatusCode::SERVICE_UNAVAILABLE, CROWDED);
    }
    let judged = timeout_at(deadline, caught(webhook.judge(&request, &live))).await;
    guest.rests();
    match judged {
        Ok(Ok(Ok(answer))) => {
            record::record(state, webhook.name(), &request, &answer, begun.elapsed());
            let headers = [("content-type", "application/json")];
            (headers, answer.write(uid)).into_response()
        }
        Ok(Err(bug)) => refused(uid, "panicked", StatusCode::INTERNAL_SERVER_ERROR, bug),
        Ok(Ok(Err(Late))) | Err(_) => refused(
            uid,
            "late",
            StatusCode::GATEWAY_TIMEOUT,
            "not judged in time",
        ),
    }
}

impl Webhook {
    fn name(self) -> &'static str {
        match self {
            Self::Mutate => "mutate",
            Self::Validate => "validate",
        }
    }

    async fn judge(self, request: &Request<'_>, live: &Live<'_>) -> Result<Answer, Late> {
        match self {
            Self::Validate => validate::validate(request, live).await,
            Self::Mutate if live.state.repair => Ok(mutate::mutate(request, live).await),
            Self::Mutate => Ok(Answer::default()),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use axum::body::to_bytes;
    use hyper::service::Service as _;
    use hyper_util::service::TowerToHyperService;
    use policy::client_auth_policy::NAMESPACE;
    use serde_json::json;

    use super::super::crowd::Crowd;
    use super::*;
    use crate::fake::{self, Cluster, SECRET};

    /// A new Ingress behind the CA in the Secret `ca`.
    fn review() -> String {
        let secret = json!({"nginx.ingress.kubernetes.io/auth-tls-secret": "shop/ca"});
        let ingress = json!({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
            "metadata": {"name": "a", "namespace": "shop", "annotations": secret},
            "spec": {"ingressClassName": "nginx", "rules": [{"host": "a.example.com", "http": {
                "paths": [{"path": "/", "pathType": "Prefix"}]}}]}});
        json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {
            "uid": "u", "operation": "CREATE", "namespace": "shop", "object": ingress}})
        .to_string()
    }

    #[tokio::test]
    async fn a_panic_ends_one_review_alone() {
        let cluster = Cluster::default();
        let namespace = fake::object(&NAMESPACE, "shop", &json!({}));
        cluster.slip(&NAMESPACE, "shop", &namespace);
        let state = cluster.webhook(&[]);
        let connection = Extension(Crowd::default().enter());
        let router = TowerToHyperService::new(super::super::router(&state).layer(connection));
        let ask = || async {
            let request = http::Request::post("/validate?timeout=5s").body(review());
            let answer = router.call(request.unwrap()).await.unwrap();
            let status = answer.status();
            let body = to_bytes(Body::new(answer.into_body()), 4096).await.unwrap();
            (status, String::from_utf8_lossy(&body).into_owned())
        };
        cluster.slip(&SECRET, "ca", fake::BUG);
        let bug = crate::caught::BUG.to_owned();
        assert_eq!(ask().await, (StatusCode::INTERNAL_SERVER_ERROR, bug));
        // On the same connection, and judged.
        cluster.lose(&SECRET, "ca");
        let (status, answer) = ask().await;
        assert_eq!(status, StatusCode::OK);
        assert!(answer.contains("missing-ca"), "{answer}");
    }

    #[test]
    fn the_time_is_what_the_api_server_says() {
        let span = |text: &str| {
            Timeout {
                timeout: text.to_owned(),
            }
            .span()
        };
        assert_eq!(span("2s"), Duration::from_secs(2));
        assert_eq!(span("3600s"), LONGEST);
        for odd in ["", "s", "-1s", "1m", "99999999999999999999999s"] {
            assert_eq!(span(odd), DEFAULT, "{odd}");
        }
    }
}
