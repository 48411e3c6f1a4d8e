//! What stands behind a verdict: which doors a host has, why each is as it is, and which routes
//! lost their option. `describe host` shows this, so it has to be right where the verdict is the
//! same either way.
#![allow(clippy::unwrap_used)]

use policy::{
    Admits, Because, Facts, GatewayConfig, Host, Lookup, Object, Seen, Settings, Verdict, dialect,
    report,
};
use serde_json::{Value, json};

fn facts(args: &[&str], seen: Seen, objects: &[Value]) -> Facts {
    let settings = Settings::new(vec![GatewayConfig {
        dialect: "traefik".to_owned(),
        args: args.iter().map(|arg| (*arg).to_owned()).collect(),
        ..GatewayConfig::default()
    }]);
    let mut facts = Facts::new(settings.clone(), seen);
    for object in objects {
        let object = Object::from_value(object).unwrap();
        facts.insert(dialect::read(&object, &settings));
    }
    facts
}

/// The one host of the facts.
fn only_host(facts: &Facts) -> Host {
    let report = report(&facts.view(), 1_790_000_000);
    let [host] = report.hosts.as_slice() else {
        panic!("{:?}", report.hosts);
    };
    host.host.clone()
}

fn settled(args: &[&str], objects: &[Value]) -> Host {
    only_host(&facts(args, Seen::All, objects))
}

fn route(name: &str, entry_points: &[&str], tls: &Value) -> Value {
    json!({"apiVersion": "traefik.io/v1alpha1", "kind": "IngressRoute",
        "metadata": {"name": name, "namespace": "shop"},
        "spec": {"entryPoints": entry_points, "tls": tls,
            "routes": [{"kind": "Rule", "match": "Host(`a.example`)"}]}})
}

fn named(option: &str) -> Value {
    json!({"options": {"name": option}})
}

fn option(name: &str, client_auth: &Value) -> Value {
    json!({"apiVersion": "traefik.io/v1alpha1", "kind": "TLSOption",
        "metadata": {"name": name, "namespace": "shop"}, "spec": {"clientAuth": client_auth}})
}

fn any_certificate() -> Value {
    json!({"clientAuthType": "RequireAnyClientCert"})
}

fn ingress(name: &str, option: &str) -> Value {
    json!({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
        "metadata": {"name": name, "namespace": "shop", "annotations": {
            "traefik.ingress.kubernetes.io/router.entrypoints": "websecure",
            "traefik.ingress.kubernetes.io/router.tls.options": option}},
        "spec": {"ingressClassName": "traefik", "rules": [
            {"host": "a.example", "http": {"paths": [{"path": "/"}]}}]}})
}

/// The options that routes of the host lost, as spelt, each with its object.
fn lost(host: &Host) -> Vec<(&str, &str)> {
    let lost = host.fallbacks.iter();
    lost.map(|fallback| {
        let option = &fallback.option;
        (option.site.object.name.as_str(), option.spelt.as_str())
    })
    .collect()
}

#[test]
fn a_door_says_why_nobody_is_asked() {
    let because = |client_auth: &Value| {
        let objects = [
            route("api", &["websecure"], &named("mtls")),
            option("mtls", client_auth),
        ];
        let host = settled(&[], &objects);
        assert_eq!(host.doors.len(), 1, "{:?}", host.doors);
        (host.doors[0].admits, host.doors[0].because)
    };
    let off = json!({"clientAuthType": "NoClientCert"});
    assert_eq!(because(&off), (Admits::Everyone, Because::TurnedOff));
    assert_eq!(
        because(&json!({})),
        (Admits::Everyone, Because::NothingSaid)
    );
    let missing = json!({"secretNames": ["none"]});
    assert_eq!(
        because(&missing),
        (Admits::Everyone, Because::BrokenReference)
    );
}

#[test]
fn a_route_without_a_host_falls_back() {
    let mut hostless = route("api", &["websecure"], &named("mtls"));
    hostless["spec"]["routes"][0]["match"] = "PathPrefix(`/`)".into();
    let host = settled(&[], &[hostless, option("mtls", &any_certificate())]);
    assert_eq!(host.doors[0].because, Because::FellBack);
    assert_eq!(lost(&host), [("api", "mtls")]);
}

#[test]
fn a_default_option_that_may_not_be_listed_makes_unknown() {
    let mut facts = facts(&[], Seen::All, &[route("api", &["websecure"], &json!({}))]);
    facts.set_seen("TLSOption", Seen::Forbidden("not allowed".to_owned()));
    let host = only_host(&facts);
    assert_eq!(host.verdict(), Verdict::Unknown);
    let unseen = host.doors[0].unseen.as_deref().unwrap();
    assert!(unseen.contains("TLSOption"), "{unseen}");
}

