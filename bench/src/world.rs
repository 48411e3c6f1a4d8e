//! A real control plane, the webhook and its baseline, for all measurements of one run.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use axum::body::Bytes;
use hyper::Method;
use serde_json::{Value, json};
use tests::cluster::{Cluster, Running, TOKEN};
use tests::process::Process;
use tests::wait_until;
use tests::webhook::Webhook;
use tokio::runtime::Runtime;

use crate::baseline;
use crate::load::{Ask, Figures, Server};

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
    runtime: Runtime,
    running: Running,
}

/// What a review is answered.
pub(crate) const ALLOWED: &str = r#""allowed":true"#;
pub(crate) const DENIED: &str = r#""allowed":false"#;

impl World {
    /// Starts everything, and makes namespace `shop` with a CA's trust Secret.
    pub(crate) fn start() -> anyhow::Result<Self> {
        Self::start_with(&[])
    }

    /// The same with more arguments for the webhook.
    pub(crate) fn start_with(args: &[&str]) -> anyhow::Result<Self> {
        let running = Running::start()?;
        let cluster = &running.cluster;
        let namespace = "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n";
        ensure!(cluster.apply(namespace)?.success, "no namespace");
        let webhook = Webhook::start(cluster, "bench", &[&["--log=warn"], args].concat())?;
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
            runtime: Runtime::new().context("starting a runtime")?,
            running,
        };
        world.trust_secret()?;
        Ok(world)
    }

    fn trust_secret(&self) -> anyhow::Result<()> {
        let certificate = std::fs::read_to_string(self.webhook.ca_file())?;
        let secret = json!({"apiVersion": "v1", "kind": "Secret",
            "metadata": {"name": "partners-trust", "namespace": "shop"},
            "stringData": {"ca.crt": certificate}});
        self.apply(&secret)
    }

    /// The control plane.
    pub(crate) fn cluster(&self) -> &Cluster {
        &self.running.cluster
    }

    /// Applies one object.
    pub(crate) fn apply(&self, object: &Value) -> anyhow::Result<()> {
        let applied = self.cluster().apply(&object.to_string())?;
        ensure!(applied.success, "{}", applied.stderr);
        Ok(())
    }

    /// Creates objects, all of one resource, as `/apis/GROUP/VERSION/namespaces/shop/PLURAL`.
    pub(crate) fn create(
        &self,
        path: &str,
        objects: impl Iterator<Item = Value>,
    ) -> anyhow::Result<()> {
        let asks = objects.map(|object| Ask {
            method: Method::POST,
            path: path.to_owned(),
            body: Bytes::from(object.to_string()),
            says: "",
        });
        self.run(&self.api, asks.collect(), 16).map(drop)
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

    /// Waits until the webhook answers all of these as it should.
    pub(crate) fn await_answers(&self, reviews: &[&Review]) -> anyhow::Result<()> {
        wait_until("the webhook's policy", Duration::from_secs(30), || {
            let mut all = reviews.iter();
            all.try_for_each(|review| self.ask_alone(review, 1).map(drop))
        })
    }

    /// Asks the webhook the same again and again.
    pub(crate) fn ask(&self, review: &Review, times: usize) -> anyhow::Result<Figures> {
        self.run(&self.asked, review.asks(VALIDATE, times), CONNECTIONS)
    }

    /// Asks the webhook on one connection, where nothing waits for anything.
    pub(crate) fn ask_alone(&self, review: &Review, times: usize) -> anyhow::Result<Figures> {
        self.run(&self.asked, review.asks(VALIDATE, times), 1)
    }

    /// Asks the baseline the same again and again.
    pub(crate) fn ask_baseline(&self, review: &Review, times: usize) -> anyhow::Result<Figures> {
        self.run(&self.empty, review.asks(VALIDATE, times), CONNECTIONS)
    }

    /// Asks another server that has the webhook's certificate.
    pub(crate) fn ask_other(
        &self,
        port: u16,
        asks: Vec<Ask>,
        alone: bool,
    ) -> anyhow::Result<Figures> {
        let server = Server::new(port, &self.webhook.ca_file(), None)?;
        self.run(&server, asks, if alone { 1 } else { CONNECTIONS })
    }

    fn run(&self, server: &Server, asks: Vec<Ask>, connections: usize) -> anyhow::Result<Figures> {
        self.runtime.block_on(server.run(asks, connections))
    }
}

const VALIDATE: &str = "/validate?timeout=10s";

/// A review, and what it must be answered.
pub(crate) struct Review {
    pub(crate) body: Vec<u8>,
    pub(crate) says: &'static str,
}

impl Review {
    /// The same so many times.
    pub(crate) fn asks(&self, path: &str, times: usize) -> Vec<Ask> {
        let ask = Ask {
            method: Method::POST,
            path: path.to_owned(),
            body: Bytes::copy_from_slice(&self.body),
            says: self.says,
        };
        vec![ask; times]
    }
}
