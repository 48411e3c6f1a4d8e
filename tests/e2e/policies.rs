//! Policies and exceptions on the real API server: the schema, admissions, injection, status.

mod action;
mod injection;
mod schema;
mod status;

use std::time::Duration;

use anyhow::ensure;
use serde_json::{Value, json};
use tests::wait_until;
use tests::webhook::Webhook;

use crate::{cluster, must, namespace};

const PATIENCE: Duration = Duration::from_secs(20);

fn ingress(ns: &str, name: &str, annotations: &Value) -> String {
    let host = format!("{name}.{ns}.example.com");
    let path = json!({"path": "/", "pathType": "Prefix",
        "backend": {"service": {"name": "a", "port": {"number": 80}}}});
    json!({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
        "metadata": {"name": name, "namespace": ns, "annotations": annotations},
        "spec": {"ingressClassName": "nginx", "tls": [{"hosts": [host]}],
            "rules": [{"host": host, "http": {"paths": [path]}}]}})
    .to_string()
}

fn open(ns: &str, name: &str) -> String {
    ingress(ns, name, &json!({}))
}

fn protected(ns: &str, name: &str) -> String {
    ingress(
        ns,
        name,
        &json!({"nginx.ingress.kubernetes.io/auth-tls-secret": format!("{ns}/partners-trust"),
            "nginx.ingress.kubernetes.io/force-ssl-redirect": "true"}),
    )
}

fn object(kind: &str, name: &str, spec: &Value) -> String {
    json!({"apiVersion": "kubectl-mtls.github.io/v1alpha1", "kind": kind,
        "metadata": {"name": name}, "spec": spec})
    .to_string()
}

/// A policy for one namespace.
fn policy(ns: &str, name: &str, more: Value) -> String {
    let selector = json!({"matchLabels": {"webhook": ns}});
    let mut spec = json!({"match": {"namespaceSelector": selector}, "demand": "required"});
    if let Value::Object(fields) = more {
        for (key, value) in fields {
            spec[key] = value;
        }
    }
    object("ClientAuthPolicy", name, &spec)
}

/// Objects of the cluster that go with the test.
struct Owned(Vec<(&'static str, String)>);

impl Drop for Owned {
    fn drop(&mut self) {
        for (kind, name) in &self.0 {
            let _ = cluster().kubectl(&["delete", kind, name, "--ignore-not-found"]);
        }
    }
}

fn owned(policies: &[&str]) -> Owned {
    let named = policies.iter();
    Owned(
        named
            .map(|name| ("clientauthpolicy", (*name).to_owned()))
            .collect(),
    )
}

fn dry_run(manifest: &str) -> tests::Output {
    let args = ["apply", "--dry-run=server", "-f", "-"];
    cluster().kubectl_with(&args, manifest).unwrap()
}

/// Waits until a dry run says some words: the webhook has seen what its answer rests on.
#[track_caller]
fn until_said(manifest: &str, words: &str) {
    wait_until(words, PATIENCE, || {
        let said = dry_run(manifest).all();
        ensure!(said.contains(words), "{said}");
        Ok(())
    })
    .unwrap();
}

fn prepared(ns: &str, args: &[&str]) -> Webhook {
    namespace(ns);
    must(&["create", "ca", "partners", "-n", ns]);
    Webhook::start(cluster(), ns, args).unwrap()
}
