//! Writes the status of policies and exceptions, where it is another than the one that is there.
//! What it says is what a round of the audit found.

use anyhow::Context as _;
use kube::api::{
    Api, ApiResource, DynamicObject, GroupVersionKind, ListParams, Patch, PatchParams,
};
use policy::Object;
use policy::client_auth_policy::{self, EXCEPTION, POLICY, Policies};
use policy::dialect::Kind;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::audit::Round;
use crate::state::State;

/// Writes what changed. A policy that is another by now than the one that the hosts were held
/// against is left to the round that follows.
///
/// # Errors
/// When policies cannot be listed, or a status cannot be written; the others are.
pub(crate) async fn write(state: &State, round: &Round) -> anyhow::Result<()> {
    let judged = &round.policies;
    let mut failed = Ok(());
    if judged.policies().next().is_some() {
        for (object, read) in list(state, &POLICY).await? {
            let same = read
                .policies()
                .find(|one| judged.policies().any(|it| it == *one));
            let Some(policy) = same else { continue };
            let status = |generation, previous: &_| {
                client_auth_policy::status(policy, generation, &round.hosts, previous, round.now)
            };
            failed = failed.and(update(state, &POLICY, &object, status).await);
        }
    }
    if judged.exceptions().next().is_some() {
        for (object, read) in list(state, &EXCEPTION).await? {
            let same = read
                .exceptions()
                .find(|one| judged.exceptions().any(|it| it == *one));
            let Some(exception) = same else { continue };
            let status = |generation, previous: &_| {
                let hosts = &round.hosts;
                client_auth_policy::exception_status(
                    exception, generation, hosts, previous, round.now,
                )
            };
            failed = failed.and(update(state, &EXCEPTION, &object, status).await);
        }
    }
    failed
}

fn api(state: &State, kind: &Kind) -> Api<DynamicObject> {
    let gvk = GroupVersionKind::gvk(kind.group, kind.version, kind.kind);
    let resource = ApiResource::from_gvk_with_plural(&gvk, kind.plural);
    Api::all_with(state.client.clone(), &resource)
}

/// Every object of a kind, and what it says. A kind that is not served has none.
async fn list(state: &State, kind: &Kind) -> anyhow::Result<Vec<(DynamicObject, Policies)>> {
    let list = match api(state, kind).list(&ListParams::default()).await {
        Ok(list) => list.items,
        Err(kube::Error::Api(status)) if status.is_not_found() => Vec::new(),
        Err(error) => return Err(error).with_context(|| format!("listing {}", kind.plural)),
    };
    let read = |object: DynamicObject| {
        let mut policies = Policies::default();
        let text = serde_json::to_string(&object).unwrap_or_default();
        if let Ok(read) = Object::from_list_item(&kind.api_version(), kind.kind, &text) {
            policies.learn(&read);
        }
        (object, policies)
    };
    Ok(list.into_iter().map(read).collect())
}

/// Writes one status if it is another. Somebody who changed the object meanwhile goes first: the
/// next round writes.
async fn update<T: Default + DeserializeOwned + PartialEq + Serialize>(
    state: &State,
    kind: &Kind,
    object: &DynamicObject,
    status: impl Fn(i64, &T) -> T,
) -> anyhow::Result<()> {
    let name = object.metadata.name.as_deref().unwrap_or_default();
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::audit::look_once;
    use crate::fake::{Cluster, object};
    use policy::dialect::{self, INGRESS_CLASS};
    use std::time::Duration;

    fn kind(name: &str) -> Kind {
        dialect::kinds()
            .into_iter()
            .find(|kind| kind.kind == name)
            .unwrap()
    }

    fn policy(action: &str) -> String {
        let spec = json!({"match": {"hosts": ["*.example.com"]}, "demand": "required",
            "action": action, "trust": {"secrets": [{"namespace": "shop", "name": "ca"}]}});
        object(&POLICY, "all", &spec)
    }

    #[tokio::test(start_paused = true)]
    async fn the_round_says_what_the_status_is() {
        let cluster = Cluster::default();
        let class = object(
            &INGRESS_CLASS,
            "nginx",
            &json!({"controller": "k8s.io/ingress-nginx"}),
        );
        cluster.put(&INGRESS_CLASS, "nginx", &class);
        let spec = json!({"ingressClassName": "nginx", "rules": [{"host": "a.example.com",
            "http": {"paths": [{"path": "/", "pathType": "Prefix"}]}}]});
        let ingress = kind("Ingress");
        cluster.put(&ingress, "web", &object(&ingress, "web", &spec));
        cluster.put(&POLICY, "all", &policy("Warn"));
        let state = cluster.webhook(&[]);
        crate::index::spawn(&state);
        while !state.waiting().is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let round = look_once(&state).await;
        write(&state, &round).await.unwrap();
        assert_eq!(cluster.asked("clientauthpolicies/all/status"), 1);
        assert_eq!(cluster.asked("secrets/ca"), 1, "one reading for both");
        cluster.slip(&POLICY, "all", &policy("Deny"));
        write(&state, &round).await.unwrap();
        assert_eq!(
            cluster.asked("clientauthpolicies/all/status"),
            1,
            "it was not judged yet"
        );
    }
}
