//! The audit: what was bad before the webhook came, and what happens behind its back. In clusters of
//! their own, because an audit is of a whole cluster.

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

/// Registers the webhook under the name that ships, which is the one it may read.
fn rename_registration(cluster: &Cluster, name: &str) {
    let kind = "validatingwebhookconfiguration";
    let own = format!("kubectl-mtls-{name}");
    let text = cluster.must(&["get", kind, &own, "-o", "json"]).unwrap();
    let mut configuration: Value = serde_json::from_str(&text).unwrap();
    configuration["metadata"] = serde_json::json!({"name": "kubectl-mtls"});
    cluster.must(&["delete", kind, &own]).unwrap();
    applied(cluster, &configuration.to_string());
}

#[test]
fn what_dashboards_and_alerts_ask_for_is_served() {
    let own = Running::start().unwrap();
    let cluster = &own.cluster;
    let [policy_report, _] = tests::build::reports().unwrap();
    cluster.apply_file(&policy_report).unwrap();
    let ns = "asked";
    namespace(cluster, ns);
    create_ca(cluster, ns, "partners");
    applied(cluster, &ingress(ns, "before", "none"));
    applied(cluster, &ingress(ns, "good", "partners-trust"));
    let webhook = Webhook::start(cluster, ns, &["--audit", "--audit-interval=2"]).unwrap();
    rename_registration(cluster, ns);
    let policy = |policy: &str| {
        format!(
            "mtls_webhook_failure_policy{{webhook=\"routes.kubectl-mtls.github.io\",policy=\"{policy}\"}}"
        )
    };
    shows(&webhook, &policy("Fail"), 1.0);
    shows(&webhook, &policy("Ignore"), 0.0);
    let denied = wait_until("a denial", SOON, || {
        let output = cluster.apply(&ingress(ns, "after", "none"))?;
        ensure!(output.all().contains("missing-ca"), "{}", output.all());
        Ok(output)
    });
    assert!(!denied.unwrap().success);
    let counted = "mtls_webhook_reviews_total{webhook=\"validate\",kind=\"Ingress\",operation=\"CREATE\",outcome=\"denied\",rule=\"missing-ca\"}";
    assert!(sample(&webhook, counted).unwrap() >= 1.0);
    let line = webhook.process.log();
    let line = line.lines().find(|line| line.contains("\"denied\""));
    let line: Value = serde_json::from_str(line.expect("a line for the denial")).unwrap();
    let fields = &line["fields"];
    assert_eq!(fields["kind"], "Ingress");
    assert_eq!(fields["namespace"], ns);
    assert_eq!(fields["name"], "after");
    assert_eq!(fields["rules"], "missing-ca");
    assert_eq!(fields["uid"].as_str().map(str::len), Some(36), "{fields}");
    everything_asked_for_is_there(&webhook);
    let patch = r#"[{"op": "replace", "path": "/webhooks/0/failurePolicy", "value": "Ignore"}]"#;
    let target = ["patch", "validatingwebhookconfiguration", "kubectl-mtls"];
    let how = ["--type=json", "-p", patch];
    cluster.must(&[&target[..], &how].concat()).unwrap();
    shows(&webhook, &policy("Ignore"), 1.0);
}

fn everything_asked_for_is_there(webhook: &Webhook) {
    wait_until("everything that is asked for", SOON, || {
        let text = webhook.health("metrics")?;
        let served: BTreeSet<_> = text
            .lines()
            .filter_map(|line| line.split(['{', ' ']).next())
            .collect();
        for file in ["dashboard.json", "alerts.yaml"] {
            let asked = std::fs::read_to_string(manifests().join("monitoring").join(file))?;
            let words = asked.split(|char: char| !char.is_ascii_alphanumeric() && char != '_');
            let names: BTreeSet<_> = words
                .filter(|word| word.starts_with("mtls_webhook_"))
                .collect();
            ensure!(names.len() > 7, "{file} asks for {names:?}");
            let missing: Vec<_> = names.difference(&served).collect();
            ensure!(missing.is_empty(), "{file} asks for {missing:?}");
        }
        Ok(())
    })
    .unwrap();
}

