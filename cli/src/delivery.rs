//! Where a certificate and its key go: files, PKCS#12, stdout, a Secret or a SealedSecret, in the
//! cluster or in a folder for GitOps.

mod kustomize;
mod seal;

use std::path::{Path, PathBuf};

use pki::PrivateKey;
use pki::export::{self, P12Profile};
use policy::SecretRef;
use serde_json::Value;
use zeroize::Zeroizing;

use crate::cluster::{Cluster, namespace};
use crate::files::{self, File};
use crate::globals::DryRun;
use crate::globals::Globals;
use crate::output::{self, Format};
use crate::password::Password;
use crate::problem::{Problem, say};
use crate::store::{self, Kind, New, Role};

/// Where the certificate goes.
#[derive(clap::Args)]
#[group(skip)]
#[command(next_help_heading = "Delivery")]
pub(crate) struct Args {
    /// Write NAME.crt and NAME.key into this folder; - prints both
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Write one file NAME.pem with chain and key into --out
    #[arg(long, requires = "out")]
    bundle: bool,
    /// Write DER instead of PEM into --out
    #[arg(long, requires = "out", conflicts_with = "bundle")]
    der: bool,
    /// Write a PKCS#12 file
    #[arg(long, value_name = "FILE")]
    p12: Option<PathBuf>,
    /// compat: 3DES and SHA-1, which everything reads; modern: AES-256 and SHA-256
    #[arg(long, default_value = "compat", value_parser = profile)]
    p12_profile: P12Profile,
    /// Write a Secret of this name
    #[arg(long, value_name = "NAME")]
    to_secret: Option<String>,
    /// Write the Secret's manifest into this folder, and its name into kustomization.yaml
    #[arg(long, value_name = "DIR", requires = "to_secret")]
    kustomize: Option<PathBuf>,
    /// Replace files that exist
    #[arg(long)]
    pub(crate) force: bool,
    /// none, client (only print what would be created) or server
    #[arg(long, default_value = "none", num_args = 0..=1, require_equals = true, default_missing_value = "client")]
    dry_run: DryRun,
    /// Output format: human, json, yaml or name
    #[arg(short, long, default_value = "human")]
    output: Format,
    #[command(flatten)]
    password: Password,
    #[command(flatten)]
    seal: seal::Args,
}

fn profile(text: &str) -> Result<P12Profile, String> {
    match text {
        "compat" => Ok(P12Profile::Compat),
        "modern" => Ok(P12Profile::Modern),
        _ => Err("one of compat and modern is expected".to_owned()),
    }
}

/// A certificate on its way.
pub(crate) struct Parcel {
    /// Names its files.
    pub(crate) name: String,
    /// The certificate and the intermediates, in PEM.
    pub(crate) chain_pem: String,
    /// Its key, unless it stays with who asked.
    pub(crate) key: Option<PrivateKey>,
    /// The CA's signing Secret, where it is one.
    pub(crate) ca: Option<SecretRef>,
    /// What else goes into the folder.
    pub(crate) more: Vec<(String, String)>,
}

