//! Names alone, for completion: what cannot be had is nobody's error.

use http::Request;
use kube::config::Kubeconfig;
use policy::dialect::Kind;
use policy::{Object, SecretRef};
use serde::Deserialize;

use super::{Cluster, PAGE, config};
use crate::globals::Globals;

/// Makes the API server leave out everything but metadata, so that no Secret's data is sent.
const METADATA: &str = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";

/// The names in a kubeconfig.
#[derive(Default)]
pub(crate) struct Names {
    pub(crate) clusters: Vec<String>,
    pub(crate) contexts: Vec<String>,
    pub(crate) users: Vec<String>,
}

impl Names {
    /// Those of the kubeconfig that the flags or the environment name; none where it cannot be read.
    pub(crate) fn read(globals: &Globals) -> Self {
        config::kubeconfig(globals).map_or_else(|_| Self::default(), |read| Self::of(&read))
    }

    pub(super) fn of(kubeconfig: &Kubeconfig) -> Self {
        let clusters = kubeconfig.clusters.iter().map(|one| one.name.clone());
        let contexts = kubeconfig.contexts.iter().map(|one| one.name.clone());
        let users = kubeconfig.auth_infos.iter().map(|one| one.name.clone());
        Self {
            clusters: clusters.collect(),
            contexts: contexts.collect(),
            users: users.collect(),
        }
    }
}

#[derive(Default, Deserialize)]
struct List {
    #[serde(default)]
    items: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    metadata: Meta,
}

#[derive(Deserialize)]
struct Meta {
    name: String,
    #[serde(default)]
    namespace: String,
}

impl Cluster {
    /// The names in a collection, a page at most.
    pub(crate) async fn names(&self, path: &str, query: &str) -> Vec<SecretRef> {
        let request = Request::get(format!("{path}?limit={PAGE}&{query}"));
        let request = request.header("accept", METADATA).body(Vec::new());
        let Ok(request) = request else {
            return Vec::new();
        };
        let text = self.send(request).await.unwrap_or_default();
        let list: List = serde_json::from_str(&text).unwrap_or_default();
        let places = list.items.into_iter().map(|Item { metadata }| metadata);
        places
            .map(|meta| SecretRef::new(&meta.namespace, &meta.name))
            .collect()
    }

    /// The objects of a kind in all namespaces, or in the only one that may be listed.
    pub(crate) async fn some(&self, kind: &Kind) -> Vec<Object> {
        if let Ok(Ok(objects)) = self.list(kind, None).await {
            return objects;
        }
        let there = self.list(kind, Some(&self.namespace)).await;
        there.ok().and_then(Result::ok).unwrap_or_default()
    }
}
