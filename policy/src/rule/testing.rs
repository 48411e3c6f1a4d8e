//! Objects for the rules' tests, and the one helper that runs them.

use serde_json::{Value, json};

use crate::{Facts, Finding, Object, Seen, Settings, dialect, report};

/// A moment in 2026.
pub(super) const NOW: i64 = 1_790_000_000;
pub(super) const YEAR: i64 = 365 * 24 * 3600;

/// Certificates that `pki` does not make.
pub(super) const PUBLIC_ROOT: &str = include_str!("../../tests/certificates/isrg-root-x2.pem");
pub(super) const RSA_1024: &str = include_str!("../../tests/certificates/rsa-1024.pem");
pub(super) const SECP256K1: &str = include_str!("../../tests/certificates/secp256k1.pem");
pub(super) const SHA_1_BELOW_ROOT: &str =
    include_str!("../../tests/certificates/sha-1-below-root.pem");

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
        "spec": {"ingressClassName": "traefik", "rules": [
            {"host": "api.example.com", "http": {"paths": [{"path": "/"}]}}]}})
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

/// A server certificate for some names.
pub(super) fn server_pem(names: &[&str]) -> String {
    let mut params = pki::LeafParams::new("server", NOW + YEAR);
    params.profile = pki::Profile::Server;
    let parse = |name: &&str| pki::San::parse(name).expect("test names are valid");
    params.sans = names.iter().map(parse).collect();
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

/// A root, a CA below it, and one below that, one by one.
pub(super) fn chain_pems() -> [String; 3] {
    let params = |name, path_len| pki::CaParams {
        path_len,
        ..pki::CaParams::new(name, NOW + 10 * YEAR)
    };
    let root = pki::create_root(&params("root", 2), NOW).expect("a root can be made");
    let below = |params, parent| pki::create_intermediate(&params, parent, NOW);
    let middle = below(params("middle", 1), &root).expect("a CA below it");
    let lowest = below(params("lowest", 0), &middle).expect("a CA below that");
    [root, middle, lowest].map(|ca| format!("{}\n", ca.certificate_pem()))
}

/// An ApisixTls for `api.example.com` with the Secret that it names.
pub(super) fn apisix_tls(name: &str) -> Value {
    json!({"apiVersion": "apisix.apache.org/v2", "kind": "ApisixTls",
        "metadata": {"name": "api", "namespace": "shop"},
        "spec": {"ingressClassName": "apisix", "hosts": ["api.example.com"],
            "secret": {"name": "api-tls", "namespace": "shop"},
            "client": {"caSecret": {"name": name, "namespace": "shop"}}}})
}

/// A CA of another name.
pub(super) fn other_ca_pem() -> String {
    named_ca_pem("another")
}

pub(super) fn named_ca_pem(name: &str) -> String {
    let params = pki::CaParams::new(name, NOW + 10 * YEAR);
    let ca = pki::create_root(&params, NOW).expect("a root can be made");
    ca.chain_pem().to_owned()
}

fn authority() -> pki::Authority {
    let params = pki::CaParams::new("test", NOW + 10 * YEAR);
    pki::create_root(&params, NOW).expect("a root can be made")
}

/// A CA and a leaf of it that may stand for a client and for a server.
pub(super) fn ca_and_leaf_pems() -> [String; 2] {
    let ca = authority();
    let params = pki::LeafParams {
        profile: pki::Profile::Both,
        ..pki::LeafParams::new("api.example.com", NOW + YEAR)
    };
    let issued = pki::issue(&ca, &params, NOW).expect("a leaf can be issued");
    [ca.chain_pem().to_owned(), issued.signed.certificate_pem]
}

/// The verdict on the first host of objects that are all there is.
pub(super) fn verdict(now: i64, objects: &[Value]) -> String {
    let facts = facts(&Settings::default(), objects);
    let report = report(&facts.view(), now);
    report.hosts[0].verdict.to_string()
}

fn facts(settings: &Settings, objects: &[Value]) -> Facts {
    let mut facts = Facts::new(settings.clone(), Seen::All);
    for object in objects {
        let object = Object::from_value(object).expect("test objects can be read");
        facts.learn(&object);
        facts.insert(dialect::read(&object, settings));
    }
    facts
}

/// A policy that demands certificates of every client, but for what `spec` says.
pub(super) fn policy(name: &str, spec: Value) -> Value {
    let mut whole = json!({"match": {}, "demand": "required"});
    let fields = spec.as_object().cloned().unwrap_or_default();
    for (key, value) in fields {
        whole[key] = value;
    }
    json!({"apiVersion": "kubectl-mtls.github.io/v1alpha1", "kind": "ClientAuthPolicy",
        "metadata": {"name": name}, "spec": whole})
}

/// An exception that ends at some moment.
pub(super) fn exception(spec: Value, end: i64) -> Value {
    let mut spec = spec;
    spec["reason"] = "the partner needs another week".into();
    let end = jiff::Timestamp::from_second(end).expect("a moment of this century");
    spec["end"] = end.to_string().into();
    json!({"apiVersion": "kubectl-mtls.github.io/v1alpha1", "kind": "ClientAuthException",
        "metadata": {"name": "later"}, "spec": spec})
}

/// The findings of one rule among objects that are all there is.
pub(super) fn findings(now: i64, objects: &[Value], rule: &str) -> Vec<Finding> {
    told(&Settings::default(), now, objects, rule)
}

/// The same with gateways that were told something.
pub(super) fn told(settings: &Settings, now: i64, objects: &[Value], rule: &str) -> Vec<Finding> {
    let found = report(&facts(settings, objects).view(), now).findings;
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

/// Traefik with a version, a class and arguments.
pub(super) fn traefik(version: &str, class: Option<&str>, args: &[&str]) -> Settings {
    let config = crate::GatewayConfig {
        dialect: "traefik".to_owned(),
        ingress_class: class.map(str::to_owned),
        version: Some(version.to_owned()),
        args: args.iter().map(|arg| (*arg).to_owned()).collect(),
        ..crate::GatewayConfig::default()
    };
    Settings::new(vec![config])
}
