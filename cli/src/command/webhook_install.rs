//! `webhook install`: applies the webhook, and lets it refuse only once the API server has shown that
//! it asks this webhook and heeds it.

mod audit;
mod before;

use std::time::Duration;

use anyhow::Context as _;
use policy::Settings;

use super::{block_on, source};
use crate::cluster::Cluster;
use crate::globals::{DryRun, Globals, duration};
use crate::installation::enforcement::{self, entries, turn};
use crate::installation::inventory::{self, Found};
use crate::installation::objects::{self, Part};
use crate::installation::probe::{Outcome, Probe};
use crate::installation::reinstall::{drop_entries, take_over};
use crate::installation::{CertMode, Policy, Shape, VALIDATING, rollout, shape};
use crate::output::{self, Format};
use crate::problem::{Problem, say};

/// How long the API server and the webhook are given to find one another.
const FIND: Duration = Duration::from_secs(30);

/// Install the admission webhook, and enforce once it is proven to be asked
#[derive(clap::Args)]
#[command(after_help = "Examples:
  # With certificates of its own
  kubectl mtls webhook install
  # In some namespaces alone, two rules as warnings
  kubectl mtls webhook install --namespace-selector env=prod \\
    --warn missing-ca,unresolved-option
  # See what would be applied
  kubectl mtls webhook install --dry-run=client -o yaml

What is there already is never refused: only changes that would open a host or
put it out of service are. So what the audit finds is told, and the installation
goes on.")]
pub(crate) struct Args {
    /// What is to happen to a change of a route while the webhook does not answer: Fail or Ignore
    #[arg(long, value_name = "POLICY", default_value = "Fail")]
    fail_policy: Policy,
    /// How long to wait for the webhook to run
    #[arg(long, value_name = "DURATION", default_value = "2m", value_parser = duration)]
    timeout: Duration,
    /// Take over fields that somebody else has set, as kubectl's own flag does
    #[arg(long)]
    force_conflicts: bool,
    /// none, client (only print what would be applied) or server
    #[arg(long, default_value = "none", num_args = 0..=1, require_equals = true, default_missing_value = "client")]
    dry_run: DryRun,
    /// Output format with --dry-run=client: human, json, yaml or name
    #[arg(short, long, default_value = "human")]
    output: Format,
    #[command(flatten)]
    shape: Shape,
}

pub(crate) fn run(args: &Args, globals: &Globals) -> anyhow::Result<u8> {
    args.shape.check()?;
    let namespace = shape::namespace(globals)?;
    if args.dry_run != DryRun::Client && matches!(args.output, Format::Json | Format::Yaml) {
        return Err(
            Problem::usage("-o yaml and -o json print, and apply nothing")
                .hint("add --dry-run=client, or use `kubectl mtls webhook print`"),
        );
    }
    let settings = source::settings(args.shape.config.clone())?;
    let parts = args.shape.render(&namespace, Policy::Ignore)?;
    if args.dry_run == DryRun::Client {
        let objects: Vec<_> = parts.into_iter().map(|part| part.object).collect();
        output::objects(args.output, &objects, &args.dry_run.done("applied"))?;
        return Ok(0);
    }
    block_on(install(args, globals, &namespace, settings, parts))
}

async fn install(
    args: &Args,
    globals: &Globals,
    namespace: &str,
    settings: Settings,
    mut parts: Vec<Part>,
) -> anyhow::Result<u8> {
    let cluster = Cluster::connect(globals).await?;
    let before = before::look(&cluster, namespace).await?;
    before::check(&before, args, namespace)?;
    leave_namespace(&cluster, &mut parts).await?;
    audit::run(&cluster, settings).await?;
    let before = before.policy();
    let enforced = before == Some(Policy::Fail) && args.fail_policy == Policy::Fail;
    // Whoever may not read what is to go learns it before anything is changed.
    let found = inventory::find(&cluster, namespace).await?;
    rehearse(&cluster, &parts, args, enforced).await?;
    if args.dry_run == DryRun::Server {
        let (gone, _) = inventory::leftovers(found, &parts, namespace, args.force_conflicts);
        for one in gone {
            told(&one, namespace, args.dry_run)?;
        }
        return Ok(0);
    }
    if args.fail_policy == Policy::Ignore && before == Some(Policy::Fail) {
        turn(&cluster, Policy::Ignore).await?;
    }
    for part in &parts {
        if let Some(kept) = apply(&cluster, part, false, args, enforced).await? {
            say(
                "note",
                &format!(
                    "the caBundle trusts {kept} too: once the webhook serves by the new CA, install again, and it goes"
                ),
            );
        }
        output::bytes(format!("{} applied\n", part.shown()).as_bytes())?;
    }
    prune_entries(&cluster, &parts, args).await?;
    if args.shape.url.is_none() {
        rollout::wait(&cluster, namespace, args.timeout).await?;
    }
    prove(&cluster, args, namespace).await?;
    prune(&cluster, &parts, namespace, args).await?;
    Ok(0)
}

