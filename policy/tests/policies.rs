//! What policies put into routes, and what their status says.
#![allow(clippy::unwrap_used)]

use policy::client_auth_policy::{Injection, PolicyStatus, inject, status};
use policy::{Facts, GatewayConfig, Object, Seen, Settings, dialect, report};
use serde_json::{Value, json};

const NOW: i64 = 1_790_000_000;

fn policy(name: &str, demand: &str, more: Value) -> Value {
    let mut spec = json!({"match": {"hosts": ["*.example.com"]}, "demand": demand});
    for (key, value) in more.as_object().unwrap() {
        spec[key] = value.clone();
    }
    json!({"apiVersion": "kubectl-mtls.github.io/v1alpha1", "kind": "ClientAuthPolicy",
        "metadata": {"name": name}, "spec": spec})
}

fn ingress(class: &str, hosts: &[&str], annotations: Value) -> Value {
    let path = json!({"path": "/", "pathType": "Prefix"});
    let rules = hosts.iter();
    let rules = rules.map(|host| json!({"host": host, "http": {"paths": [path]}}));
    json!({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
        "metadata": {"generateName": "api-", "namespace": "shop", "annotations": annotations},
        "spec": {"ingressClassName": class, "tls": [{"hosts": hosts}],
            "rules": rules.collect::<Vec<_>>()}})
}

fn facts(settings: Settings, objects: &[Value]) -> Facts {
    let mut facts = Facts::new(settings, Seen::All);
    for object in objects {
        let object = Object::from_value(object).unwrap();
        facts.learn(&object);
        let read = dialect::read(&object, &facts.settings);
        facts.insert(read);
    }
    facts
}

fn injected(route: &Value, others: &[Value]) -> Injection {
    let facts = facts(Settings::default(), others);
    let object = Object::from_value(route).unwrap();
    inject(route, &object, &facts.view().at(NOW))
}

/// The pointers of what is put in.
fn pointers(injection: &Injection) -> Vec<&str> {
    let additions = injection.additions.iter();
    additions
        .map(|addition| addition.pointer.as_str())
        .collect()
}

fn injecting() -> Value {
    let inject = json!({"trust": {"name": "ca"}, "option": {"name": "mtls"}});
    policy("p", "required", json!({"inject": inject}))
}

#[test]
fn annotations_are_made_where_there_are_none() {
    let with = |annotations: Value| {
        let route = ingress("nginx", &["a.example.com"], annotations);
        injected(&route, &[injecting()])
    };
    assert_eq!(pointers(&with(Value::Null)), ["/metadata/annotations"]);
    let keys = pointers(&with(json!({"a": "b"}))).len();
    assert_eq!(keys, 3);
    let key = "nginx.ingress.kubernetes.io/auth-tls-secret";
    assert_eq!(with(json!({key: "shop/other"})), Injection::default());
}

#[test]
fn a_policy_must_hold_for_every_host() {
    let route = ingress("nginx", &["a.example.com", "a.example.org"], json!({}));
    let injection = injected(&route, &[injecting()]);
    assert!(injection.additions.is_empty());
    assert!(injection.notes[0].contains("not hold for every host"));
}

#[test]
fn an_option_must_be_there_and_demand_as_much() {
    let route = ingress("traefik", &["a.example.com"], json!({}));
    let option = |mode: &str| {
        json!({"apiVersion": "traefik.io/v1alpha1", "kind": "TLSOption",
            "metadata": {"name": "mtls", "namespace": "shop"},
            "spec": {"clientAuth": {"secretNames": ["ca"], "clientAuthType": mode}}})
    };
    let missing = injected(&route, &[injecting()]);
    assert!(missing.additions.is_empty() && missing.notes[0].contains("is not there"));
    let weak = injected(&route, &[injecting(), option("VerifyClientCertIfGiven")]);
    assert!(weak.additions.is_empty() && weak.notes[0].contains("does not demand as much"));
    let strong = injected(&route, &[injecting(), option("RequireAndVerifyClientCert")]);
    assert!(strong.notes.is_empty(), "{:?}", strong.notes);
    let written = strong.additions.iter();
    let written: Vec<_> = written.map(|one| one.value.to_string()).collect();
    assert!(
        written[0].contains("shop-mtls@") || written.iter().any(|one| one.contains("shop-mtls@"))
    );
}

