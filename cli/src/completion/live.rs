//! Names as they are in the kubeconfig and in the cluster now. A shell waits for them: what is not
//! answered soon, or not allowed, is left out in silence.

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use clap_complete::engine::{CompletionCandidate, PathCompleter, ValueCompleter as _};
use futures_util::future::join_all;
use policy::dialect::{self, Kind, Role};
use policy::{SecretRef, Settings};

use super::typed::Typed;
use crate::cluster::{Cluster, Names};
use crate::command::signer::place;
use crate::store::{self, Record};
use crate::validity::now;

/// So long a shell waits at most.
const PATIENCE: Duration = Duration::from_millis(1500);

/// The kinds of issuers of cert-manager.
const ISSUERS: [(&str, &str); 2] = [("ClusterIssuer", "clusterissuers"), ("Issuer", "issuers")];

/// Names of the kubeconfig; no server is asked.
pub(super) fn kubeconfig(
    typed: &Typed,
    of: impl FnOnce(Names) -> Vec<String>,
) -> Vec<CompletionCandidate> {
    plain(of(Names::read(&typed.globals)))
}

/// The namespaces of the cluster.
pub(super) fn namespaces(typed: &Typed) -> Vec<CompletionCandidate> {
    ask(typed, async |cluster| {
        let found = cluster.names("/api/v1/namespaces", "").await;
        plain(found.into_iter().map(|place| place.name))
    })
}

/// Signing Secrets: NAME in the namespace of the line, NAMESPACE/NAME in the others.
pub(super) fn cas(typed: &Typed) -> Vec<CompletionCandidate> {
    ask(typed, async |cluster| {
        let query = format!("labelSelector={}", store::Role::Signing.selector());
        let found = anywhere(&cluster, "v1", "secrets", &query).await;
        let own = found.iter().filter(|ca| ca.namespace == cluster.namespace);
        let mut names: Vec<_> = own.map(|ca| ca.name.clone()).collect();
        names.extend(found.iter().map(ToString::to_string));
        plain(names)
    })
}

/// What gateways read, in the namespace of the line.
pub(super) fn trusts(typed: &Typed) -> Vec<CompletionCandidate> {
    let query = format!("labelSelector={}", store::Role::Trust.selector());
    own(typed, "secrets", query)
}

/// Certificates with their keys, in the namespace of the line.
pub(super) fn pairs(typed: &Typed) -> Vec<CompletionCandidate> {
    own(
        typed,
        "secrets",
        "fieldSelector=type%3Dkubernetes.io/tls".to_owned(),
    )
}

fn own(typed: &Typed, plural: &'static str, query: String) -> Vec<CompletionCandidate> {
    ask(typed, async move |cluster| {
        let path = crate::cluster::collection("v1", plural, Some(&cluster.namespace));
        let found = cluster.names(&path, &query).await;
        plain(found.into_iter().map(|place| place.name))
    })
}

/// Issuers of cert-manager, as KIND/NAME.
pub(super) fn issuers(typed: &Typed, word: &str) -> Vec<CompletionCandidate> {
    let kinds = ISSUERS.into_iter().filter(|(kind, _)| begins(word, kind));
    let kinds: Vec<_> = kinds.collect();
    ask(typed, async move |cluster| {
        let found = kinds.into_iter().map(async |(kind, plural)| {
            let namespace = (kind == "Issuer").then_some(cluster.namespace.as_str());
            let path = crate::cluster::collection("cert-manager.io/v1", plural, namespace);
            let found = cluster.names(&path, "").await;
            let named = found
                .into_iter()
                .map(|place| format!("{kind}/{}", place.name));
            named.collect::<Vec<_>>()
        });
        plain(join_all(found).await.into_iter().flatten())
    })
}

/// The hosts that routes open, wherever they stand.
pub(super) fn hosts(typed: &Typed) -> Vec<CompletionCandidate> {
    ask(typed, async |cluster| plain(host_names(&cluster).await))
}

/// Routes as KIND/NAME, in the namespace of the line.
pub(super) fn routes(typed: &Typed, word: &str) -> Vec<CompletionCandidate> {
    let kinds = dialect::kinds().into_iter();
    let kinds = kinds.filter(|kind| kind.role == Role::Route);
    let kinds: Vec<_> = kinds
        .filter(|kind| begins(word, &kind.kind.to_lowercase()))
        .collect();
    if kinds.is_empty() {
        return Vec::new();
    }
    ask(typed, async move |cluster| {
        let found = kinds.iter().map(|kind| routes_of(&cluster, kind));
        let mut names: Vec<_> = join_all(found).await.into_iter().flatten().collect();
        names.sort();
        names.dedup();
        plain(names)
    })
}