/// Entries that are not brought any more go before the old program does: the new one may not know
/// them.
async fn prune_entries(cluster: &Cluster, parts: &[Part], args: &Args) -> anyhow::Result<()> {
    for part in parts.iter().filter(|part| part.is_configuration()) {
        let Some(path) = part.path() else {
            continue;
        };
        let wanted = &part.object;
        let (gone, left) = drop_entries(cluster, &path, wanted, args.force_conflicts).await?;
        for name in gone {
            output::bytes(format!("{} of {} removed\n", name, part.shown()).as_bytes())?;
        }
        for (name, owner) in left {
            stays(&format!("{name} of {}", part.shown()), &owner);
        }
    }
    Ok(())
}

/// What earlier versions or other flags brought goes once the rest is proven.
async fn prune(
    cluster: &Cluster,
    parts: &[Part],
    namespace: &str,
    args: &Args,
) -> anyhow::Result<()> {
    let found = inventory::find(cluster, namespace).await?;
    let (gone, left) = inventory::leftovers(found, parts, namespace, args.force_conflicts);
    for one in gone {
        cluster.remove(&one.path, false).await?;
        told(&one, namespace, args.dry_run)?;
    }
    for one in left {
        stays(&one.shown(namespace), &one.owner);
    }
    Ok(())
}

fn told(one: &Found, namespace: &str, dry_run: DryRun) -> anyhow::Result<()> {
    let (shown, done) = (one.shown(namespace), dry_run.done("removed"));
    output::bytes(format!("{shown} {done}\n").as_bytes())
}

fn stays(shown: &str, owner: &inventory::Owner) {
    let hint = match owner {
        inventory::Owner::Shared(_) => "; --force-conflicts removes it",
        _ => "",
    };
    say(
        "note",
        &format!(
            "{shown} is not brought any more and stays: {} has a part in it{hint}",
            owner.others()
        ),
    );
}

/// A namespace of others is used as it is: with the webhook's label it would be taken for its own.
async fn leave_namespace(cluster: &Cluster, parts: &mut Vec<Part>) -> anyhow::Result<()> {
    let is_namespace = |part: &Part| part.kind() == "Namespace";
    let Some(path) = parts
        .iter()
        .find(|part| is_namespace(part))
        .and_then(Part::path)
    else {
        return Ok(());
    };
    let Some(there) = cluster.value(&path).await? else {
        return Ok(());
    };
    if !objects::is_own(&there) {
        let name = there["metadata"]["name"].as_str().unwrap_or_default();
        say(
            "note",
            &format!("namespace {name} is there already, and is left as it is"),
        );
        parts.retain(|part| !is_namespace(part));
    }
    Ok(())
}

/// Everything is tried before anything is changed. What stands in a namespace that is still to come
/// cannot be.
async fn rehearse(
    cluster: &Cluster,
    parts: &[Part],
    args: &Args,
    enforced: bool,
) -> anyhow::Result<()> {
    let told = args.dry_run == DryRun::Server;
    let comes = |name: &str| {
        let mut namespaces = parts.iter().filter(|part| part.kind() == "Namespace");
        namespaces.any(|part| part.name() == name)
    };
    for part in parts {
        let home = part.object["metadata"]["namespace"].as_str();
        let there = match home {
            Some(name) => cluster
                .value(&format!("/api/v1/namespaces/{name}"))
                .await?
                .is_some(),
            None => true,
        };
        if let Some(name) = home.filter(|name| !there && !comes(name)) {
            let text = format!(
                "namespace {name} does not exist, so {} cannot be made",
                part.shown()
            );
            return Err(Problem::world(text).hint(
                "create it first, or correct -n or --secret-namespaces; nothing was changed",
            ));
        }
        match there {
            true => drop(apply(cluster, part, true, args, enforced).await?),
            false if !is_served(cluster, part).await? => return Err(unserved(part, args)),
            false => {}
        }
        if told {
            let done = match there {
                true => args.dry_run.done("applied"),
                false => format!(
                    "not tried: namespace {} is not there yet",
                    home.unwrap_or_default()
                ),
            };
            output::bytes(format!("{} {done}\n", part.shown()).as_bytes())?;
        }
    }
    Ok(())
}

