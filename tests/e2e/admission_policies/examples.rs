//! One bad and one good object for every form, and variations of an Ingress.

use serde_json::{Value, json};

pub(super) const NAMESPACE: &str = "by-policies";
const NGINX: &str = "nginx.ingress.kubernetes.io/";
const TRAEFIK: &str = "traefik.ingress.kubernetes.io/";

/// Classes, and the dialects that serve them.
pub(super) const CLASSES: &[(&str, &str)] = &[
    ("nginx-policies", "ingress-nginx"),
    ("traefik-policies", "traefik"),
];

/// A form of a dialect.
pub(super) struct Example {
    pub(super) dialect: &'static str,
    pub(super) row: &'static str,
    pub(super) bad: Value,
    pub(super) good: Value,
}

pub(super) fn classes() -> String {
    let class = |name: &str, controller: &str, without: &str| {
        json!({"apiVersion": "networking.k8s.io/v1", "kind": "IngressClass",
            "metadata": {"name": name, "annotations": {
                "kubectl-mtls.github.io/without-policies": without}},
            "spec": {"controller": controller}})
        .to_string()
    };
    [
        class("nginx-policies", "k8s.io/ingress-nginx", ""),
        class("traefik-policies", "traefik.io/ingress-controller", ""),
        class(
            "crossing-policies",
            "k8s.io/ingress-nginx",
            "mode, ca-namespace",
        ),
        class("haproxy-policies", "haproxy.org/ingress-controller", ""),
    ]
    .join("\n---\n")
}

fn annotated(name: &str, class: &str, prefix: &str, annotations: &[(&str, &str)]) -> Value {
    let annotations = annotations
        .iter()
        .map(|(key, value)| (format!("{prefix}{key}"), json!(value)));
    let annotations: serde_json::Map<_, _> = annotations.collect();
    let host = format!("{name}.{NAMESPACE}.example.com");
    json!({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
        "metadata": {"name": name, "namespace": NAMESPACE, "annotations": annotations},
        "spec": {"ingressClassName": class, "tls": [{"hosts": [host]}],
            "rules": [{"host": host, "http": {"paths": [{"path": "/", "pathType": "Prefix",
                "backend": {"service": {"name": "a", "port": {"number": 80}}}}]}}]}})
}

/// An Ingress for ingress-nginx.
pub(super) fn ingress(name: &str, annotations: &[(&str, &str)]) -> Value {
    annotated(name, "nginx-policies", NGINX, annotations)
}

fn option(spec: Value) -> Value {
    json!({"apiVersion": "traefik.io/v1alpha1", "kind": "TLSOption",
        "metadata": {"name": "mtls", "namespace": NAMESPACE}, "spec": spec})
}

fn tls(client: Value) -> Value {
    json!({"apiVersion": "apisix.apache.org/v2", "kind": "ApisixTls",
        "metadata": {"name": "api", "namespace": NAMESPACE},
        "spec": {"hosts": [format!("api.{NAMESPACE}.example.com")],
            "secret": {"name": "tls", "namespace": NAMESPACE}, "client": client}})
}

pub(super) fn examples() -> Vec<Example> {
    [of_nginx(), of_traefik(), of_apisix()]
        .into_iter()
        .flatten()
        .collect()
}

fn of_nginx() -> Vec<Example> {
    let own = format!("{NAMESPACE}/ca");
    let example = |row, bad: &[(&str, &str)], good: &[(&str, &str)]| Example {
        dialect: "ingress-nginx",
        row,
        bad: ingress("a", bad),
        good: ingress("a", good),
    };
    let with = |row, key, bad, good| {
        let secret = ("auth-tls-secret", own.as_str());
        example(row, &[secret, (key, bad)], &[secret, (key, good)])
    };
    let secret = |row, bad, good| {
        example(
            row,
            &[("auth-tls-secret", bad)],
            &[("auth-tls-secret", good)],
        )
    };
    let alone = |row, key, value| {
        example(
            row,
            &[(key, value)],
            &[("auth-tls-secret", &own), (key, value)],
        )
    };
    vec![
        secret("ca-reference", "ca", &own),
        secret("ca-namespace", "kube-system/ca", &own),
        secret("ca-empty", " ", &own),
        with(
            "pass-certificate",
            "auth-tls-pass-certificate-to-upstream",
            "yes",
            "true",
        ),
        with("subject", "auth-tls-match-cn", "alice", "CN=alice(,|$)"),
        with("depth", "auth-tls-verify-depth", "-1", "2"),
        with("mode", "auth-tls-verify-client", "sometimes", "optional"),
        alone("mode-alone", "auth-tls-verify-client", "on"),
        alone("depth-alone", "auth-tls-verify-depth", "1"),
        alone("page-alone", "auth-tls-error-page", "https://a.example/"),
        alone(
            "pass-alone",
            "auth-tls-pass-certificate-to-upstream",
            "true",
        ),
        alone("subject-alone", "auth-tls-match-cn", "CN=a"),
        example(
            "known-name",
            &[("auth-tls-secrets", &own)],
            &[("auth-tls-secret", &own)],
        ),
    ]
}

