//! The CA that signs: from files, or from its Secret in the cluster.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use pki::Authority;
use policy::SecretRef;
use zeroize::Zeroizing;

use crate::cluster::Cluster;
use crate::files;
use crate::globals::Globals;
use crate::password;
use crate::problem::Problem;
use crate::store::{Kind, Stored};
use crate::validity::now;

/// Which CA signs.
#[derive(clap::Args)]
#[command(next_help_heading = "CA")]
pub(crate) struct Signer {
    /// The CA's signing Secret, [NAMESPACE/]NAME
    #[arg(long, value_name = "[NS/]NAME", conflicts_with_all = ["ca_cert", "ca_key"])]
    pub(crate) ca: Option<String>,
    /// The CA's certificate file
    #[arg(long, value_name = "FILE", requires = "ca_key")]
    ca_cert: Option<PathBuf>,
    /// The CA's key file
    #[arg(long, value_name = "FILE", requires = "ca_cert")]
    ca_key: Option<PathBuf>,
    /// File with the password of the CA's key
    #[arg(long, value_name = "FILE", requires = "ca_key")]
    ca_password_file: Option<PathBuf>,
}

/// A CA, and where it stands in the cluster if it does.
pub(crate) struct Loaded {
    /// What signs.
    pub(crate) ca: Authority,
    /// Its signing Secret.
    pub(crate) place: Option<SecretRef>,
}

impl Signer {
    /// Whether a CA is named.
    pub(crate) fn is_named(&self) -> bool {
        self.ca.is_some() || self.ca_cert.is_some()
    }

    /// Loads the CA.
    pub(crate) async fn load(&self, globals: &Globals) -> anyhow::Result<Loaded> {
        if let (Some(cert), Some(key)) = (&self.ca_cert, &self.ca_key) {
            let password = self.ca_password_file.as_deref();
            let password = password.map(password::from_file).transpose()?;
            let password = password.as_ref().map(|password| password.as_str());
            let ca = from_files(cert, key, password, now())?;
            return Ok(Loaded { ca, place: None });
        }
        let Some(name) = &self.ca else {
            return Err(Problem::usage("no CA is named").hint(
                "name its Secret with --ca [NS/]NAME, or its files with --ca-cert and --ca-key",
            ));
        };
        let cluster = Cluster::connect(globals).await?;
        let place = place(name, &cluster.namespace);
        let ca = read_secret(&cluster, &place, now()).await?;
        Ok(Loaded {
            ca,
            place: Some(place),
        })
    }
}

/// `[NS/]NAME`.
pub(crate) fn place(name: &str, namespace: &str) -> SecretRef {
    match name.split_once('/') {
        Some((namespace, name)) => SecretRef::new(namespace, name),
        None => SecretRef::new(namespace, name),
    }
}

/// Loads a CA from its files; asks for the password of an encrypted key on a terminal.
pub(crate) fn from_files(
    cert: &Path,
    key: &Path,
    password: Option<&str>,
    now: i64,
) -> anyhow::Result<Authority> {
    let key_pem = Zeroizing::new(files::read(key)?);
    let cert_pem = files::read(cert)?;
    let what = || format!("{} with {}", cert.display(), key.display());
    let loaded = Authority::load(&cert_pem, &key_pem, password, now);
    if !matches!(loaded, Err(pki::Error::EncryptedKey)) {
        return loaded.with_context(what);
    }
    let asked = password::ask(&format!("Password for {}: ", key.display()))?;
    let password = asked.as_ref().map(|asked| asked.as_str());
    Authority::load(&cert_pem, &key_pem, password, now).with_context(what)
}

/// Loads the CA of a Secret, `NS/NAME`.
pub(crate) async fn from_secret(
    name: &str,
    globals: &Globals,
    now: i64,
) -> anyhow::Result<Authority> {
    let cluster = Cluster::connect(globals).await?;
    read_secret(&cluster, &place(name, &cluster.namespace), now).await
}

async fn read_secret(cluster: &Cluster, place: &SecretRef, now: i64) -> anyhow::Result<Authority> {
    let stored = Stored::read(cluster, Kind::Secret, place).await?;
    let stored = stored.ok_or_else(|| {
        Problem::world(format!("there is no CA Secret {place}")).hint(format!(
            "create it: `kubectl mtls create ca {} -n {}`",
            place.name, place.namespace
        ))
    })?;
    stored.authority("tls", now)
}
