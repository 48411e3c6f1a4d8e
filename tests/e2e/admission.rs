//! The webhook through the API server.

use std::time::Duration;

use anyhow::ensure;
use tests::wait_until;
use tests::webhook::Webhook;

use crate::{applied, cluster, denied, must, namespace, refused, with_default};

fn ingress(ns: &str, name: &str, annotations: &str) -> String {
    format!("apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: {name}
  namespace: {ns}
  annotations: {{{annotations}}}
spec:
  ingressClassName: nginx
  tls: [{{hosts: [{name}.{ns}.example.com]}}]
  rules: [{{host: {name}.{ns}.example.com, http: {{paths: [{{path: /, pathType: Prefix, backend: {{service: {{name: a, port: {{number: 80}}}}}}}}]}}}}]
---
")
}

fn secret_of(value: &str) -> String {
    format!("nginx.ingress.kubernetes.io/auth-tls-secret: {value:?}")
}

fn option(ns: &str, name: &str, client_auth: &str) -> String {
    format!(
        "apiVersion: traefik.io/v1alpha1
kind: TLSOption
metadata: {{name: {name}, namespace: {ns}}}
spec: {{clientAuth: {{{client_auth}}}}}
---
"
    )
}

fn route(ns: &str, options: &str) -> String {
    format!(
        "apiVersion: traefik.io/v1alpha1
kind: IngressRoute
metadata: {{name: {ns}, namespace: {ns}}}
spec:
  entryPoints: [websecure]
  routes: [{{kind: Rule, match: Host(`{ns}.example.com`), services: [{{name: a, port: 80}}]}}]
  tls: {{{options}}}
---
"
    )
}

/// A namespace with a CA and a webhook of its own.
fn prepared(ns: &str, args: &[&str]) -> Webhook {
    namespace(ns);
    must(&["create", "ca", "partners", "-n", ns]);
    Webhook::start(cluster(), ns, args).unwrap()
}

/// Waits until the webhook has seen the objects on which its answer rests, by dry runs.
fn noticed(delete: &[&str], words: &str) {
    let dry = [delete, &["--dry-run=server"]].concat();
    wait_until(words, Duration::from_secs(10), || {
        let said = cluster().kubectl(&dry)?.all();
        ensure!(said.contains(words), "{said}");
        Ok(())
    })
    .unwrap();
}

#[test]
fn a_bad_reference_is_denied_and_what_can_be_is_repaired() {
    let ns = "refs";
    let _webhook = prepared(ns, &[]);
    denied(
        &ingress(ns, "a", &secret_of(&format!("{ns}/none"))),
        "missing-ca",
    );
    denied(
        &ingress(ns, "b", &secret_of("kube-system/ca")),
        "foreign-namespace",
    );
    denied(
        &ingress(ns, "c", &secret_of("a/b/c")),
        "malformed-ca-reference",
    );
    let verify = format!(
        "{}, nginx.ingress.kubernetes.io/auth-tls-verify-client: \"On\"",
        secret_of("partners-trust")
    );
    applied(&ingress(ns, "d", &verify));
    let stored = cluster()
        .must(&["get", "ingress", "d", "-n", ns, "-o", "yaml"])
        .unwrap();
    assert!(
        stored.contains(&format!("auth-tls-secret: {ns}/partners-trust")),
        "{stored}"
    );
    assert!(
        stored.contains("auth-tls-verify-client: \"on\""),
        "{stored}"
    );
}

#[test]
fn an_unrelated_edit_of_a_bad_ingress_is_left_alone() {
    let ns = "unrelated";
    namespace(ns);
    applied(&ingress(ns, "a", &secret_of(&format!("{ns}/none"))));
    let _webhook = Webhook::start(cluster(), ns, &[]).unwrap();
    cluster()
        .must(&["label", "ingress", "a", "-n", ns, "x=y"])
        .unwrap();
}

#[test]
fn deleting_the_default_option_that_shuts_a_host_is_denied() {
    let _alone = with_default();
    let ns = "default-option";
    let _webhook = prepared(ns, &[]);
    applied(&option(ns, "default", "secretNames: [partners-trust]"));
    applied(&route(ns, ""));
    let delete = ["delete", "tlsoptions.traefik.io", "default", "-n", ns];
    noticed(&delete, "client-auth-off");
    refused(&cluster().kubectl(&delete).unwrap(), "client-auth-off");
    let trust = cluster()
        .kubectl(&["delete", "secret", "partners-trust", "-n", ns])
        .unwrap();
    refused(&trust, "open");
    let stripped = cluster()
        .kubectl(&[
            "patch",
            "secret",
            "partners-trust",
            "-n",
            ns,
            "--type=json",
            "-p",
            r#"[{"op": "remove", "path": "/data/ca.crt"}]"#,
        ])
        .unwrap();
    refused(&stripped, "open");
    cluster()
        .must(&["delete", "ingressroutes.traefik.io", ns, "-n", ns])
        .unwrap();
    cluster()
        .must(&["delete", "tlsoptions.traefik.io", "default", "-n", ns])
        .unwrap();
}

#[test]
fn a_deletion_that_only_breaks_a_host_warns() {
    let ns = "breaks";
    let _webhook = prepared(ns, &[]);
    applied(&option(
        ns,
        "mtls",
        "secretNames: [partners-trust], clientAuthType: RequireAndVerifyClientCert",
    ));
    applied(&route(ns, "options: {name: mtls}"));
    let delete = ["delete", "tlsoptions.traefik.io", "mtls", "-n", ns];
    noticed(&delete, "unresolved-option");
    let output = cluster().kubectl(&delete).unwrap();
    assert!(
        output.success && output.stderr.contains("unresolved-option"),
        "{}",
        output.all()
    );
}

#[test]
fn secret_and_ingress_in_either_order_when_missing_ca_only_warns() {
    let ns = "order";
    let _webhook = prepared(ns, &["--warn=missing-ca"]);
    let said = applied(&ingress(ns, "a", &secret_of(&format!("{ns}/later-trust"))));
    assert!(said.contains("missing-ca"), "{said}");
    must(&["create", "ca", "later", "-n", ns]);
    applied(&ingress(ns, "b", &secret_of(&format!("{ns}/later-trust"))));
    let lint = must(&["lint", "-n", ns]);
    assert!(lint.is_empty(), "{lint}");
}

#[test]
fn a_namespace_and_a_folder_can_be_deleted() {
    let ns = "goes";
    let _webhook = prepared(ns, &[]);
    let route = route(ns, "options: {name: mtls}");
    let option = option(ns, "mtls", "secretNames: [partners-trust]");
    let ingress = ingress(ns, "a", &secret_of(&format!("{ns}/partners-trust")));
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("all.yaml"),
        format!("{route}{option}{ingress}"),
    )
    .unwrap();
    let path = folder.path().display().to_string();
    applied(&format!("{option}{route}{ingress}"));
    cluster().must(&["delete", "-f", &path]).unwrap();
    applied(&format!("{option}{route}{ingress}"));
    cluster()
        .must(&["delete", "namespace", ns, "--timeout=60s"])
        .unwrap();
}
