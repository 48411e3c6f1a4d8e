//! What the kubelet and Prometheus ask, over HTTP.

use std::sync::Arc;

use axum::Router;
use axum::extract::State as Shared;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::state::State;

/// /livez, /readyz and /metrics.
pub(super) fn router(state: &Arc<State>) -> Router {
    Router::new()
        .route("/livez", get(|| async { "ok" }))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .with_state(Arc::clone(state))
}

async fn metrics(Shared(state): Shared<Arc<State>>) -> String {
    let objects = state.facts().len();
    state.metrics.text(objects)
}

async fn readyz(Shared(state): Shared<Arc<State>>) -> Response {
    if state.is_ready() {
        return "ok".into_response();
    }
    let mut waiting: Vec<_> = state.waiting().iter().cloned().collect();
    waiting.sort();
    let draining = state.is_draining();
    let text = format!("not ready: draining {draining}, waiting for {waiting:?}");
    (StatusCode::SERVICE_UNAVAILABLE, text).into_response()
}
