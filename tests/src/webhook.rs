//! The webhook under test: the shipped RBAC, a token of its own service account, and the shipped
//! webhook configurations with a URL in the place of the Service.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, ensure};
use pki::{CaParams, LeafParams, Profile, San};
use serde_json::Value;

use crate::cluster::{Cluster, Output, run};
use crate::process::Process;
use crate::traefik::binary;
use crate::{keys, ports, wait_until};

/// A running webhook that the API server asks.
pub struct Webhook {
    /// The port of /livez, /readyz and /metrics.
    pub health: u16,
    /// Its process.
    pub process: Process,
    /// The port of reviews.
    pub port: u16,
    /// Where its certificate, key and CA are.
    pub folder: PathBuf,
    name: String,
    cluster: Cluster,
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
    /// Starts the webhook with the shipped RBAC for namespaces with the label `webhook=NAME`, and
    /// registers it.
    ///
    /// # Errors
    /// When it does not get ready in time, with the end of its log.
    pub fn start(cluster: &Cluster, name: &str, args: &[&str]) -> anyhow::Result<Self> {
        let kubeconfig = Self::account(cluster)?;
        Self::start_asked(cluster, name, &kubeconfig, args)
    }

    /// The same with permissions of one's own.
    ///
    /// # Errors
    /// As [`Webhook::start`].
    pub fn start_asked(
        cluster: &Cluster,
        name: &str,
        kubeconfig: &Path,
        args: &[&str],
    ) -> anyhow::Result<Self> {
        let webhook = Self::start_as(cluster, name, kubeconfig, args)?;
        let ca = webhook.folder.join("ca.crt").display().to_string();
        register(cluster, name, webhook.port, &ca)?;
        Ok(webhook)
    }

    /// Applies the shipped RBAC; a kubeconfig with a token of its service account.
    ///
    /// # Errors
    /// When a manifest is refused.
    pub fn account(cluster: &Cluster) -> anyhow::Result<PathBuf> {
        for file in ["namespace.yaml", "serviceaccount.yaml", "rbac.yaml"] {
            cluster.apply_file(&manifests().join(file))?;
        }
        cluster.service_account("kubectl-mtls", "mtls-webhook")
    }

    /// Starts the webhook with permissions of one's own; the API server does not ask it.
    ///
    /// # Errors
    /// As [`Webhook::start`].
    pub fn start_as(
        cluster: &Cluster,
        name: &str,
        kubeconfig: &Path,
        args: &[&str],
    ) -> anyhow::Result<Self> {
        let folder = cluster.folder.join(format!("webhook-{name}"));
        fs::create_dir_all(&folder).context("making a folder for the webhook")?;
        certificate(&folder)?;
        let [port, health] = ports::free()?;
        let mut command = Command::new(binary("mtls-webhook")?);
        command
            .env("KUBECONFIG", kubeconfig)
            .args([
                "--cert-mode=files".to_owned(),
                format!("--tls-cert={}", folder.join("tls.crt").display()),
                format!("--tls-key={}", folder.join("tls.key").display()),
                format!("--listen=127.0.0.1:{port}"),
                format!("--health-listen=127.0.0.1:{health}"),
                "--shutdown-delay=1".to_owned(),
                // An audit is of the whole cluster: tests that want one ask for it, in their own.
                "--no-audit".to_owned(),
            ])
            .args(args);
        let mut webhook = Self {
            process: Process::start(&format!("webhook-{name}"), &mut command, &cluster.folder)?,
            health,
            port,
            folder,
            name: name.to_owned(),
            cluster: cluster.clone(),
        };
        wait_until("a ready webhook", Duration::from_secs(30), || {
            ensure!(
                !webhook.process.has_ended(),
                "the webhook ended: {}",
                webhook.process.tail()
            );
            webhook.health("readyz").map(drop)
        })?;
        Ok(webhook)
    }

    /// The port of /validate and /mutate.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The CA of its serving certificate, PEM; the certificate and its key stand beside it.
    pub fn ca_file(&self) -> PathBuf {
        self.folder.join("ca.crt")
    }

    /// What the health port says.
    ///
    /// # Errors
    /// When it refuses, or says anything but 200.
    pub fn health(&self, path: &str) -> anyhow::Result<String> {
        let url = format!("http://127.0.0.1:{}/{path}", self.health);
        let output = run(Command::new("curl").args(["-sS", "-f", &url]), "")?;
        ensure!(output.success, "{}", output.stderr);
        Ok(output.stdout)
    }

