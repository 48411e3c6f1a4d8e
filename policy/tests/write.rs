//! What a dialect writes, it reads again: an open route that is written behind a CA, and merged as
//! the API server merges an apply, is settled as what was asked for.
#![allow(clippy::unwrap_used)]

use policy::dialect::{self, GatewayRequest, WriteRequest, Written};
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
            "spec": {"ingressClassName": class, "tls": [{"hosts": ["a.example"], "secretName": "api-tls"}],
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
        ingress("apisix", json!({})),
        ingress("traefik", entry),
        route("traefik.io", "IngressRoute", "Host(`a.example`)"),
        route("traefik.io", "IngressRouteTCP", "HostSNI(`a.example`)"),
        route("traefik.containo.us", "IngressRoute", "Host(`a.example`)"),
    ]
}

fn trust() -> Value {
    let params = pki::CaParams::new("partners", NOW + pki::CA_LIFETIME);
    let ca = pki::create_root(&params, NOW).unwrap();
    json!({"apiVersion": "v1", "kind": "Secret",
        "metadata": {"name": "partners-trust", "namespace": "shop"},
        "stringData": {"ca.crt": ca.chain_pem()}})
}

fn stored(objects: &[Object]) -> Facts {
    let mut facts = Facts::new(Settings::default(), Seen::All);
    for object in objects {
        facts.insert(dialect::read(object, &Settings::default()));
    }
    facts
}

fn read(objects: &[Value]) -> Vec<Object> {
    let read = objects.iter().map(Object::from_value);
    read.map(Result::unwrap).collect()
}

/// All objects after the first of them is put behind a CA.
fn protected(objects: &[Object], mode: Mode, trust: &str) -> Result<Vec<Object>, String> {
    protected_with(objects, mode, trust, None).map(|(objects, _)| objects)
}

fn protected_with(
    objects: &[Object],
    mode: Mode,
    trust: &str,
    server_certificate: Option<&str>,
) -> Result<(Vec<Object>, Written), String> {
    let facts = stored(objects);
    let settings = Settings::default();
    let (dialect, _) = dialect::gateway_of(&objects[0], &settings).unwrap();
    let (namespace, name) = trust.split_once('/').unwrap();
    let written = (dialect.write)(&WriteRequest {
        object: &objects[0],
        trust: &SecretRef::new(namespace, name),
        mode,
        option: None,
        server_certificate,
        settings: &settings,
        view: &facts.view(),
    })?;
    Ok((merged(objects, &written), written))
}

/// The objects in their order, as they are after what is written.
fn merged(objects: &[Object], written: &Written) -> Vec<Object> {
    let mut new = written.merged(objects.iter());
    let mut all: Vec<_> = objects
        .iter()
        .map(
            |object| match new.iter().position(|new| new.id == object.id) {
                Some(at) => new.remove(at),
                None => object.clone(),
            },
        )
        .collect();
    all.extend(new);
    all
}

/// The verdict of each host, and the rules that find something.
fn verdicts(objects: &[Object]) -> (Vec<(String, Verdict)>, Vec<&'static str>) {
    let report = report(&stored(objects).view(), NOW);
    let hosts = report.hosts.iter();
    let rules = report.findings.iter().map(|finding| finding.rule);
    (
        hosts
            .map(|host| (host.host.key.host.clone(), host.verdict))
            .collect(),
        rules.collect(),
    )
}

/// The verdict of the only host, and the rules that find something.
fn judged(objects: &[Object]) -> (Verdict, Vec<&'static str>) {
    let (hosts, rules) = verdicts(objects);
    assert_eq!(hosts.len(), 1, "{hosts:?}");
    (hosts[0].1, rules)
}

#[test]
fn what_is_written_is_read_again() {
    for route in routes() {
        let objects = read(&[route.clone(), trust()]);
        assert_eq!(judged(&objects), (Verdict::None, vec![]), "{route}");
        for (mode, verdict, rules) in [
            (Mode::Required, Verdict::Enforced, vec![]),
            (Mode::Optional, Verdict::Weak, vec!["optional-client-cert"]),
        ] {
            let Ok(objects) = protected(&objects, mode, MANAGED) else {
                // APISIX knows no optional certificates.
                assert_eq!(mode, Mode::Optional, "{route}");
                assert!(route.to_string().contains("apisix"), "{route}");
                continue;
            };
            assert_eq!(judged(&objects), (verdict, rules), "{objects:?}");
        }
    }
}

