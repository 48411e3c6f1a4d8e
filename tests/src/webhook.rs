//! The webhook under test: the shipped RBAC, a token of its own service account, and the shipped
//! webhook configurations with a URL in the place of the Service.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, ensure};
use pki::{CaParams, LeafParams, Profile, San};

use crate::cluster::Cluster;
use crate::process::Process;
use crate::traefik::binary;
use crate::{keys, ports, wait_until};

/// A running webhook that the API server asks.
pub struct Webhook {
    /// The port of /livez, /readyz and /metrics.
    pub health: u16,
    name: String,
    cluster: Cluster,
    _process: Process,
}

impl Drop for Webhook {
    /// A registration that nobody answers would refuse every later change.
    fn drop(&mut self) {
        let name = format!("kubectl-mtls-{}", self.name);
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

impl Webhook {
    /// Starts the webhook for namespaces with the label `webhook=NAME` and registers it.
    ///
    /// # Errors
    /// When it does not get ready in time, with the end of its log.
    pub fn start(cluster: &Cluster, name: &str, args: &[&str]) -> anyhow::Result<Self> {
        for file in ["namespace.yaml", "serviceaccount.yaml", "rbac.yaml"] {
            cluster.apply_file(&manifests().join(file))?;
        }
        let kubeconfig = cluster.service_account("kubectl-mtls", "mtls-webhook")?;
        let folder = cluster.folder.join(format!("webhook-{name}"));
        fs::create_dir_all(&folder).context("making a folder for the webhook")?;
        let ca = certificate(&folder)?;
        let [port, health] = ports::free()?;
        let mut command = Command::new(binary("mtls-webhook")?);
        command
            .env("KUBECONFIG", kubeconfig)
            .args([
                format!("--tls-cert={}", folder.join("tls.crt").display()),
                format!("--tls-key={}", folder.join("tls.key").display()),
                format!("--listen=127.0.0.1:{port}"),
                format!("--health-listen=127.0.0.1:{health}"),
                "--shutdown-delay=0".to_owned(),
            ])
            .args(args);
        let mut process =
            Process::start(&format!("webhook-{name}"), &mut command, &cluster.folder)?;
        wait_until("a ready webhook", Duration::from_secs(30), || {
            ensure!(
                !process.has_ended(),
                "the webhook ended: {}",
                process.tail()
            );
            let url = format!("http://127.0.0.1:{health}/readyz");
            let mut curl = Command::new("curl");
            let output = crate::cluster::run(curl.args(["-sS", "-f", &url]), "")?;
            ensure!(output.success, "{}", output.stderr);
            Ok(())
        })?;
        register(cluster, name, port, &ca)?;
        Ok(Self {
            health,
            name: name.to_owned(),
            cluster: cluster.clone(),
            _process: process,
        })
    }
}

fn manifests() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../manifests")
}

/// A serving certificate for 127.0.0.1; returns its CA.
fn certificate(folder: &Path) -> anyhow::Result<String> {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .context("the clock is before 1970")?;
    let now = i64::try_from(now.as_secs())?;
    let params = CaParams {
        name: "webhook".to_owned(),
        lifetime: pki::CA_LIFETIME,
    };
    let ca = pki::create_root(&params, now)?;
    let params = LeafParams {
        name: "webhook".to_owned(),
        profile: Profile::Server,
        sans: vec![San::parse("127.0.0.1")?],
        lifetime: pki::LEAF_LIFETIME,
    };
    let issued = pki::issue(&ca, &params, now)?;
    keys::secret(&folder.join("tls.crt"), &issued.chain_pem)?;
    keys::issued(&folder.join("tls.key"), &issued)?;
    let path = folder.join("ca.crt");
    keys::secret(&path, ca.chain_pem())?;
    Ok(path.display().to_string())
}

/// The shipped configurations, as `webhook print` writes them, reduced to their webhooks.
fn register(cluster: &Cluster, name: &str, port: u16, ca: &str) -> anyhow::Result<()> {
    let mut print = Command::new(binary("kubectl-mtls")?);
    let printed = crate::cluster::run(
        print.args([
            "webhook",
            "print",
            "--fail-policy",
            "Fail",
            "--ca-bundle",
            ca,
        ]),
        "",
    )?;
    ensure!(printed.success, "{}", printed.stderr);
    let documents = printed.stdout.split("---\n");
    let configurations = documents.filter(|text| text.contains("WebhookConfiguration"));
    let service =
        "    service:\n      name: mtls-webhook\n      namespace: kubectl-mtls\n      path: ";
    for text in configurations {
        let text = text
            .replace(service, &format!("    url: https://127.0.0.1:{port}"))
            .replace("      port: 443\n", "")
            .replace(
                "  name: kubectl-mtls\n",
                &format!("  name: kubectl-mtls-{name}\n"),
            )
            .replace(
                "    matchExpressions:\n",
                &format!("    matchLabels: {{webhook: {name}}}\n    matchExpressions:\n"),
            );
        ensure!(
            !text.contains("    service:"),
            "the shipped configuration has another shape"
        );
        let applied = cluster.apply(&text)?;
        ensure!(applied.success, "{}", applied.stderr);
    }
    Ok(())
}
