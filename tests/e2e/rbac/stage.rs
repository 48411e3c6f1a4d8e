//! A cluster with something wrong in every kind, and a webhook with the roles that a step leaves.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use policy::dialect;
use serde_json::Value;
use tests::Cluster;
use tests::cluster::{Running, run};
use tests::process::Process;
use tests::traefik::binary;
use tests::webhook::{Webhook, manifests};
use tests::{ports, wait_until};

use super::permission::{Permission, Roles, missed};

pub(super) const PATIENCE: Duration = Duration::from_secs(30);
/// Where everything is wrong.
pub(super) const NS: &str = "needs";
/// The webhook's own namespace.
pub(super) const OWN: &str = "kubectl-mtls";
pub(super) const POLICY_REPORTS: &str = "policyreports.wgpolicyk8s.io";
/// Traefik 3 does not read its old API group, which is something to be said of each object there.
const CONFIG: &str = "apiVersion: kubectl-mtls.github.io/v1alpha1
kind: Config
gateways: [{dialect: traefik, version: 3.7.0}]
";

/// The cluster.
pub(super) struct Stage {
    roles: Roles,
    running: Running,
    kubeconfig: PathBuf,
}

/// A webhook that may not be all it should.
pub(super) struct Limited {
    pub(super) process: Process,
    port: u16,
    health: u16,
}

impl Stage {
    pub(super) fn set(roles: &Roles) -> Self {
        let running = Running::start().unwrap();
        let cluster = &running.cluster;
        for reports in tests::build::reports().unwrap() {
            cluster.apply_file(&reports).unwrap();
        }
        let kubeconfig = Webhook::account(cluster).unwrap();
        std::fs::write(cluster.folder.join("config.yaml"), CONFIG).unwrap();
        cluster
            .apply_file(&manifests().join("webhooks.yaml"))
            .unwrap();
        let namespace = format!(
            "apiVersion: v1\nkind: Namespace\nmetadata: {{name: {NS}, labels: {{webhook: {NS}}}}}\n"
        );
        let roles = Roles::clone(roles);
        let stage = Self {
            roles,
            running,
            kubeconfig,
        };
        stage.apply(&namespace);
        stage.apply(include_str!("faulty.yaml"));
        stage
    }

    pub(super) fn cluster(&self) -> &Cluster {
        &self.running.cluster
    }

    #[track_caller]
    pub(super) fn apply(&self, manifests: &str) {
        let output = self.cluster().apply(manifests).unwrap();
        assert!(output.success, "{}\n{manifests}", output.all());
    }

    pub(super) fn delete(&self, args: &[&str]) {
        let all = [&["delete", "--ignore-not-found"], args].concat();
        self.cluster().must(&all).unwrap();
    }

    /// Takes permissions away, gives all others, and waits until the API server knows.
    pub(super) fn take(&self, taken: &BTreeSet<Permission>) {
        let args = ["apply", "--server-side", "--force-conflicts", "-f", "-"];
        let roles = self.roles.without(taken);
        let output = self.cluster().kubectl_with(&args, &roles).unwrap();
        assert!(output.success, "{}", output.all());
        // One of each role tells.
        for role in ["ClusterRole", "Role"] {
            let all = self.roles.permissions();
            let of_role = |one: &&Permission| one.role == role && one.verb != "get";
            let one = taken.iter().find(|one| one.role == role);
            match one.or_else(|| all.iter().find(of_role)) {
                Some(one) if taken.contains(one) => self.awaits(one, self.covers(one, taken)),
                Some(one) => self.awaits(one, true),
                None => {}
            }
        }
    }

    /// Secrets of its own namespace may be read by either role.
    fn covers(&self, one: &Permission, taken: &BTreeSet<Permission>) -> bool {
        let other = |other: &Permission| {
            other.role == "ClusterRole"
                && (&other.group, &other.resource, &other.verb)
                    == (&one.group, &one.resource, &one.verb)
        };
        one.role == "Role" && self.roles.permissions().iter().any(other) && !taken.iter().any(other)
    }