/// Allows the service account less than what ships.
fn forbid_secrets(cluster: &Cluster) {
    let text = cluster
        .must(&["get", "clusterrole", "mtls-webhook", "-o", "json"])
        .unwrap();
    let mut role: Value = serde_json::from_str(&text).unwrap();
    let rules = role["rules"].as_array_mut().unwrap();
    let all = rules.len();
    rules.retain(|rule| !rule["resources"].to_string().contains("secrets"));
    assert_eq!(rules.len(), all - 1);
    cluster
        .must(&["delete", "clusterrole", "mtls-webhook"])
        .unwrap();
    role["metadata"] = serde_json::json!({"name": "mtls-webhook"});
    applied(cluster, &role.to_string());
}

/// Most clusters know one gateway alone: the webhook has to get ready without the others' groups.
fn without_apisix(cluster: &Cluster) {
    let group = "apisix.apache.org";
    let names = cluster.must(&["get", "crds", "-o", "name"]).unwrap();
    let names: Vec<_> = names.lines().filter(|name| name.ends_with(group)).collect();
    assert!(names.len() > 2, "{names:?}");
    cluster.must(&[&["delete"], &names[..]].concat()).unwrap();
    wait_until("the end of a group", SOON, || {
        let groups = cluster.must(&["get", "--raw", "/apis"])?;
        ensure!(!groups.contains(group));
        Ok(())
    })
    .unwrap();
}

#[test]
fn one_replica_audits_and_another_takes_over() {
    let own = Running::start().unwrap();
    let cluster = &own.cluster;
    let [_, open_report] = tests::build::reports().unwrap();
    without_apisix(cluster);
    let ns = "two";
    namespace(cluster, ns);
    create_ca(cluster, ns, "partners");
    applied(cluster, &ingress(ns, "bad", "none"));
    applied(cluster, &ingress(ns, "good", "partners-trust"));
    let kubeconfig = Webhook::account(cluster).unwrap();
    let args = ["--audit", "--audit-interval=2", "--open-reports"];
    let start = |name: &str| Webhook::start_as(cluster, name, &kubeconfig, &args).unwrap();
    let mut first = start("first");
    shows(&first, "mtls_webhook_leader", 1.0);
    let mut second = start("second");
    rounds(&first, 2.0);
    // The CRD comes after the start: that it was not there was said once.
    let said = first.process.log();
    assert_eq!(said.matches("no reports").count(), 1, "{said}");
    cluster.apply_file(&open_report).unwrap();
    reported(cluster, "reports.openreports.io", (ns, "bad"), "missing-ca");
    let only_one = |webhook: &Webhook| {
        shows(webhook, "mtls_webhook_leader", 0.0);
        let text = webhook.health("metrics").unwrap();
        assert!(
            !text.contains("audit_rounds") && !text.contains("mtls_webhook_hosts"),
            "{text}"
        );
    };
    only_one(&second);
    first.process.kill().unwrap();
    let killed = Instant::now();
    cluster
        .must(&["delete", "ingress", "bad", "-n", ns])
        .unwrap();
    applied(cluster, &ingress(ns, "later", "none"));
    wait_until("another leader", Duration::from_secs(30), || {
        ensure!(sample(&second, "mtls_webhook_leader")? > 0.5);
        Ok(())
    })
    .unwrap();
    // Not before the Lease has run out: two would audit.
    assert!(killed.elapsed() > Duration::from_secs(8), "{killed:?}");
    reported(
        cluster,
        "reports.openreports.io",
        (ns, "later"),
        "missing-ca",
    );
    not_reported(cluster, "reports.openreports.io", ns, "bad");
    let third = start("third");
    only_one(&third);
    assert_eq!(second.process.terminate().unwrap(), Some(0));
    let ended = Instant::now();
    shows(&third, "mtls_webhook_leader", 1.0);
    // It was given up, so nobody waits for its end.
    assert!(ended.elapsed() < Duration::from_secs(8), "{ended:?}");
    what_may_not_be_read_is_not_judged(cluster, &third, ns);
}