async fn routes_of(cluster: &Cluster, kind: &Kind) -> Vec<String> {
    let namespace = Some(cluster.namespace.as_str());
    let path = crate::cluster::collection(&kind.api_version(), kind.plural, namespace);
    let found = cluster.names(&path, "").await;
    let named = found.into_iter();
    named
        .map(|place| format!("{}/{}", kind.kind.to_lowercase(), place.name))
        .collect()
}

/// Routes, hosts and URLs.
pub(super) fn targets(typed: &Typed, word: &str) -> Vec<CompletionCandidate> {
    let mut found = routes(typed, word);
    if word.starts_with("host/") {
        let hosts = hosts(typed).into_iter();
        found.extend(hosts.map(|host| host.add_prefix("host/")));
    } else {
        found.extend(["host/", "https://"].map(CompletionCandidate::new));
    }
    found
}

/// Files, Secrets, ConfigMaps and URLs.
pub(super) fn inspected(typed: &Typed, word: &str) -> Vec<CompletionCandidate> {
    for (kind, plural) in [("secret", "secrets"), ("configmap", "configmaps")] {
        if word.starts_with(&format!("{kind}/")) {
            let names = own(typed, plural, String::new()).into_iter();
            return names
                .map(|name| name.add_prefix(format!("{kind}/")))
                .collect();
        }
    }
    let mut found = PathCompleter::any().complete(word.as_ref());
    found.extend(["secret/", "configmap/", "https://"].map(CompletionCandidate::new));
    found
}

/// Common names of what the CA of the line issued and what can still be used, and files.
pub(super) fn certificates(typed: &Typed, word: &str) -> Vec<CompletionCandidate> {
    let mut found = PathCompleter::file().complete(word.as_ref());
    if let Some(ca) = typed.ca.clone() {
        found.extend(ask(typed, async move |cluster| {
            let ca = place(&ca, &cluster.namespace);
            let records = store::list_records(&cluster, &ca).await.unwrap_or_default();
            let living = records.iter().filter(|record| record.is_living(now()));
            let names: BTreeSet<_> = living.flat_map(Record::common_names).collect();
            plain(names.into_iter().map(str::to_owned))
        }));
    }
    found
}

async fn host_names(cluster: &Cluster) -> Vec<String> {
    let kinds = dialect::kinds().into_iter();
    let kinds: Vec<_> = kinds
        .filter(|kind| kind.role == Role::Route)
        .chain(dialect::CLASSES)
        .collect();
    let lists = kinds.iter().map(|kind| cluster.some(kind));
    let objects: Vec<_> = join_all(lists).await.into_iter().flatten().collect();
    let mut settings = Settings::default();
    objects.iter().for_each(|object| settings.learn(object));
    let read = objects
        .iter()
        .map(|object| dialect::read(object, &settings));
    let routes = read.flat_map(|read| read.routes);
    let mut hosts: Vec<_> = routes.flat_map(|route| route.hosts.clone()).collect();
    hosts.sort();
    hosts.dedup();
    hosts
}

/// The objects of all namespaces, or of the line's where only those may be listed.
async fn anywhere(
    cluster: &Cluster,
    api_version: &str,
    plural: &str,
    query: &str,
) -> Vec<SecretRef> {
    let path = crate::cluster::collection(api_version, plural, None);
    let found = cluster.names(&path, query).await;
    if !found.is_empty() {
        return found;
    }
    let path = crate::cluster::collection(api_version, plural, Some(&cluster.namespace));
    cluster.names(&path, query).await
}

/// Whether a word is the beginning of `KIND/…`, or goes on after it.
fn begins(word: &str, kind: &str) -> bool {
    match word.split_once('/') {
        Some((named, _)) => named == kind,
        None => kind.starts_with(word),
    }
}

fn plain(names: impl IntoIterator<Item = String>) -> Vec<CompletionCandidate> {
    names.into_iter().map(CompletionCandidate::new).collect()
}

/// Asks the cluster of the line on a thread that may be left behind: a program that is to fetch
/// credentials can hang whatever the limit of requests is.
fn ask<F: Future<Output = Vec<CompletionCandidate>>>(
    typed: &Typed,
    question: impl FnOnce(Cluster) -> F + Send + 'static,
) -> Vec<CompletionCandidate> {
    let (send, receive) = mpsc::channel();
    let globals = typed.globals.clone();
    thread::spawn(move || {
        let found = crate::command::wait_for(async {
            let cluster = Cluster::connect(&globals).await?;
            Ok(question(cluster).await)
        });
        let _ = send.send(found.unwrap_or_default());
    });
    receive.recv_timeout(PATIENCE).unwrap_or_default()
}