#[test]
fn a_route_that_names_the_default_option_loses_nothing() {
    let objects = [
        ingress("docs", "default"),
        ingress("api", "shop-mtls@kubernetescrd"),
        option("mtls", &any_certificate()),
    ];
    let host = settled(&[], &objects);
    assert_eq!(host.verdict(), Verdict::Open);
    assert_eq!(lost(&host), [("api", "shop-mtls@kubernetescrd")]);
}

#[test]
fn only_a_route_without_tls_of_its_own_loses_the_option_of_the_entry_point() {
    let args = [
        "--entryPoints.websecure.address=:443",
        "--entryPoints.websecure.http.tls.options=shop-mtls@kubernetescrd",
    ];
    let objects = [
        route("api", &["websecure"], &Value::Null),
        route("docs", &["websecure"], &json!({})),
        option("mtls", &any_certificate()),
    ];
    let host = settled(&args, &objects);
    assert_eq!(host.verdict(), Verdict::Open);
    assert_eq!(lost(&host), [("api", "shop-mtls@kubernetescrd")]);
}

#[test]
fn a_route_that_names_no_entry_point_is_not_on_one_that_another_route_names() {
    let objects = [
        route("api", &["internal"], &named("mtls")),
        route("docs", &[], &named("other")),
        option("mtls", &any_certificate()),
        option("other", &any_certificate()),
    ];
    let host = settled(&[], &objects);
    let entries: Vec<_> = host.doors.iter().map(|door| door.entry.as_str()).collect();
    assert_eq!(entries, ["web", "websecure", "internal"]);
    assert_eq!(host.verdict(), Verdict::Weak);
}

#[test]
fn a_secret_in_a_forbidden_namespace_is_not_asked_for() {
    let ingress = json!({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
        "metadata": {"name": "api", "namespace": "shop", "annotations": {
            "nginx.ingress.kubernetes.io/auth-tls-secret": "pki/ca"}},
        "spec": {"ingressClassName": "nginx", "tls": [{"hosts": ["a.example"]}], "rules": [
            {"host": "a.example", "http": {"paths": [{"path": "/"}]}}]}});
    let settings = Settings::new(vec![GatewayConfig {
        dialect: "traefik".to_owned(),
        ingress_class: Some("nginx".to_owned()),
        args: vec!["--providers.kubernetesIngressNGINX=true".to_owned()],
        ..GatewayConfig::default()
    }]);
    let mut facts = Facts::new(settings.clone(), Seen::Some);
    let object = Object::from_value(&ingress).unwrap();
    facts.insert(dialect::read(&object, &settings));
    let host = only_host(&facts);
    assert_eq!(host.verdict(), Verdict::Broken);
    assert_eq!(host.trust[0].found, Lookup::Missing);
    assert!(host.wanted.is_empty(), "{:?}", host.wanted);
}

/// Who takes any certificate takes those of the default server's CA anyway.
#[test]
fn the_ca_of_the_default_server_counts_only_where_a_ca_counts() {
    let ca = |name: &str| {
        let params = pki::CaParams::new(name, 1_890_000_000);
        let ca = pki::create_root(&params, 1_790_000_000).unwrap();
        json!({"apiVersion": "v1", "kind": "Secret",
            "metadata": {"name": name, "namespace": "shop"},
            "stringData": {"ca.crt": ca.chain_pem()}})
    };
    let ingress = |name: &str, host: Option<&str>, verify: &str| {
        json!({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
            "metadata": {"name": name, "namespace": "shop", "annotations": {
                "nginx.ingress.kubernetes.io/auth-tls-secret": format!("shop/{name}"),
                "nginx.ingress.kubernetes.io/auth-tls-verify-client": verify}},
            "spec": {"ingressClassName": "nginx", "tls": [{"hosts": ["a.example"]}],
                "rules": [{"host": host, "http": {"paths": [{"path": "/"}]}}]}})
    };
    let without_a_name = |verify: &str| {
        let objects = [
            ingress("api", Some("a.example"), verify),
            ingress("default", None, "on"),
            ca("api"),
            ca("default"),
        ];
        let facts = facts(&[], Seen::All, &objects);
        let report = report(&facts.view(), 1_790_000_000);
        let hosts = report.hosts.iter();
        let mut hosts = hosts.filter(|host| host.host.key.host == "a.example");
        let doors = &hosts.next().unwrap().host.doors;
        doors.iter().any(|door| door.admits == Admits::OtherCa)
    };
    assert!(without_a_name("on") && without_a_name("optional"));
    assert!(!without_a_name("optional_no_ca"));
}
