//! What all requests share.

use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard};
use std::time::Duration;

use anyhow::Context as _;
use kube::{Client, Config};
use policy::client_auth_policy::Policies;
use policy::{Facts, GatewayConfig, SecretRef, Seen, Settings};
use tokio::sync::{Notify, watch};

use crate::args::Args;
use crate::metrics::Metrics;
use crate::remembered::Remembered;

/// What all requests share.
pub(crate) struct State {
    /// For watches.
    pub(crate) client: Client,
    /// For reads within a request's deadline: never retried.
    pub(crate) live: Client,
    /// Rules that only warn.
    pub(crate) warn: Vec<&'static str>,
    /// Whether /mutate repairs.
    pub(crate) repair: bool,
    /// Counters.
    pub(crate) metrics: Metrics,
    /// What Secrets said a moment ago.
    pub(crate) remembered: Remembered,
    facts: RwLock<Facts>,
    waiting: Mutex<HashSet<String>>,
    draining: AtomicBool,
    stop: watch::Sender<bool>,
    /// The facts changed, or may soon: an audit has something to look at.
    pub(crate) changed: Notify,
    /// What was reviewed lately, for the audit: what it knows of these is old.
    hints: Mutex<HashSet<SecretRef>>,
}

/// More hints than this are of no use: the next audit reads everything anyway.
const MOST_HINTS: usize = 1000;

impl State {
    /// Finds the cluster by KUBECONFIG or from inside it.
    pub(crate) async fn connect(args: &Args) -> anyhow::Result<Arc<Self>> {
        let config = Config::infer().await.context("finding the cluster")?;
        let mut live = config.clone();
        live.default_retry = false;
        live.connect_timeout = Some(Duration::from_secs(2));
        let client = Client::try_from(config).context("preparing the watch client")?;
        let live = Client::try_from(live).context("preparing the read client")?;
        Self::new(args, client, live)
    }

    /// Nothing is watched yet.
    pub(crate) fn new(args: &Args, client: Client, live: Client) -> anyhow::Result<Arc<Self>> {
        let gateways = args.config.as_deref().map(gateways).transpose()?;
        let settings = Settings::new(gateways.unwrap_or_default());
        let mut facts = Facts::new(settings, Seen::All);
        // Secrets are never listed; each one that an answer rests on is read when it is needed.
        facts.set_seen("Secret", Seen::Some);
        facts.set_seen("ConfigMap", Seen::Some);
        Ok(Arc::new(Self {
            client,
            live,
            warn: args.warn.clone(),
            repair: !args.no_repair,
            metrics: Metrics::default(),
            remembered: Remembered::default(),
            facts: RwLock::new(facts),
            waiting: Mutex::new(HashSet::from(["start".to_owned()])),
            draining: AtomicBool::new(false),
            stop: watch::Sender::new(false),
            changed: Notify::new(),
            hints: Mutex::default(),
        }))
    }

    /// The index. A panic elsewhere does not end the webhook, so a poisoned lock is used on.
    pub(crate) fn facts(&self) -> RwLockReadGuard<'_, Facts> {
        self.facts.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is known of the gateways, to read objects by while others get at the index.
    pub(crate) fn settings(&self) -> Arc<Settings> {
        Arc::clone(&self.facts().settings)
    }

    /// Changes the index; then whoever waits for changes is told.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut Facts) -> T) -> T {
        let changed = change(&mut self.facts.write().unwrap_or_else(PoisonError::into_inner));
        self.changed.notify_one();
        changed
    }

    /// Changes what is known of the gateways, if that makes a difference: whether it does. Two kinds of
    /// classes are followed at once, and neither loses what the other tells.
    pub(crate) fn tell(&self, change: impl FnOnce(&mut Settings)) -> bool {
        self.change_if(|facts| {
            let mut settings = (*facts.settings).clone();
            change(&mut settings);
            let differs = settings != *facts.settings;
            if differs {
                facts.settings = Arc::new(settings);
            }
            differs
        })
    }

    /// Changes what the cluster demands of its hosts: whether that makes a difference.
    pub(crate) fn govern(&self, change: impl FnOnce(&mut Policies) -> bool) -> bool {
        self.change_if(|facts| change(Arc::make_mut(&mut facts.policies)))
    }

    /// Changes the index; who waits for changes is told where there was one.
    fn change_if(&self, change: impl FnOnce(&mut Facts) -> bool) -> bool {
        let differs = change(&mut self.facts.write().unwrap_or_else(PoisonError::into_inner));
        if differs {
            self.changed.notify_one();
        }
        differs
    }

    /// Waits for a kind before the webhook is ready.
    pub(crate) fn wait_for(&self, kind: &str) {
        self.waiting().insert(kind.to_owned());
    }

    /// A kind is synced.
    pub(crate) fn synced(&self, kind: &str) {
        if self.waiting().remove(kind) {
            tracing::info!(kind, "synced");
        }
    }

    /// What the webhook still waits for.
    pub(crate) fn waiting(&self) -> std::sync::MutexGuard<'_, HashSet<String>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the index is whole and the process is not about to end.
    pub(crate) fn is_ready(&self) -> bool {
        !self.is_draining() && self.waiting().is_empty()
    }

    /// The process was told to end.
    pub(crate) fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
        self.stop.send_replace(true);
    }

    /// Waits until the process is told to end.
    pub(crate) async fn stopped(&self) {
        // The sender lives as long as the state.
        let _ = self.stop.subscribe().wait_for(|stopped| *stopped).await;
    }

    /// Somebody asks to change this Secret or ConfigMap.
    pub(crate) fn hint(&self, secret: SecretRef) {
        self.remembered.forget(&secret);
        let mut hints = self.hints.lock().unwrap_or_else(PoisonError::into_inner);
        if hints.len() < MOST_HINTS {
            hints.insert(secret);
        }
        self.changed.notify_one();
    }

    /// What was hinted at since the last time.
    pub(crate) fn take_hints(&self) -> HashSet<SecretRef> {
        let mut hints = self.hints.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut hints)
    }

    /// Whether the process was told to end.
    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }
}

/// Reads `--config`.
fn gateways(path: &Path) -> anyhow::Result<Vec<GatewayConfig>> {
    let name = path.display();
    let text = fs::read_to_string(path).with_context(|| format!("reading {name}"))?;
    let wrong = |reason| anyhow::anyhow!("{name}: {reason}");
    let document = policy::yaml::parse(&text).map_err(|(line, column, reason)| {
        wrong(format!("line {}, column {column}: {reason}", line + 1))
    })?;
    GatewayConfig::from_document(&document).map_err(wrong)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// A file in a folder of its own; its name is that of the test.
    fn read(name: &str, text: &str) -> anyhow::Result<Vec<GatewayConfig>> {
        let path = std::env::temp_dir().join(format!("{name}-{}.yaml", std::process::id()));
        fs::write(&path, text).unwrap();
        let read = gateways(&path);
        fs::remove_file(&path).unwrap();
        read
    }

    #[test]
    fn the_configuration_is_the_one_of_the_command() {
        let head = "apiVersion: kubectl-mtls.github.io/v1alpha1\nkind: Config\n";
        let entry = "gateways:\n- dialect: traefik\n  args: [--x=1]\n";
        let found = read("config", &format!("{head}{entry}")).unwrap();
        assert_eq!(found[0].flag("x"), Some("1"));
        let wrong = read("wrong", &format!("{head}gateways: [{{dialect: other}}]\n")).unwrap_err();
        assert!(format!("{wrong:#}").contains("\"other\""), "{wrong:#}");
        assert!(read("broken", "gateways: [").is_err());
    }
}
