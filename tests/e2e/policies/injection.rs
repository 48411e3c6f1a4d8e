//! What policies put into routes that say nothing.

use anyhow::ensure;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tests::wait_until;
use tests::webhook::Webhook;

use super::{PATIENCE, dry_run, ingress, open, owned, policy, prepared, until_said};
use crate::{applied, cluster, denied, must, without_default};

#[test]
fn what_says_nothing_is_protected() {
    let _quiet = without_default();
    let ns = "policy-inject";
    let _webhook = prepared(ns, &[]);
    let _owned = owned(&[ns]);
    let inject = json!({"trust": {"name": "partners-trust"}, "option": {"name": "mtls"}});
    applied(&policy(ns, ns, json!({"inject": inject})));
    wait_until("the injection", PATIENCE, || {
        let said = dry_run(&open(ns, "a"));
        ensure!(said.success, "{}", said.all());
        Ok(())
    })
    .unwrap();
    applied(&open(ns, "a"));
    let stored = cluster()
        .must(&["get", "ingress", "a", "-n", ns, "-o", "yaml"])
        .unwrap();
    assert!(
        stored.contains(&format!("auth-tls-secret: {ns}/partners-trust")),
        "{stored}"
    );
    let hosts: Value =
        serde_json::from_str(&must(&["get", "hosts", "-n", ns, "-o", "json"])).unwrap();
    assert_eq!(hosts["items"][0]["verdict"], "enforced");
    assert_eq!(
        hosts["items"][0]["policies"],
        json!([{"name": ns, "exception": null, "met": true}])
    );
    // Once more the same: nothing changes.
    let version = || {
        let path = "jsonpath={.metadata.resourceVersion}";
        let get = ["get", "ingress", "a", "-n", ns, "-o", path];
        cluster().must(&get).unwrap()
    };
    let before = version();
    applied(&open(ns, "a"));
    assert_eq!(version(), before);

    // Another object cannot be made while a route is admitted: it must be there.
    let route = json!({"apiVersion": "traefik.io/v1alpha1", "kind": "IngressRoute",
        "metadata": {"name": "r", "namespace": ns}, "spec": {"entryPoints": ["websecure"],
            "routes": [{"kind": "Rule", "match": format!("Host(`r.{ns}.example.com`)"),
                "services": [{"name": "a", "port": 80}]}], "tls": {}}})
    .to_string();
    let said = denied(&route, "policy-demand");
    assert!(said.contains("puts nothing into"), "{said}");
    let option = json!({"apiVersion": "traefik.io/v1alpha1", "kind": "TLSOption",
        "metadata": {"name": "mtls", "namespace": ns}, "spec": {"clientAuth": {
            "secretNames": ["partners-trust"], "clientAuthType": "RequireAndVerifyClientCert"}}});
    applied(&option.to_string());
    wait_until("the option", PATIENCE, || {
        let said = dry_run(&route);
        ensure!(said.success, "{}", said.all());
        Ok(())
    })
    .unwrap();
    applied(&route);
    let stored = cluster()
        .must(&[
            "get",
            "ingressroutes.traefik.io",
            "r",
            "-n",
            ns,
            "-o",
            "jsonpath={.spec.tls.options.name}",
        ])
        .unwrap();
    assert_eq!(stored, "mtls");
}

/// An admission review of a new object.
fn review(ns: &str, object: &Value) -> String {
    json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {
        "uid": "u", "operation": "CREATE", "namespace": ns, "object": object}})
    .to_string()
}

/// The object after `/mutate`; `None`: it stays.
fn mutated(webhook: &Webhook, ns: &str, object: &Value) -> Option<Value> {
    let (status, answer) = webhook
        .post("/mutate?timeout=10s", &review(ns, object))
        .unwrap();
    assert_eq!(status, 200, "{answer}");
    let answer: Value = serde_json::from_str(&answer).unwrap();
    let patch = STANDARD
        .decode(answer["response"]["patch"].as_str()?)
        .unwrap();
    let patch: json_patch::Patch = serde_json::from_slice(&patch).unwrap();
    let mut object = object.clone();
    json_patch::patch(&mut object, &patch).unwrap();
    Some(object)
}

fn allowed(webhook: &Webhook, ns: &str, object: &Value) -> bool {
    let (_, answer) = webhook
        .post("/validate?timeout=10s", &review(ns, object))
        .unwrap();
    let answer: Value = serde_json::from_str(&answer).unwrap();
    answer["response"]["allowed"].as_bool().unwrap()
}

/// Every combination of some annotations: what is put in is put in once, and never has a change
/// refused that is allowed without it.
#[test]
fn mutations_are_idempotent_and_never_deny_themselves() {
    let ns = "policy-property";
    let webhook = prepared(ns, &[]);
    let name = |which: &str| format!("{ns}-{which}");
    let names = [name("good"), name("bad")];
    let _owned = owned(&[&names[0], &names[1]]);
    let words = [
        (
            "auth-tls-secret",
            [
                "",
                "partners-trust",
                "policy-property/partners-trust",
                "policy-property/none",
            ],
        ),
        ("auth-tls-verify-client", ["", "on", "On", "optional"]),
        ("force-ssl-redirect", ["", "true", "false", "yes"]),
    ];
    let (mut changed, mut denied) = (0, 0);
    for (action, trust) in [
        ("Deny", "partners-trust"),
        ("Warn", "none"),
        ("Deny", "none"),
    ] {
        let inject = json!({"trust": {"name": trust}});
        let which = usize::from(trust == "none");
        let manifest = policy(
            ns,
            &names[which],
            json!({"action": action, "inject": inject}),
        );
        let other = &names[1 - which];
        cluster()
            .kubectl(&["delete", "cap", other, "--ignore-not-found"])
            .unwrap();
        applied(&manifest);
        until_said(
            &open(ns, "probe"),
            if which == 0 {
                "created"
            } else {
                "policy-demand"
            },
        );
        for combination in 0..64 {
            let mut annotations = serde_json::Map::new();
            for (place, (key, values)) in words.iter().enumerate() {
                let value = values[(combination >> (2 * place)) & 3];
                if !value.is_empty() {
                    annotations.insert(format!("nginx.ingress.kubernetes.io/{key}"), value.into());
                }
            }
            let text = ingress(ns, &format!("c{combination}"), &Value::Object(annotations));
            let mut object: Value = serde_json::from_str(&text).unwrap();
            if object["metadata"]["annotations"] == json!({}) {
                object["metadata"]
                    .as_object_mut()
                    .unwrap()
                    .remove("annotations");
            }
            let Some(after) = mutated(&webhook, ns, &object) else {
                continue;
            };
            changed += 1;
            assert_eq!(mutated(&webhook, ns, &after), None, "twice: {object}");
            let (before, after_allowed) = (
                allowed(&webhook, ns, &object),
                allowed(&webhook, ns, &after),
            );
            assert!(
                after_allowed || !before,
                "denies itself: {object} -> {after}"
            );
            denied += usize::from(!before && after_allowed);
        }
    }
    assert!(
        changed > 30 && denied > 0,
        "{changed} changed, {denied} saved from denial"
    );
}
