//! `webhook uninstall`: takes away what `webhook install` brought; what refuses goes first.

use std::time::Duration;

use serde_json::Value;

use super::block_on;
use crate::cluster::{Cluster, Removed};
use crate::globals::{DryRun, Globals, duration};
use crate::installation::inventory::{self, Found, Owner, belongs};
use crate::installation::objects;
use crate::installation::{BINDING, NAME, VALIDATING, enforcement, shape};
use crate::output;
use crate::problem::{Problem, say};

/// Namespaces that are never removed, whatever they are labelled with.
const KEPT: [&str; 4] = ["default", "kube-node-lease", "kube-public", "kube-system"];
/// What the webhook itself or cert-manager makes, without a label.
const MADE: [&str; 4] = [
    "api/v1 secrets/mtls-webhook-ca",
    "api/v1 secrets/mtls-webhook-issuer",
    "api/v1 secrets/mtls-webhook-tls",
    "apis/coordination.k8s.io/v1 leases/mtls-webhook-audit",
];
/// The configurations of everybody.
const CONFIGURATIONS: [&str; 2] = [
    "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations",
    "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations",
];

/// Remove the admission webhook
#[derive(clap::Args)]
#[command(after_help = "Examples:
  kubectl mtls webhook uninstall
  # The policies too, which are of no use without it
  kubectl mtls webhook uninstall --delete-crds

When nothing else helps:
  kubectl delete \\
    validatingwebhookconfiguration,mutatingwebhookconfiguration kubectl-mtls")]
pub(crate) struct Args {
    /// Remove the CustomResourceDefinitions too, and with them every policy and exception
    #[arg(long)]
    delete_crds: bool,
    /// How long to wait until everything is gone
    #[arg(long, value_name = "DURATION", default_value = "2m", value_parser = duration)]
    timeout: Duration,
    /// none, client (only print what would be removed) or server
    #[arg(long, default_value = "none", num_args = 0..=1, require_equals = true, default_missing_value = "client")]
    dry_run: DryRun,
}

pub(crate) fn run(args: &Args, globals: &Globals) -> anyhow::Result<u8> {
    shape::namespace(globals)?;
    block_on(uninstall(args, globals))
}

async fn uninstall(args: &Args, globals: &Globals) -> anyhow::Result<u8> {
    let cluster = Cluster::connect(globals).await?;
    let namespace = &enforcement::namespace(&cluster, globals).await?;
    is_home(&cluster, namespace).await?;
    let mut found = inventory::find(&cluster, namespace).await?;
    found.retain(|one| goes(one, namespace, args.delete_crds));
    found.reverse();
    let (own, others): (Vec<_>, Vec<_>) = found
        .into_iter()
        .partition(|one| !matches!(one.owner, Owner::Others(_)));
    for one in &others {
        let (shown, who) = (one.shown(namespace), one.owner.others());
        say("note", &format!("{shown} stays: it was brought by {who}"));
    }
    stranded(&cluster, namespace, &own).await?;
    let mut gone = Vec::new();
    // Nobody asks the webhook any more before it goes.
    let (first, rest): (Vec<_>, Vec<_>) = own
        .iter()
        .partition(|one| one.part.kind().contains("Webhook"));
    gone.extend(take_all(&cluster, first, namespace, args.dry_run).await?);
    if args.dry_run == DryRun::None {
        wait(&cluster, &gone, args.timeout).await?;
    }
    let (last, rest): (Vec<_>, Vec<_>) = rest
        .into_iter()
        .partition(|one| one.part.kind() == "Namespace");
    gone.extend(take_all(&cluster, rest, namespace, args.dry_run).await?);
    gone.extend(made(&cluster, namespace, args.dry_run).await?);
    for one in last {
        if is_own(&cluster, namespace, &one.path).await? {
            gone.extend(take_all(&cluster, vec![one], namespace, args.dry_run).await?);
        }
    }
    if gone.is_empty() {
        say("note", "nothing was installed");
    }
    if args.dry_run == DryRun::None {
        wait(&cluster, &gone, args.timeout).await?;
    }
    Ok(0)
}

/// What is cluster-wide belongs to the webhook of another namespace, if there is one.
async fn is_home(cluster: &Cluster, namespace: &str) -> anyhow::Result<()> {
    let configuration = cluster.value(VALIDATING).await?;
    let binding = cluster.value(BINDING).await?;
    match inventory::home(configuration.as_ref(), binding.as_ref()) {
        Some(home) if home != *namespace => Err(Problem::world(format!(
            "the webhook is installed in namespace {home}, not in {namespace}; nothing was removed"
        ))
        .hint(format!(
            "`kubectl mtls webhook uninstall -n {home}` removes it"
        ))),
        _ => Ok(()),
    }
}

/// Whether an object is among what is to go.
fn goes(one: &Found, namespace: &str, crds: bool) -> bool {
    match one.part.kind() {
        "CustomResourceDefinition" => crds,
        "Namespace" => one.part.name() == namespace,
        _ => belongs(&one.part.object, namespace),
    }
}

