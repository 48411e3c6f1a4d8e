//! What the test of `webhook install` stands on: the kubelet's part, somebody who refuses in the
//! webhook's place, and the words that are expected.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::ensure;
use tests::cluster::{Cluster, Output, run};
use tests::traefik::binary;
use tests::wait_until;
use tests::webhook::Webhook;

pub(super) const NS: &str = "kubectl-mtls";
pub(super) const VALIDATING: &str = "validatingwebhookconfiguration";

/// Runs the command while the pods of the Deployment are made ready.
pub(super) fn mtls(cluster: &Cluster, args: &[&str]) -> Output {
    mtls_while(cluster, args, || {
        make_ready(cluster);
        Ok(())
    })
}

/// Runs the command, and something else again and again meanwhile. That may fail now and then:
/// objects come and go.
pub(super) fn mtls_while(
    cluster: &Cluster,
    args: &[&str],
    mut meanwhile: impl FnMut() -> anyhow::Result<()>,
) -> Output {
    let mut command = Command::new(binary("kubectl-mtls").unwrap());
    let mut child = command
        .args(args)
        .env("KUBECONFIG", &cluster.kubeconfig)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let end = Instant::now() + Duration::from_secs(150);
    while child.try_wait().unwrap().is_none() {
        if Instant::now() > end {
            child.kill().unwrap();
        }
        if let Err(error) = meanwhile() {
            tests::say(&format!("not now: {error:#}"));
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    let output = child.wait_with_output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Output {
        success: output.status.success(),
        code: output.status.code().unwrap_or(-1),
        stdout: text(&output.stdout),
        stderr: text(&output.stderr),
    }
}

pub(super) fn make_ready(cluster: &Cluster) {
    let names = cluster
        .kubectl(&["get", "pods", "-n", NS, "-o", "name"])
        .unwrap();
    for pod in names.stdout.lines() {
        let ready = r#"{"status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}}"#;
        let status = [
            "patch",
            "-n",
            NS,
            "--subresource=status",
            "--type=merge",
            pod,
            "-p",
            ready,
        ];
        let _ = cluster.kubectl(&status);
    }
}

#[track_caller]
pub(super) fn said(output: &Output, code: i32, words: &[&str]) {
    assert_eq!(output.code, code, "{}", output.all());
    for words in words {
        assert!(
            output.all().contains(words),
            "{words:?} in {}",
            output.all()
        );
    }
}

/// What the API server keeps of the entry for routes.
pub(super) fn policy(cluster: &Cluster) -> String {
    let path = "jsonpath={.webhooks[?(@.name==\"routes.kubectl-mtls.github.io\")].failurePolicy}";
    cluster.must(&["get", VALIDATING, NS, "-o", path]).unwrap()
}

/// The Service leads to loopback, where the program listens.
pub(super) fn lead_to_loopback(cluster: &Cluster) {
    let spec = r#"{"spec": {"type": "ExternalName", "externalName": "localhost", "clusterIP": null, "clusterIPs": null, "ipFamilies": null, "ipFamilyPolicy": null, "internalTrafficPolicy": null}}"#;
    let patch = [
        "patch",
        "service",
        "mtls-webhook",
        "-n",
        NS,
        "--type=merge",
        "-p",
        spec,
    ];
    cluster.must(&patch).unwrap();
}

pub(super) fn foreign_ca(folder: &Path) -> String {
    let mut make = Command::new(binary("kubectl-mtls").unwrap());
    let out = folder.join("foreign");
    let made = run(
        make.args(["create", "ca", "foreign", "--out"]).arg(&out),
        "",
    )
    .unwrap();
    assert!(made.success, "{}", made.all());
    out.join("ca.crt").display().to_string()
}

pub(super) fn ingress(ns: &str, secret: &str) -> String {
    format!(
        "apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: api
  namespace: {ns}
  annotations: {{nginx.ingress.kubernetes.io/auth-tls-secret: {secret}}}
spec:
  ingressClassName: nginx
  rules: [{{host: api.example.com, http: {{paths: [{{path: /, pathType: Prefix, backend: {{service: {{name: a, port: {{number: 80}}}}}}}}]}}}}]
"
    )
}

/// Somebody else who refuses the probe, before the webhook is heard.
pub(super) fn other_policy(cluster: &Cluster) {
    let policy = r#"apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: other}
spec:
  matchConstraints:
    resourceRules: [{apiGroups: [networking.k8s.io], apiVersions: [v1], operations: [CREATE], resources: [ingresses]}]
  validations: [{expression: "false", message: "probe: refused by routes.kubectl-mtls.github.io as asked"}]
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: other}
spec: {policyName: other, validationActions: [Deny]}
"#;
    let applied = cluster.apply(policy).unwrap();
    assert!(applied.success, "{}", applied.all());
    awaits(cluster, "ValidatingAdmissionPolicy 'other'");
}

/// A webhook of another name that refuses with the very same words.
pub(super) fn other_webhook(cluster: &Cluster, webhook: &Webhook) {
    use base64::Engine as _;
    let ca = std::fs::read(webhook.ca_file()).unwrap();
    let ca = base64::engine::general_purpose::STANDARD.encode(ca);
    let configuration = format!(
        "apiVersion: admissionregistration.k8s.io/v1
kind: MutatingWebhookConfiguration
metadata: {{name: other}}
webhooks:
- name: other.example.com
  admissionReviewVersions: [v1]
  sideEffects: None
  clientConfig: {{url: 'https://127.0.0.1:{}/validate', caBundle: {ca}}}
  rules: [{{apiGroups: [networking.k8s.io], apiVersions: [v1], operations: [CREATE], resources: [ingresses]}}]
",
        webhook.port()
    );
    let applied = cluster.apply(&configuration).unwrap();
    assert!(applied.success, "{}", applied.all());
    awaits(cluster, "\"other.example.com\" denied");
}

/// Until an Ingress with the probe's annotation is refused with these words.
pub(super) fn awaits(cluster: &Cluster, words: &str) {
    let probe = ingress("default", "a").replace(
        "annotations: {",
        "annotations: {kubectl-mtls.github.io/probe: refuse, ",
    );
    wait_until(words, Duration::from_secs(30), || {
        let said = cluster.kubectl_with(&["create", "--dry-run=server", "-f", "-"], &probe)?;
        ensure!(said.all().contains(words), "{}", said.all());
        Ok(())
    })
    .unwrap();
}
