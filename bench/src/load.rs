//! Requests over a few connections that stay open, as the API server asks a webhook (HTTP/1.1).

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use axum::body::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use rustls::pki_types::{CertificateDer, ServerName, pem::PemObject as _};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// Who is asked.
#[derive(Clone)]
pub(crate) struct Server {
    tls: TlsConnector,
    port: u16,
    token: Option<&'static str>,
}

/// What is asked.
#[derive(Clone)]
pub(crate) struct Ask {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) body: Bytes,
    /// What every answer must contain, or it is an error.
    pub(crate) says: &'static str,
}

/// How it went.
pub(crate) struct Figures {
    /// From the first request to the last answer.
    pub(crate) elapsed: Duration,
    /// Of each request, ascending.
    latencies: Vec<Duration>,
}

impl Figures {
    /// Answers in a second.
    pub(crate) fn rate(&self) -> f64 {
        self.latencies.len() as f64 / self.elapsed.as_secs_f64()
    }

    /// The latency that this part of all requests did not exceed.
    pub(crate) fn quantile(&self, part: f64) -> Duration {
        let last = self.latencies.len().saturating_sub(1);
        let index = (last as f64 * part).round() as usize;
        self.latencies.get(index).copied().unwrap_or_default()
    }
}

impl Server {
    /// A server on 127.0.0.1 that is known by the CA in a PEM file.
    pub(crate) fn new(
        port: u16,
        ca: &std::path::Path,
        token: Option<&'static str>,
    ) -> anyhow::Result<Self> {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_file_iter(ca).context("reading the CA")? {
            roots.add(certificate?)?;
        }
        let config = ClientConfig::builder()
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self {
            tls: TlsConnector::from(Arc::new(config)),
            port,
            token,
        })
    }

    /// Asks everything, over so many connections at once.
    pub(crate) async fn run(&self, asks: Vec<Ask>, connections: usize) -> anyhow::Result<Figures> {
        let (asks, next) = (Arc::new(asks), Arc::new(AtomicUsize::new(0)));
        let mut senders = Vec::new();
        for _ in 0..connections {
            senders.push(self.connect().await?);
        }
        let begun = Instant::now();
        let mut workers = Vec::new();
        for sender in senders {
            let (server, asks, next) = (self.clone(), Arc::clone(&asks), Arc::clone(&next));
            workers.push(tokio::spawn(async move {
                server.work(sender, &asks, &next).await
            }));
        }
        let mut latencies = Vec::with_capacity(asks.len());
        for worker in workers {
            latencies.extend(worker.await??);
        }
        let elapsed = begun.elapsed();
        latencies.sort_unstable();
        Ok(Figures { elapsed, latencies })
    }

    async fn work(
        &self,
        mut sender: SendRequest<Full<Bytes>>,
        asks: &[Ask],
        next: &AtomicUsize,
    ) -> anyhow::Result<Vec<Duration>> {
        let mut latencies = Vec::new();
        while let Some(ask) = asks.get(next.fetch_add(1, Ordering::Relaxed)) {
            let begun = Instant::now();
            self.ask(&mut sender, ask).await?;
            latencies.push(begun.elapsed());
        }
        Ok(latencies)
    }

    async fn ask(&self, sender: &mut SendRequest<Full<Bytes>>, ask: &Ask) -> anyhow::Result<()> {
        let Ask { method, path, .. } = ask;
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "127.0.0.1")
            .header("content-type", "application/json");
        if let Some(token) = self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        sender.ready().await?;
        let answer = sender
            .send_request(request.body(Full::new(ask.body.clone()))?)
            .await?;
        let status = answer.status();
        let body = answer.into_body().collect().await?.to_bytes();
        let start = String::from_utf8_lossy(&body);
        ensure!(
            status.is_success() && start.contains(ask.says),
            "{method} {path}: {status} {start:.300}, not {:?}",
            ask.says
        );
        Ok(())
    }

    async fn connect(&self) -> anyhow::Result<SendRequest<Full<Bytes>>> {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).await?;
        stream.set_nodelay(true)?;
        let name = ServerName::try_from("127.0.0.1")?;
        let stream = self.tls.connect(name, stream).await?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(sender)
    }
}
