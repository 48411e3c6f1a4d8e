//! Replicas of the webhook behind a Service, as they are shipped: RBAC, account, configurations and
//! the self-managed certificate. Only names differ, so that tests do not meet each other, and
//! every webhook is strict, so that nothing is admitted unseen.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, ensure};

use crate::balancer::{Balancer, Endpoint};
use crate::cluster::Cluster;
use crate::process::Process;
use crate::traefik::binary;
use crate::{ports, wait_until};

/// The webhook behind a Service.
pub struct Replicas {
    /// Passes connections on.
    pub balancer: Balancer,
    /// Its namespace.
    pub namespace: String,
    cluster: Cluster,
    kubeconfig: PathBuf,
    started: usize,
}

/// One of them.
pub struct Replica {
    /// Its process.
    pub process: Process,
    /// Where it listens.
    pub endpoint: Endpoint,
    log: PathBuf,
}

impl Replica {
    /// How many lines of its log hold some words.
    pub fn logged(&self, words: &str) -> usize {
        let text = fs::read_to_string(&self.log).unwrap_or_default();
        text.lines().filter(|line| line.contains(words)).count()
    }
}

impl Drop for Replicas {
    fn drop(&mut self) {
        let name = self.configuration();
        for kind in [
            "validatingwebhookconfiguration",
            "mutatingwebhookconfiguration",
        ] {
            let _ = self
                .cluster
                .kubectl(&["delete", kind, &name, "--ignore-not-found"]);
        }
    }
}

impl Replicas {
    /// Makes what the replicas need, in a namespace of their own that is there already; the webhook
    /// is asked about namespaces with the label `webhook=GUARDED`.
    ///
    /// # Errors
    /// When the API server refuses.
    pub fn install(cluster: &Cluster, namespace: &str, guarded: &str) -> anyhow::Result<Self> {
        let balancer = Balancer::start()?;
        let service = format!(
            "apiVersion: v1
kind: Service
metadata: {{name: mtls-webhook, namespace: {namespace}}}
spec: {{type: ExternalName, externalName: localhost}}
---
apiVersion: v1
kind: ServiceAccount
metadata: {{name: mtls-webhook-{namespace}, namespace: {namespace}}}
---
"
        );
        let rbac = adapted(
            "rbac.yaml",
            &[
                (
                    "  name: mtls-webhook\n",
                    &format!("  name: mtls-webhook-{namespace}\n"),
                ),
                (
                    "  namespace: kubectl-mtls\n",
                    &format!("  namespace: {namespace}\n"),
                ),
                ("[kubectl-mtls]", &format!("[kubectl-mtls-{namespace}]")),
            ],
        )?;
        applied(cluster, &format!("{service}{rbac}"))?;
        let webhooks = adapted(
            "webhooks.yaml",
            &[
                (
                    "  name: kubectl-mtls\n",
                    &format!("  name: kubectl-mtls-{namespace}\n"),
                ),
                (
                    "      namespace: kubectl-mtls\n",
                    &format!("      namespace: {namespace}\n"),
                ),
                ("port: 443", &format!("port: {}", balancer.port)),
                ("failurePolicy: Ignore", "failurePolicy: Fail"),
                (
                    "    matchExpressions:\n",
                    &format!("    matchLabels: {{webhook: {guarded}}}\n    matchExpressions:\n"),
                ),
            ],
        )?;
        applied(cluster, &webhooks)?;
        Ok(Self {
            balancer,
            namespace: namespace.to_owned(),
            cluster: cluster.clone(),
            kubeconfig: cluster.service_account(namespace, &format!("mtls-webhook-{namespace}"))?,
            started: 0,
        })
    }

    /// Starts one more replica, and waits until connections are passed on to it.
    ///
    /// # Errors
    /// When it does not get ready in time, with the end of its log.
    pub fn start(&mut self, args: &[&str]) -> anyhow::Result<Replica> {
        self.started += 1;
        let [port, health] = ports::free()?;
        let name = format!("replica-{}-{}", self.namespace, self.started);
        let mut command = Command::new(binary("mtls-webhook")?);
        command.env("KUBECONFIG", &self.kubeconfig).args([
            format!("--namespace={}", self.namespace),
            format!("--webhook-configuration={}", self.configuration()),
            format!("--listen=127.0.0.1:{port}"),
            format!("--health-listen=127.0.0.1:{health}"),
        ]);
        let folder = &self.cluster.folder;
        let mut process = Process::start(&name, command.args(args), folder)?;
        let before = self.balancer.ready();
        let endpoint = Endpoint { port, health };
        self.balancer.add(endpoint);
        wait_until("a ready replica", Duration::from_secs(60), || {
            ensure!(!process.has_ended(), "it ended: {}", process.tail());
            ensure!(
                self.balancer.ready() > before,
                "it is not ready: {}",
                process.tail()
            );
            Ok(())
        })?;
        Ok(Replica {
            process,
            endpoint,
            log: folder.join(format!("{name}.log")),
        })
    }

    /// The name of its configurations.
    pub fn configuration(&self) -> String {
        format!("kubectl-mtls-{}", self.namespace)
    }
}

fn shipped(name: &str) -> anyhow::Result<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../manifests")
        .join(name);
    fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))
}

/// A shipped manifest with other words, each of which must be there.
fn adapted(name: &str, words: &[(&str, &str)]) -> anyhow::Result<String> {
    let mut text = shipped(name)?;
    for (shipped, own) in words {
        ensure!(text.contains(shipped), "{name} says nowhere {shipped:?}");
        text = text.replace(shipped, own);
    }
    Ok(text)
}

fn applied(cluster: &Cluster, manifests: &str) -> anyhow::Result<()> {
    let output = cluster.apply(manifests)?;
    ensure!(output.success, "{}", output.stderr);
    Ok(())
}
