//! `issue`: a certificate with its key, to files or into a Secret.

use std::path::PathBuf;
use std::time::Duration;

use pki::{Issued, LeafParams, Profile, San};

use super::create_ca::{DryRun, create_one, secret};
use super::signer::Signer;
use super::{block_on, now};
use crate::cluster::{Cluster, namespace};
use crate::files::{self, File};
use crate::globals::{Globals, duration};
use crate::output::{self, Format};
use crate::problem::{Problem, say};

/// Issue a client or server certificate
#[derive(clap::Args)]
#[command(after_help = "Examples:
  # A client certificate from a CA in the cluster, to alice.crt and alice.key
  kubectl mtls issue alice --ca pki/partners --out .
  # The same into a Secret of namespace shop
  kubectl mtls issue alice --ca pki/partners -n shop --to-secret alice
  # A server certificate from a CA in files
  kubectl mtls issue api --profile server --san api.example.com --ca-cert ca.crt --ca-key ca.key --out .")]
pub(crate) struct Args {
    /// The certificate's common name, and the name of its files
    name: String,
    #[command(flatten)]
    signer: Signer,
    /// What the certificate is for: client, server or both
    #[arg(long, default_value = "client", value_parser = profile)]
    profile: Profile,
    /// Subject alternative name: DNS name, IP address, e-mail address or URI (can be repeated)
    #[arg(long, value_name = "NAME", value_parser = San::parse)]
    san: Vec<San>,
    /// How long the certificate lives, as 90d; never longer than its CA
    #[arg(long, default_value = "90d", value_parser = duration)]
    duration: Duration,
    /// Write NAME.crt and NAME.key into this folder
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Write a Secret of this name
    #[arg(long, value_name = "NAME")]
    to_secret: Option<String>,
    /// Replace files that exist
    #[arg(long, requires = "out")]
    force: bool,
    /// none, client (only print what would be created) or server
    #[arg(long, default_value = "none", num_args = 0..=1, require_equals = true, default_missing_value = "client")]
    dry_run: DryRun,
    /// Output format: human, json, yaml or name
    #[arg(short, long, default_value = "human")]
    output: Format,
}

fn profile(text: &str) -> Result<Profile, String> {
    match text {
        "both" => Ok(Profile::Both),
        "client" => Ok(Profile::Client),
        "server" => Ok(Profile::Server),
        _ => Err("one of client, server and both is expected".to_owned()),
    }
}

pub(crate) fn run(args: &Args, globals: &Globals) -> anyhow::Result<u8> {
    if args.out.is_none() && args.to_secret.is_none() {
        return Err(Problem::usage("nothing says where the certificate goes")
            .hint("add --out DIR for files, or --to-secret NAME for a Secret"));
    }
    if args.name.contains(['/', '\0']) {
        return Err(
            Problem::usage(format!("{:?} cannot be a file name", args.name))
                .hint("use a name without slashes"),
        );
    }
    block_on(issue(args, globals))
}

async fn issue(args: &Args, globals: &Globals) -> anyhow::Result<u8> {
    let ca = args.signer.load(globals).await?;
    let params = LeafParams {
        name: args.name.clone(),
        profile: args.profile,
        sans: args.san.clone(),
        lifetime: i64::try_from(args.duration.as_secs()).unwrap_or(i64::MAX),
    };
    let issued = pki::issue(&ca, &params, now())?;
    if issued.clamped {
        say(
            "note",
            "the certificate ends with its CA, before the time that was asked for",
        );
    }
    if let Some(folder) = &args.out {
        write(args, folder, &issued)?;
    }
    if let Some(name) = &args.to_secret {
        to_secret(args, globals, name, &issued).await?;
    }
    Ok(0)
}

fn write(args: &Args, folder: &std::path::Path, issued: &Issued) -> anyhow::Result<()> {
    let key = pki::export::key_pem(&issued.key);
    let (cert, private) = (format!("{}.crt", args.name), format!("{}.key", args.name));
    let text = format!("{0}/{cert}\n{0}/{private}\n", folder.display());
    files::write_all(
        folder,
        &[
            File {
                name: cert,
                content: &issued.chain_pem,
                secret: false,
            },
            File {
                name: private,
                content: &key,
                secret: true,
            },
        ],
        args.force,
    )?;
    if args.to_secret.is_none() {
        output::bytes(text.as_bytes())
    } else {
        Ok(())
    }
}

async fn to_secret(
    args: &Args,
    globals: &Globals,
    name: &str,
    issued: &Issued,
) -> anyhow::Result<()> {
    let key = pki::export::key_pem(&issued.key);
    let data = [("tls.crt", issued.chain_pem.as_str()), ("tls.key", &key)];
    let make = |namespace: &str| {
        let label = args.signer.label(namespace);
        secret(
            namespace,
            name,
            "kubernetes.io/tls",
            label.as_deref(),
            &data,
        )
    };
    let object = if args.dry_run == DryRun::Client {
        make(&namespace(globals).await)
    } else {
        let cluster = Cluster::connect(globals).await?;
        let object = make(&cluster.namespace);
        create_one(&cluster, &object, args.dry_run == DryRun::Server).await?;
        object
    };
    output::objects(args.output, &[object], &args.dry_run.done("created"))
}
