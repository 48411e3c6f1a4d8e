//! A SealedSecret (`bitnami.com/v1alpha1`) instead of a Secret, without kubeseal.

use std::path::Path;
use std::process::Command;

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pki::seal::Sealer;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use crate::cluster::{Cluster, item};
use crate::files;
use crate::globals::Globals;
use crate::problem::{Problem, say};
use crate::validity::now;

/// Whether and for whom to seal.
#[derive(clap::Args)]
#[group(skip)]
#[command(next_help_heading = "Sealing")]
pub(super) struct Args {
    /// Print a SealedSecret instead of creating a Secret
    #[arg(long)]
    seal: bool,
    /// File or URL with the controller's certificate; fetched from the cluster by default
    #[arg(long, value_name = "FILE|URL", requires = "seal")]
    seal_cert: Option<String>,
    /// Where it can be unsealed: strict, namespace-wide or cluster-wide
    #[arg(long, default_value = "strict", value_parser = scope)]
    seal_scope: Scope,
    /// Service of the controller, NAMESPACE/NAME
    #[arg(
        long,
        value_name = "NS/NAME",
        default_value = "kube-system/sealed-secrets-controller"
    )]
    seal_controller: String,
}

/// Where a SealedSecret can be unsealed (`SealingScope` of sealed-secrets).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scope {
    Strict,
    NamespaceWide,
    ClusterWide,
}

fn scope(text: &str) -> Result<Scope, String> {
    match text {
        "strict" => Ok(Scope::Strict),
        "namespace-wide" => Ok(Scope::NamespaceWide),
        "cluster-wide" => Ok(Scope::ClusterWide),
        _ => Err("one of strict, namespace-wide and cluster-wide is expected".to_owned()),
    }
}

impl Scope {
    fn label(self, namespace: &str, name: &str) -> String {
        match self {
            Self::Strict => format!("{namespace}/{name}"),
            Self::NamespaceWide => namespace.to_owned(),
            Self::ClusterWide => String::new(),
        }
    }

    fn annotations(self) -> Value {
        match self {
            Self::Strict => json!({}),
            Self::NamespaceWide => json!({"sealedsecrets.bitnami.com/namespace-wide": "true"}),
            Self::ClusterWide => json!({"sealedsecrets.bitnami.com/cluster-wide": "true"}),
        }
    }
}

impl Args {
    /// Whether to seal.
    pub(super) fn is_on(&self) -> bool {
        self.seal
    }

    /// Sealing wants a Secret to seal.
    pub(super) fn check(&self, has_secret: bool) -> anyhow::Result<()> {
        match self.seal && !has_secret {
            true => {
                Err(Problem::usage("--seal needs the name of the Secret")
                    .hint("add --to-secret NAME"))
            }
            false => Ok(()),
        }
    }

    /// Turns a Secret into a SealedSecret if that is asked for.
    pub(super) async fn seal(&self, secret: Value, globals: &Globals) -> anyhow::Result<Value> {
        if !self.seal {
            return Ok(secret);
        }
        let text = match &self.seal_cert {
            Some(url) if url.contains("://") => download(url)?,
            Some(path) => String::from_utf8_lossy(&files::read(Path::new(path))?).into_owned(),
            None => self.fetch(globals).await?,
        };
        let sealer = Sealer::read(&text, now())?;
        let print = sealer.certificate.fingerprint_hex();
        say(
            "note",
            &format!("sealed with the certificate of SHA-256 {print}"),
        );
        self.sealed(&sealer, &secret)
    }

    fn sealed(&self, sealer: &Sealer, secret: &Value) -> anyhow::Result<Value> {
        let metadata = &secret["metadata"];
        let text = |field: &str| metadata[field].as_str().unwrap_or_default();
        let label = self.seal_scope.label(text("namespace"), text("name"));
        let mut encrypted = Map::new();
        for (key, value) in secret["data"].as_object().into_iter().flatten() {
            let value = STANDARD.decode(value.as_str().unwrap_or_default());
            let value = Zeroizing::new(value.context("the Secret's data is base64")?);
            let sealed = sealer.seal(&label, &value)?;
            encrypted.insert(key.clone(), STANDARD.encode(sealed).into());
        }
        let annotations = self.seal_scope.annotations();
        let mut template = metadata.clone();
        template["annotations"] = annotations.clone();
        Ok(
            json!({"apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret",
            "metadata": {"name": text("name"), "namespace": text("namespace"),
                "annotations": annotations},
            "spec": {"encryptedData": encrypted,
                "template": {"type": secret["type"], "metadata": template}}}),
        )
    }

    /// The newest certificate of the controller, through the API server, as kubeseal fetches it.
    async fn fetch(&self, globals: &Globals) -> anyhow::Result<String> {
        let (namespace, name) = self
            .seal_controller
            .split_once('/')
            .unwrap_or(("kube-system", &self.seal_controller));
        let cluster = Cluster::connect(globals).await?;
        let path = item("v1", "services", namespace, name);
        let missing = || {
            Problem::world(format!("there is no sealed-secrets controller {namespace}/{name}"))
                .hint("name its Service with --seal-controller NS/NAME, or its certificate with --seal-cert FILE")
        };
        let service = cluster.get(&path).await?.ok_or_else(missing)?;
        let service: Service = serde_json::from_str(&service).context("reading the Service")?;
        let port = service.spec.ports.first().map(|port| port.name.clone());
        let path = format!(
            "/api/v1/namespaces/{namespace}/services/http:{name}:{}/proxy/v1/cert.pem",
            port.unwrap_or_default()
        );
        cluster.get(&path).await?.ok_or_else(missing)
    }
}

/// Nobody vouches for what comes from a URL, so its fingerprint is shown.
fn download(url: &str) -> anyhow::Result<String> {
    let mut curl = Command::new("curl");
    curl.args([
        "-fsSL",
        "--proto",
        "=http,https",
        "--max-time",
        "30",
        "--url",
        url,
    ]);
    let output = curl.output().context("starting curl")?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(Problem::world(format!("{url}: {said}"))
            .hint("name the controller's certificate as a file, or its /v1/cert.pem"));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[derive(Deserialize)]
struct Service {
    spec: ServiceSpec,
}

#[derive(Deserialize)]
struct ServiceSpec {
    #[serde(default)]
    ports: Vec<Port>,
}

#[derive(Deserialize)]
struct Port {
    #[serde(default)]
    name: String,
}