    /// curl with the webhook's CA, a body on stdin and more arguments.
    ///
    /// # Errors
    /// When curl cannot be started.
    pub fn curl(&self, path: &str, args: &[&str], body: &str) -> anyhow::Result<Output> {
        let mut curl = Command::new("curl");
        curl.args(["-sS", "--max-time", "60", "--data-binary", "@-", "--cacert"])
            .arg(self.ca_file())
            .args(["-H", "Content-Type: application/json"])
            .args(args)
            .arg(format!("https://127.0.0.1:{}{path}", self.port));
        run(&mut curl, body)
    }

    /// Posts a body as the API server would; the HTTP status and the answer's body.
    ///
    /// # Errors
    /// When there is no answer.
    pub fn post(&self, path: &str, body: &str) -> anyhow::Result<(u16, String)> {
        let output = self.curl(path, &["-w", "\n%{http_code}"], body)?;
        let (answer, status) = output.stdout.rsplit_once('\n').context(output.stderr)?;
        Ok((status.parse()?, answer.to_owned()))
    }
}

/// The folder of what ships.
pub fn manifests() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../manifests")
}

/// Writes a serving certificate for 127.0.0.1 and the shipped Service, and its CA.
///
/// # Errors
/// When the folder cannot be written.
pub fn certificate(folder: &Path) -> anyhow::Result<()> {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .context("the clock is before 1970")?;
    let now = i64::try_from(now.as_secs())?;
    let ca = pki::create_root(&CaParams::new("webhook", now + pki::CA_LIFETIME), now)?;
    let mut params = LeafParams::new("webhook", now + pki::LEAF_LIFETIME);
    params.profile = Profile::Server;
    params.sans = vec![
        San::parse("127.0.0.1")?,
        San::parse("mtls-webhook.kubectl-mtls.svc")?,
    ];
    let issued = pki::issue(&ca, &params, now)?;
    keys::secret(&folder.join("tls.crt"), &issued.signed.chain_pem)?;
    keys::issued(&folder.join("tls.key"), &issued)?;
    keys::secret(&folder.join("ca.crt"), ca.chain_pem())
}

/// The shipped configurations, as `webhook print` writes them for a webhook outside the cluster,
/// under a name of their own and for one label.
fn register(cluster: &Cluster, name: &str, port: u16, ca: &str) -> anyhow::Result<()> {
    let url = format!("https://127.0.0.1:{port}");
    let label = format!("webhook={name}");
    let mut print = Command::new(binary("kubectl-mtls")?);
    let print = print.args(["webhook", "print", "-o", "json", "--fail-policy=Fail"]);
    let print = print.args(["--cert-mode=files", "--ca-bundle", ca, "--url", &url]);
    let printed = run(print.args(["--namespace-selector", &label]), "")?;
    ensure!(printed.success, "{}", printed.stderr);
    let list: Value = serde_json::from_str(&printed.stdout).context("what print wrote")?;
    let objects = list["items"].as_array().into_iter().flatten();
    let mut registered = 0;
    for object in objects {
        let mut object = object.clone();
        let kind = object["kind"].as_str().unwrap_or_default();
        if kind.ends_with("WebhookConfiguration") {
            object["metadata"]["name"] = format!("kubectl-mtls-{name}").into();
            let applied = cluster.apply(&object.to_string())?;
            ensure!(applied.success, "{}", applied.stderr);
            registered += 1;
        }
    }
    ensure!(registered == 2, "{registered} configurations were printed");
    await_asked(cluster, name)
}

/// The API server learns of a configuration a moment after it is stored; until then everything is
/// admitted, and a test that something passes would pass by itself.
fn await_asked(cluster: &Cluster, name: &str) -> anyhow::Result<()> {
    let ns = format!("{name}-asked");
    let namespace = serde_json::json!({"apiVersion": "v1", "kind": "Namespace",
        "metadata": {"name": ns, "labels": {"webhook": name}}});
    let applied = cluster.apply(&namespace.to_string())?;
    ensure!(applied.success, "{}", applied.stderr);
    let probe = serde_json::json!({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
        "metadata": {"name": "probe", "namespace": ns,
            "annotations": {"kubectl-mtls.github.io/probe": "refuse"}},
        "spec": {"defaultBackend": {"service": {"name": "a", "port": {"number": 80}}}}});
    let create = ["create", "--dry-run=server", "-f", "-"];
    wait_until("a webhook that is asked", Duration::from_secs(30), || {
        let said = cluster.kubectl_with(&create, &probe.to_string())?;
        let refused = said.stderr.contains("routes.kubectl-mtls.github.io");
        ensure!(!said.success && refused, "{}", said.all());
        Ok(())
    })
}
