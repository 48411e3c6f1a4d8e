//! What a dialect writes, it reads again: an open route that is written behind a CA, and merged as
//! the API server merges an apply, is settled as what was asked for.
#![allow(clippy::unwrap_used)]

use policy::dialect::{self, WriteRequest};
use policy::{Facts, Mode, Object, SecretRef, Seen, Settings, Verdict, report};
use serde_json::{Value, json};

const NOW: i64 = 1_790_000_000;
const MANAGED: &str = "shop/partners-trust";

/// An open route of each kind that can be written.
fn routes() -> Vec<Value> {
    let paths = json!({"paths": [{"path": "/", "pathType": "Prefix",
        "backend": {"service": {"name": "a", "port": {"number": 80}}}}]});
    let ingress = |class: &str, annotations: Value| {
        json!({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
            "metadata": {"name": "api.v1", "namespace": "shop", "annotations": annotations},
            "spec": {"ingressClassName": class, "tls": [{"hosts": ["a.example"]}],
                "rules": [{"host": "a.example", "http": paths}]}})
    };
    let route = |group: &str, kind: &str, rule: &str| {
        json!({"apiVersion": format!("{group}/v1alpha1"), "kind": kind,
            "metadata": {"name": "api", "namespace": "shop"},
            "spec": {"entryPoints": ["websecure"], "tls": {"secretName": "api-tls"},
                "routes": [{"kind": "Rule", "match": rule}]}})
    };
    let entry = json!({"traefik.ingress.kubernetes.io/router.entrypoints": "websecure"});
    vec![
        json!({"apiVersion": "apisix.apache.org/v2", "kind": "ApisixTls",
            "metadata": {"name": "api", "namespace": "shop"},
            "spec": {"ingressClassName": "apisix", "hosts": ["a.example"],
                "secret": {"name": "api-tls", "namespace": "shop"}}}),
        json!({"apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway",
            "metadata": {"name": "edge", "namespace": "shop"},
            "spec": {"gatewayClassName": "apisix", "listeners": [{"name": "https", "port": 443,
                "protocol": "HTTPS", "hostname": "a.example",
                "tls": {"certificateRefs": [{"kind": "Secret", "name": "api-tls"}]}}]}}),
        ingress("nginx", json!({})),
        ingress("traefik", entry),
        route("traefik.io", "IngressRoute", "Host(`a.example`)"),
        route("traefik.io", "IngressRouteTCP", "HostSNI(`a.example`)"),
        route("traefik.containo.us", "IngressRoute", "Host(`a.example`)"),
    ]
}

fn merge(into: &mut Value, from: &Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                merge(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (into, from) => *into = from.clone(),
    }
}

fn trust() -> Value {
    let params = pki::CaParams::new("partners", NOW + pki::CA_LIFETIME);
    let ca = pki::create_root(&params, NOW).unwrap();
    json!({"apiVersion": "v1", "kind": "Secret",
        "metadata": {"name": "partners-trust", "namespace": "shop"},
        "stringData": {"ca.crt": ca.chain_pem()}})
}

/// The route and what `write` adds, merged.
fn written(route: &Value, mode: Mode, trust: &str) -> Result<Vec<Value>, String> {
    let object = Object::from_value(route).unwrap();
    let settings = Settings::default();
    let (dialect, _) = dialect::gateway_of(&object, &settings).unwrap();
    let (namespace, name) = trust.split_once('/').unwrap();
    let objects = (dialect.write)(&WriteRequest {
        object: &object,
        trust: &SecretRef::new(namespace, name),
        mode,
        settings: &settings,
    })?;
    let mut all = vec![route.clone()];
    for object in objects {
        let same = |known: &&mut Value| {
            known["kind"] == object["kind"]
                && known["metadata"]["name"] == object["metadata"]["name"]
        };
        match all.iter_mut().find(same) {
            Some(known) => merge(known, &object),
            None => all.push(object),
        }
    }
    Ok(all)
}

/// The verdict of the only host, and the rules that find something.
fn judged(objects: &[Value]) -> (Verdict, Vec<&'static str>) {
    let mut facts = Facts::new(Settings::default(), Seen::All);
    for object in objects {
        let object = Object::from_value(object).unwrap();
        facts.insert(dialect::read(&object, &Settings::default()));
    }
    let report = report(&facts.view(), NOW);
    assert_eq!(report.hosts.len(), 1, "{:?}", report.hosts);
    let rules = report.findings.iter().map(|finding| finding.rule);
    (report.hosts[0].verdict, rules.collect())
}

#[test]
fn what_is_written_is_read_again() {
    for route in routes() {
        assert_eq!(
            judged(&[route.clone(), trust()]),
            (Verdict::None, vec![]),
            "{route}"
        );
        for (mode, verdict, rules) in [
            (Mode::Required, Verdict::Enforced, vec![]),
            (Mode::Optional, Verdict::Weak, vec!["optional-client-cert"]),
        ] {
            let Ok(mut objects) = written(&route, mode, MANAGED) else {
                // APISIX knows no optional certificates.
                let kind = route["kind"].as_str().unwrap();
                assert!(["ApisixTls", "Gateway"].contains(&kind) && mode == Mode::Optional);
                continue;
            };
            objects.push(trust());
            assert_eq!(judged(&objects), (verdict, rules), "{objects:?}");
        }
    }
}

#[test]
fn what_is_written_twice_is_the_same() {
    for route in routes() {
        let once = written(&route, Mode::Required, MANAGED).unwrap();
        let twice = written(&once[0], Mode::Required, MANAGED).unwrap();
        assert_eq!(once, twice);
    }
}

#[test]
fn a_ca_that_the_gateway_would_not_read_is_refused() {
    for route in routes() {
        let refused = written(&route, Mode::Required, "pki/partners").unwrap_err();
        assert!(refused.contains("pki/partners"), "{refused}");
        for mode in [Mode::Off, Mode::Unverified, Mode::OptionalUnverified] {
            assert!(written(&route, mode, MANAGED).is_err());
        }
    }
}