#[test]
fn what_is_written_twice_is_the_same() {
    for route in routes() {
        let once = protected(&read(&[route]), Mode::Required, MANAGED).unwrap();
        let twice = protected(&once, Mode::Required, MANAGED).unwrap();
        assert_eq!(format!("{once:?}"), format!("{twice:?}"));
    }
}

#[test]
fn a_ca_that_the_gateway_would_not_read_is_refused() {
    for route in routes() {
        let objects = read(&[route]);
        let refused = protected(&objects, Mode::Required, "pki/partners").unwrap_err();
        assert!(refused.contains("pki/partners"), "{refused}");
        for mode in [Mode::Off, Mode::Unverified, Mode::OptionalUnverified] {
            assert!(protected(&objects, mode, MANAGED).is_err());
        }
    }
}

fn route(name: &str, namespace: &str, rule: &str, option: Option<&str>) -> Value {
    let tls = match option {
        Some(option) => json!({"options": {"name": option}}),
        None => json!({}),
    };
    json!({"apiVersion": "traefik.io/v1alpha1", "kind": "IngressRoute",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"entryPoints": ["websecure"], "tls": tls,
            "routes": [{"kind": "Rule", "match": rule}]}})
}

fn tls_option(name: &str, namespace: &str, spec: &Value) -> Value {
    json!({"apiVersion": "traefik.io/v1alpha1", "kind": "TLSOption",
        "metadata": {"name": name, "namespace": namespace}, "spec": spec})
}

#[test]
fn an_option_that_is_there_keeps_its_settings() {
    let modern = tls_option("modern", "shop", &json!({"minVersion": "VersionTLS13"}));
    let api = route("api", "shop", "Host(`a.example`)", Some("modern"));
    let other = route("other", "shop", "Host(`b.example`)", Some("modern"));
    let objects = read(&[api, modern, other, trust()]);
    let (objects, written) = protected_with(&objects, Mode::Required, MANAGED, None).unwrap();
    assert_eq!(objects[1].spec["minVersion"], "VersionTLS13");
    let names: Vec<_> = objects
        .iter()
        .map(|object| object.id.name.as_str())
        .collect();
    assert_eq!(names, ["api", "modern", "other", "partners-trust"]);
    assert!(
        written.notes[0].contains("ingressroute/other"),
        "{:?}",
        written.notes
    );
    let (hosts, _) = verdicts(&objects);
    assert!(
        hosts
            .iter()
            .all(|(_, verdict)| *verdict == Verdict::Enforced),
        "{hosts:?}"
    );
}

#[test]
fn two_routes_of_one_host_share_an_option() {
    let api = route("api", "shop", "Host(`a.example`)", None);
    let web = route(
        "web",
        "shop",
        "Host(`a.example`) && PathPrefix(`/web`)",
        None,
    );
    let mut objects = read(&[api, web, trust()]);
    objects = protected(&objects, Mode::Required, MANAGED).unwrap();
    assert_eq!(judged(&objects).0, Verdict::Open);
    objects.swap(0, 1);
    objects = protected(&objects, Mode::Required, MANAGED).unwrap();
    assert_eq!(judged(&objects), (Verdict::Enforced, vec![]), "{objects:?}");
}

#[test]
fn plain_http_is_told_of() {
    let api = route("api", "shop", "Host(`a.example`)", None);
    let mut plain = route("plain", "shop", "Host(`a.example`)", None);
    plain["spec"]["entryPoints"] = json!(["web"]);
    plain["spec"].as_object_mut().unwrap().remove("tls");
    let objects = read(&[api, plain, trust()]);
    let (_, written) = protected_with(&objects, Mode::Required, MANAGED, None).unwrap();
    assert!(
        written.notes[0].contains("redirectScheme"),
        "{:?}",
        written.notes
    );
    assert!(
        written.notes[0].contains("ingressroute/plain"),
        "{:?}",
        written.notes
    );
}

