//! The audit: what was bad before the webhook came, and what happens behind its back. In clusters of
//! their own, because an audit is of a whole cluster.

mod monitoring;
mod takeover;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use tests::Cluster;
use tests::cluster::{Running, run};
use tests::corpus::Certificates;
use tests::traefik::binary;
use tests::wait_until;
use tests::webhook::{Webhook, manifests};

const SOON: Duration = Duration::from_secs(20);

/// Applies manifests, which must succeed.
#[track_caller]
fn applied(cluster: &Cluster, manifests: &str) {
    let output = cluster.apply(manifests).unwrap();
    assert!(output.success, "{}\n{manifests}", output.all());
}

fn namespace(cluster: &Cluster, name: &str) {
    let text = format!(
        "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: {name}\n  labels: {{webhook: {name}}}\n"
    );
    applied(cluster, &text);
}

/// A CA made by the command, as users make it.
fn create_ca(cluster: &Cluster, ns: &str, name: &str) {
    let mut command = Command::new(binary("kubectl-mtls").unwrap());
    command.args(["create", "ca", name, "-n", ns]);
    let output = run(command.env("KUBECONFIG", &cluster.kubeconfig), "").unwrap();
    assert!(output.success, "{}", output.all());
}

fn ingress(ns: &str, name: &str, secret: &str) -> String {
    format!(
        "apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: {name}
  namespace: {ns}
  annotations: {{nginx.ingress.kubernetes.io/auth-tls-secret: {ns}/{secret}}}
spec:
  ingressClassName: nginx
  tls: [{{hosts: [{name}.{ns}.example.com]}}]
  rules: [{{host: {name}.{ns}.example.com, http: {{paths: [{{path: /, pathType: Prefix, backend: {{service: {{name: a, port: {{number: 80}}}}}}}}]}}}}]
---
"
    )
}

fn trust(ns: &str, name: &str, content: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Secret\nmetadata: {{name: {name}, namespace: {ns}}}\ndata: {{ca.crt: {content}}}\n---\n"
    )
}

fn list(cluster: &Cluster, kind: &str, ns: &str) -> anyhow::Result<Vec<Value>> {
    let text = cluster.must(&["get", kind, "-n", ns, "-o", "json"])?;
    let list: Value = serde_json::from_str(&text)?;
    list["items"].as_array().cloned().context("no list")
}

/// The reports on an Ingress.
fn reports(cluster: &Cluster, kind: &str, ns: &str, name: &str) -> anyhow::Result<Vec<Value>> {
    let all = list(cluster, kind, ns)?.into_iter();
    let of =
        |report: &Value| report["scope"]["kind"] == "Ingress" && report["scope"]["name"] == name;
    Ok(all.filter(of).collect())
}

/// Waits for the only report on an Ingress to name a rule with a result.
#[track_caller]
fn reported(cluster: &Cluster, kind: &str, (ns, name): (&str, &str), rule: &str) -> Value {
    wait_until(&format!("{rule} of {name}"), SOON, || {
        let found = reports(cluster, kind, ns, name)?;
        ensure!(found.len() == 1, "{} reports", found.len());
        let results = found[0]["results"].as_array().context("no results")?;
        ensure!(
            results.iter().any(|result| result["policy"] == rule),
            "{results:?}"
        );
        Ok(found[0].clone())
    })
    .unwrap()
}

#[track_caller]
fn not_reported(cluster: &Cluster, kind: &str, ns: &str, name: &str) {
    wait_until(&format!("no report on {name}"), SOON, || {
        let found = reports(cluster, kind, ns, name)?;
        ensure!(found.is_empty(), "{found:?}");
        Ok(())
    })
    .unwrap();
}

/// A sample of /metrics, by the beginning of its line.
fn sample(webhook: &Webhook, begins: &str) -> anyhow::Result<f64> {
    let text = webhook.health("metrics")?;
    let line = text.lines().find(|line| line.starts_with(begins));
    let line = line.with_context(|| format!("no {begins} in\n{text}"))?;
    Ok(line.rsplit(' ').next().context("no value")?.parse()?)
}

