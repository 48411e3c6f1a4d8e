//! Ingresses of ingress-nginx that Traefik serves: who reads which, and what is written is read.
#![allow(clippy::unwrap_used)]

use policy::dialect::{self, WriteRequest};
use policy::{
    Facts, GatewayConfig, Mode, Object, Report, SecretRef, Seen, Settings, Verdict, report,
};
use serde_json::{Value, json};

fn settings(class: &str, args: &[&str]) -> Settings {
    let config = GatewayConfig {
        dialect: "traefik".to_owned(),
        ingress_class: Some(class.to_owned()),
        args: args.iter().map(|arg| (*arg).to_owned()).collect(),
        ..GatewayConfig::default()
    };
    Settings::new(vec![config])
}

fn ingress(class: &str, annotations: &Value) -> Value {
    json!({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
        "metadata": {"name": "api", "namespace": "shop", "annotations": annotations},
        "spec": {"ingressClassName": class, "tls": [{"hosts": ["a.example"]}],
            "rules": [{"host": "a.example", "http": {"paths": [{"path": "/"}]}}]}})
}

fn demand() -> Value {
    json!({"nginx.ingress.kubernetes.io/auth-tls-secret": "shop/ca"})
}

fn judge(settings: &Settings, objects: &[Value]) -> Report {
    let mut facts = Facts::new(settings.clone(), Seen::All);
    for object in objects {
        let object = Object::from_value(object).unwrap();
        facts.insert(dialect::read(&object, settings));
    }
    report(&facts.view(), 1_790_000_000)
}

fn ca() -> Value {
    let params = pki::CaParams::new("test", 1_890_000_000);
    let ca = pki::create_root(&params, 1_790_000_000).unwrap();
    json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "ca", "namespace": "shop"},
        "stringData": {"ca.crt": ca.chain_pem()}})
}

const ON: &str = "--providers.kubernetesIngressNGINX=true";

#[track_caller]
fn check(settings: &Settings, class: &str, gateway: &str, verdict: Verdict) {
    let report = judge(settings, &[ingress(class, &demand()), ca()]);
    let host = &report.hosts[0];
    assert_eq!(
        (host.host.key.gateway.dialect, host.verdict),
        (gateway, verdict)
    );
}

#[test]
fn the_class_and_the_arguments_decide_who_reads() {
    check(
        &settings("nginx", &[ON]),
        "nginx",
        "traefik",
        Verdict::Enforced,
    );
    check(
        &settings("nginx", &[ON]),
        "traefik",
        "traefik",
        Verdict::None,
    );
    check(
        &settings("traefik", &[]),
        "nginx",
        "ingress-nginx",
        Verdict::Enforced,
    );
    check(&settings("nginx", &[]), "nginx", "traefik", Verdict::None);
    let off = "--providers.kubernetesingressnginx=false";
    check(
        &settings("nginx", &[off]),
        "nginx",
        "traefik",
        Verdict::None,
    );
    let other = "--providers.kubernetesIngressNGINX.ingressClass=edge";
    check(
        &settings("edge", &[ON, other]),
        "edge",
        "traefik",
        Verdict::Enforced,
    );
}

#[test]
fn a_traefik_without_a_class_serves_them_unless_ingress_nginx_is_there_too() {
    let mut settings = settings("nginx", &[ON]);
    settings.gateways[0].ingress_class = None;
    settings
        .classes
        .insert("nginx".to_owned(), "k8s.io/ingress-nginx".to_owned());
    check(&settings, "nginx", "traefik", Verdict::Enforced);
    settings.gateways.push(GatewayConfig {
        dialect: "ingress-nginx".to_owned(),
        ..GatewayConfig::default()
    });
    check(&settings, "nginx", "ingress-nginx", Verdict::Enforced);
}

#[test]
fn an_ingress_class_goes_before_names() {
    let mut settings = settings("edge", &[ON]);
    settings
        .classes
        .insert("edge".to_owned(), "k8s.io/ingress-nginx".to_owned());
    check(&settings, "edge", "traefik", Verdict::Enforced);
    settings
        .classes
        .insert("edge".to_owned(), "example.com/other".to_owned());
    check(&settings, "edge", "traefik", Verdict::None);
}

#[test]
fn what_is_written_is_read() {
    let settings = settings("nginx", &[ON]);
    for (mode, verdict) in [
        (Mode::Required, Verdict::Enforced),
        (Mode::Optional, Verdict::Weak),
    ] {
        let mut object = ingress("nginx", &json!({}));
        let facts = Facts::new(settings.clone(), Seen::All);
        let request = WriteRequest {
            object: &Object::from_value(&object).unwrap(),
            trust: &SecretRef::new("shop", "ca"),
            mode,
            option: None,
            server_certificate: None,
            settings: &settings,
            view: &facts.view(),
        };
        let traefik = dialect::by_id("traefik").unwrap();
        let written = (traefik.write)(&request).unwrap();
        object["metadata"]["annotations"] = written.apply[0]["metadata"]["annotations"].clone();
        let report = judge(&settings, &[object, ca()]);
        assert_eq!(report.hosts[0].verdict, verdict);
        let foreign = WriteRequest {
            trust: &SecretRef::new("pki", "ca"),
            ..request
        };
        assert!((traefik.write)(&foreign).is_err());
    }
}

#[test]
fn a_canary_and_an_alias() {
    let settings = settings("nginx", &[ON]);
    let mut annotations = demand();
    annotations["nginx.ingress.kubernetes.io/server-alias"] = "b.example, c.example".into();
    let report = judge(&settings, &[ingress("nginx", &annotations), ca()]);
    assert_eq!(report.hosts.len(), 3);
    assert!(
        report
            .hosts
            .iter()
            .all(|host| host.verdict == Verdict::Enforced)
    );
    annotations["nginx.ingress.kubernetes.io/canary"] = "true".into();
    assert!(
        judge(&settings, &[ingress("nginx", &annotations), ca()])
            .hosts
            .is_empty()
    );
}