#[test]
fn an_ingress_of_apisix_gets_an_apisix_tls() {
    let ingress = |tls: Value| {
        json!({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
            "metadata": {"name": "api", "namespace": "shop"},
            "spec": {"ingressClassName": "apisix", "tls": tls,
                "rules": [{"host": "a.example"}, {"host": "b.example"}]}})
    };
    let none = read(&[ingress(Value::Null), trust()]);
    let refused = protected(&none, Mode::Required, MANAGED).unwrap_err();
    assert!(refused.contains("--server-cert"), "{refused}");
    let (objects, _) = protected_with(&none, Mode::Required, MANAGED, Some("api-tls")).unwrap();
    assert_eq!(objects[2].spec["secret"]["name"], "api-tls");
    let two = json!([{"hosts": ["a.example"], "secretName": "a-tls"},
        {"hosts": ["b.example"], "secretName": "b-tls"}]);
    let objects = read(&[ingress(two), trust()]);
    let (objects, written) = protected_with(&objects, Mode::Required, MANAGED, None).unwrap();
    assert_eq!(written.remove[0].patch(), json!({"spec": {"tls": null}}));
    let made: Vec<_> = objects[2..]
        .iter()
        .map(|made| &made.spec["secret"]["name"])
        .collect();
    assert_eq!(made, ["a-tls", "b-tls"]);
    let (hosts, rules) = verdicts(&objects);
    assert!(
        hosts
            .iter()
            .all(|(_, verdict)| *verdict == Verdict::Enforced),
        "{hosts:?}"
    );
    assert_eq!(rules, Vec::<&str>::new());
}

/// All objects after the gateway of the first is put behind a CA.
fn gateway(objects: &[Object], except: &[&str]) -> Result<(Vec<Object>, Written), String> {
    let facts = stored(objects);
    let (dialect, gateway) = dialect::gateway_of(&objects[0], &Settings::default()).unwrap();
    let written = (dialect.write_gateway)(&GatewayRequest {
        gateway: &gateway,
        trust: &SecretRef::new("shop", "partners-trust"),
        mode: Mode::Required,
        except: &except
            .iter()
            .map(|&host| host.to_owned())
            .collect::<Vec<_>>(),
        view: &facts.view(),
    })?;
    Ok((merged(objects, &written), written))
}

#[test]
fn a_whole_gateway_with_exceptions() {
    let api = route("api", "shop", "Host(`a.example`)", None);
    let web = route("web", "web", "Host(`b.example`)", None);
    let more = route("more", "web", "Host(`b.example`) && Path(`/more`)", None);
    let objects = read(&[api, web, more, trust()]);
    let (objects, written) = gateway(&objects, &["B.example"]).unwrap();
    let (hosts, _) = verdicts(&objects);
    let of = |name: &str| hosts.iter().find(|(host, _)| host == name).unwrap().1;
    assert_eq!(of("a.example"), Verdict::Enforced, "{written:?}");
    assert_eq!(of("b.example"), Verdict::Open, "{written:?}");
    assert!(written.notes[0].contains("TLS-ALPN"));
}

#[test]
fn a_gateway_is_not_written_where_it_would_open_or_shut_too_much() {
    let both = route(
        "api",
        "shop",
        "Host(`a.example`) || Host(`b.example`)",
        None,
    );
    let refused = gateway(&read(std::slice::from_ref(&both)), &["a.example"]).unwrap_err();
    assert!(refused.contains("also serves b.example"), "{refused}");
    let refused = gateway(&read(std::slice::from_ref(&both)), &["c.example"]).unwrap_err();
    assert!(refused.contains("no route"), "{refused}");
    let elsewhere = tls_option("default", "other", &json!({}));
    let refused = gateway(&read(&[both, elsewhere]), &[]).unwrap_err();
    assert!(refused.contains("-n other"), "{refused}");
    for route in routes().into_iter().take(2) {
        assert!(
            gateway(&read(&[route]), &[])
                .unwrap_err()
                .contains("get hosts")
        );
    }
}
