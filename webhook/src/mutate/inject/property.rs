//! Under policies that put something in, through the real `/mutate` and `/validate`: what is put in
//! is put in once, and never has a change refused that would not have been refused without it.
#![allow(clippy::unwrap_used)]

use std::cell::Cell;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use policy::client_auth_policy::{NAMESPACE, POLICY};
use policy::{Object, Settings, dialect};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};
use tokio::runtime::Builder;
use tokio::time::Instant;

use crate::fake::{Cluster, SECRET};
use crate::live::Live;
use crate::mutate::property::{ingress, referred, text};
use crate::mutate::{mutate, repaired};
use crate::review::{Answer, Operation, Request, Review};
use crate::state::State;
use crate::validate::validate;

/// A webhook that has seen all that there is, in a cluster that has it.
fn webhook(world: &[Value]) -> Arc<State> {
    let cluster = Cluster::default();
    let state = cluster.webhook(&[]);
    for value in world {
        let object = Object::from_value(value).unwrap();
        let name = object.id.name.clone();
        match object.id.kind.as_str() {
            // It is read when it is needed.
            "Secret" => cluster.slip(&SECRET, &name, &value.to_string()),
            "ClientAuthPolicy" | "Namespace" => {
                let is_policy = object.id.kind == POLICY.kind;
                let kind = if is_policy { POLICY } else { NAMESPACE };
                cluster.slip(&kind, &name, &value.to_string());
                state.govern(|policies| {
                    policies.learn(&object);
                    true
                });
            }
            _ => {
                let kind = dialect::kind_of(&object.id).unwrap();
                cluster.slip(kind, &name, &value.to_string());
                let facts = dialect::read(&object, &state.settings());
                state.change(|known| known.insert(facts));
            }
        }
    }
    state
}

fn body(object: &Value) -> String {
    json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {
        "uid": "u", "operation": "CREATE", "namespace": "shop", "object": object}})
    .to_string()
}

/// The object after a patch; `None`: it stays.
fn patched(object: &Value, answer: Answer) -> Option<Value> {
    let mut object = object.clone();
    json_patch::patch(&mut object, &answer.patch?).expect("a patch that applies");
    Some(object)
}

/// The rules that refuse a new object.
async fn refused(live: &Live<'_>, object: &Value) -> BTreeSet<&'static str> {
    let body = body(object);
    let request = Review::read(body.as_bytes()).unwrap();
    let answer = validate(&request, live).await.unwrap();
    let rules = answer.denied.map(|_| answer.rules.into_iter().collect());
    rules.unwrap_or_default()
}

/// Whether something is put into a new route beside repairs: once, and never for the worse.
async fn injects(world: &[Value], route: &Value) -> bool {
    let state = webhook(world);
    let live = Live {
        state: &state,
        deadline: Instant::now() + Duration::from_secs(60),
    };
    let text = body(route);
    let request: Request<'_> = Review::read(text.as_bytes()).unwrap();
    assert_eq!(request.operation, Operation::Create);
    let Some(after) = patched(route, mutate(&request, &live).await) else {
        return false;
    };
    let again = body(&after);
    let again = mutate(&Review::read(again.as_bytes()).unwrap(), &live).await;
    assert_eq!(again.patch, None, "changed twice: {route}");
    let mended = patched(route, repaired(&request, &Settings::default()));
    let mended = mended.unwrap_or_else(|| route.clone());
    let (before, without) = (refused(&live, route).await, refused(&live, &mended).await);
    let with = refused(&live, &after).await;
    assert!(
        !before.is_empty() || with.is_empty(),
        "{with:?} by itself: {route} to {after}"
    );
    assert!(
        with.is_subset(&without),
        "{with:?}, not {without:?}: {mended} to {after}"
    );
    after != mended
}

/// What must hold, for many worlds and routes; in some of them something is put in.
fn in_any(routes: impl Strategy<Value = Value>) {
    let injected = Cell::new(0);
    let both = (world(), routes);
    let checked = TestRunner::default().run(&both, |(world, route)| {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let injects = runtime.block_on(injects(&world, &route));
        injected.set(injected.get() + usize::from(injects));
        Ok(())
    });
    checked.unwrap();
    assert!(injected.get() > 5, "only {} times", injected.get());
}

/// A policy, an option that may be there, and another route of the host that may be.
fn world() -> impl Strategy<Value = Vec<Value>> {
    let demand = prop::sample::select(vec!["required", "optional"]);
    let action = prop::sample::select(vec!["Deny", "Warn", "Audit"]);
    let trust = prop::sample::select(vec!["ca", "ca", "none"]);
    let option = prop::option::of(prop::sample::select(vec!["mtls", "none"]));
    let parts = (demand, action, trust, option);
    let there = (any::<bool>(), prop::option::of(any::<bool>()));
    (parts, there).prop_map(|((demand, action, trust, option), (has_option, other))| {
        let [secret, asks] = referred();
        let mut inject = json!({"trust": {"name": trust}});
        if let Some(option) = option {
            inject["option"] = json!({"name": option});
        }
        let policy = json!({"apiVersion": POLICY.api_version(), "kind": POLICY.kind,
            "metadata": {"name": "all"},
            "spec": {"match": {}, "demand": demand, "action": action, "inject": inject}});
        let namespace =
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}});
        let mut world = vec![secret.clone(), namespace, policy];
        world.extend(has_option.then(|| asks.clone()));
        world.extend(other.map(|nginx| {
            let mut other = ingress(if nginx { "nginx" } else { "traefik" }, Vec::new());
            other["metadata"]["name"] = "other".into();
            other
        }));
        world
    })
}