/// Refuses to take the server away from configurations that stay.
async fn stranded(cluster: &Cluster, namespace: &str, own: &[Found]) -> anyhow::Result<()> {
    for collection in CONFIGURATIONS {
        for configuration in cluster.items(collection, "").await? {
            let name = configuration["metadata"]["name"]
                .as_str()
                .unwrap_or_default();
            let path = format!("{collection}/{name}");
            if leads_here(&configuration, namespace) && !own.iter().any(|one| one.path == path) {
                let who = Owner::of(&configuration).others();
                let text = format!(
                    "{path} asks the webhook, and was brought by {who}: without the webhook it would \
                     refuse what it is asked about; nothing was removed"
                );
                return Err(Problem::world(text).hint(
                    "remove it first, the way it came (helm uninstall, or `kubectl delete`), and run \
                     this again",
                ));
            }
        }
    }
    Ok(())
}

fn leads_here(configuration: &Value, namespace: &str) -> bool {
    enforcement::entries(configuration).any(|entry| {
        let service = &entry["clientConfig"]["service"];
        service["name"] == NAME && service["namespace"] == namespace
    })
}

async fn take_all(
    cluster: &Cluster,
    all: Vec<&Found>,
    namespace: &str,
    dry_run: DryRun,
) -> anyhow::Result<Vec<String>> {
    let mut gone = Vec::new();
    for one in all {
        if take(cluster, &one.path, dry_run).await? {
            tell(&one.shown(namespace), dry_run)?;
            gone.push(one.path.clone());
        }
    }
    Ok(gone)
}

/// Removes an object; `false` where there is none.
async fn take(cluster: &Cluster, path: &str, dry_run: DryRun) -> anyhow::Result<bool> {
    match dry_run {
        DryRun::Client => Ok(cluster.value(path).await?.is_some()),
        DryRun::None => Ok(cluster.remove(path, false).await? == Removed::Gone),
        DryRun::Server => Ok(cluster.remove(path, true).await? == Removed::Gone),
    }
}

fn tell(shown: &str, dry_run: DryRun) -> anyhow::Result<()> {
    output::bytes(format!("{shown} {}\n", dry_run.done("removed")).as_bytes())
}

/// Removes what nobody labelled, by name.
async fn made(cluster: &Cluster, namespace: &str, dry_run: DryRun) -> anyhow::Result<Vec<String>> {
    let mut gone = Vec::new();
    for row in MADE {
        let (api, name) = row.split_once(' ').unwrap_or_default();
        let path = format!("/{api}/namespaces/{namespace}/{name}");
        if take(cluster, &path, dry_run).await? {
            tell(name, dry_run)?;
            gone.push(path);
        }
    }
    Ok(gone)
}

/// Whether the namespace came with the webhook and holds nothing of anybody else.
async fn is_own(cluster: &Cluster, namespace: &str, path: &str) -> anyhow::Result<bool> {
    let Some(object) = cluster.value(path).await? else {
        return Ok(false);
    };
    if !objects::is_own(&object) || KEPT.contains(&namespace) {
        return Ok(false);
    }
    let foreign = foreign(cluster, namespace).await?;
    if !foreign.is_empty() {
        let text = format!(
            "namespace/{namespace} stays: it holds {} of others",
            foreign.join(", ")
        );
        say("note", &text);
    }
    Ok(foreign.is_empty())
}

/// What people may miss: what runs, what is stored, and what is served that is not the webhook's.
async fn foreign(cluster: &Cluster, namespace: &str) -> anyhow::Result<Vec<String>> {
    let mut found = Vec::new();
    for (api, plural) in [
        ("api/v1", "secrets"),
        ("api/v1", "configmaps"),
        ("api/v1", "persistentvolumeclaims"),
        ("api/v1", "pods"),
        ("api/v1", "services"),
        ("apis/apps/v1", "daemonsets"),
        ("apis/apps/v1", "deployments"),
        ("apis/apps/v1", "statefulsets"),
        ("apis/batch/v1", "cronjobs"),
        ("apis/batch/v1", "jobs"),
        ("apis/networking.k8s.io/v1", "ingresses"),
    ] {
        for object in cluster
            .items(&format!("/{api}/namespaces/{namespace}/{plural}"), "")
            .await?
        {
            let metadata = &object["metadata"];
            let name = metadata["name"].as_str().unwrap_or_default();
            let own = name.starts_with("mtls-webhook")
                || objects::is_own(&object)
                || name == "kube-root-ca.crt";
            if !own {
                found.push(format!("{plural}/{name}"));
            }
        }
    }
    Ok(found)
}

async fn wait(cluster: &Cluster, gone: &[String], limit: Duration) -> anyhow::Result<()> {
    let end = tokio::time::Instant::now() + limit;
    for path in gone {
        while cluster.get(path).await?.is_some() {
            crate::progress::doing(format!("waiting until {path} is gone"));
            if tokio::time::Instant::now() >= end {
                let text = format!("{path} is still there after {}s", limit.as_secs());
                return Err(Problem::world(text).hint(
                    "nothing is refused any more; `kubectl get` with -o yaml shows its finalizers and \
                     conditions. Run this again at any time",
                ));
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_configuration_leads_to_its_service_alone() {
        let configuration = |name: &str| {
            let service = json!({"name": name, "namespace": "a"});
            json!({"webhooks": [{"clientConfig": {"url": "https://x"}}, {"clientConfig": {"service": service}}]})
        };
        assert!(leads_here(&configuration(NAME), "a"));
        assert!(!leads_here(&configuration(NAME), "b"));
        assert!(!leads_here(&configuration("other"), "a"));
    }
}
