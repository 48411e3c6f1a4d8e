//! The CA that signs: from files, or from its Secret in the cluster.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pki::Authority;
use policy::SecretRef;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::now;
use crate::cluster::{Cluster, item};
use crate::files;
use crate::globals::Globals;
use crate::problem::Problem;

/// Which CA signs.
#[derive(clap::Args)]
#[command(next_help_heading = "CA")]
pub(crate) struct Signer {
    /// The CA's signing Secret, [NAMESPACE/]NAME
    #[arg(long, value_name = "[NS/]NAME", conflicts_with_all = ["ca_cert", "ca_key"])]
    ca: Option<String>,
    /// The CA's certificate file
    #[arg(long, value_name = "FILE", requires = "ca_key")]
    ca_cert: Option<PathBuf>,
    /// The CA's key file
    #[arg(long, value_name = "FILE", requires = "ca_cert")]
    ca_key: Option<PathBuf>,
}

#[derive(Deserialize)]
struct Secret {
    #[serde(default)]
    data: BTreeMap<String, Zeroizing<String>>,
}

impl Signer {
    /// The label value that names the CA, `NS.NAME`, where it is a Secret.
    pub(crate) fn label(&self, namespace: &str) -> Option<String> {
        let secret = self.secret(namespace)?;
        Some(format!("{}.{}", secret.namespace, secret.name))
    }

    /// Whether a CA is named.
    pub(crate) fn is_named(&self) -> bool {
        self.ca.is_some() || self.ca_cert.is_some()
    }

    fn secret(&self, namespace: &str) -> Option<SecretRef> {
        let ca = self.ca.as_deref()?;
        Some(match ca.split_once('/') {
            Some((namespace, name)) => SecretRef::new(namespace, name),
            None => SecretRef::new(namespace, ca),
        })
    }

    /// Loads the CA.
    pub(crate) async fn load(&self, globals: &Globals) -> anyhow::Result<Authority> {
        if let (Some(cert), Some(key)) = (&self.ca_cert, &self.ca_key) {
            let key_pem = Zeroizing::new(files::read(key)?);
            return Authority::load(&files::read(cert)?, &key_pem, now())
                .with_context(|| format!("{} with {}", cert.display(), key.display()));
        }
        if self.ca.is_none() {
            return Err(Problem::usage("no CA is named").hint(
                "name its Secret with --ca [NS/]NAME, or its files with --ca-cert and --ca-key",
            ));
        }
        let cluster = Cluster::connect(globals).await?;
        let secret = self.secret(&cluster.namespace).context("a CA is named")?;
        read_secret(&cluster, &secret).await
    }
}

/// Loads the CA of a signing Secret.
async fn read_secret(cluster: &Cluster, secret: &SecretRef) -> anyhow::Result<Authority> {
    let path = item("v1", "secrets", &secret.namespace, &secret.name);
    let text = cluster
        .get(&path)
        .await?
        .map(Zeroizing::new)
        .ok_or_else(|| {
            Problem::world(format!("there is no CA Secret {secret}")).hint(format!(
                "create it: `kubectl mtls create ca {} -n {}`",
                secret.name, secret.namespace
            ))
        })?;
    // A syntax error must not quote the text, which holds the key.
    let read: Secret = serde_json::from_str(&text)
        .map_err(|_| anyhow::anyhow!("Secret {secret} cannot be read"))?;
    let (cert, key) = (
        decoded(&read, secret, "tls.crt")?,
        decoded(&read, secret, "tls.key")?,
    );
    Authority::load(&cert, &key, now()).with_context(|| format!("Secret {secret}"))
}

fn decoded(read: &Secret, secret: &SecretRef, key: &str) -> anyhow::Result<Zeroizing<Vec<u8>>> {
    let value = read
        .data
        .get(key)
        .and_then(|value| STANDARD.decode(value.as_bytes()).ok());
    value.map(Zeroizing::new).ok_or_else(|| {
        Problem::world(format!(
            "Secret {secret} has no key {key}, so it cannot sign"
        ))
        .hint("--ca names the signing Secret, not the trust Secret that gateways read")
    })
}