/// Annotations under some names; most are not there.
fn annotations(names: Vec<String>) -> impl Strategy<Value = Vec<(String, String)>> {
    let value = prop_oneof![text(), Just("true".to_owned()), Just("false".to_owned())];
    let values = prop::collection::vec(prop::option::weighted(0.2, value), names.len());
    values.prop_map(move |values| {
        let named = names.iter().cloned().zip(values);
        named
            .filter_map(|(name, value)| Some((name, value?)))
            .collect()
    })
}

/// An IngressRoute or IngressRouteTCP.
fn traefik_route() -> impl Strategy<Value = Value> {
    let tls = prop::option::of(prop_oneof![
        4 => Just(json!({})),
        1 => Just(json!({"options": {"name": "mtls"}})),
        1 => Just(json!({"options": {"name": "none"}})),
        1 => Just(json!({"passthrough": true})),
        1 => Just(json!({"secretName": "server"})),
    ]);
    let entries = prop::sample::select(vec![
        json!(null),
        json!([]),
        json!(["web"]),
        json!(["websecure"]),
        json!(["web", "websecure"]),
    ]);
    (any::<bool>(), tls, entries).prop_map(|(tcp, tls, entries)| {
        let (kind, rule) = match tcp {
            true => ("IngressRouteTCP", "HostSNI(`a.example`)"),
            false => ("IngressRoute", "Host(`a.example`)"),
        };
        let mut route = json!({"apiVersion": "traefik.io/v1alpha1", "kind": kind,
            "metadata": {"name": "a", "namespace": "shop"},
            "spec": {"routes": [{"kind": "Rule", "match": rule,
                "services": [{"name": "a", "port": 80}]}]}});
        if let Some(tls) = tls {
            route["spec"]["tls"] = tls;
        }
        if !entries.is_null() {
            route["spec"]["entryPoints"] = entries;
        }
        route
    })
}

#[test]
fn into_an_ingress_of_nginx() {
    let dialect = dialect::by_id("ingress-nginx").unwrap();
    let client = ["secret", "verify-client", "verify-depth"];
    let client = client.map(|name| format!("{}{name}", dialect.client_auth_prefix));
    let plain = ["ssl-redirect", "force-ssl-redirect"];
    let plain = plain.map(|name| format!("{}{name}", dialect.prefix));
    let names = client.into_iter().chain(plain).collect();
    in_any(annotations(names).prop_map(|annotations| ingress("nginx", annotations)));
}

#[test]
fn into_an_ingress_of_traefik() {
    let dialect = dialect::by_id("traefik").unwrap();
    let option = dialect.client_auth_prefix.to_owned();
    let (switch, _) = option.rsplit_once('.').unwrap();
    let entry = format!("{}router.entrypoints", dialect.prefix);
    let names = vec![switch.to_owned(), option.clone(), entry];
    in_any(annotations(names).prop_map(|annotations| ingress("traefik", annotations)));
}

#[test]
fn into_a_route_of_traefik() {
    in_any(traefik_route());
}