#[track_caller]
fn shows(webhook: &Webhook, begins: &str, expected: f64) {
    wait_until(begins, SOON, || {
        let value = sample(webhook, begins)?;
        ensure!((value - expected).abs() < 0.5, "{begins} is {value}");
        Ok(())
    })
    .unwrap();
}

/// Waits until so many rounds have begun and ended from now on.
#[track_caller]
fn rounds(webhook: &Webhook, count: f64) {
    let rounds = "mtls_webhook_audit_rounds_total{why=\"interval\"}";
    let before = sample(webhook, rounds).unwrap_or_default();
    wait_until("rounds", SOON, || {
        let now = sample(webhook, rounds)?;
        ensure!(now >= before + count, "{now} rounds");
        Ok(())
    })
    .unwrap();
}

/// Every long line of base64 that stands in the Secrets of a namespace, as PEM and as the API
/// server writes it.
fn secrets(cluster: &Cluster, ns: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for secret in list(cluster, "secrets", ns).unwrap() {
        for value in secret["data"].as_object().unwrap().values() {
            let value = value.as_str().unwrap();
            found.extend(value.get(..60).map(str::to_owned));
            let text = STANDARD.decode(value).unwrap();
            let text = String::from_utf8_lossy(&text).into_owned();
            let lines = text
                .lines()
                .filter(|line| line.len() > 40 && !line.contains(' '));
            found.extend(lines.map(|line| line[..40].to_owned()));
        }
    }
    found
}

/// What the webhook said to anybody.
fn said(cluster: &Cluster, webhook: &Webhook) -> String {
    let kinds = "events,events.events.k8s.io,policyreports.wgpolicyk8s.io";
    let objects = cluster.must(&["get", kinds, "-A", "-o", "yaml"]).unwrap();
    let log = webhook.process.log();
    let metrics = webhook.health("metrics").unwrap();
    format!("{objects}\n{log}\n{metrics}")
}

#[test]
fn what_was_bad_before_is_found_and_what_is_mended_is_forgotten() {
    let own = Running::start().unwrap();
    let cluster = &own.cluster;
    let [policy_report, _] = tests::build::reports().unwrap();
    cluster.apply_file(&policy_report).unwrap();
    let ns = "shop";
    namespace(cluster, ns);
    create_ca(cluster, ns, "partners");
    let certificates = Certificates::make().unwrap();
    let fill = |word: &str| certificates.fill(word.to_owned());
    // A key that stands where it should not: what reads it must not pass it on.
    applied(cluster, &trust(ns, "leaky-trust", &fill("{{ca-and-key}}")));
    applied(cluster, &ingress(ns, "leaky", "leaky-trust"));
    applied(cluster, &ingress(ns, "bad", "none"));
    applied(cluster, &ingress(ns, "good", "partners-trust"));
    let kubeconfig = Webhook::account(cluster).unwrap();
    let args = ["--audit", "--audit-interval=2"];
    let webhook = Webhook::start_as(cluster, "audit", &kubeconfig, &args).unwrap();
    let started = Instant::now();
    let report = reported(cluster, "policyreports", (ns, "bad"), "missing-ca");
    assert!(started.elapsed() < Duration::from_secs(8), "{started:?}");
    assert_eq!(report["summary"]["fail"], 1, "{report}");
    assert_eq!(
        report["metadata"]["labels"]["app.kubernetes.io/managed-by"],
        "kubectl-mtls"
    );
    let uid = cluster
        .must(&[
            "get",
            "ingress",
            "bad",
            "-n",
            ns,
            "-o",
            "jsonpath={.metadata.uid}",
        ])
        .unwrap();
    assert_eq!(report["metadata"]["ownerReferences"][0]["uid"], uid);
    reported(
        cluster,
        "policyreports",
        (ns, "leaky"),
        "private-key-in-bundle",
    );
    not_reported(cluster, "policyreports", ns, "good");
    shows(&webhook, "mtls_webhook_leader", 1.0);
    let enforced =
        "mtls_webhook_hosts{gateway=\"ingress-nginx\",instance=\"nginx\",verdict=\"enforced\"}";
    shows(&webhook, enforced, 1.0);
    shows(
        &webhook,
        "mtls_webhook_findings{rule=\"missing-ca\",severity=\"error\"}",
        1.0,
    );
    an_event_is_sent_once(cluster, &webhook, ns);
    let mut secrets = secrets(cluster, ns);
    // While the reports are there.
    let before = said(cluster, &webhook);
    assert!(before.contains("kind: PolicyReport") && before.contains("private-key-in-bundle"));
    behind_its_back(cluster, &webhook, &certificates, ns);
    let said = format!("{before}{}", said(cluster, &webhook));
    secrets.extend(self::secrets(cluster, ns));
    assert!(
        secrets.len() > 20 && said.contains("missing-ca"),
        "{}",
        secrets.len()
    );
    let leaked: Vec<_> = secrets.iter().filter(|line| said.contains(*line)).collect();
    assert!(leaked.is_empty(), "{leaked:?}");
}

