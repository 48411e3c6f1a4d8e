//! `webhook uninstall`: takes away what `webhook install` brought; what refuses goes first.

use std::time::Duration;

use super::block_on;
use crate::cluster::{Cluster, Removed};
use crate::globals::{DryRun, Globals, duration};
use crate::installation::objects::{self, Part, shipped};
use crate::installation::{LABEL, enforcement, shape};
use crate::output;
use crate::problem::{Problem, say};

/// Namespaces that are never removed, whatever they are labelled with.
const KEPT: [&str; 4] = ["default", "kube-node-lease", "kube-public", "kube-system"];
/// What is made beside the manifests, by flags, by the webhook itself, or by cert-manager.
const MADE: [&str; 8] = [
    "apis/cert-manager.io/v1 certificates",
    "apis/cert-manager.io/v1 issuers",
    "api/v1 configmaps",
    "apis/rbac.authorization.k8s.io/v1 rolebindings",
    "apis/rbac.authorization.k8s.io/v1 roles",
    "api/v1 secrets/mtls-webhook-ca",
    "api/v1 secrets/mtls-webhook-tls",
    "apis/coordination.k8s.io/v1 leases/mtls-webhook-audit",
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
    let mut gone = Vec::new();
    for part in ordered(namespace, args.delete_crds)? {
        let Some(path) = part.path() else {
            continue;
        };
        if part.kind() == "Namespace" {
            gone.extend(made(&cluster, namespace, args.dry_run).await?);
            if !is_own(&cluster, namespace, &path).await? {
                continue;
            }
        }
        if take(&cluster, &path, args.dry_run).await? {
            tell(&part.shown(), args.dry_run)?;
            gone.push(path);
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

/// What ships, in the order in which it goes.
fn ordered(namespace: &str, crds: bool) -> anyhow::Result<Vec<Part>> {
    let mut parts = shipped()?;
    parts.retain(|part| crds || part.kind() != "CustomResourceDefinition");
    for part in &mut parts {
        if part.object["metadata"]["namespace"].is_string() {
            part.object["metadata"]["namespace"] = namespace.into();
        }
        if part.kind() == "Namespace" {
            part.object["metadata"]["name"] = namespace.into();
        }
    }
    parts.sort_by_key(|part| std::cmp::Reverse(part.rank()));
    Ok(parts)
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

/// Removes what is not among the manifests: by name, or by label in the namespace and, for Roles, in
/// every namespace.
async fn made(cluster: &Cluster, namespace: &str, dry_run: DryRun) -> anyhow::Result<Vec<String>> {
    let mut gone = Vec::new();
    for row in MADE {
        let (api, kind) = row.split_once(' ').unwrap_or_default();
        let mut paths = Vec::new();
        match kind.split_once('/') {
            Some(_) => paths.push((
                format!("/{api}/namespaces/{namespace}/{kind}"),
                kind.to_owned(),
            )),
            None => {
                let scope = match kind {
                    "roles" | "rolebindings" => String::new(),
                    _ => format!("/namespaces/{namespace}"),
                };
                for object in cluster
                    .items(&format!("/{api}{scope}/{kind}"), LABEL)
                    .await?
                {
                    let text = |key: &str| {
                        object["metadata"][key]
                            .as_str()
                            .unwrap_or_default()
                            .to_owned()
                    };
                    let (place, name) = (text("namespace"), text("name"));
                    let path = format!("/{api}/namespaces/{place}/{kind}/{name}");
                    paths.push((path, format!("{kind}/{name} in {place}")));
                }
            }
        }
        for (path, shown) in paths {
            if take(cluster, &path, dry_run).await? {
                tell(&shown, dry_run)?;
                gone.push(path);
            }
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
