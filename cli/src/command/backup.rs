//! `backup`: CAs with everything that belongs to them, in one encrypted file.

use std::io::Write as _;
use std::path::PathBuf;

use anyhow::Context as _;
use policy::SecretRef;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::block_on;
use super::signer::place;
use crate::cluster::{Cluster, collection};
use crate::files::{self, File};
use crate::globals::Globals;
use crate::output;
use crate::password::Password;
use crate::problem::{Problem, say};
use crate::store::{CA_LABEL, ROLE_LABEL, label_of};

/// Write CAs with their keys, trust Secrets and records into one encrypted file
#[derive(clap::Args)]
#[command(after_help = "Examples:
  kubectl mtls backup --ca pki/partners --out partners.age \\
    --password-file password
  kubectl mtls backup -A --out everything.age
The file is in the age format: `age --decrypt partners.age` shows a List that
kubectl can apply.")]
pub(crate) struct Args {
    /// The CA's signing Secret, [NAMESPACE/]NAME (can be repeated)
    #[arg(
        long,
        value_name = "[NS/]NAME",
        required_unless_present = "all_namespaces"
    )]
    ca: Vec<String>,
    /// Every CA of the cluster
    #[arg(short = 'A', long, conflicts_with = "ca")]
    all_namespaces: bool,
    /// The file to write
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Replace a file that exists
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    password: Password,
}

pub(crate) fn run(args: &Args, globals: &Globals) -> anyhow::Result<u8> {
    let name = args.out.file_name().and_then(|name| name.to_str());
    let name = name.ok_or_else(|| Problem::usage("--out names no file").hint("name a file"))?;
    let folder = args
        .out
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(std::path::Path::new("."));
    files::check_free(folder, std::iter::once(name), args.force)?;
    let objects = block_on(collect(args, globals))?;
    let password = args.password.chosen("the backup")?;
    let list = json!({"apiVersion": "v1", "kind": "List", "items": objects});
    let plain = Zeroizing::new(list.to_string());
    let sealed = encrypt(plain.as_bytes(), &password)?;
    files::write_all(folder, &[File::secret(name, &sealed)], args.force)?;
    output::bytes(format!("{}\n", args.out.display()).as_bytes())?;
    say(
        "note",
        &format!(
            "{} objects; try it: `kubectl mtls restore {} --dry-run`",
            objects.len(),
            args.out.display()
        ),
    );
    Ok(0)
}

async fn collect(args: &Args, globals: &Globals) -> anyhow::Result<Vec<Value>> {
    let cluster = Cluster::connect(globals).await?;
    if args.all_namespaces {
        return select(&cluster, &format!("{CA_LABEL},{ROLE_LABEL}!=leaf")).await;
    }
    let mut objects = Vec::new();
    for name in &args.ca {
        let ca: SecretRef = place(name, &cluster.namespace);
        let selector = format!("{CA_LABEL}={},{ROLE_LABEL}!=leaf", label_of(&ca));
        let found = select(&cluster, &selector).await?;
        if !found
            .iter()
            .any(|object| object["metadata"]["labels"][ROLE_LABEL] == "signing")
        {
            return Err(Problem::world(format!("there is no CA Secret {ca}"))
                .hint("`kubectl mtls get cas -A` lists the CAs"));
        }
        objects.extend(found);
    }
    Ok(objects)
}

/// Secrets and ConfigMaps, without what the API server adds.
async fn select(cluster: &Cluster, selector: &str) -> anyhow::Result<Vec<Value>> {
    let mut objects = Vec::new();
    for (kind, plural) in [("Secret", "secrets"), ("ConfigMap", "configmaps")] {
        let text = cluster
            .select(&collection("v1", plural, None), selector)
            .await?;
        let text = Zeroizing::new(text);
        // A syntax error must not quote the text, which holds keys.
        let list: Value = serde_json::from_str(&text)
            .map_err(|_| anyhow::anyhow!("the list of {plural} cannot be read"))?;
        let items = list["items"].as_array().cloned().unwrap_or_default();
        objects.extend(items.iter().map(|item| plain(kind, item)));
    }
    Ok(objects)
}

fn plain(kind: &str, item: &Value) -> Value {
    let metadata = &item["metadata"];
    let mut object = json!({"apiVersion": "v1", "kind": kind, "metadata": {
        "name": metadata["name"], "namespace": metadata["namespace"],
        "labels": metadata["labels"]}});
    for field in ["type", "immutable", "data"] {
        if !item[field].is_null() {
            object[field] = item[field].clone();
        }
    }
    object
}

/// The age format with a passphrase (age-encryption.org/v1).
fn encrypt(plain: &[u8], password: &str) -> anyhow::Result<Vec<u8>> {
    let passphrase = age::secrecy::SecretString::from(password.to_owned());
    let encryptor = age::Encryptor::with_user_passphrase(passphrase);
    let mut sealed = Vec::new();
    let mut writer = encryptor.wrap_output(&mut sealed).context("encrypting")?;
    writer.write_all(plain).context("encrypting")?;
    writer.finish().context("encrypting")?;
    Ok(sealed)
}
