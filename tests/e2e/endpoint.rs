//! The webhook asked without the API server between: bad bodies, missing permission, its end.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};
use tests::wait_until;
use tests::webhook::Webhook;

use crate::{applied, cluster, must, namespace};

/// A service account that watches everything and may get what `get` says.
fn account(ns: &str, get: &str) -> PathBuf {
    applied(&format!(
        "apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {{name: {ns}}}
rules:
- {{apiGroups: ['*'], resources: ['*'], verbs: [list, watch]}}
- {{apiGroups: ['*'], resources: [namespaces, {get}], verbs: [get]}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {{name: {ns}}}
roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: {ns}}}
subjects: [{{kind: ServiceAccount, name: default, namespace: {ns}}}]
"
    ));
    let account = "the service account";
    wait_until(account, Duration::from_secs(20), || {
        cluster().service_account(ns, "default")
    })
    .unwrap()
}

fn review(operation: &str, object: &Value) -> Value {
    let side = if operation == "DELETE" {
        "oldObject"
    } else {
        "object"
    };
    let namespace = object["metadata"]["namespace"].as_str();
    json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {
        "uid": "u-1", "operation": operation, "namespace": namespace.unwrap_or("default"),
        "userInfo": {"username": "jane"}, side: object}})
}

fn ingress(ns: &str, secret: &str) -> Value {
    json!({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {
        "name": "a", "namespace": ns,
        "annotations": {"nginx.ingress.kubernetes.io/auth-tls-secret": secret}},
        "spec": {"ingressClassName": "nginx", "tls": [{"hosts": [format!("a.{ns}.example.com")]}], "rules": [{"host": format!("a.{ns}.example.com"),
        "http": {"paths": [{"path": "/", "pathType": "Prefix",
        "backend": {"service": {"name": "a", "port": {"number": 80}}}}]}}]}})
}

/// Posts a review, which must be answered; the response.
#[track_caller]
fn asked(webhook: &Webhook, operation: &str, object: &Value) -> Value {
    let body = review(operation, object).to_string();
    let (status, answer) = webhook.post("/validate?timeout=5s", &body).unwrap();
    assert_eq!(status, 200, "{answer}");
    let mut answer: Value = serde_json::from_str(&answer).unwrap();
    assert_eq!(answer["response"]["uid"], "u-1");
    answer["response"].take()
}

#[test]
fn a_bad_body_is_refused_and_the_next_one_answered() {
    let ns = "bodies";
    namespace(ns);
    let webhook = Webhook::start(cluster(), ns, &[]).unwrap();
    let good = review("CREATE", &ingress(ns, "bodies/none")).to_string();
    let other_kind = good.replace("AdmissionReview", "Pod");
    let no_uid = good.replace("u-1", "");
    let bad = [
        &good[..good.len() / 2],
        "not json",
        "",
        "[]",
        "\u{0}\u{1}",
        &other_kind,
        &no_uid,
        r#"{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview"}"#,
    ];
    for path in ["/validate?timeout=5s", "/mutate?timeout=5s"] {
        for body in bad {
            let (status, said) = webhook.post(path, body).unwrap();
            assert_eq!(status, 400, "{path} {body:?}: {said}");
            assert!(!said.is_empty());
        }
        let huge = format!("{good}{}", " ".repeat(8 << 20));
        let (status, _) = webhook.post(path, &huge).unwrap();
        assert_eq!(status, 413);
    }
    let (status, _) = webhook.post("/validate?timeout=nonsense", &good).unwrap();
    assert!((200..500).contains(&status), "{status}");
    let answer = asked(&webhook, "CREATE", &ingress(ns, "bodies/none"));
    assert_eq!(answer["allowed"], false);
    assert!(
        answer["status"]["message"]
            .as_str()
            .unwrap()
            .contains("missing-ca")
    );
    let metrics = webhook.health("metrics").unwrap();
    assert!(
        metrics.contains(
            r#"reviews_total{webhook="validate",kind="",operation="",outcome="bad",rule=""} 8"#
        ),
        "{metrics}"
    );
}

