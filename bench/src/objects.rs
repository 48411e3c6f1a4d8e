//! Objects of all sizes, and the reviews in which the API server sends them.

use serde_json::{Value, json};

const PREFIX: &str = "nginx.ingress.kubernetes.io";

/// An Ingress behind a CA, or not.
pub(crate) fn ingress(name: &str, host: &str, trust: Option<&str>) -> Value {
    let mut annotations = json!({format!("{PREFIX}/proxy-body-size"): "8m"});
    if let Some(trust) = trust {
        annotations[format!("{PREFIX}/auth-tls-secret")] = trust.into();
        annotations[format!("{PREFIX}/auth-tls-verify-client")] = "on".into();
    }
    json!({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
        "metadata": {"name": name, "namespace": "shop", "annotations": annotations},
        "spec": {"ingressClassName": "nginx",
            "tls": [{"hosts": [host], "secretName": "server"}],
            "rules": [{"host": host, "http": {"paths": [path(0)]}}]}})
}

fn path(number: usize) -> Value {
    json!({"path": format!("/orders/by-customer/{number:08}"), "pathType": "Prefix",
        "backend": {"service": {"name": "orders", "port": {"number": 8080}}}})
}

/// A review of this object that takes about so many bytes, by managed fields as any object that
/// was applied has, and then by paths.
pub(crate) fn review(mut object: Value, bytes: usize) -> Vec<u8> {
    object["metadata"]["managedFields"] = json!([{"manager": "kubectl", "operation": "Apply",
        "apiVersion": "networking.k8s.io/v1", "time": "2026-01-01T00:00:00Z",
        "fieldsType": "FieldsV1", "fieldsV1": {"f:metadata": {"f:annotations": {}},
        "f:spec": {"f:ingressClassName": {}, "f:rules": {}, "f:tls": {}}}}]);
    let short = envelope(&object, &Value::Null).len();
    let one = path(0).to_string().len() + 1;
    let paths = (1..=bytes.saturating_sub(short) / one).map(path);
    if let Some(list) = object["spec"]["rules"][0]["http"]["paths"].as_array_mut() {
        list.extend(paths);
    }
    envelope(&object, &Value::Null)
}

/// A review of a change; no old object: it is new.
pub(crate) fn envelope(object: &Value, old: &Value) -> Vec<u8> {
    let operation = if old.is_null() { "CREATE" } else { "UPDATE" };
    json!({"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "request": {
        "uid": "5ab1b4b9-1b1c-4a6e-9f0a-1d7c0c6b2f6a", "operation": operation,
        "kind": {"group": "networking.k8s.io", "version": "v1", "kind": "Ingress"},
        "resource": {"group": "networking.k8s.io", "version": "v1", "resource": "ingresses"},
        "name": object["metadata"]["name"], "namespace": "shop",
        "userInfo": {"username": "jane", "groups": ["team-shop", "system:authenticated"]},
        "object": object, "oldObject": old, "dryRun": false,
        "options": {"kind": "CreateOptions", "apiVersion": "meta.k8s.io/v1"}}})
    .to_string()
    .into_bytes()
}

/// A TLSOption named default with this demand.
pub(crate) fn default_option(demand: &str) -> Value {
    json!({"apiVersion": "traefik.io/v1alpha1", "kind": "TLSOption",
        "metadata": {"name": "default", "namespace": "shop"},
        "spec": {"clientAuth": {"secretNames": ["partners-trust"], "clientAuthType": demand}}})
}

/// A route of Traefik that names no option.
pub(crate) fn ingress_route(name: &str, host: &str) -> Value {
    json!({"apiVersion": "traefik.io/v1alpha1", "kind": "IngressRoute",
        "metadata": {"name": name, "namespace": "shop"},
        "spec": {"entryPoints": ["websecure"], "tls": {}, "routes": [{"kind": "Rule",
            "match": format!("Host(`{host}`)"), "services": [{"name": "a", "port": 80}]}]}})
}