fn an_event_is_sent_once(cluster: &Cluster, webhook: &Webhook, ns: &str) {
    let of_bad = || -> anyhow::Result<Vec<Value>> {
        let events = list(cluster, "events.events.k8s.io", ns)?.into_iter();
        Ok(events
            .filter(|event| event["regarding"]["name"] == "bad")
            .collect())
    };
    let events = wait_until("an Event", SOON, || {
        let events = of_bad()?;
        ensure!(!events.is_empty());
        Ok(events)
    });
    let event = &events.unwrap()[0];
    assert_eq!(event["reason"], "missing-ca");
    assert_eq!(event["type"], "Warning");
    rounds(webhook, 2.0);
    assert_eq!(of_bad().unwrap().len(), 1);
    let described = cluster
        .must(&["describe", "ingress", "bad", "-n", ns])
        .unwrap();
    assert!(described.contains("missing-ca"), "{described}");
}

/// The API server does not ask this webhook: nothing tells of these changes but the Secrets.
fn behind_its_back(cluster: &Cluster, webhook: &Webhook, certificates: &Certificates, ns: &str) {
    let expired = certificates.fill("{{expired-ca}}".to_owned());
    let get = [
        "get",
        "secret",
        "partners-trust",
        "-n",
        ns,
        "-o",
        "jsonpath={.data.ca\\.crt}",
    ];
    let before = cluster.must(&get).unwrap();
    applied(cluster, &trust(ns, "partners-trust", &expired));
    let found = reported(cluster, "policyreports", (ns, "good"), "expired-ca");
    let expiry = "mtls_webhook_ca_expiry_seconds{kind=\"Secret\",namespace=\"shop\",name=\"partners-trust\"}";
    assert!(sample(webhook, expiry).unwrap() < 0.0);
    // Nothing changes: the report is not written again.
    rounds(webhook, 2.0);
    let again = reported(cluster, "policyreports", (ns, "good"), "expired-ca");
    let version = |report: &Value| report["metadata"]["resourceVersion"].clone();
    assert_eq!(version(&found), version(&again));
    applied(cluster, &trust(ns, "partners-trust", &before));
    not_reported(cluster, "policyreports", ns, "good");
    assert!(sample(webhook, expiry).unwrap() > 86400.0);
    let delete = ["delete", "secret", "partners-trust", "-n", ns];
    cluster.must(&delete).unwrap();
    reported(cluster, "policyreports", (ns, "good"), "missing-ca");
    // The watch tells of routes: with nothing left that is bad the reports go.
    for name in ["good", "bad", "leaky"] {
        cluster
            .must(&["delete", "ingress", name, "-n", ns])
            .unwrap();
        not_reported(cluster, "policyreports", ns, name);
    }
}
