//! What the webhook is held against: the same libraries, a handler that reads the body, parses
//! nothing and allows everything.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::body::Bytes;
use axum::extract::DefaultBodyLimit;
use axum::{Router, routing::post};
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};
use tests::process::Process;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

const ALLOWED: &str = r#"{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","response":{"uid":"u","allowed":true}}"#;

/// Starts it as a process of its own, so that its time is not the driver's.
pub(crate) fn start(folder: &Path) -> anyhow::Result<(Process, u16)> {
    let [port] = tests::ports::free()?;
    let own = std::env::current_exe().context("finding this program")?;
    let mut command = Command::new(own);
    command.args(["baseline", &port.to_string()]).arg(folder);
    let process = Process::start("baseline", &mut command, folder)?;
    tests::wait_until("the baseline", Duration::from_secs(10), || {
        Ok(std::net::TcpStream::connect(("127.0.0.1", port)).map(drop)?)
    })?;
    Ok((process, port))
}

/// Serves with `tls.crt` and `tls.key` of a folder until it is ended.
pub(crate) async fn serve(port: u16, folder: PathBuf) -> anyhow::Result<()> {
    let certs = CertificateDer::pem_file_iter(folder.join("tls.crt"))?;
    let key = PrivateKeyDer::from_pem_file(folder.join("tls.key"))?;
    let mut config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(certs.collect::<Result<_, _>>()?, key)?;
    config.send_tls13_tickets = 0;
    let tls = TlsAcceptor::from(Arc::new(config));
    let router = Router::new()
        .route("/validate", post(allow))
        .layer(DefaultBodyLimit::max(7 * 1024 * 1024));
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    loop {
        let (stream, _) = listener.accept().await?;
        let (tls, service) = (tls.clone(), TowerToHyperService::new(router.clone()));
        tokio::spawn(async move {
            if let Ok(stream) = tls.accept(stream).await {
                let connection = http1::Builder::new();
                let _ = connection
                    .serve_connection(TokioIo::new(stream), service)
                    .await;
            }
        });
    }
}

async fn allow(body: Bytes) -> ([(&'static str, &'static str); 1], &'static str) {
    let _ = std::hint::black_box(body.len());
    ([("content-type", "application/json")], ALLOWED)
}
