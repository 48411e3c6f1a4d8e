//! `protect`: puts a route behind a CA, in the words of its gateway.

use std::path::PathBuf;

use anyhow::Context as _;
use policy::dialect::{self, Kind, Role, WriteRequest};
use policy::{Mode, Object, SecretRef, Settings};
use serde_json::Value;

use super::block_on;
use crate::cluster::{Cluster, item};
use crate::globals::DryRun;
use crate::globals::Globals;
use crate::manifests;
use crate::output::{self, Format};
use crate::problem::{Problem, say};
use crate::validity::now;

/// Put a route behind a CA, in the words of its gateway
#[derive(clap::Args)]
#[command(after_help = "Examples:
  # Demand certificates of the CA in Secret shop/partners-trust
  kubectl mtls protect ingress/api -n shop --trust partners-trust
  # Show what would be applied
  kubectl mtls protect ingressroute/api -n shop --trust partners-trust --dry-run=client -o yaml
  # Offline: the route is in a file
  kubectl mtls protect ingress/api -n shop --trust partners-trust -f api.yaml --dry-run=client -o yaml")]
pub(crate) struct Args {
    /// The route, as ingress/api, ingressroute/api or ingressroutetcp/api
    #[arg(value_name = "KIND/NAME")]
    target: String,
    /// The trust Secret, in the target's namespace
    #[arg(long, value_name = "NAME")]
    trust: String,
    /// Whether certificates are required or optional
    #[arg(long, default_value = "required", value_parser = mode)]
    mode: Mode,
    /// Take the target from files instead of the cluster
    #[arg(short, long, value_name = "FILE")]
    filename: Vec<PathBuf>,
    /// none, client (only print what would be applied) or server
    #[arg(long, default_value = "none", num_args = 0..=1, require_equals = true, default_missing_value = "client")]
    dry_run: DryRun,
    /// Output format: human, json, yaml or name
    #[arg(short, long, default_value = "human")]
    output: Format,
}

fn mode(text: &str) -> Result<Mode, String> {
    match text {
        "required" => Ok(Mode::Required),
        "optional" => Ok(Mode::Optional),
        _ => Err("one of required and optional is expected".to_owned()),
    }
}

/// A route to be protected: its kind in each API group that has it, and its name.
struct Target<'a> {
    kinds: Vec<Kind>,
    name: &'a str,
}

impl<'a> Target<'a> {
    fn parse(text: &'a str) -> anyhow::Result<Self> {
        let (kind, name) = text.split_once('/').unwrap_or((text, ""));
        let routes = dialect::kinds()
            .into_iter()
            .filter(|kind| kind.role == Role::Route);
        let (named, others): (Vec<_>, Vec<_>) = routes.partition(|known| is_called(known, kind));
        if !named.is_empty() && !name.is_empty() && !name.contains('/') {
            return Ok(Self { kinds: named, name });
        }
        let mut known: Vec<_> = named.iter().chain(&others).map(singular).collect();
        known.sort();
        known.dedup();
        Err(
            Problem::usage(format!("{text:?} cannot be protected")).hint(format!(
                "name KIND/NAME, where KIND is one of {}",
                known.join(", ")
            )),
        )
    }

    fn is(&self, object: &Object) -> bool {
        object.id.name == self.name && self.kinds.iter().any(|kind| kind.is(&object.id))
    }
}

fn singular(kind: &Kind) -> String {
    kind.kind.to_lowercase()
}

/// As kubectl names kinds: singular, plural, or plural and group.
fn is_called(kind: &Kind, name: &str) -> bool {
    let full = format!("{}.{}", kind.plural, kind.group);
    [kind.kind, kind.plural, &full]
        .iter()
        .any(|known| known.eq_ignore_ascii_case(name))
}

pub(crate) fn run(args: &Args, globals: &Globals) -> anyhow::Result<u8> {
    let target = Target::parse(&args.target)?;
    if !args.filename.is_empty() {
        let object = from_files(args, &target, globals)?;
        if args.dry_run != DryRun::Client {
            return Err(
                Problem::usage("a target in a file cannot be changed in the cluster")
                    .hint("add --dry-run=client -o yaml to print what to apply"),
            );
        }
        return print(args, &written(args, &object, &Settings::default())?);
    }
    block_on(in_cluster(args, &target, globals))
}

