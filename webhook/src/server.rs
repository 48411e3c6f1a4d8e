//! HTTPS for the API server, HTTP for the kubelet, and the end of both.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Query, State as Shared};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};
use serde::Deserialize;
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsAcceptor;

use crate::args::Args;
use crate::live::Live;
use crate::review::{Answer, Review};
use crate::state::State;
use crate::{mutate, validate};

/// An object, its old self and managed fields: 3 + 3 + 1 MiB.
const BODY_LIMIT: usize = 7 * 1024 * 1024;
/// The API server closes idle connections after 90 s; we must not be first.
const IDLE: Duration = Duration::from_secs(120);
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Connections beyond this wait.
const MAX_CONNECTIONS: usize = 1000;
/// What is left of the API server's patience for the answer to travel.
const MARGIN: Duration = Duration::from_millis(300);

/// Serves until SIGTERM or Ctrl-C, and then lets what runs end.
pub(crate) async fn serve(args: &Args, state: Arc<State>) -> anyhow::Result<()> {
    let tls = TlsAcceptor::from(Arc::new(tls(args)?));
    let context = |address| format!("listening on {address}");
    let listener = TcpListener::bind(args.listen)
        .await
        .with_context(|| context(args.listen))?;
    let health = TcpListener::bind(args.health_listen);
    let health = health.await.with_context(|| context(args.health_listen))?;
    tracing::info!(address = %listener.local_addr()?, health = %health.local_addr()?, "listening");
    let (stop, stopped) = watch::channel(false);
    let accepting = tokio::spawn(accept(listener, tls, router(&state), stopped));
    let answering = tokio::spawn(axum::serve(health, health_router(&state)).into_future());
    terminated().await?;
    tracing::info!("draining");
    state.drain();
    tokio::time::sleep(Duration::from_secs(args.shutdown_delay)).await;
    stop.send_replace(true);
    // A client that keeps an idle connection open must not keep the process.
    let _ = timeout(Duration::from_secs(20), accepting).await;
    answering.abort();
    Ok(())
}

async fn terminated() -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate()).context("waiting for SIGTERM")?;
    tokio::select! {
        _ = terminate.recv() => {}
        interrupted = tokio::signal::ctrl_c() => interrupted.context("waiting for Ctrl-C")?,
    }
    Ok(())
}

fn tls(args: &Args) -> anyhow::Result<ServerConfig> {
    let certs: Vec<_> = CertificateDer::pem_file_iter(&args.tls_cert)
        .and_then(Iterator::collect)
        .with_context(|| format!("reading {}", args.tls_cert.display()))?;
    let key = PrivateKeyDer::from_pem_file(&args.tls_key)
        .with_context(|| format!("reading {}", args.tls_key.display()))?;
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(certs, key);
    let mut config = config.context("the serving certificate and its key do not fit")?;
    // The API server speaks HTTP/1.1 to webhooks and never resumes sessions.
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config.send_tls13_tickets = 0;
    Ok(config)
}

async fn accept(
    listener: TcpListener,
    tls: TlsAcceptor,
    router: Router,
    mut stopped: watch::Receiver<bool>,
) {
    let permits = Arc::new(tokio::sync::Semaphore::new(MAX_CONNECTIONS));
    loop {
        let Ok(permit) = Arc::clone(&permits).acquire_owned().await else {
            break;
        };
        let stream = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stopped.changed() => break,
        };
        let Ok((stream, _)) = stream else {
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let (tls, router, stopped) = (tls.clone(), router.clone(), stopped.clone());
        tokio::spawn(async move {
            connection(stream, tls, router, stopped).await;
            drop(permit);
        });
    }
    drop(listener);
    let all = u32::try_from(MAX_CONNECTIONS).unwrap_or(u32::MAX);
    let _ = permits.acquire_many(all).await;
}

async fn connection(
    stream: TcpStream,
    tls: TlsAcceptor,
    router: Router,
    mut stopped: watch::Receiver<bool>,
) {
    let Ok(Ok(stream)) = timeout(HANDSHAKE, tls.accept(stream)).await else {
        return;
    };
    let service = TowerToHyperService::new(router);
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(IDLE)
        .serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    tokio::select! {
        _ = connection.as_mut() => return,
        _ = stopped.changed() => connection.as_mut().graceful_shutdown(),
    }
    // An error here is the peer's: there is nobody left to tell.
    let _ = connection.await;
}

fn router(state: &Arc<State>) -> Router {
    Router::new()
        .route("/validate", post(validate_review))
        .route("/mutate", post(mutate_review))
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .with_state(Arc::clone(state))
}

fn health_router(state: &Arc<State>) -> Router {
    Router::new()
        .route("/livez", get(|| async { "ok" }))
        .route("/readyz", get(readyz))
        .route(
            "/metrics",
            get(|Shared(state): Shared<Arc<State>>| async move {
                state.metrics.text(state.facts().len())
            }),
        )
        .with_state(Arc::clone(state))
}

async fn readyz(Shared(state): Shared<Arc<State>>) -> Response {
    if state.is_ready() {
        return "ok".into_response();
    }
    let mut waiting: Vec<_> = state.waiting().iter().cloned().collect();
    waiting.sort();
    let text = format!(
        "not ready: draining {}, waiting for {waiting:?}",
        state.is_draining()
    );
    (StatusCode::SERVICE_UNAVAILABLE, text).into_response()
}

/// `?timeout=5s`, which the API server appends.
#[derive(Deserialize)]
struct Timeout {
    #[serde(default)]
    timeout: String,
}

impl Timeout {
    fn deadline(&self) -> Instant {
        let seconds = self.timeout.trim_end_matches('s').parse().unwrap_or(5);
        Instant::now() + Duration::from_secs(seconds).saturating_sub(MARGIN)
    }
}

async fn validate_review(
    Shared(state): Shared<Arc<State>>,
    Query(limit): Query<Timeout>,
    body: Bytes,
) -> Response {
    let begun = Instant::now();
    let request = match Review::read(&body) {
        Ok(request) => request,
        Err(reason) => return refused(&state, "validate", begun, reason),
    };
    let live = Live {
        state: &state,
        deadline: limit.deadline(),
    };
    let answer = validate::validate(&request, &live).await;
    answered(&state, "validate", begun, &request.uid, &answer)
}

async fn mutate_review(
    Shared(state): Shared<Arc<State>>,
    Query(limit): Query<Timeout>,
    body: Bytes,
) -> Response {
    let begun = Instant::now();
    let request = match Review::read(&body) {
        Ok(request) => request,
        Err(reason) => return refused(&state, "mutate", begun, reason),
    };
    let live = Live {
        state: &state,
        deadline: limit.deadline(),
    };
    let answer = match state.repair {
        true => mutate::mutate(&request, &live).await,
        false => Answer::default(),
    };
    answered(&state, "mutate", begun, &request.uid, &answer)
}

fn refused(state: &State, webhook: &'static str, begun: Instant, reason: String) -> Response {
    state.metrics.review(webhook, "bad", begun.elapsed());
    (StatusCode::BAD_REQUEST, reason).into_response()
}

fn answered(
    state: &State,
    webhook: &'static str,
    begun: Instant,
    uid: &str,
    answer: &Answer,
) -> Response {
    let headers = [("content-type", "application/json")];
    let body = answer.write(uid);
    state
        .metrics
        .review(webhook, answer.outcome(), begun.elapsed());
    (headers, body).into_response()
}