#[test]
fn what_cannot_be_read_is_not_let_past() {
    let ns = "odd-objects";
    namespace(ns);
    let webhook = Webhook::start(cluster(), ns, &[]).unwrap();
    for object in [
        json!("text"),
        json!({"metadata": {"namespace": ns}}),
        json!({"metadata": {"namespace": ns}, "kind": 7}),
    ] {
        let answer = asked(&webhook, "CREATE", &object);
        let message = answer["status"]["message"].as_str().unwrap_or_default();
        assert!(
            message.starts_with("unreadable-object: "),
            "{object}: {answer}"
        );
    }
}

#[test]
fn a_secret_that_may_not_be_read_never_denies() {
    let ns = "blind";
    namespace(ns);
    let kubeconfig = account(ns, "ingresses");
    let webhook = Webhook::start_as(cluster(), ns, &kubeconfig, &[]).unwrap();
    let answer = asked(&webhook, "CREATE", &ingress(ns, "blind/none"));
    assert_eq!(answer["allowed"], true, "{answer}");
    let warning = answer["warnings"][0].as_str().unwrap();
    assert!(
        warning.contains("Secret blind/none") && warning.contains("forbidden"),
        "{warning}"
    );
}

#[test]
fn a_denial_that_rests_on_what_may_not_be_read_is_a_warning() {
    let ns = "shortsighted";
    namespace(ns);
    must(&["create", "ca", "partners", "-n", ns]);
    let option = json!({"apiVersion": "traefik.io/v1alpha1", "kind": "TLSOption",
        "metadata": {"name": "shut", "namespace": ns},
        "spec": {"clientAuth": {"secretNames": ["partners-trust"]}}});
    let route = json!({"apiVersion": "traefik.io/v1alpha1", "kind": "IngressRoute",
        "metadata": {"name": "r", "namespace": ns}, "spec": {"entryPoints": ["websecure"],
        "routes": [{"kind": "Rule", "match": "Host(`shortsighted.example.com`)",
        "services": [{"name": "a", "port": 80}]}], "tls": {"options": {"name": "shut"}}}});
    applied(&format!("{option}\n---\n{route}"));
    let trust = json!({"apiVersion": "v1", "kind": "Secret",
        "metadata": {"name": "partners-trust", "namespace": ns}, "data": {"ca.crt": "eA=="}});
    let verdict = |get: &str| {
        let kubeconfig = account(ns, get);
        let webhook = Webhook::start_as(cluster(), ns, &kubeconfig, &[]).unwrap();
        asked(&webhook, "DELETE", &trust)
    };
    let sure = verdict("secrets, tlsoptions, ingressroutes");
    assert_eq!(sure["allowed"], false, "{sure}");
    let unsure = verdict("secrets, tlsoptions");
    assert_eq!(unsure["allowed"], true, "{unsure}");
    let warnings = unsure["warnings"].to_string();
    assert!(
        warnings.contains("not judged: ingressroute/r in namespace shortsighted was not read"),
        "{warnings}"
    );
}

#[test]
fn the_end_comes_after_the_last_answer() {
    let ns = "drains";
    namespace(ns);
    let mut webhook = Webhook::start(cluster(), ns, &["--log=info"]).unwrap();
    let port = webhook.health;
    let watching = std::thread::spawn(move || {
        let url = format!("http://127.0.0.1:{port}/readyz");
        wait_until(
            "a webhook that is not ready",
            Duration::from_secs(10),
            || {
                let mut curl = std::process::Command::new("curl");
                let output = tests::cluster::run(curl.args(["-sS", &url]), "")?;
                anyhow::ensure!(output.stdout.contains("draining true"), "{}", output.all());
                Ok(())
            },
        )
    });
    assert_eq!(webhook.process.terminate().unwrap(), Some(0));
    watching.join().unwrap().unwrap();
}