/// What stands in an object of its own cannot be made while a route is admitted.
#[test]
fn nothing_new_is_made() {
    let route = ingress("apisix", &["a.example.com"], json!({}));
    let injection = injected(&route, &[injecting()]);
    assert!(injection.additions.is_empty() && injection.notes.len() == 1);
}

fn of(objects: &[Value], name: &str, previous: &PolicyStatus, now: i64) -> PolicyStatus {
    let facts = facts(Settings::default(), objects);
    let hosts = report(&facts.view(), now).hosts;
    let mut policies = facts.policies.policies();
    let policy = policies.find(|policy| policy.name() == name).unwrap();
    status(policy, 7, &hosts, previous, now)
}

fn condition<'a>(status: &'a PolicyStatus, name: &str) -> (&'a str, &'a str, &'a str) {
    let mut all = status.conditions.iter();
    let one = all.find(|one| one.r#type == name).unwrap();
    (&one.status, &one.message, &one.last_transition_time)
}

#[test]
fn both_say_in_what_they_differ_and_the_time_stays() {
    let mut route = ingress("nginx", &["a.example.com"], json!({}));
    route["metadata"]["name"] = "api".into();
    let (a, b) = (
        policy(
            "a",
            "required",
            json!({"trust": {"pins": ["0a".repeat(32)]}}),
        ),
        policy(
            "b",
            "optional",
            json!({"action": "Warn", "trust": {"pins": ["0b".repeat(32)]}}),
        ),
    );
    let objects = [route, a.clone(), b];
    for name in ["a", "b"] {
        let status = of(&objects, name, &PolicyStatus::default(), NOW);
        let (conflicting, message, _) = condition(&status, "Conflicting");
        assert_eq!((conflicting, status.short_hosts), ("True", 1));
        for words in [
            "required holds",
            "has the action Deny",
            "no CA can meet both",
        ] {
            assert!(message.contains(words), "{name}: {message}");
        }
    }
    let first = of(&objects, "a", &PolicyStatus::default(), NOW);
    assert_eq!(of(&objects, "a", &first, NOW + 60), first);
    let gone = of(&[a], "a", &first, NOW + 60);
    assert_eq!(condition(&gone, "Compliant").0, "True");
    assert_ne!(
        condition(&gone, "Compliant").2,
        condition(&first, "Compliant").2
    );
    assert_eq!(
        condition(&gone, "Accepted").2,
        condition(&first, "Accepted").2
    );
}

/// The Secret `shop/ca`.
fn ca() -> Value {
    let params = pki::CaParams::new("test", NOW + 3650 * 24 * 3600);
    let ca = pki::create_root(&params, NOW).unwrap();
    json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "ca", "namespace": "shop"},
        "stringData": {"ca.crt": ca.chain_pem()}})
}

/// Rule, severity and field of everything that is said of a world.
fn said(objects: &[Value]) -> Vec<String> {
    let report = report(&facts(Settings::default(), objects).view(), NOW);
    let findings = report.findings.iter();
    findings
        .map(|one| format!("{} {} {}", one.rule, one.severity, one.site.pointer))
        .collect()
}

