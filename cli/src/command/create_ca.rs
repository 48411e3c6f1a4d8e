//! `create ca`: a root CA, its signing Secret and its trust Secret kept apart, or two files.

use std::path::PathBuf;
use std::time::Duration;

use pki::{Authority, CaParams};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::{block_on, now};
use crate::cluster::{Cluster, Created, item, namespace};
use crate::files::{self, File};
use crate::globals::{Globals, duration};
use crate::output::{self, Format};
use crate::problem::{Problem, say};

/// Create a root CA for client certificates
#[derive(clap::Args)]
#[command(after_help = "Examples:
  # The signing Secret pki/partners, and shop/partners-trust for the gateway
  kubectl mtls create ca partners -n pki --trust-namespace shop
  # Only show what would be created
  kubectl mtls create ca partners -n pki --trust-namespace shop --dry-run=client -o yaml
  # Offline: ca.crt and ca.key in a folder
  kubectl mtls create ca partners --out partners-ca")]
pub(crate) struct Args {
    /// The CA's name: of the Secret, and the certificate's common name
    name: String,
    /// Namespace that gets the trust Secret NAME-trust (can be repeated); the CA's own by default
    #[arg(long, value_name = "NAMESPACE")]
    trust_namespace: Vec<String>,
    /// How long the CA lives, as 10y or 90d
    #[arg(long, default_value = "10y", value_parser = duration)]
    duration: Duration,
    /// Write ca.crt and ca.key into this folder instead of the cluster
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
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

/// Whether a change to the cluster is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum DryRun {
    /// Nothing is sent.
    Client,
    /// It is made.
    None,
    /// The API server checks it and forgets it.
    Server,
}

impl DryRun {
    /// What to say of each object.
    pub(crate) fn done(self, done: &str) -> String {
        match self {
            Self::None => done.to_owned(),
            Self::Client => format!("{done} (dry run)"),
            Self::Server => format!("{done} (server dry run)"),
        }
    }
}

pub(crate) fn run(args: &Args, globals: &Globals) -> anyhow::Result<u8> {
    let lifetime = i64::try_from(args.duration.as_secs()).unwrap_or(i64::MAX);
    let params = CaParams {
        name: args.name.clone(),
        lifetime,
    };
    let ca = pki::create_root(&params, now())?;
    if let Some(folder) = &args.out {
        return write(args, folder, &ca);
    }
    check_name(&args.name)?;
    block_on(create(args, globals, &ca))
}

fn write(args: &Args, folder: &std::path::Path, ca: &Authority) -> anyhow::Result<u8> {
    let key = ca.key_pem();
    files::write_all(
        folder,
        &[
            File {
                name: "ca.crt".to_owned(),
                content: ca.chain_pem(),
                secret: false,
            },
            File {
                name: "ca.key".to_owned(),
                content: &key,
                secret: true,
            },
        ],
        args.force,
    )?;
    let folder = folder.display();
    output::bytes(format!("{folder}/ca.crt\n{folder}/ca.key\n").as_bytes())?;
    Ok(0)
}

/// A Secret's name is a DNS subdomain (RFC 1123).
fn check_name(name: &str) -> anyhow::Result<()> {
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

async fn create(args: &Args, globals: &Globals, ca: &Authority) -> anyhow::Result<u8> {
    if args.dry_run == DryRun::Client {
        let objects = secrets(args, &namespace(globals).await, ca);
        output::objects(args.output, &objects, &args.dry_run.done("created"))?;
        return Ok(0);
    }
    let cluster = Cluster::connect(globals).await?;
    let objects = secrets(args, &cluster.namespace, ca);
    let mut made: Vec<String> = Vec::new();
    for object in &objects {
        let created = create_one(&cluster, object, args.dry_run == DryRun::Server).await;
        if let Err(error) = created {
            // Half a CA would be found by the next run and never be completed.
            for path in made.iter().rev().filter(|_| args.dry_run == DryRun::None) {
                if let Err(error) = cluster.delete(path).await {
                    say(
                        "warning",
                        &format!("{path} was created and could not be removed: {error:#}"),
                    );
                }
            }
            return Err(error);
        }
        made.push(path(object, true));
    }
    output::objects(args.output, &objects, &args.dry_run.done("created"))?;
    if args.output == Format::Human {
        say(
            "note",
            &format!(
                "issue a certificate: `kubectl mtls issue NAME --ca {}/{}`",
                cluster.namespace, args.name
            ),
        );
    }
    Ok(0)
}

/// Creates a Secret; one that exists is never replaced.
pub(crate) async fn create_one(
    cluster: &Cluster,
    object: &Value,
    dry_run: bool,
) -> anyhow::Result<()> {
    let (namespace, name) = names(object);
    match cluster
        .create(&path(object, false), object, dry_run)
        .await?
    {
        Created::Created => Ok(()),
        Created::Exists => Err(Problem::world(format!(
            "secret {namespace}/{name} exists and is not replaced"
        ))
        .hint("choose another name, or delete the Secret if nothing depends on it any more")),
    }
}

fn names(object: &Value) -> (&str, &str) {
    let text = |field: &str| object["metadata"][field].as_str().unwrap_or_default();
    (text("namespace"), text("name"))
}

fn path(object: &Value, whole: bool) -> String {
    let (namespace, name) = names(object);
    if whole {
        item("v1", "secrets", namespace, name)
    } else {
        crate::cluster::collection("v1", "secrets", Some(namespace))
    }
}

/// The signing Secret, and a trust Secret for each namespace that needs one.
fn secrets(args: &Args, namespace: &str, ca: &Authority) -> Vec<Value> {
    let label = format!("{namespace}.{}", args.name);
    let key = ca.key_pem();
    let signing = secret(
        namespace,
        &args.name,
        "kubernetes.io/tls",
        Some(&label),
        &[
            ("tls.crt", ca.chain_pem()),
            ("tls.key", &key),
            ("ca.crt", ca.root_pem()),
        ],
    );
    let own = [namespace.to_owned()];
    let namespaces = if args.trust_namespace.is_empty() {
        &own[..]
    } else {
        &args.trust_namespace
    };
    let name = format!("{}-trust", args.name);
    let trust = |namespace: &String| {
        secret(
            namespace,
            &name,
            "Opaque",
            Some(&label),
            &[("ca.crt", ca.root_pem())],
        )
    };
    std::iter::once(signing)
        .chain(namespaces.iter().map(trust))
        .collect()
}

/// A Secret with this project's labels; values are base64 as the API server stores them.
pub(crate) fn secret(
    namespace: &str,
    name: &str,
    kind: &str,
    ca: Option<&str>,
    data: &[(&str, &str)],
) -> Value {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    let mut labels = json!({"app.kubernetes.io/managed-by": policy::MANAGED_BY});
    if let Some(ca) = ca.filter(|ca| ca.len() <= 63) {
        labels["kubectl-mtls.github.io/ca"] = ca.into();
    }
    let encode = |(key, value): &(&str, &str)| {
        let encoded = Zeroizing::new(STANDARD.encode(value));
        ((*key).to_owned(), Value::from(encoded.as_str()))
    };
    let data: serde_json::Map<_, _> = data.iter().map(encode).collect();
    json!({"apiVersion": "v1", "kind": "Secret", "type": kind, "data": data,
        "metadata": {"name": name, "namespace": namespace, "labels": labels}})
}