fn from_files(args: &Args, target: &Target<'_>, globals: &Globals) -> anyhow::Result<Object> {
    let read = manifests::read(&args.filename, false, globals.file_namespace())?;
    let found = read
        .objects
        .into_iter()
        .map(|manifest| manifest.object)
        .find(|object| {
            target.is(object)
                && globals
                    .namespace
                    .as_ref()
                    .is_none_or(|wanted| *wanted == object.id.namespace)
        });
    found.ok_or_else(|| {
        Problem::world(format!("{} is not in these files", args.target))
            .hint("check the name and -n; `kubectl mtls get hosts -f FILE` shows what is there")
    })
}

async fn in_cluster(args: &Args, target: &Target<'_>, globals: &Globals) -> anyhow::Result<u8> {
    let cluster = Cluster::connect(globals).await?;
    let object = fetch(&cluster, target).await?;
    let mut facts = cluster.facts(None, Settings::default()).await?;
    let objects = written(args, &object, &facts.settings)?;
    if args.dry_run == DryRun::Client {
        return print(args, &objects);
    }
    for object in &objects {
        apply(args, &cluster, object, &mut facts).await?;
    }
    print(args, &objects)?;
    if args.dry_run == DryRun::None {
        let report = cluster.complete(&mut facts, now()).await?;
        say_verdicts(&object, &report);
    }
    Ok(0)
}

async fn fetch(cluster: &Cluster, target: &Target<'_>) -> anyhow::Result<Object> {
    for kind in &target.kinds {
        let path = item(
            &kind.api_version(),
            kind.plural,
            &cluster.namespace,
            target.name,
        );
        if let Some(text) = cluster.get(&path).await? {
            return Object::from_json(&text)
                .map_err(|unreadable| anyhow::anyhow!("reading {path}: {}", unreadable.reason));
        }
    }
    let kind = &target.kinds[0];
    Err(Problem::world(format!(
        "{}/{} does not exist in namespace {}",
        singular(kind),
        target.name,
        cluster.namespace
    ))
    .hint(format!(
        "`kubectl get {} -A` lists what there is",
        kind.plural
    )))
}

async fn apply(
    args: &Args,
    cluster: &Cluster,
    object: &Value,
    facts: &mut policy::Facts,
) -> anyhow::Result<()> {
    let text = object.to_string();
    let written = Object::from_json(&text)
        .map_err(|unreadable| anyhow::anyhow!("writing {}", unreadable.reason))?;
    let kind = dialect::kind_of(&written.id).context("an object of a kind that is read")?;
    let (namespace, name) = (&written.id.namespace, &written.id.name);
    let path = item(&kind.api_version(), kind.plural, namespace, name);
    let applied = cluster
        .apply(&path, object, args.dry_run == DryRun::Server)
        .await?;
    if let Ok(object) = Object::from_json(&applied) {
        let read = dialect::read(&object, &facts.settings);
        facts.insert(read);
    }
    Ok(())
}

/// What the gateway of the target wants applied.
fn written(args: &Args, object: &Object, settings: &Settings) -> anyhow::Result<Vec<Value>> {
    let (dialect, _) = dialect::gateway_of(object, settings).ok_or_else(|| {
        Problem::world(format!("no gateway is known that serves {}", object.id))
            .hint("set its class in spec.ingressClassName, or name its gateway in --config")
    })?;
    let trust = SecretRef::new(&object.id.namespace, &args.trust);
    let request = WriteRequest {
        object,
        trust: &trust,
        mode: args.mode,
        settings,
    };
    (dialect.write)(&request)
        .map_err(|reason| {
            Problem::world(reason)
                .hint("`kubectl mtls create ca NAME --trust-namespace NAMESPACE` puts the CA there")
        })
        .context("writing the settings")
}

fn print(args: &Args, objects: &[Value]) -> anyhow::Result<u8> {
    output::objects(
        args.output,
        objects,
        &args.dry_run.done("serverside-applied"),
    )?;
    Ok(0)
}

/// What each host of the object is now, and why where it is not enforced.
fn say_verdicts(object: &Object, report: &policy::Report) {
    let on_object = report
        .hosts
        .iter()
        .filter(|host| host.host.rests_on.contains(&object.id));
    for host in on_object {
        say(
            "note",
            &format!("host {} is {}", host.host.key.host, host.verdict),
        );
        if host.verdict != policy::Verdict::Enforced {
            for finding in &host.findings {
                say(
                    &finding.severity.to_string(),
                    &format!("{}: {}", finding.rule, finding.message),
                );
            }
        }
    }
}