impl Args {
    /// Refuses a command line that says of nothing where it goes.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        if self.out.is_none() && self.p12.is_none() && self.to_secret.is_none() {
            return Err(Problem::usage("nothing says where the certificate goes").hint(
                "add --out DIR for files, --p12 FILE for one that programs import, or --to-secret NAME",
            ));
        }
        self.seal.check(self.to_secret.is_some())
    }

    /// Looks for files in the way before anything is signed.
    pub(crate) fn check_free(&self, name: &str) -> anyhow::Result<()> {
        if let Some(folder) = self.folder() {
            let names = self.names(name);
            let names = [names.0.as_str(), names.1.as_str()];
            files::check_free(folder, names.into_iter(), self.force)?;
        }
        match &self.p12 {
            Some(path) => files::check_free(parent(path), file_name(path).into_iter(), self.force),
            None => Ok(()),
        }
    }

    fn folder(&self) -> Option<&Path> {
        self.out.as_deref().filter(|out| *out != Path::new("-"))
    }

    /// The names of the certificate's and the key's file.
    fn names(&self, name: &str) -> (String, String) {
        match (self.bundle, self.der) {
            (true, _) => (format!("{name}.pem"), format!("{name}.pem")),
            (_, true) => (format!("{name}.der"), format!("{name}.key.der")),
            _ => (format!("{name}.crt"), format!("{name}.key")),
        }
    }

    /// Hands everything over.
    pub(crate) async fn deliver(&self, parcel: &Parcel, globals: &Globals) -> anyhow::Result<()> {
        let mut written = String::new();
        if self.out.is_some() {
            written += &self.to_files(parcel)?;
        }
        if let Some(path) = &self.p12 {
            written += &self.to_p12(parcel, path)?;
        }
        match &self.to_secret {
            Some(name) => self.to_secret(parcel, name, globals).await,
            None => output::bytes(written.as_bytes()),
        }
    }

    /// Files, or stdout; what was written, a line each.
    fn to_files(&self, parcel: &Parcel) -> anyhow::Result<String> {
        let password = match self.p12 {
            // The password is for the PKCS#12 file.
            Some(_) => None,
            None => self.password.given()?,
        };
        let key = parcel.key.as_ref().map(|key| match &password {
            Some(password) => export::encrypted_key_pem(key, password).map(Zeroizing::new),
            None => Ok(export::key_pem(key)),
        });
        let key = key.transpose()?;
        let Some(folder) = self.folder() else {
            output::bytes(parcel.chain_pem.as_bytes())?;
            output::bytes(key.as_deref().map_or("", String::as_str).as_bytes())?;
            return Ok(String::new());
        };
        let (cert, private) = self.names(&parcel.name);
        let whole = Zeroizing::new(format!(
            "{}{}",
            parcel.chain_pem,
            key.as_deref().map_or("", String::as_str)
        ));
        let leaf = first_der(&parcel.chain_pem);
        let plain = parcel.key.as_ref().map(export::key_der);
        let mut list = Vec::new();
        if self.bundle {
            list.push(File::secret(&cert, whole.as_str()));
        } else if self.der {
            list.push(File::public(&cert, &leaf));
            list.extend(
                plain
                    .iter()
                    .map(|key| File::secret(&private, key.as_slice())),
            );
        } else {
            list.push(File::public(&cert, &parcel.chain_pem));
            list.extend(key.iter().map(|key| File::secret(&private, key.as_str())));
        }
        let more = parcel.more.iter();
        list.extend(more.map(|(name, content)| File::public(name, content)));
        files::write_all(folder, &list, self.force)?;
        let line = |file: &File<'_>| format!("{}\n", folder.join(&file.name).display());
        Ok(list.iter().map(line).collect())
    }

    /// A PKCS#12 file; a generated password is shown this once.
    fn to_p12(&self, parcel: &Parcel, path: &Path) -> anyhow::Result<String> {
        let Some(key) = &parcel.key else {
            return Err(
                Problem::usage("a PKCS#12 file needs the key, which who asked keeps")
                    .hint("write the certificate with --out DIR"),
            );
        };
        let (password, made) = self.password.given_or_made()?;
        let chain: Vec<_> = ders(&parcel.chain_pem);
        let content = export::pkcs12(key, &chain, &parcel.name, &password, self.p12_profile)?;
        let content = Zeroizing::new(content);
        let name = file_name(path).unwrap_or_default();
        let file = File::secret(name, content.as_slice());
        files::write_all(parent(path), &[file], self.force)?;
        if made {
            let text = format!("the password of {} is {}", path.display(), &*password);
            say("note", &text);
        }
        if self.p12_profile == P12Profile::Modern {
            say(
                "note",
                "macOS, iOS before 18, Android before 14 and Windows before 2019 say \"wrong \
                password\" to this profile; --p12-profile compat suits them",
            );
        }
        Ok(format!("{}\n", path.display()))
    }

    async fn to_secret(
        &self,
        parcel: &Parcel,
        name: &str,
        globals: &Globals,
    ) -> anyhow::Result<()> {
        let local = self.dry_run == DryRun::Client || self.seal.is_on() || self.kustomize.is_some();
        let namespace = namespace(globals).await;
        let object = self.secret(parcel, &namespace, name)?;
        let object = self.seal.seal(object, globals).await?;
        if let Some(folder) = &self.kustomize {
            return kustomize::write(folder, &object, self.force);
        }
        if !local {
            let cluster = Cluster::connect(globals).await?;
            store::create(&cluster, &object, self.dry_run == DryRun::Server).await?;
        }
        let done = match self.seal.is_on() {
            true => "sealed (not created)".to_owned(),
            false => self.dry_run.done("created"),
        };
        output::objects(self.output, &[object], &done)
    }

    fn secret(&self, parcel: &Parcel, namespace: &str, name: &str) -> anyhow::Result<Value> {
        let Some(key) = &parcel.key else {
            return Err(
                Problem::usage("a Secret needs the key, which who asked keeps")
                    .hint("write the certificate with --out DIR"),
            );
        };
        let new = New {
            kind: Kind::Secret,
            namespace,
            name,
            secret_type: "kubernetes.io/tls",
            ca: parcel.ca.as_ref(),
            role: Role::Leaf,
            immutable: false,
        };
        let key = export::key_pem(key);
        Ok(new.object(&[("tls.crt", &parcel.chain_pem), ("tls.key", &key)]))
    }
}

fn parent(path: &Path) -> &Path {
    let parent = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    parent.unwrap_or(Path::new("."))
}

fn file_name(path: &Path) -> Option<&str> {
    path.file_name().and_then(|name| name.to_str())
}

fn ders(pem: &str) -> Vec<Vec<u8>> {
    x509::der_blocks(pem.as_bytes())
}

fn first_der(pem: &str) -> Vec<u8> {
    ders(pem).into_iter().next().unwrap_or_default()
}
