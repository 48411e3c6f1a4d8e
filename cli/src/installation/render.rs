//! The objects of an installation: the shipped manifests, changed as the flags say.

use serde_json::{Value, json};

use super::files::Files;
use super::objects::{Part, shipped};
use super::{CertMode, NAME, NAMESPACE, Policy, ROUTES, Shape};

/// What runs in the cluster and is left out where the webhook runs elsewhere.
const RUNNING: [&str; 5] = [
    "Deployment",
    "NetworkPolicy",
    "PodDisruptionBudget",
    "ResourceQuota",
    "Service",
];
/// Namespaces that are there before, and labelled by others.
const FOREIGN: [&str; 3] = ["default", "kube-public", "kube-system"];
/// The Secret of the serving certificate where it is of others.
pub(super) const SERVING: &str = "mtls-webhook-tls";

impl Shape {
    /// Every object, in the order in which they come.
    pub(crate) fn render(&self, namespace: &str, policy: Policy) -> anyhow::Result<Vec<Part>> {
        let mut parts = shipped()?;
        if self.url.is_some() {
            parts.retain(|part| !RUNNING.contains(&part.kind()));
        }
        if FOREIGN.contains(&namespace) {
            parts.retain(|part| part.kind() != "Namespace");
        }
        if self.priority_class == "none" {
            parts.retain(|part| part.kind() != "ResourceQuota");
        }
        let files = Files::read(self)?;
        for part in &mut parts {
            match part.kind() {
                "Deployment" => self.deployment(&mut part.object, &files),
                "Service" => part.object["spec"]["ports"][0]["port"] = json!(self.service_port),
                "ResourceQuota" => {
                    let scope = &mut part.object["spec"]["scopeSelector"]["matchExpressions"][0];
                    scope["values"] = json!([self.priority_class]);
                }
                "ClusterRole" if !self.secret_namespaces.is_empty() => narrow(&mut part.object),
                "ValidatingWebhookConfiguration" | "MutatingWebhookConfiguration" => {
                    self.configuration(
                        &mut part.object,
                        policy,
                        files.bundle.as_deref(),
                        namespace,
                    );
                }
                _ => {}
            }
            moved(&mut part.object, namespace);
        }
        if self.url.is_none() {
            parts.extend(files.config_maps(namespace));
        }
        parts.extend(
            self.secret_namespaces
                .iter()
                .flat_map(|place| reader(place, namespace)),
        );
        if self.cert_mode == CertMode::CertManager {
            parts.extend(issued(namespace));
        }
        parts.sort_by_key(Part::rank);
        Ok(parts)
    }

    fn configuration(
        &self,
        object: &mut Value,
        policy: Policy,
        bundle: Option<&str>,
        namespace: &str,
    ) {
        if self.cert_mode == CertMode::CertManager {
            let inject = format!("{namespace}/{NAME}");
            object["metadata"]["annotations"] = json!({"cert-manager.io/inject-ca-from": inject});
        }
        for entry in object["webhooks"].as_array_mut().into_iter().flatten() {
            if entry["name"] == ROUTES {
                entry["failurePolicy"] = json!(policy.text());
            }
            // What is not of a namespace is selected by none.
            let selector = entry.pointer_mut("/namespaceSelector/matchExpressions");
            if let Some(selector) = selector.and_then(Value::as_array_mut) {
                selector.extend(self.namespace_selector.0.iter().cloned());
            }
            let client = &mut entry["clientConfig"];
            match &self.url {
                Some(url) => {
                    let path = client["service"]["path"].as_str().unwrap_or_default();
                    client["url"] = json!(format!("{url}{path}"));
                    remove(client, "service");
                }
                None => client["service"]["port"] = json!(self.service_port),
            }
            if let Some(bundle) = bundle {
                client["caBundle"] = json!(bundle);
            }
        }
    }
}

pub(super) fn remove(object: &mut Value, key: &str) {
    if let Some(fields) = object.as_object_mut() {
        fields.remove(key);
    }
}

/// Takes the reading of every Secret out of the cluster's role.
fn narrow(role: &mut Value) {
    let secrets = |rule: &Value| {
        let named = rule["resources"]
            .as_array()
            .into_iter()
            .flatten()
            .any(|name| name == "secrets");
        named && rule["resourceNames"].is_null()
    };
    if let Some(rules) = role["rules"].as_array_mut() {
        rules.retain(|rule| !secrets(rule));
    }
}

/// Puts an object into another namespace than the manifests are written for.
fn moved(object: &mut Value, namespace: &str) {
    if object["kind"] == "Namespace" {
        object["metadata"]["name"] = json!(namespace);
    }
    replace("", object, namespace);
}

fn replace(key: &str, value: &mut Value, namespace: &str) {
    match value {
        Value::String(text) if ["namespace", "values"].contains(&key) && text == NAMESPACE => {
            namespace.clone_into(text);
        }
        Value::Array(items) => {
            for item in items {
                replace(key, item, namespace);
            }
        }
        Value::Object(fields) => {
            for (key, value) in fields {
                replace(key, value, namespace);
            }
        }
        _ => {}
    }
}

pub(super) fn metadata(name: &str, namespace: &str) -> Value {
    json!({"name": name, "namespace": namespace,
        "labels": {"app.kubernetes.io/name": "mtls-webhook"}})
}

/// A Role in a namespace whose Secrets may be read, and its binding.
fn reader(place: &str, namespace: &str) -> [Part; 2] {
    const READER: &str = "mtls-webhook-secrets";
    let api = "rbac.authorization.k8s.io/v1";
    let file = "secret-roles.yaml";
    let role = json!({"apiVersion": api, "kind": "Role", "metadata": metadata(READER, place),
        "rules": [{"apiGroups": [""], "resources": ["configmaps", "secrets"], "verbs": ["get"]}]});
    let binding = json!({"apiVersion": api, "kind": "RoleBinding",
        "metadata": metadata(READER, place),
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": READER},
        "subjects": [{"kind": "ServiceAccount", "name": NAME, "namespace": namespace}]});
    [Part::new(file, role), Part::new(file, binding)]
}

/// A CA of cert-manager, and the serving certificate that it signs.
fn issued(namespace: &str) -> Vec<Part> {
    const CA: &str = "mtls-webhook-issuer";
    let api = "cert-manager.io/v1";
    let issuer = |name: &str, spec: Value| json!({"apiVersion": api, "kind": "Issuer", "metadata": metadata(name, namespace), "spec": spec});
    let certificate = |name: &str, spec: Value| {
        json!({"apiVersion": api, "kind": "Certificate", "metadata": metadata(name, namespace),
            "spec": spec})
    };
    let key = json!({"algorithm": "ECDSA", "size": 256, "rotationPolicy": "Always"});
    let host = format!("{NAME}.{namespace}.svc");
    let objects = [
        issuer("mtls-webhook-self-signed", json!({"selfSigned": {}})),
        certificate(
            CA,
            json!({"isCA": true, "commonName": CA, "secretName": CA, "duration": "43800h",
            "privateKey": key, "issuerRef": {"kind": "Issuer", "name": "mtls-webhook-self-signed"}}),
        ),
        issuer(CA, json!({"ca": {"secretName": CA}})),
        certificate(
            NAME,
            json!({"secretName": SERVING, "dnsNames": [host], "duration": "2160h",
            "privateKey": key, "usages": ["server auth"], "issuerRef": {"kind": "Issuer", "name": CA}}),
        ),
    ];
    let parts = objects.into_iter();
    parts
        .map(|object| Part::new("certificates.yaml", object))
        .collect()
}
