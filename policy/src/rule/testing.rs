//! Objects for the rules' tests, and the one helper that runs them.

use serde_json::{Value, json};

use crate::{Facts, Finding, Object, Seen, Settings, dialect, report};

/// A moment in 2026.
pub(super) const NOW: i64 = 1_790_000_000;
pub(super) const YEAR: i64 = 365 * 24 * 3600;

/// An Ingress of class nginx with `spec.tls`, host `api.example.com`, in namespace `shop`.
pub(super) fn ingress(annotations: &[(&str, &str)]) -> Value {
    let annotations = annotations.iter().map(|(key, value)| {
        (
            format!("nginx.ingress.kubernetes.io/{key}"),
            Value::from(*value),
        )
    });
    json!({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
        "metadata": {"name": "api", "namespace": "shop",
            "annotations": annotations.collect::<serde_json::Map<_, _>>()},
        "spec": {"ingressClassName": "nginx", "tls": [{"hosts": ["api.example.com"]}],
            "rules": [{"host": "api.example.com", "http": {"paths": []}}]}})
}

/// An Ingress of class traefik that names an option.
pub(super) fn traefik_ingress(option: &str) -> Value {
    json!({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
        "metadata": {"name": "api", "namespace": "shop", "annotations": {
            "traefik.ingress.kubernetes.io/router.tls.options": option}},
        "spec": {"ingressClassName": "traefik", "rules": [{"host": "api.example.com"}]}})
}

/// An IngressRoute on websecure; an empty name is no option.
pub(super) fn route(option: &str) -> Value {
    let tls = if option.is_empty() {
        json!({})
    } else {
        json!({"options": {"name": option}})
    };
    json!({"apiVersion": "traefik.io/v1alpha1", "kind": "IngressRoute",
        "metadata": {"name": "api", "namespace": "shop"},
        "spec": {"entryPoints": ["websecure"], "tls": tls,
            "routes": [{"kind": "Rule", "match": "Host(`api.example.com`)"}]}})
}

/// A TLSOption; an empty type is none.
pub(super) fn tls_option(name: &str, mode: &str, secrets: &[&str]) -> Value {
    let mut client_auth = json!({"secretNames": secrets});
    if !mode.is_empty() {
        client_auth["clientAuthType"] = mode.into();
    }
    json!({"apiVersion": "traefik.io/v1alpha1", "kind": "TLSOption",
        "metadata": {"name": name, "namespace": "shop"}, "spec": {"clientAuth": client_auth}})
}

/// A Secret with plain values.
pub(super) fn secret(name: &str, data: &[(&str, &str)]) -> Value {
    let data = data
        .iter()
        .map(|(key, value)| ((*key).to_owned(), Value::from(*value)));
    json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": "shop"},
        "stringData": data.collect::<serde_json::Map<_, _>>()})
}

/// A trust Secret with a root CA.
pub(super) fn ca(name: &str) -> Value {
    secret(name, &[("ca.crt", &ca_pem())])
}

pub(super) fn ca_pem() -> String {
    authority().chain_pem().to_owned()
}

pub(super) fn leaf_pem() -> String {
    let params = pki::LeafParams::new("leaf", NOW + YEAR);
    let issued = pki::issue(&authority(), &params, NOW).expect("a leaf can be issued");
    issued.signed.certificate_pem
}

/// A CA and its revocation list, which is valid for 90 days from [`NOW`].
pub(super) fn ca_with_list() -> (String, String) {
    let ca = authority();
    let list = pki::crl::next(&ca, None, &[], NOW, NOW + pki::crl::CRL_LIFETIME);
    let list = list.expect("a list can be made");
    (ca.chain_pem().to_owned(), list.pem)
}

/// A CA of another name.
pub(super) fn other_ca_pem() -> String {
    let params = pki::CaParams::new("another", NOW + 10 * YEAR);
    let ca = pki::create_root(&params, NOW).expect("a root can be made");
    ca.chain_pem().to_owned()
}

fn authority() -> pki::Authority {
    let params = pki::CaParams::new("test", NOW + 10 * YEAR);
    pki::create_root(&params, NOW).expect("a root can be made")
}

/// The findings of one rule among objects that are all there is.
pub(super) fn findings(now: i64, objects: &[Value], rule: &str) -> Vec<Finding> {
    told(&Settings::default(), now, objects, rule)
}

/// The same with gateways that were told something.
pub(super) fn told(settings: &Settings, now: i64, objects: &[Value], rule: &str) -> Vec<Finding> {
    let mut facts = Facts::new(settings.clone(), Seen::All);
    for object in objects {
        let object = Object::from_value(object).expect("test objects can be read");
        facts.insert(dialect::read(&object, settings));
    }
    let found = report(&facts.view(), now).findings;
    found
        .into_iter()
        .filter(|finding| finding.rule == rule)
        .collect()
}

/// Demands a finding whose message has some words.
#[track_caller]
pub(super) fn check(objects: &[Value], rule: &str, words: &str) -> Vec<Finding> {
    at(NOW, objects, rule, words)
}

#[track_caller]
pub(super) fn at(now: i64, objects: &[Value], rule: &str, words: &str) -> Vec<Finding> {
    let found = findings(now, objects, rule);
    let messages: Vec<_> = found
        .iter()
        .map(|finding| finding.message.as_str())
        .collect();
    assert!(
        messages.iter().any(|message| message.contains(words)),
        "{words:?} in {messages:?}"
    );
    found
}

/// Demands that a rule finds nothing.
#[track_caller]
pub(super) fn silent(objects: &[Value], rule: &str) {
    let found = findings(NOW, objects, rule);
    assert!(found.is_empty(), "{found:?}");
}