/// Applies an object; what a configuration must not lose comes along. Tells which CAs are trusted on.
async fn apply(
    cluster: &Cluster,
    part: &Part,
    dry_run: bool,
    args: &Args,
    enforced: bool,
) -> anyhow::Result<Option<String>> {
    let Some(path) = part.path() else {
        anyhow::bail!("{} has no place in the API", part.shown());
    };
    let mut object = part.object.clone();
    let mut kept = None;
    if part.is_configuration()
        && let Some(live) = cluster.value(&path).await?
    {
        kept = take_over(&mut object, &live, enforced);
    }
    match cluster
        .try_apply(&path, &object, dry_run, args.force_conflicts)
        .await?
    {
        true => Ok(kept),
        false => Err(unserved(part, args)),
    }
}

/// Whether the cluster has the API group and version of an object.
async fn is_served(cluster: &Cluster, part: &Part) -> anyhow::Result<bool> {
    let version = part.object["apiVersion"].as_str().unwrap_or_default();
    let root = if version.contains('/') {
        "/apis"
    } else {
        "/api"
    };
    Ok(cluster.value(&format!("{root}/{version}")).await?.is_some())
}

fn unserved(part: &Part, args: &Args) -> anyhow::Error {
    let text = format!(
        "the cluster does not serve {} {}, so {} cannot be applied",
        part.object["apiVersion"].as_str().unwrap_or_default(),
        part.kind(),
        part.shown()
    );
    Problem::world(text).hint(match args.shape.cert_mode {
        CertMode::CertManager => "install cert-manager first, or use --cert-mode self-managed",
        _ => "Kubernetes 1.30 or newer is needed; `kubectl api-versions` shows what is served",
    })
}

/// The proof, and only then Fail; and once more under Fail.
async fn prove(cluster: &Cluster, args: &Args, namespace: &str) -> anyhow::Result<()> {
    let configuration = cluster.value(VALIDATING).await?.unwrap_or_default();
    let holds = enforcement::policy(&configuration).unwrap_or(Policy::Ignore);
    let limit = FIND.min(args.timeout);
    let probe = Probe::prepare(cluster, &configuration).await?;
    let stays = match holds {
        Policy::Fail => "; failurePolicy stays Fail, as it was",
        Policy::Ignore => "; failurePolicy stays Ignore",
    };
    let probe = probe.map_err(|outcome| outcome.problem(stays, namespace))?;
    let outcome = probe.insist(limit).await?;
    if outcome != Outcome::Proven {
        let empty =
            entries(&configuration).any(|entry| entry["clientConfig"]["caBundle"].is_null());
        let more = match (holds, empty) {
            (Policy::Ignore, true) => "; failurePolicy stays Ignore (there is a caBundle to come)",
            _ => stays,
        };
        return Err(outcome.problem(more, namespace));
    }
    say(
        "proven",
        &format!("{} (in namespace {})", outcome.text(), probe.namespace),
    );
    if args.fail_policy == Policy::Ignore {
        say(
            "note",
            "failurePolicy is Ignore: while the webhook does not answer, everything is admitted",
        );
        return Ok(());
    }
    if holds == Policy::Ignore {
        turn(cluster, Policy::Fail).await?;
        let after = probe.insist(limit).await;
        if !matches!(after, Ok(Outcome::Proven)) {
            let back = turn(cluster, Policy::Ignore).await;
            back.context("failurePolicy is Fail, and could not be turned back to Ignore")?;
            return Err(after?.problem("; failurePolicy is Ignore again", namespace));
        }
    }
    say(
        "enforced",
        "failurePolicy is Fail: a change that cannot be judged is refused",
    );
    Ok(())
}
