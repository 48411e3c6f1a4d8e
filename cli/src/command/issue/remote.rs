//! Signed elsewhere: by cert-manager (`CertificateRequest`), or by a signer of the cluster
//! (`CertificateSigningRequest`). The key never leaves this machine.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pki::{PrivateKey, Profile};
use serde_json::{Value, json};

use super::Args as IssueArgs;
use crate::cluster::{Cluster, collection, item};
use crate::delivery::Parcel;
use crate::globals::{Globals, duration};
use crate::problem::{Problem, say};
use crate::validity::now;

const PAUSE: Duration = Duration::from_millis(250);
const CERT_MANAGER: &str = "cert-manager.io/v1";
const CSR: &str = "certificates.k8s.io/v1";
/// Makes credentials for the API server, not for a gateway.
const API_CLIENT: &str = "kubernetes.io/kube-apiserver-client";

/// Who signs, if not a CA's key at hand.
#[derive(clap::Args)]
#[group(skip)]
#[command(next_help_heading = "Signed elsewhere")]
pub(super) struct Args {
    /// cert-manager's issuer, as Issuer/NAME or ClusterIssuer/NAME
    #[arg(long, value_name = "KIND/NAME", conflicts_with_all = ["ca", "ca_cert", "signer", "from_csr", "case", "count", "csv"])]
    issuer: Option<String>,
    /// API group of the issuer
    #[arg(
        long,
        value_name = "GROUP",
        default_value = "cert-manager.io",
        requires = "issuer"
    )]
    issuer_group: String,
    /// Signer of the Kubernetes CSR API, as example.com/clients
    #[arg(long, value_name = "NAME", conflicts_with_all = ["ca", "ca_cert", "from_csr", "case", "count", "csv"])]
    signer: Option<String>,
    /// Approve the request for --signer, as `kubectl certificate approve` does
    #[arg(long, requires = "signer")]
    approve: bool,
    /// How long to wait for the certificate
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = duration)]
    wait: Duration,
}

impl Args {
    /// Whether somebody else signs.
    pub(super) fn is_on(&self) -> bool {
        self.issuer.is_some() || self.signer.is_some()
    }
}

/// Has a new key certified.
pub(super) async fn issue(args: &IssueArgs, globals: &Globals) -> anyhow::Result<Parcel> {
    let params = args.identity.params(&args.name, now());
    let (key, request) = pki::new_request(&params.subject, &params.sans, params.key_type)?;
    let cluster = Cluster::connect(globals).await?;
    let seconds = params.not_after - now();
    let order = Order {
        args,
        cluster: &cluster,
        request: STANDARD.encode(request),
        seconds,
    };
    let chain_pem = match &args.remote.issuer {
        Some(issuer) => order.cert_manager(issuer).await?,
        None => {
            order
                .csr(args.remote.signer.as_deref().unwrap_or_default())
                .await?
        }
    };
    check(&chain_pem, &key)?;
    Ok(Parcel {
        name: args.name.clone(),
        chain_pem,
        key: Some(key),
        ca: None,
        more: Vec::new(),
    })
}

/// The answer is a certificate for our key.
fn check(chain: &str, key: &PrivateKey) -> anyhow::Result<()> {
    let certificates = x509::read_bundle(chain.as_bytes()).certificates;
    let leaf = certificates
        .first()
        .context("the signer's answer holds no certificate")?;
    anyhow::ensure!(
        leaf.spki == key.spki(),
        "the signer certified another key than ours"
    );
    if leaf.client_auth == x509::Usage::Refused && leaf.server_auth == x509::Usage::Refused {
        say(
            "warning",
            "the signer gave the certificate neither clientAuth nor serverAuth",
        );
    }
    Ok(())
}

struct Order<'a> {
    args: &'a IssueArgs,
    cluster: &'a Cluster,
    request: String,
    seconds: i64,
}

