//! No annotation is too long or too strange: whatever its bytes, the answer comes.
#![allow(clippy::unwrap_used)]

use std::time::{Duration, Instant};

use policy::{Facts, GatewayConfig, Object, Report, Seen, Settings, dialect, report};
use serde_json::{Value, json};

const NOW: i64 = 1_790_000_000;
const PREFIX: &str = "nginx.ingress.kubernetes.io";

fn ingress(number: usize, host: &str, annotations: &[(&str, &str)]) -> Value {
    let annotations = annotations
        .iter()
        .map(|(key, value)| (format!("{PREFIX}/{key}"), Value::from(*value)));
    json!({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
        "metadata": {"name": format!("i{number}"), "namespace": "shop",
            "annotations": annotations.collect::<serde_json::Map<_, _>>()},
        "spec": {"ingressClassName": "nginx", "tls": [{"hosts": [host]}],
            "rules": [{"host": host, "http": {"paths": [
                {"path": format!("/{number}"), "pathType": "Prefix",
                    "backend": {"service": {"name": "a", "port": {"number": 80}}}}]}}]}})
}

fn secret(name: &str, text: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": "shop"},
        "stringData": {"ca.crt": text}})
}

/// What takes this long would not end: it says nothing about speed.
const HANGS: Duration = Duration::from_secs(60);

fn judged(objects: &[Value]) -> (Report, Duration) {
    let settings = Settings::new(vec![GatewayConfig {
        dialect: "ingress-nginx".to_owned(),
        ..GatewayConfig::default()
    }]);
    let start = Instant::now();
    let mut facts = Facts::new(settings.clone(), Seen::All);
    for object in objects {
        let object = Object::from_value(object).unwrap();
        facts.insert(dialect::read(&object, &settings));
    }
    let report = report(&facts.view(), NOW);
    (report, start.elapsed())
}

fn ca() -> String {
    let params = pki::CaParams::new("test", NOW + 365 * 24 * 3600);
    pki::create_root(&params, NOW)
        .unwrap()
        .chain_pem()
        .to_owned()
}

const DEMAND: (&str, &str) = ("auth-tls-secret", "shop/ca");

#[test]
fn annotations_of_any_bytes() {
    let huge = "(".repeat(200_000);
    let nested = "(?:a{1000}".repeat(2_000);
    let odd = [
        "",
        " ",
        "\0",
        "\n",
        "é",
        "\u{10ffff}",
        "/",
        "//",
        "@",
        ",",
        ",,,",
        "CN=",
        "CN=(",
        "CN=\\",
        "CN=[",
        "CN={",
        "CN=\\Q",
        "CN=\\x{",
        "CN=\\p{",
        "CN=[[:",
        "CN=a{99999999999}",
        "https://",
        "-1",
        "99999999999999999999",
        "CN=(a|aa)+$",
        "*",
        "~^(a+)+$",
        &huge,
        &nested,
    ];
    let names = [
        "auth-tls-secret",
        "auth-tls-verify-client",
        "auth-tls-verify-depth",
        "auth-tls-error-page",
        "auth-tls-match-cn",
        "auth-tls-pass-certificate-to-upstream",
        "server-alias",
        "ssl-passthrough",
        "proxy-ssl-secret",
        "proxy-ssl-verify",
        "backend-protocol",
        "server-snippet",
        "ssl-redirect",
        "canary",
        "auth-tls-\u{7f}",
        "auth-tlsé",
    ];
    let pem = ca();
    for value in odd {
        for name in names {
            let objects = [
                ingress(0, "a.example.com", &[DEMAND, (name, value)]),
                ingress(1, value, &[(name, value)]),
                secret("ca", &pem),
            ];
            let (report, took) = judged(&objects);
            assert!(!report.hosts.is_empty(), "{name} {value:.20}");
            assert!(took < HANGS, "{name} {value:.20}: {took:?}");
        }
    }
}
