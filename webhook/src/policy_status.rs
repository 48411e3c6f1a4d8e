//! Writes the status of policies and exceptions, where it is another than the one that is there.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use futures_util::stream::{self, StreamExt as _};
use kube::api::{
    Api, ApiResource, DynamicObject, GroupVersionKind, ListParams, Patch, PatchParams,
};
use policy::client_auth_policy::{
    self, EXCEPTION, ExceptionStatus, KINDS, POLICY, Policies, PolicyStatus,
};
use policy::dialect::{self, Kind};
use policy::{Bundle, HostKey, HostReport, Lookup, Object, SecretRef};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::live::Live;
use crate::state::State;

/// Hosts that are settled before others get at the index.
const CHUNK: usize = 200;
/// Reads that run at once.
const AT_ONCE: usize = 8;
/// A round does not take longer.
const PATIENCE: Duration = Duration::from_secs(60);

/// Judges every host that a policy matches, and writes what changed. `now`: Unix seconds.
///
/// # Errors
/// When policies cannot be listed, or a status cannot be written; the others are.
pub(crate) async fn write(state: &State, now: i64) -> anyhow::Result<()> {
    let own_policies = list(state, &POLICY).await?;
    let own_exceptions = list(state, &EXCEPTION).await?;
    if own_policies.is_empty() && own_exceptions.is_empty() {
        return Ok(());
    }
    let policies = Arc::new(fresh(state, &own_policies, &own_exceptions));
    let hosts = judge(state, &policies, now).await;
    let mut failed = Ok(());
    for policy in policies.policies() {
        let status = |generation, previous: &PolicyStatus| {
            client_auth_policy::status(policy, generation, &hosts, previous, now)
        };
        let written = update(state, &POLICY, &own_policies, policy.name(), status).await;
        failed = failed.and(written);
    }
    for exception in policies.exceptions() {
        let status = |generation, previous: &ExceptionStatus| {
            client_auth_policy::exception_status(exception, generation, &hosts, previous, now)
        };
        let written = update(state, &EXCEPTION, &own_exceptions, exception.name(), status).await;
        failed = failed.and(written);
    }
    failed
}

fn api(state: &State, kind: &Kind) -> Api<DynamicObject> {
    let gvk = GroupVersionKind::gvk(kind.group, kind.version, kind.kind);
    let resource = ApiResource::from_gvk_with_plural(&gvk, kind.plural);
    Api::all_with(state.client.clone(), &resource)
}

/// A kind that is not served has no objects.
async fn list(state: &State, kind: &Kind) -> anyhow::Result<Vec<DynamicObject>> {
    match api(state, kind).list(&ListParams::default()).await {
        Ok(list) => Ok(list.items),
        Err(kube::Error::Api(status)) if status.is_not_found() => Ok(Vec::new()),
        Err(error) => Err(error).with_context(|| format!("listing {}", kind.plural)),
    }
}

/// What was listed, with the namespaces of the index.
fn fresh(state: &State, policies: &[DynamicObject], exceptions: &[DynamicObject]) -> Policies {
    let mut fresh = (*state.facts().policies).clone();
    let none = BTreeSet::new();
    for kind in KINDS.iter().filter(|kind| !kind.group.is_empty()) {
        fresh.retain(kind, &none);
    }
    for (kind, objects) in [(&POLICY, policies), (&EXCEPTION, exceptions)] {
        for object in objects {
            let text = serde_json::to_string(object).unwrap_or_default();
            if let Ok(object) = Object::from_list_item(&kind.api_version(), kind.kind, &text) {
                fresh.learn(&object);
            }
        }
    }
    fresh
}

/// The hosts that some policy matches.
async fn judge(state: &State, policies: &Arc<Policies>, now: i64) -> Vec<HostReport> {
    let keys = state.facts().hosts();
    let mut hosts = Vec::new();
    for chunk in keys.chunks(CHUNK) {
        hosts.extend(judge_some(state, policies, chunk, now).await);
        tokio::task::yield_now().await;
    }
    hosts
}

async fn judge_some(
    state: &State,
    policies: &Arc<Policies>,
    keys: &[HostKey],
    now: i64,
) -> Vec<HostReport> {
    let mut bundles: Vec<(SecretRef, Lookup<Arc<Bundle>>)> = Vec::new();
    loop {
        let hosts: Vec<_> = {
            let facts = state.facts();
            let mut view = facts.view().at(now);
            view.lay_policies(Arc::clone(policies));
            for (secret, found) in &bundles {
                view.lay_bundle(secret.clone(), found.clone());
            }
            let settled = keys.iter().map(|key| dialect::settle(key, &view));
            settled.filter(|host| !host.policies.is_empty()).collect()
        };
        let wanted: BTreeSet<_> = hosts.iter().flat_map(|host| host.wanted.clone()).collect();
        let known = |secret: &SecretRef| bundles.iter().any(|(known, _)| known == secret);
        let wanted: Vec<_> = wanted.into_iter().filter(|secret| !known(secret)).collect();
        if wanted.is_empty() {
            let report = |host: policy::Host| HostReport {
                verdict: host.verdict(),
                findings: Vec::new(),
                assumed: Vec::new(),
                host,
            };
            return hosts.into_iter().map(report).collect();
        }
        bundles.extend(fetch(state, wanted).await);
    }
}

async fn fetch(state: &State, secrets: Vec<SecretRef>) -> Vec<(SecretRef, Lookup<Arc<Bundle>>)> {
    let live = Live {
        state,
        deadline: Instant::now() + PATIENCE,
    };
    let live = &live;
    let reads = stream::iter(secrets).map(|secret| async move {
        let found = live.bundle(&secret).await;
        (secret, found)
    });
    reads.buffer_unordered(AT_ONCE).collect().await
}

/// Writes one status if it is another. Somebody who changed the object meanwhile goes first: the
/// next round writes.
async fn update<T: Default + DeserializeOwned + PartialEq + Serialize>(
    state: &State,
    kind: &Kind,
    objects: &[DynamicObject],
    name: &str,
    status: impl Fn(i64, &T) -> T,
) -> anyhow::Result<()> {
    let named = |object: &&DynamicObject| object.metadata.name.as_deref() == Some(name);
    let Some(object) = objects.iter().find(named) else {
        return Ok(());
    };
    let there = object.data.get("status").cloned().unwrap_or(Value::Null);
    let previous: T = serde_json::from_value(there).unwrap_or_default();
    let new = status(object.metadata.generation.unwrap_or_default(), &previous);
    if new == previous {
        return Ok(());
    }
    let version = object.metadata.resource_version.as_deref();
    let patch = json!({"metadata": {"resourceVersion": version}, "status": new});
    let params = PatchParams::default();
    let written = api(state, kind)
        .patch_status(name, &params, &Patch::Merge(&patch))
        .await;
    match written {
        Ok(_) => Ok(()),
        Err(kube::Error::Api(answer)) if answer.is_conflict() || answer.is_not_found() => Ok(()),
        Err(error) => Err(error).with_context(|| format!("writing the status of {name}")),
    }
}