    fn awaits(&self, one: &Permission, allowed: bool) {
        let (resource, subresource) = match one.resource.split_once('/') {
            Some((resource, subresource)) => (resource, subresource),
            None => (one.resource.as_str(), ""),
        };
        let name = match (resource, one.verb.as_str()) {
            ("secrets", "get" | "update") if one.role == "Role" => "/mtls-webhook-ca",
            ("leases", "get" | "update") => "/mtls-webhook-audit",
            (resource, _) if resource.ends_with("webhookconfigurations") => "/kubectl-mtls",
            _ => "",
        };
        let group = match one.group.as_str() {
            "" => String::new(),
            group => format!(".{group}"),
        };
        let what = format!("{resource}{group}{name}");
        let namespace = if one.role == "Role" { OWN } else { NS };
        let who = format!("--as=system:serviceaccount:{OWN}:mtls-webhook");
        let subresource = format!("--subresource={subresource}");
        let ask = [
            "auth",
            "can-i",
            &one.verb,
            &what,
            "-n",
            namespace,
            &who,
            &subresource,
        ];
        wait_until(&format!("{one}: {allowed}"), PATIENCE, || {
            let said = self.cluster().kubectl(&ask)?;
            ensure!(said.success == allowed, "{}", said.all());
            Ok(())
        })
        .unwrap();
    }

    /// Starts the webhook as it ships, but for its ports.
    pub(super) fn start(&self, args: &[&str]) -> Limited {
        let folder = &self.cluster().folder;
        let [port, health] = ports::free().unwrap();
        let mut command = Command::new(binary("mtls-webhook").unwrap());
        command.env("KUBECONFIG", &self.kubeconfig).args([
            format!("--config={}", folder.join("config.yaml").display()),
            format!("--listen=127.0.0.1:{port}"),
            format!("--health-listen=127.0.0.1:{health}"),
            "--audit-interval=2".to_owned(),
            "--shutdown-delay=0".to_owned(),
        ]);
        let process = Process::start("limited", command.args(args), folder).unwrap();
        Limited {
            process,
            port,
            health,
        }
    }

    /// The kinds of the objects that reports are about, by their places among those of gateways.
    pub(super) fn reported(&self) -> anyhow::Result<BTreeSet<usize>> {
        let found = self.reports()?.into_iter().filter_map(|report| {
            let scope = &report["scope"];
            let is = |kind: &dialect::Kind| {
                scope["kind"] == kind.kind && scope["apiVersion"] == kind.api_version()
            };
            dialect::kinds().iter().position(is)
        });
        Ok(found.collect())
    }

    pub(super) fn reports(&self) -> anyhow::Result<Vec<Value>> {
        self.list(POLICY_REPORTS)
    }

    pub(super) fn list(&self, kind: &str) -> anyhow::Result<Vec<Value>> {
        let text = self
            .cluster()
            .must(&["get", kind, "-n", NS, "-o", "json"])?;
        let list: Value = serde_json::from_str(&text)?;
        list["items"].as_array().cloned().context("no list")
    }

    /// With every permission the webhook gets ready, says something of every kind, and misses
    /// nothing.
    pub(super) fn all_is_well(&self) {
        self.delete(&[POLICY_REPORTS, "-n", NS, "--all"]);
        let webhook = self.start(&[]);
        webhook.is_ready();
        let every: BTreeSet<_> = (0..dialect::kinds().len()).collect();
        wait_until("a report on every kind", PATIENCE, || {
            let found = self.reported()?;
            ensure!(found == every, "{found:?}: {}", webhook.process.tail());
            Ok(())
        })
        .unwrap();
        let log = webhook.process.log();
        assert!(missed(&log).is_empty(), "{log}");
    }
}

impl Limited {
    /// What its health port says.
    pub(super) fn health(&self, path: &str) -> anyhow::Result<String> {
        let url = format!("http://127.0.0.1:{}/{path}", self.health);
        let output = run(Command::new("curl").args(["-sS", "-f", &url]), "")?;
        ensure!(output.success, "{}", output.stderr);
        Ok(output.stdout)
    }

    #[track_caller]
    pub(super) fn is_ready(&self) {
        wait_until("a ready webhook", PATIENCE, || {
            let ready = self.health("readyz");
            ready.with_context(|| self.process.tail()).map(drop)
        })
        .unwrap();
    }

    /// Posts a review to /validate. Whose certificate it is does not matter here.
    pub(super) fn validate(&self, body: &str) -> anyhow::Result<Value> {
        let url = format!("https://127.0.0.1:{}/validate?timeout=10s", self.port);
        let mut curl = Command::new("curl");
        curl.args(["-sSkf", "--data-binary", "@-", &url]);
        let output = run(&mut curl, body)?;
        ensure!(output.success, "{}", output.stderr);
        Ok(serde_json::from_str(&output.stdout)?)
    }
}
