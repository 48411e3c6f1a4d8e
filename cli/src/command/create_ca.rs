//! `create ca`: a CA, its signing Secret and what gateways trust kept apart, or two files.

mod make;
mod objects;

use std::path::{Path, PathBuf};

use pki::Authority;
use policy::SecretRef;

use super::block_on;
use crate::cluster::{Cluster, namespace};
use crate::files::{self, File};
use crate::globals::{DryRun, Globals};
use crate::output::{self, Format};
use crate::password::Password;
use crate::problem::{Problem, say};
use crate::store;
use crate::validity::now;

/// Create a CA for client certificates
#[derive(clap::Args)]
#[command(after_help = "Examples:
  # The signing Secret pki/partners, and shop/partners-trust for the gateway
  kubectl mtls create ca partners -n pki --trust-namespace shop
  # Only show what would be created
  kubectl mtls create ca partners -n pki --trust-namespace shop \\
    --dry-run=client -o yaml
  # Offline: ca.crt and ca.key in a folder, the key encrypted
  kubectl mtls create ca partners --out partners-ca --password-file password
  # An intermediate in the cluster, its root only in a folder and encrypted
  kubectl mtls create ca edge -n pki --offline-root edge-root \\
    --password-file password
  # A CA that may speak for one domain only
  kubectl mtls create ca partners -n pki --permit-dns example.com \\
    --permit-email example.com
  # A CA that exists already
  kubectl mtls create ca partners -n pki --from-cert ca.crt --from-key ca.key
  # Two certificates of a CA whose key nobody keeps
  kubectl mtls create ca once --discard-key --issue alice --issue bob --out once")]
pub(crate) struct Args {
    /// The CA's name: of the Secret, and the certificate's common name
    name: String,
    /// Write ca.crt and ca.key into this folder instead of the cluster
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Issue the certificates of --issue, and keep the CA's key nowhere
    #[arg(long, requires_all = ["out", "issue"])]
    discard_key: bool,
    /// Client certificate to issue into --out at once (can be repeated)
    #[arg(long, value_name = "NAME", requires = "out")]
    issue: Vec<String>,
    /// Replace files that exist
    #[arg(long)]
    force: bool,
    /// none, client (only print what would be created) or server
    #[arg(long, default_value = "none", num_args = 0..=1, require_equals = true, default_missing_value = "client")]
    dry_run: DryRun,
    /// Output format: human, json, yaml or name
    #[arg(short, long, default_value = "human")]
    output: Format,
    #[command(flatten)]
    make: make::Args,
    #[command(flatten)]
    objects: objects::Args,
    #[command(flatten)]
    password: Password,
}

pub(crate) fn run(args: &Args, globals: &Globals) -> anyhow::Result<u8> {
    if args.out.is_none() {
        check_name(&args.name)?;
    }
    block_on(create(args, globals))
}

async fn create(args: &Args, globals: &Globals) -> anyhow::Result<u8> {
    let password = args.password.given()?;
    let import = password.as_ref().map(|password| password.as_str());
    let made = args.make.ca(&args.name, import, globals, now()).await?;
    if let Some(folder) = &args.make.offline_root {
        let password = args.password.chosen("the root's key")?;
        write_root(args, folder, &made, &password)?;
    }
    if let Some(folder) = &args.out {
        return write(args, folder, &made.ca, import);
    }
    if args.dry_run == DryRun::Client {
        let ca = SecretRef::new(&namespace(globals).await, &args.name);
        let objects = args.objects.write(&ca, &made)?;
        output::objects(args.output, &objects, &args.dry_run.done("created"))?;
        return Ok(0);
    }
    in_cluster(args, globals, &made).await
}

async fn in_cluster(args: &Args, globals: &Globals, made: &make::Made) -> anyhow::Result<u8> {
    let cluster = Cluster::connect(globals).await?;
    let ca = SecretRef::new(&cluster.namespace, &args.name);
    let objects = args.objects.write(&ca, made)?;
    store::create_all(&cluster, &objects, args.dry_run == DryRun::Server).await?;
    output::objects(args.output, &objects, &args.dry_run.done("created"))?;
    if args.output == Format::Human {
        say(
            "note",
            &format!("issue a certificate: `kubectl mtls issue NAME --ca {ca}`"),
        );
    }
    Ok(0)
}

/// The root stays out of the cluster: its certificate, its encrypted key, and a revocation list
/// that lasts as long as the CA below it, because a gateway that checks one list checks all.
fn write_root(args: &Args, folder: &Path, made: &make::Made, password: &str) -> anyhow::Result<()> {
    let Some((root, crl)) = made.root.as_ref().zip(made.root_crl.as_ref()) else {
        return Ok(());
    };
    let key = root.encrypted_key_pem(password)?;
    let files = [
        File::public("root.crt", root.chain_pem()),
        File::secret("root.key", &key),
        File::public("root.crl", &crl.pem),
    ];
    files::write_all(folder, &files, args.force)?;
    let text = format!("keep {}/root.key offline", folder.display());
    say("note", &text);
    Ok(())
}

fn write(args: &Args, folder: &Path, ca: &Authority, password: Option<&str>) -> anyhow::Result<u8> {
    let key = match password {
        Some(password) => ca.encrypted_key_pem(password)?.into(),
        None => ca.key_pem(),
    };
    let mut files = vec![File::public("ca.crt", ca.chain_pem())];
    if !args.discard_key {
        files.push(File::secret("ca.key", key.as_str()));
    }
    let mut issued = Vec::new();
    for name in &args.issue {
        let params = pki::LeafParams::new(name, now() + pki::LEAF_LIFETIME);
        let one = pki::issue(ca, &params, now())?;
        issued.push((name, pki::export::key_pem(&one.key), one.signed.chain_pem));
    }
    for (name, key, chain) in &issued {
        files.push(File::public(format!("{name}.crt"), chain));
        files.push(File::secret(format!("{name}.key"), key.as_str()));
    }
    files::write_all(folder, &files, args.force)?;
    let line = |file: &File<'_>| format!("{}\n", folder.join(&file.name).display());
    let lines: String = files.iter().map(line).collect();
    output::bytes(lines.as_bytes())?;
    Ok(0)
}

/// A Secret's name is a DNS subdomain (RFC 1123).
pub(crate) fn check_name(name: &str) -> anyhow::Result<()> {
    let allowed =
        |char: char| char.is_ascii_lowercase() || char.is_ascii_digit() || "-.".contains(char);
    let edge = |char: Option<char>| char.is_some_and(|char| char.is_ascii_alphanumeric());
    let fits = name.len() <= 240 && name.chars().all(allowed);
    if fits && edge(name.chars().next()) && edge(name.chars().last()) {
        return Ok(());
    }
    Err(
        Problem::usage(format!("{name:?} cannot be the name of a Secret"))
            .hint("use lower-case letters, digits, dashes and dots, as partners"),
    )
}
