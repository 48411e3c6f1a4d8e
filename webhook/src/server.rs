//! HTTPS for the API server, HTTP for the kubelet, and the end of both.

mod bodies;
mod client_auth;
mod connection;
mod crowd;
mod health;
mod review;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use axum::extract::State as Shared;
use axum::http::{HeaderValue, header};
use axum::middleware::map_response_with_state;
use axum::response::Response;
use axum::routing::post;
use rustls::ServerConfig;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use crate::args::Args;
use crate::serving::{Resolver, provider};
use crate::state::State;
use bodies::Bodies;
use client_auth::ApiServer;

/// What all connections share.
struct Server {
    state: Arc<State>,
    bodies: Arc<Bodies>,
}

/// Serves until SIGTERM or Ctrl-C, and then lets what runs end.
pub(crate) async fn serve(
    args: &Args,
    state: Arc<State>,
    resolver: Arc<Resolver>,
) -> anyhow::Result<()> {
    let tls = TlsAcceptor::from(Arc::new(tls(args, resolver)?));
    let context = |address| format!("listening on {address}");
    let listener = TcpListener::bind(args.listen)
        .await
        .with_context(|| context(args.listen))?;
    let health = TcpListener::bind(args.health_listen);
    let health = health.await.with_context(|| context(args.health_listen))?;
    tracing::info!(address = %listener.local_addr()?, health = %health.local_addr()?, "listening");
    let (stop, stopped) = watch::channel(false);
    let accepting = tokio::spawn(connection::accept(listener, tls, router(&state), stopped));
    let answering = tokio::spawn(axum::serve(health, health::router(&state)).into_future());
    terminated().await?;
    tracing::info!("draining");
    state.drain();
    tokio::time::sleep(Duration::from_secs(args.shutdown_delay)).await;
    stop.send_replace(true);
    accepting.await.context("accepting connections")?;
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

fn tls(args: &Args, resolver: Arc<Resolver>) -> anyhow::Result<ServerConfig> {
    let builder =
        ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
    let builder = builder.context("preparing TLS")?;
    let builder = match ApiServer::new(args)? {
        Some(api_server) => {
            tokio::spawn(Arc::clone(&api_server).keep());
            builder.with_client_cert_verifier(api_server)
        }
        None => builder.with_no_client_auth(),
    };
    let mut config = builder.with_cert_resolver(resolver);
    // The API server speaks HTTP/1.1 to webhooks and never resumes sessions.
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config.send_tls13_tickets = 0;
    config.session_storage = Arc::new(rustls::server::NoServerSessionStorage {});
    Ok(config)
}

fn router(state: &Arc<State>) -> Router {
    let server = Server {
        state: Arc::clone(state),
        bodies: Arc::default(),
    };
    Router::new()
        .route("/validate", post(review::validate))
        .route("/mutate", post(review::mutate))
        .with_state(Arc::new(server))
        .layer(map_response_with_state(Arc::clone(state), farewell))
}

/// While the process is about to end, every answer ends its connection: the API server makes the
/// next one to another replica, and no request meets a closed door.
async fn farewell(Shared(state): Shared<Arc<State>>, mut response: Response) -> Response {
    if state.is_draining() {
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(header::CONNECTION, close);
    }
    response
}
