//! Where a CA comes from: made anew, below another, or brought along.

use std::path::PathBuf;

use anyhow::Context as _;
use pki::{Authority, CaParams, Crl, KeyType, Permitted, Subject};
use zeroize::Zeroizing;

use crate::command::signer;
use crate::globals::Globals;
use crate::password;
use crate::problem::say;
use crate::validity::Validity;

/// What the CA is, and what stands above it.
#[derive(clap::Args)]
#[group(skip)]
#[command(next_help_heading = "CA")]
pub(crate) struct Args {
    /// Key: ecdsa-p256, ecdsa-p384, ed25519, rsa-2048, rsa-3072 or rsa-4096
    #[arg(long, default_value = "ecdsa-p256", value_parser = KeyType::parse)]
    key_type: KeyType,
    /// Subject, as CN=partners,O=Acme; CN=NAME by default
    #[arg(long, value_parser = Subject::parse)]
    subject: Option<Subject>,
    #[command(flatten)]
    validity: Validity,
    /// How many CAs may stand below it
    #[arg(long, value_name = "N", default_value = "0")]
    path_len: u8,
    /// Domain that it may speak for, with all below (can be repeated)
    #[arg(long, value_name = "DOMAIN")]
    permit_dns: Vec<String>,
    /// Mailbox or domain of mailboxes that it may speak for (can be repeated)
    #[arg(long, value_name = "NAME")]
    permit_email: Vec<String>,
    /// Host in URIs that it may speak for (can be repeated)
    #[arg(long, value_name = "HOST")]
    permit_uri: Vec<String>,
    /// Network that it may speak for, as 10.0.0.0/8 (can be repeated)
    #[arg(long, value_name = "NETWORK")]
    permit_ip: Vec<String>,
    /// Make a root too, and put it into this folder only
    #[arg(long, value_name = "DIR", conflicts_with_all = ["parent_cert", "from_cert", "from_secret", "out"])]
    pub(super) offline_root: Option<PathBuf>,
    /// Certificate file of the CA above
    #[arg(long, value_name = "FILE", requires = "parent_key", conflicts_with_all = ["from_cert", "from_secret"])]
    parent_cert: Option<PathBuf>,
    /// Key file of the CA above
    #[arg(long, value_name = "FILE", requires = "parent_cert")]
    parent_key: Option<PathBuf>,
    /// File with the password of the key of the CA above
    #[arg(long, value_name = "FILE", requires = "parent_key")]
    parent_password_file: Option<PathBuf>,
    /// Certificate file of a CA that exists
    #[arg(
        long,
        value_name = "FILE",
        requires = "from_key",
        conflicts_with = "from_secret"
    )]
    from_cert: Option<PathBuf>,
    /// Key file of a CA that exists
    #[arg(long, value_name = "FILE", requires = "from_cert")]
    from_key: Option<PathBuf>,
    /// Secret of a CA that exists, with tls.crt and tls.key
    #[arg(long, value_name = "NS/NAME")]
    from_secret: Option<String>,
}

/// A CA, and the root above it where that was made too.
pub(crate) struct Made {
    /// What signs.
    pub(super) ca: Authority,
    /// The root that stays out of the cluster.
    pub(super) root: Option<Authority>,
    /// Its revocation list.
    pub(super) root_crl: Option<Crl>,
}

impl Args {
    /// Makes or loads the CA; `password` opens an encrypted key that is brought along.
    pub(super) async fn ca(
        &self,
        name: &str,
        password: Option<&str>,
        globals: &Globals,
        now: i64,
    ) -> anyhow::Result<Made> {
        let sole = |ca| Made {
            ca,
            root: None,
            root_crl: None,
        };
        if let (Some(cert), Some(key)) = (&self.from_cert, &self.from_key) {
            return Ok(sole(signer::from_files(cert, key, password, now)?));
        }
        if let Some(secret) = &self.from_secret {
            return Ok(sole(signer::from_secret(secret, globals, now).await?));
        }
        self.warn();
        if let (Some(cert), Some(key)) = (&self.parent_cert, &self.parent_key) {
            let password = self.parent_password()?;
            let password = password.as_ref().map(|password| password.as_str());
            let parent = signer::from_files(cert, key, password, now)?;
            let params = self.params(name, now, pki::INTERMEDIATE_LIFETIME);
            return Ok(sole(pki::create_intermediate(&params, &parent, now)?));
        }
        match &self.offline_root {
            Some(_) => self.with_root(name, now),
            None => {
                let params = self.params(name, now, pki::CA_LIFETIME);
                Ok(sole(pki::create_root(&params, now)?))
            }
        }
    }

    fn with_root(&self, name: &str, now: i64) -> anyhow::Result<Made> {
        let params = self.params(name, now, pki::INTERMEDIATE_LIFETIME);
        let above = CaParams {
            subject: Subject::common_name(&format!("{name} root")),
            not_after: params.not_after.max(now + pki::CA_LIFETIME),
            key_type: self.key_type,
            path_len: self.path_len.saturating_add(1),
            permitted: Permitted::default(),
        };
        let root = pki::create_root(&above, now).context("the root")?;
        let ca = pki::create_intermediate(&params, &root, now)?;
        let until = ca.certificate().not_after;
        let crl = pki::crl::next(&root, None, &[], now, until)?;
        Ok(Made {
            ca,
            root: Some(root),
            root_crl: Some(crl),
        })
    }

    fn params(&self, name: &str, now: i64, lifetime: i64) -> CaParams {
        let subject = self.subject.clone();
        CaParams {
            subject: subject.unwrap_or_else(|| Subject::common_name(name)),
            not_after: self.validity.end(now, lifetime),
            key_type: self.key_type,
            path_len: self.path_len,
            permitted: self.permitted(),
        }
    }

    fn permitted(&self) -> Permitted {
        Permitted {
            dns: self.permit_dns.clone(),
            email: self.permit_email.clone(),
            uri: self.permit_uri.clone(),
            ip: self.permit_ip.clone(),
        }
    }

    fn parent_password(&self) -> anyhow::Result<Option<Zeroizing<String>>> {
        let path = self.parent_password_file.as_deref();
        path.map(password::from_file).transpose()
    }

    fn warn(&self) {
        let refused = self.key_type.refused_by();
        for warning in refused.into_iter().chain(self.permitted().warning()) {
            say("warning", warning);
        }
    }
}