impl Order<'_> {
    fn usages(&self) -> Vec<&'static str> {
        let purposes: &[_] = match self.args.identity.profile {
            Profile::Client => &["client auth"],
            Profile::Server => &["server auth"],
            Profile::Both => &["client auth", "server auth"],
        };
        [&["digital signature"], purposes].concat()
    }

    /// A request is answered once and never again; it holds nothing secret and is removed.
    async fn cert_manager(&self, issuer: &str) -> anyhow::Result<String> {
        let Some((kind, name)) = issuer.split_once('/') else {
            return Err(Problem::usage(format!("{issuer:?} is no issuer"))
                .hint("name it as Issuer/NAME or ClusterIssuer/NAME"));
        };
        let namespace = &self.cluster.namespace;
        let object = json!({"apiVersion": CERT_MANAGER, "kind": "CertificateRequest",
            "metadata": {"generateName": format!("{}-", self.args.name.to_lowercase()),
                "namespace": namespace},
            "spec": {"request": self.request, "usages": self.usages(),
                "duration": format!("{}s", self.seconds),
                "issuerRef": {"kind": kind, "name": name,
                    "group": self.args.remote.issuer_group}}});
        let path = collection(CERT_MANAGER, "certificaterequests", Some(namespace));
        let made = self.cluster.make(&path, &object).await?.ok_or_else(|| {
            Problem::world("cert-manager is not installed in this cluster")
                .hint("install it, or sign with a CA of your own: --ca [NS/]NAME")
        })?;
        let name = made["metadata"]["name"].as_str().unwrap_or_default();
        let path = item(CERT_MANAGER, "certificaterequests", namespace, name);
        let answer = self.await_answer(&path, issuer).await;
        if let Err(error) = self.cluster.delete(&path).await {
            say("warning", &format!("the request is left behind: {error:#}"));
        }
        answer
    }

    async fn csr(&self, signer: &str) -> anyhow::Result<String> {
        if signer == API_CLIENT {
            say(
                "warning",
                "kubernetes.io/kube-apiserver-client makes a credential for the API server: CN is a \
                user there and O its groups; for a gateway use a CA of your own",
            );
        }
        let name = format!("{}-{}", self.args.name.to_lowercase(), now());
        let object = json!({"apiVersion": CSR, "kind": "CertificateSigningRequest",
            "metadata": {"name": name},
            "spec": {"request": self.request, "signerName": signer, "usages": self.usages(),
                "expirationSeconds": self.seconds.clamp(600, i64::from(i32::MAX))}});
        let path = format!("/apis/{CSR}/certificatesigningrequests");
        let made = self.cluster.make(&path, &object).await?;
        let mut made = made.context("the API server has no CSR API")?;
        let path = format!("{path}/{name}");
        if self.args.remote.approve {
            made["status"]["conditions"] = json!([{"type": "Approved", "status": "True",
                "reason": "ApprovedByKubectlMtls", "message": "approved with --approve"}]);
            self.cluster
                .replace(&format!("{path}/approval"), &made)
                .await?;
        } else {
            say(
                "note",
                &format!("waiting for `kubectl certificate approve {name}`"),
            );
        }
        let answer = self.await_answer(&path, signer).await;
        if let Err(error) = self.cluster.delete(&path).await {
            say("warning", &format!("the request is left behind: {error:#}"));
        }
        answer
    }

    async fn await_answer(&self, path: &str, signer: &str) -> anyhow::Result<String> {
        let end = Instant::now() + self.args.remote.wait;
        loop {
            let text = self.cluster.get(path).await?;
            let text = text.context("the request was removed before it was answered")?;
            let object: Value = serde_json::from_str(&text).context("reading the request")?;
            match state(&object) {
                State::Issued(certificate) => return Ok(certificate),
                State::Refused(why) => {
                    return Err(
                        Problem::world(format!("{signer} refused the request: {why}"))
                            .hint("the signer's own settings say what it signs"),
                    );
                }
                State::Waiting(why) if Instant::now() > end => {
                    let wait = self.args.remote.wait;
                    return Err(Problem::world(format!(
                        "{signer} gave no certificate within {wait:?}: {why}"
                    ))
                    .hint("check that it exists and is ready, or wait longer with --wait"));
                }
                State::Waiting(why) => {
                    crate::progress::doing(format!("waiting for {signer}: {why}"));
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }
}

enum State {
    Issued(String),
    Refused(String),
    Waiting(String),
}

/// Both kinds carry `status.certificate` (base64 of PEM) and conditions.
fn state(object: &Value) -> State {
    let status = &object["status"];
    let conditions = status["conditions"].as_array();
    let conditions = conditions.map_or(&[][..], Vec::as_slice);
    let said = |condition: &Value| {
        let text = |field: &str| condition[field].as_str().unwrap_or_default().to_owned();
        format!("{} ({})", text("message"), text("reason"))
    };
    let is = |condition: &Value, kind: &str, status: &str| {
        condition["type"] == kind && condition["status"] == status
    };
    let refused = conditions.iter().find(|condition| {
        is(condition, "Denied", "True")
            || is(condition, "Failed", "True")
            || is(condition, "InvalidRequest", "True")
            || (is(condition, "Ready", "False")
                && ["Failed", "Denied"]
                    .iter()
                    .any(|reason| condition["reason"] == *reason))
    });
    if let Some(refused) = refused {
        return State::Refused(said(refused));
    }
    let certificate = status["certificate"].as_str().unwrap_or_default();
    let certificate = STANDARD.decode(certificate).unwrap_or_default();
    if !certificate.is_empty() {
        return State::Issued(String::from_utf8_lossy(&certificate).into_owned());
    }
    let waiting = conditions.last().map(said);
    State::Waiting(waiting.unwrap_or_else(|| "nobody has looked at it".to_owned()))
}
