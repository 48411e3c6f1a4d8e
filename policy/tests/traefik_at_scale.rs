//! Many routes on one host, many hosts on one option, and rules of any bytes: what grows must not
//! grow with the square, and nothing panics. Every case would take minutes if it did.
#![allow(clippy::unwrap_used)]

use std::time::{Duration, Instant};

use policy::{Facts, GatewayConfig, Object, Report, Seen, Settings, Verdict, dialect, report};
use serde_json::{Value, json};

const MANY: usize = 10_000;

fn judge(settings: &Settings, objects: &[Value]) -> Report {
    let started = Instant::now();
    let mut facts = Facts::new(settings.clone(), Seen::All);
    for object in objects {
        let object = Object::from_value(object).unwrap();
        facts.insert(dialect::read(&object, settings));
    }
    let report = report(&facts.view(), 1_790_000_000);
    assert!(
        started.elapsed() < Duration::from_secs(60),
        "{:?}",
        started.elapsed()
    );
    report
}

fn route(name: usize, rule: &str, tls: &Value) -> Value {
    json!({"apiVersion": "traefik.io/v1alpha1", "kind": "IngressRoute",
        "metadata": {"name": format!("r{name}"), "namespace": "shop"},
        "spec": {"entryPoints": ["websecure"], "tls": tls,
            "routes": [{"kind": "Rule", "match": rule}]}})
}

fn option() -> Value {
    json!({"apiVersion": "traefik.io/v1alpha1", "kind": "TLSOption",
        "metadata": {"name": "mtls", "namespace": "shop"},
        "spec": {"clientAuth": {"clientAuthType": "RequireAnyClientCert"}}})
}

fn named() -> Value {
    json!({"options": {"name": "mtls"}})
}

#[track_caller]
fn all(report: &Report, verdict: Verdict) {
    let others = report.hosts.iter().find(|host| host.verdict != verdict);
    assert!(
        others.is_none(),
        "{:?}",
        others.map(|host| (&host.host.key, host.verdict))
    );
}

#[test]
fn many_routes_of_one_host() {
    let mut objects = vec![option()];
    objects.extend((0..MANY).map(|n| {
        let rule = format!("Host(`a.example`) && PathPrefix(`/{n}`)");
        route(n, &rule, &named())
    }));
    all(&judge(&Settings::default(), &objects), Verdict::Weak);
    objects.push(route(MANY, "Host(`a.example`)", &json!({})));
    all(&judge(&Settings::default(), &objects), Verdict::Open);
}

#[test]
fn many_hosts_of_one_option() {
    let mut objects = vec![option()];
    objects.extend((0..MANY).map(|n| route(n, &format!("Host(`h{n}.example`)"), &named())));
    all(&judge(&Settings::default(), &objects), Verdict::Weak);
    // And the same below a wildcard that has another rule for each path.
    objects.extend((0..100).map(|n| {
        let rule = format!("Host(`*.example`) && PathPrefix(`/{n}`)");
        route(MANY + n, &rule, &named())
    }));
    all(&judge(&Settings::default(), &objects), Verdict::Weak);
}

#[test]
fn many_hosts_of_one_rule() {
    let hosts: Vec<_> = (0..MANY).map(|n| format!("Host(`h{n}.example`)")).collect();
    let objects = [option(), route(0, &hosts.join(" || "), &named())];
    let report = judge(&Settings::default(), &objects);
    assert_eq!(report.hosts.len(), MANY);
    all(&report, Verdict::Weak);
}

#[test]
fn many_ingresses_of_one_host_with_options_of_their_own() {
    let config = GatewayConfig {
        dialect: "traefik".to_owned(),
        ingress_class: Some("nginx".to_owned()),
        args: vec!["--providers.kubernetesIngressNGINX=true".to_owned()],
        ..GatewayConfig::default()
    };
    let settings = Settings::new(vec![config]);
    let ingress = |n: usize| {
        json!({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
            "metadata": {"name": format!("i{n}"), "namespace": "shop", "annotations": {
                "nginx.ingress.kubernetes.io/auth-tls-secret": "shop/ca"}},
            "spec": {"ingressClassName": "nginx", "rules": [{"host": "a.example",
                "http": {"paths": [{"path": format!("/{n}")}]}}]}})
    };
    let mut objects: Vec<_> = (0..MANY).map(ingress).collect();
    let pem = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    objects.push(json!({"apiVersion": "v1", "kind": "Secret",
        "metadata": {"name": "ca", "namespace": "shop"}, "stringData": {"ca.crt": pem}}));
    let report = judge(&settings, &objects);
    assert_eq!(report.hosts.len(), 1);
}

#[test]
fn rules_of_any_bytes() {
    let rules = [
        "Host(`\u{0}`) && \u{1f980}".to_owned(),
        "Host(`ä.example`)".to_owned(),
        format!("Host(`{}`)", "a".repeat(1 << 20)),
        "!".repeat(1 << 20),
        "(".repeat(1 << 20),
        "Host(".repeat(1 << 17),
        "Host(``) || Host(`.`) || Host(`*`) || Host(`*.`)".to_owned(),
    ];
    for (n, rule) in rules.iter().enumerate() {
        let objects = [option(), route(n, rule, &named())];
        judge(&Settings::default(), &objects);
    }
}