#[test]
fn a_misspelt_field_is_said_because_it_makes_the_object_wider() {
    let exception = json!({"apiVersion": "kubectl-mtls.github.io/v1alpha1",
        "kind": "ClientAuthException", "metadata": {"name": "e"}, "spec": {"polices": ["p"],
            "hosts": ["a.example.com"], "reason": "x", "end": "2099-01-01T00:00:00Z"}});
    let policy = policy(
        "p",
        "required",
        json!({"match": {"hots": ["a.example.com"]}}),
    );
    assert_eq!(
        said(&[policy, exception]),
        [
            "unreadable-object error /spec/polices",
            "unreadable-object error /spec/match/hots"
        ]
    );
    let labels = json!({"match": {"namespaceSelector": {"matchLabels": {"any/key": "v"}}}});
    assert_eq!(said(&[self::policy("p", "required", labels)]), [""; 0]);
}

#[test]
fn the_stricter_action_is_said_where_two_hosts_share_a_place() {
    let key = |name: &str| format!("nginx.ingress.kubernetes.io/auth-tls-{name}");
    let annotations = json!({key("secret"): "shop/ca", key("verify-client"): "optional"});
    let route = ingress("nginx", &["a.example.com", "b.example.com"], annotations);
    let of = |name: &str, host: &str, action: &str| {
        let more = json!({"match": {"hosts": [host]}, "action": action});
        policy(name, "required", more)
    };
    let policies = [
        of("p1", "a.example.com", "Audit"),
        of("p2", "b.example.com", "Deny"),
    ];
    let all = said(&[&policies[..], &[route, ca()]].concat());
    let demands: Vec<_> = all
        .iter()
        .filter(|one| one.contains("policy-demand"))
        .collect();
    assert!(
        !demands.is_empty() && demands.iter().all(|one| one.contains("error")),
        "{all:?}"
    );
}

#[test]
fn what_a_default_option_demands_already_is_not_replaced() {
    let option = |name: &str, mode: &str| {
        json!({"apiVersion": "traefik.io/v1alpha1", "kind": "TLSOption",
            "metadata": {"name": name, "namespace": "shop"},
            "spec": {"clientAuth": {"secretNames": ["ca"], "clientAuthType": mode}}})
    };
    let route = json!({"apiVersion": "traefik.io/v1alpha1", "kind": "IngressRoute",
        "metadata": {"name": "r", "namespace": "shop"}, "spec": {"entryPoints": ["websecure"],
            "routes": [{"kind": "Rule", "match": "Host(`a.example.com`)",
                "services": [{"name": "a", "port": 80}]}], "tls": {}}});
    let inject = json!({"inject": {"trust": {"name": "ca"}, "option": {"name": "mtls"}}});
    let optional = policy("p", "optional", inject);
    let weaker = option("mtls", "VerifyClientCertIfGiven");
    let world = [ca(), optional, weaker];
    assert!(!injected(&route, &world).additions.is_empty());
    let default = option("default", "RequireAndVerifyClientCert");
    let kept = injected(&route, &[&world[..], &[default]].concat());
    assert_eq!(kept, Injection::default());
}

#[test]
fn an_option_says_nothing_of_an_ingress_that_has_none() {
    let nginx_provider = GatewayConfig {
        dialect: "traefik".to_owned(),
        ingress_class: Some("edge".to_owned()),
        args: vec!["--providers.kubernetesIngressNGINX=true".to_owned()],
        ..GatewayConfig::default()
    };
    let option = json!({"namespace": "pki", "name": "mtls"});
    let inject_option = json!({"inject": {"trust": {"name": "ca"}, "option": option}});
    let facts = facts(
        Settings::new(vec![nginx_provider]),
        &[policy("p", "required", inject_option)],
    );
    let route = ingress("edge", &["a.example.com"], json!({}));
    let object = Object::from_value(&route).unwrap();
    let injection = inject(&route, &object, &facts.view().at(NOW));
    let secret = "/metadata/annotations/nginx.ingress.kubernetes.io~1auth-tls-secret";
    let put_in = injection.additions.iter().find(|one| one.pointer == secret);
    assert_eq!(put_in.unwrap().value, "shop/ca", "{:?}", injection.notes);
}