fn what_may_not_be_read_is_not_judged(cluster: &Cluster, webhook: &Webhook, ns: &str) {
    let kind = "reports.openreports.io";
    not_reported(cluster, kind, ns, "good");
    forbid_secrets(cluster);
    for name in ["good", "later"] {
        let report = reported(cluster, kind, (ns, name), "not-judged");
        assert_eq!(report["summary"]["fail"], 0, "{report}");
        assert_eq!(report["summary"]["skip"], 1, "{report}");
        assert!(
            report["results"][0]["message"]
                .as_str()
                .unwrap()
                .contains("forbidden"),
            "{report}"
        );
    }
    let unknown =
        "mtls_webhook_hosts{gateway=\"ingress-nginx\",instance=\"nginx\",verdict=\"unknown\"}";
    shows(webhook, unknown, 2.0);
    assert!(
        sample(
            webhook,
            "mtls_webhook_live_reads_total{outcome=\"unknown\"}"
        )
        .unwrap()
            >= 2.0
    );
    cluster
        .apply_file(Path::new(&manifests().join("rbac.yaml")))
        .unwrap();
    not_reported(cluster, kind, ns, "good");
}

/// Takes one verb from the shipped role.
fn without_verb(cluster: &Cluster, resource: &str, verb: &str) {
    let text = cluster
        .must(&["get", "clusterrole", "mtls-webhook", "-o", "json"])
        .unwrap();
    let mut role: Value = serde_json::from_str(&text).unwrap();
    let mut taken = 0;
    for rule in role["rules"].as_array_mut().unwrap() {
        let resources = rule["resources"].as_array().unwrap();
        if resources.iter().any(|one| one == resource) {
            let verbs = rule["verbs"].as_array_mut().unwrap();
            let before = verbs.len();
            verbs.retain(|other| other != verb);
            taken += before - verbs.len();
        }
    }
    assert_eq!(taken, 1, "{verb} {resource}");
    // A rule without verbs is refused.
    let rules = role["rules"].as_array_mut().unwrap();
    rules.retain(|rule| !rule["verbs"].as_array().unwrap().is_empty());
    let output = cluster
        .kubectl_with(&["replace", "-f", "-"], &role.to_string())
        .unwrap();
    assert!(output.success, "{}", output.all());
}

#[test]
fn each_permission_of_the_audit_is_needed() {
    let own = Running::start().unwrap();
    let cluster = &own.cluster;
    let [policy_report, _] = tests::build::reports().unwrap();
    cluster.apply_file(&policy_report).unwrap();
    let ns = "needs";
    namespace(cluster, ns);
    create_ca(cluster, ns, "partners");
    applied(cluster, &ingress(ns, "mended", "none"));
    let kubeconfig = Webhook::account(cluster).unwrap();
    let args = ["--audit", "--audit-interval=2"];
    let webhook = Webhook::start_as(cluster, ns, &kubeconfig, &args).unwrap();
    reported(cluster, "policyreports", (ns, "mended"), "missing-ca");
    for (resource, verb) in [
        ("policyreports", "list"),
        ("policyreports", "create"),
        ("policyreports", "patch"),
        ("policyreports", "delete"),
        ("events", "create"),
        ("validatingwebhookconfigurations", "get"),
    ] {
        without_verb(cluster, resource, verb);
        let name = format!("bad-{verb}-{resource}");
        applied(cluster, &ingress(ns, &name, "none"));
        applied(cluster, &ingress(ns, "mended", "partners-trust"));
        wait_until(&format!("{verb} {resource} is missed"), SOON, || {
            let log = webhook.process.log();
            let missed = |line: &str| {
                line.contains(&format!("cannot {verb} resource")) && line.contains(resource)
            };
            ensure!(log.lines().any(missed), "{log}");
            Ok(())
        })
        .unwrap();
        let shipped = manifests().join("rbac.yaml").display().to_string();
        let restore = [
            "apply",
            "--server-side",
            "--force-conflicts",
            "-f",
            &shipped,
        ];
        cluster.must(&restore).unwrap();
        // It goes on as if nothing had been.
        reported(cluster, "policyreports", (ns, &name), "missing-ca");
        not_reported(cluster, "policyreports", ns, "mended");
        applied(cluster, &ingress(ns, "mended", "none"));
        reported(cluster, "policyreports", (ns, "mended"), "missing-ca");
    }
}
