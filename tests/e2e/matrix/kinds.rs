//! Objects of the kinds beside those that most clusters have.

use serde_json::{Value, json};

use super::{Case, option, required};

pub(super) fn tcp_route(ns: &str, name: &str, option: &str) -> Value {
    json!({"apiVersion": "traefik.io/v1alpha1", "kind": "IngressRouteTCP",
        "metadata": {"name": name, "namespace": ns},
        "spec": {"entryPoints": ["websecure"], "tls": {"options": {"name": option}},
            "routes": [{"match": format!("HostSNI(`{name}.{ns}.example.com`)"),
                "services": [{"name": "a", "port": 80}]}]}})
}

pub(super) fn apisix_tls(ns: &str, name: &str, secret: &str) -> Value {
    json!({"apiVersion": "apisix.apache.org/v2", "kind": "ApisixTls",
        "metadata": {"name": name, "namespace": ns},
        "spec": {"ingressClassName": "apisix", "hosts": [format!("{name}.{ns}.example.com")],
            "secret": {"name": "server", "namespace": ns},
            "client": {"caSecret": {"name": secret, "namespace": ns}, "depth": 1}}})
}

/// What opens the host of an ApisixTls, over TLS alone.
pub(super) fn apisix_route(ns: &str, name: &str) -> Value {
    let redirect = json!({"name": "redirect", "enable": true, "config": {"http_to_https": true}});
    json!({"apiVersion": "apisix.apache.org/v2", "kind": "ApisixRoute",
        "metadata": {"name": name, "namespace": ns},
        "spec": {"ingressClassName": "apisix", "http": [{"name": "all", "plugins": [redirect],
            "match": {"hosts": [format!("{name}.{ns}.example.com")], "paths": ["/*"]},
            "backends": [{"serviceName": "a", "servicePort": 80}]}]}})
}

/// A Gateway of APISIX.
pub(super) fn gateway(ns: &str, name: &str, secret: &str) -> Value {
    let ca = json!([{"group": "", "kind": "Secret", "name": secret}]);
    json!({"apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway",
        "metadata": {"name": name, "namespace": ns},
        "spec": {"gatewayClassName": "apisix",
            "tls": {"frontend": {"default": {"validation": {"caCertificateRefs": ca}}}},
            "listeners": [{"name": "https", "port": 443, "protocol": "HTTPS",
                "hostname": format!("{name}.{ns}.example.com"),
                "tls": {"certificateRefs": [{"group": "", "kind": "Secret", "name": "server"}]}}]}})
}

pub(super) fn cases(ns: &str) -> Vec<Case> {
    let (trust, none) = ("partners-trust", "none");
    let case = |good, bad, rule| Case { good, bad, rule };
    vec![
        case(
            tcp_route(ns, "t", "mtls"),
            tcp_route(ns, "t", none),
            "unresolved-option",
        ),
        case(
            apisix_tls(ns, "x", trust),
            apisix_tls(ns, "x", none),
            "missing-ca",
        ),
        case(
            gateway(ns, "g", trust),
            gateway(ns, "g", none),
            "missing-ca",
        ),
    ]
}

/// An option that asks, for routes of a test.
pub(super) fn asking(ns: &str, name: &str) -> Value {
    option("traefik.io", ns, name, &required())
}