fn of_traefik() -> Vec<Example> {
    let example = |row, bad, good| Example {
        dialect: "traefik",
        row,
        bad,
        good,
    };
    let spec = |row, bad, good| example(row, option(bad), option(good));
    let auth = |row, bad, good| spec(row, json!({"clientAuth": bad}), json!({"clientAuth": good}));
    let class = "traefik-policies";
    let router = |row, bad: &[(&str, &str)], good: &[(&str, &str)]| {
        example(
            row,
            annotated("a", class, TRAEFIK, bad),
            annotated("a", class, TRAEFIK, good),
        )
    };
    let options = ("router.tls.options", "by-policies-mtls@kubernetescrd");
    vec![
        auth(
            "client-auth-type",
            json!({"secretNames": ["ca"], "clientAuthType": "Require"}),
            json!({"secretNames": ["ca"], "clientAuthType": "RequireAndVerifyClientCert"}),
        ),
        auth(
            "ca-named",
            json!({"clientAuthType": "RequireAndVerifyClientCert"}),
            json!({"clientAuthType": "NoClientCert"}),
        ),
        spec(
            "cipher-suites",
            json!({"cipherSuites": ["TLS_AES_128_GCM_SHA256", "none"]}),
            json!({"cipherSuites": ["TLS_AES_128_GCM_SHA256"]}),
        ),
        spec(
            "curves",
            json!({"curvePreferences": ["P256"]}),
            json!({"curvePreferences": ["CurveP256"]}),
        ),
        spec(
            "min-version",
            json!({"minVersion": "1.2"}),
            json!({"minVersion": "VersionTLS12"}),
        ),
        spec(
            "max-version",
            json!({"maxVersion": "1.3"}),
            json!({"maxVersion": "VersionTLS13"}),
        ),
        router(
            "known-name",
            &[("router.tls.option", options.1)],
            &[options],
        ),
        router(
            "option-reference",
            &[("router.tls.options", "by-policies/mtls@kubernetescrd")],
            &[options],
        ),
        router(
            "tls-on",
            &[("router.tls", "false"), options],
            &[("router.tls", "True"), options],
        ),
    ]
}

fn of_apisix() -> Vec<Example> {
    let ca = json!({"name": "ca", "namespace": NAMESPACE});
    let example = |row, bad, good| Example {
        dialect: "apisix",
        row,
        bad: tls(bad),
        good: tls(good),
    };
    vec![
        example("ca-named", json!({"depth": 1}), json!({"caSecret": ca})),
        example(
            "depth",
            json!({"caSecret": ca, "depth": -1}),
            json!({"caSecret": ca, "depth": 0}),
        ),
        example(
            "patterns",
            json!({"caSecret": ca, "skip_mtls_uri_regex": ["^/a$", "^/a$"]}),
            json!({"caSecret": ca, "skip_mtls_uri_regex": ["^/a$", "^/b$"]}),
        ),
    ]
}

/// Ingresses with every combination of some settings, whether they make sense or not.
pub(super) fn variations() -> Vec<Value> {
    let own = format!("{NAMESPACE}/ca");
    let secrets = [
        None,
        Some(""),
        Some("ca"),
        Some(" elsewhere/ca "),
        Some("a//b"),
        Some("/ca"),
        Some(&own),
    ];
    let others = [
        &[][..],
        &[("auth-tls-verify-client", "off")],
        &[("auth-tls-verify-client", " on ")],
        &[("auth-tls-verify-client", "")],
        &[("auth-tls-verify-depth", "-0"), ("canary", "1")],
        &[("auth-tls-verify-depth", "-007")],
        &[("auth-tls-match-cn", "CN=a"), ("ssl-passthrough", "true")],
        &[("auth-tls-pass-certificate-to-upstream", "T")],
        &[
            ("auth-tls-pass-certificate-to-upstream", "on"),
            ("canary", "true"),
        ],
        &[("auth-tls-secretname", "ca"), ("canary", "false")],
        &[("auth-tls", "ca")],
    ];
    let mut all = Vec::new();
    for secret in secrets {
        for other in others {
            let secret = secret.map(|value| ("auth-tls-secret", value));
            let annotations: Vec<_> = secret.into_iter().chain(other.iter().copied()).collect();
            all.push(ingress("v", &annotations));
            all.push(without_paths(&annotations));
        }
    }
    all
}

/// An Ingress that serves one backend, and no rule.
fn without_paths(annotations: &[(&str, &str)]) -> Value {
    let mut value = ingress("v", annotations);
    value["spec"]["defaultBackend"] =
        value["spec"]["rules"][0]["http"]["paths"][0]["backend"].clone();
    value["spec"]["rules"] = json!([{"host": "v.example.com"}]);
    value
}
