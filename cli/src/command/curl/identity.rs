//! The client certificate of a request: new, from a Secret, from files or from PKCS#12.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use pki::LeafParams;
use zeroize::Zeroizing;

use crate::cluster::Cluster;
use crate::command::signer::{self, Signer};
use crate::files;
use crate::globals::Globals;
use crate::password::Password;
use crate::probe;
use crate::problem::Problem;
use crate::store::{Kind, Stored};
use crate::validity::now;

/// How long the certificate of a request lives.
const LIFETIME: i64 = 3600;

/// Which certificate is shown.
#[derive(clap::Args)]
pub(super) struct Shown {
    /// A client certificate file instead of a new one
    #[arg(long, value_name = "FILE", requires = "key", conflicts_with_all = ["ca", "ca_cert"])]
    cert: Option<PathBuf>,
    /// The key of --cert
    #[arg(long, value_name = "FILE", requires = "cert")]
    key: Option<PathBuf>,
    /// A Secret with tls.crt and tls.key instead
    #[arg(long, value_name = "[NS/]NAME", conflicts_with_all = ["ca", "ca_cert", "cert", "p12"])]
    secret: Option<String>,
    /// A PKCS#12 file with certificate and key instead
    #[arg(long, value_name = "FILE", conflicts_with_all = ["ca", "ca_cert", "cert"])]
    p12: Option<PathBuf>,
    /// The common name of the new certificate
    #[arg(long, default_value = "kubectl-mtls")]
    name: String,
    #[command(flatten)]
    signer: Signer,
    #[command(flatten)]
    password: Password,
}

/// A certificate with its chain, and its key, in PEM.
pub(super) struct Identity {
    pub(super) chain: String,
    pub(super) key: Zeroizing<String>,
}

impl Identity {
    fn new(chain: String, key: &pki::PrivateKey) -> Self {
        Self {
            chain,
            key: pki::export::key_pem(key),
        }
    }

    /// For the client that is built in.
    pub(super) fn to_show(&self) -> anyhow::Result<Arc<probe::Identity>> {
        probe::Identity::read(self.chain.as_bytes(), self.key.as_bytes()).map(Arc::new)
    }
}

impl Shown {
    /// Reads or makes it; `None`: nothing is named.
    pub(super) async fn load(&self, globals: &Globals) -> anyhow::Result<Option<Identity>> {
        if let (Some(cert), Some(key)) = (&self.cert, &self.key) {
            return self.of_files(cert, key).map(Some);
        }
        if let Some(path) = &self.p12 {
            return self.of_pkcs12(path).map(Some);
        }
        if let Some(name) = &self.secret {
            return of_secret(name, globals).await.map(Some);
        }
        if !self.signer.is_named() {
            return Ok(None);
        }
        let ca = self.signer.load(globals).await?.ca;
        let params = LeafParams::new(&self.name, now() + LIFETIME);
        let issued = pki::issue(&ca, &params, now())?;
        Ok(Some(Identity::new(issued.signed.chain_pem, &issued.key)))
    }

    /// A key that is encrypted is decrypted in memory.
    fn of_files(&self, cert: &Path, key: &Path) -> anyhow::Result<Identity> {
        let what = || key.display().to_string();
        let text = Zeroizing::new(files::read(key)?);
        let loaded = match pki::PrivateKey::from_pem(&text, None) {
            Err(pki::Error::EncryptedKey) => {
                let password = self.password.chosen_once(&what())?;
                pki::PrivateKey::from_pem(&text, Some(&password))
            }
            loaded => loaded,
        };
        let chain = String::from_utf8(files::read(cert)?);
        let chain = chain.with_context(|| format!("{} is no PEM", cert.display()))?;
        Ok(Identity::new(chain, &loaded.with_context(what)?))
    }

    fn of_pkcs12(&self, path: &Path) -> anyhow::Result<Identity> {
        let password = self.password.chosen_once(&path.display().to_string())?;
        let store = pki::import::pkcs12(&files::read(path)?, &password)?;
        let key = store.key.ok_or_else(|| {
            Problem::world(format!("{} holds no key", path.display())).hint("name one with a key")
        })?;
        let chain = store.certificates.iter().map(|der| pki::pem(der)).collect();
        Ok(Identity::new(chain, &key))
    }

    /// For `--print`: the files that are named, or words in their place.
    pub(super) fn words(&self) -> Vec<OsString> {
        let named = self.signer.is_named()
            || self.cert.is_some()
            || self.p12.is_some()
            || self.secret.is_some();
        let file = |path: &Option<PathBuf>, otherwise: &str| match path {
            Some(path) => path.clone().into(),
            None => OsString::from(otherwise),
        };
        match named {
            true => vec![
                "--cert".into(),
                file(&self.cert, "CERT"),
                "--key".into(),
                file(&self.key, "KEY"),
            ],
            false => Vec::new(),
        }
    }
}

async fn of_secret(name: &str, globals: &Globals) -> anyhow::Result<Identity> {
    let cluster = Cluster::connect(globals).await?;
    let place = signer::place(name, &cluster.namespace);
    let stored = Stored::read(&cluster, Kind::Secret, &place).await?;
    let stored = stored.ok_or_else(|| {
        Problem::world(format!("there is no Secret {place}")).hint(format!(
            "issue one: `kubectl mtls issue NAME --ca CA -n {} --to-secret {}`",
            place.namespace, place.name
        ))
    })?;
    let text = |key: &str| {
        stored.text(key).ok_or_else(|| {
            Problem::world(format!("Secret {place} has no key {key}")).hint(
                "name a Secret with tls.crt and tls.key, as `kubectl mtls issue --to-secret` makes",
            )
        })
    };
    let key = pki::PrivateKey::from_pem(text("tls.key")?.as_bytes(), None);
    let key = key.with_context(|| format!("tls.key of Secret {place}"))?;
    Ok(Identity::new(text("tls.crt")?.to_string(), &key))
}
