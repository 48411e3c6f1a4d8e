//! A real control plane, the webhook and its baseline, for all measurements of one run.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use axum::body::Bytes;
use hyper::Method;
use serde_json::{Value, json};
use tests::cluster::{Running, TOKEN};
use tests::process::Process;
use tests::wait_until;
use tests::webhook::Webhook;

use crate::baseline;
use crate::load::{Figures, Server};

/// Connections of the driver: the API server keeps at most 25, and two cores are busy with fewer.
const CONNECTIONS: usize = 8;

/// Everything that runs.
pub(crate) struct World {
    /// The webhook that is measured.
    pub(crate) webhook: Webhook,
    /// What it is held against.
    pub(crate) baseline: Process,
    asked: Server,
    empty: Server,
    api: Server,
    _running: Running,
}

impl World {
    /// Starts everything, and makes namespace `shop` with a CA's trust Secret.
    pub(crate) fn start() -> anyhow::Result<Self> {
        let running = Running::start()?;
        let cluster = &running.cluster;
        let namespace = "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n";
        ensure!(cluster.apply(namespace)?.success, "no namespace");
        let webhook = Webhook::start(cluster, "bench", &["--log=warn"])?;
        let ca = webhook.ca_file();
        let folder = ca.parent().context("a file has a folder")?;
        let (baseline, port) = baseline::start(folder)?;
        let api_ca = cluster.folder.join("certs/apiserver.crt");
        let api_port = cluster.server.rsplit(':').next().unwrap_or_default();
        let world = Self {
            asked: Server::new(webhook.port(), &ca, None)?,
            empty: Server::new(port, &ca, None)?,
            api: Server::new(api_port.parse()?, &api_ca, Some(TOKEN))?,
            webhook,
            baseline,
            _running: running,
        };
        world.trust_secret()?;
        Ok(world)
    }

    fn trust_secret(&self) -> anyhow::Result<()> {
        let certificate = std::fs::read_to_string(self.webhook.ca_file())?;
        let secret = json!({"apiVersion": "v1", "kind": "Secret",
            "metadata": {"name": "partners-trust", "namespace": "shop"},
            "stringData": {"ca.crt": certificate}});
        self._running.cluster.apply(&secret.to_string()).map(drop)
    }

    /// Creates objects, all of one resource, as `/apis/GROUP/VERSION/namespaces/shop/PLURAL`.
    pub(crate) async fn create(
        &self,
        path: &str,
        objects: impl Iterator<Item = Value>,
    ) -> anyhow::Result<()> {
        let asks = objects.map(|object| {
            let body = Bytes::from(object.to_string());
            (Method::POST, path.to_owned(), body)
        });
        self.api.run(asks.collect(), 16).await.map(drop)
    }

    /// Waits until the webhook knows so many objects.
    pub(crate) fn await_index(&self, objects: usize) -> anyhow::Result<()> {
        wait_until("a whole index", Duration::from_secs(120), || {
            let known = self.metric("mtls_webhook_objects")?;
            ensure!(known >= objects as f64, "{known} objects");
            Ok(())
        })
    }

    /// One value of the webhook's metrics.
    pub(crate) fn metric(&self, name: &str) -> anyhow::Result<f64> {
        let text = self.webhook.health("metrics")?;
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        let value = line.with_context(|| format!("no metric {name}"))?;
        value
            .trim()
            .parse()
            .with_context(|| format!("metric {name}"))
    }

    /// Asks the webhook the same again and again.
    pub(crate) async fn ask(&self, review: &[u8], times: usize) -> anyhow::Result<Figures> {
        self.asked.run(same(review, times), CONNECTIONS).await
    }

    /// Asks the webhook on one connection, where nothing waits for anything.
    pub(crate) async fn ask_alone(&self, review: &[u8], times: usize) -> anyhow::Result<Figures> {
        self.asked.run(same(review, times), 1).await
    }

    /// Asks the baseline the same again and again.
    pub(crate) async fn ask_baseline(
        &self,
        review: &[u8],
        times: usize,
    ) -> anyhow::Result<Figures> {
        self.empty.run(same(review, times), CONNECTIONS).await
    }
}

fn same(review: &[u8], times: usize) -> Vec<(Method, String, Bytes)> {
    let body = Bytes::copy_from_slice(review);
    let ask = (Method::POST, "/validate?timeout=10s".to_owned(), body);
    vec![ask; times]
}
