//! The API server shows the webhook a client certificate, as its AdmissionConfiguration says, and
//! the webhook hears nobody else. In clusters of their own, because the configuration is a flag of
//! the API server.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::ensure;
use serde_json::json;
use tests::cluster::{Cluster, Output, Running, run};
use tests::traefik::binary;
use tests::wait_until;
use tests::webhook::Webhook;

const PATIENCE: Duration = Duration::from_secs(20);
/// The common name of the API server's certificate.
const NAME: &str = "kube-apiserver";

#[track_caller]
fn mtls(args: &[&str]) {
    let mut command = Command::new(binary("kubectl-mtls").unwrap());
    let output = run(command.args(args), "").unwrap();
    assert!(output.success, "{}", output.all());
}

/// A CA and a certificate for the API server; the flag that has it shown to every webhook.
fn configured(folder: &Path) -> String {
    let path = |name: &str| folder.join(name).display().to_string();
    mtls(&["create", "ca", "callers", "--out", &path("callers")]);
    let (cert, key) = (path("callers/ca.crt"), path("callers/ca.key"));
    let signer = ["--ca-cert", &cert, "--ca-key", &key, "--out", &path("")];
    mtls(&[&["issue", NAME], &signer[..]].concat());
    let shown = json!({"client-certificate": path(&format!("{NAME}.crt")),
        "client-key": path(&format!("{NAME}.key"))});
    let kubeconfig = json!({"apiVersion": "v1", "kind": "Config",
        "users": [{"name": "*", "user": shown}]});
    let write = |name: &str, text: String| std::fs::write(folder.join(name), text).unwrap();
    write("webhooks.kubeconfig", kubeconfig.to_string());
    let plugin = |name: &str| {
        json!({"name": name, "configuration": {"apiVersion": "apiserver.config.k8s.io/v1",
            "kind": "WebhookAdmissionConfiguration", "kubeConfigFile": path("webhooks.kubeconfig")}})
    };
    let plugins = ["ValidatingAdmissionWebhook", "MutatingAdmissionWebhook"].map(plugin);
    let admission = json!({"apiVersion": "apiserver.config.k8s.io/v1",
        "kind": "AdmissionConfiguration",
        "plugins": plugins});
    write("admission.yaml", admission.to_string());
    format!("--admission-control-config-file={}", path("admission.yaml"))
}

/// Tries to make an Ingress that refers to a CA, without making it.
fn tried(cluster: &Cluster, ns: &str, ca: &str) -> anyhow::Result<Output> {
    let key = "nginx.ingress.kubernetes.io/auth-tls-secret";
    let path = json!({"path": "/", "pathType": "Prefix",
        "backend": {"service": {"name": "a", "port": {"number": 80}}}});
    let host = format!("{ns}.example.com");
    let ingress = json!({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
        "metadata": {"name": "a", "namespace": ns, "annotations": {key: ca}},
        "spec": {"ingressClassName": "nginx", "tls": [{"hosts": [host]}],
            "rules": [{"host": host, "http": {"paths": [path]}}]}});
    let create = ["create", "--dry-run=server", "-f", "-"];
    cluster.kubectl_with(&create, &ingress.to_string())
}

/// Until the API server says some words of an Ingress in a namespace.
#[track_caller]
fn says(cluster: &Cluster, ns: &str, ca: &str, words: &str) -> Output {
    wait_until(words, PATIENCE, || {
        let output = tried(cluster, ns, ca)?;
        ensure!(output.all().contains(words), "{}", output.all());
        Ok(output)
    })
    .unwrap()
}

/// A namespace with a CA, guarded by a webhook that hears a certain API server alone.
fn guarded(cluster: &Cluster, ns: &str, ca: &str, name: &str) -> Webhook {
    let namespace = format!(
        "apiVersion: v1\nkind: Namespace\nmetadata: {{name: {ns}, labels: {{webhook: {ns}}}}}\n"
    );
    assert!(cluster.apply(&namespace).unwrap().success);
    let kubeconfig = cluster.kubeconfig.display().to_string();
    let create = ["create", "ca", "partners", "-n", ns];
    mtls(&[&create[..], &["--kubeconfig", &kubeconfig]].concat());
    let only = [
        format!("--api-server-ca={ca}"),
        format!("--api-server-name={name}"),
    ];
    Webhook::start(cluster, ns, &only.each_ref().map(String::as_str)).unwrap()
}

#[test]
fn the_api_server_shows_its_certificate_and_nobody_else_is_heard() {
    let folder = tempfile::tempdir().unwrap();
    let flag = configured(folder.path());
    let ca = folder.path().join("callers/ca.crt").display().to_string();
    let state = folder.path().join("cluster");
    std::fs::create_dir(&state).unwrap();
    let with = Running::start_with(&state, &[flag]).unwrap();
    let cluster = &with.cluster;

    let webhook = guarded(cluster, "heard", &ca, NAME);
    says(cluster, "heard", "heard/none", "missing-ca");
    let good = tried(cluster, "heard", "heard/partners-trust").unwrap();
    assert!(good.success, "{}", good.all());
    // Somebody in the cluster who finds the port.
    let stranger = webhook.curl("/validate", &[], "{}").unwrap();
    assert!(!stranger.success, "{}", stranger.all());
    drop(webhook);

    // The same CA signed for others too.
    let _other = guarded(cluster, "other-name", &ca, "somebody-else");
    let failed = "failed calling webhook \"routes.kubectl-mtls.github.io\"";
    // The alert comes after the handshake (RFC 8446 section 4.4.2.4), and now and then the API server
    // writes first and sees a closed connection.
    let output = says(
        cluster,
        "other-name",
        "other-name/partners-trust",
        "remote error: tls: ",
    );
    assert!(
        !output.success && output.all().contains(failed),
        "{}",
        output.all()
    );
    drop(with);

    let without = Running::start().unwrap();
    let _webhook = guarded(&without.cluster, "unheard", &ca, NAME);
    let reference = "unheard/partners-trust";
    let output = says(
        &without.cluster,
        "unheard",
        reference,
        "certificate required",
    );
    assert!(
        !output.success && output.all().contains(failed),
        "{}",
        output.all()
    );
}
