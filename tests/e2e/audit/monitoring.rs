//! What Prometheus is told, and what dashboards and alerts ask for.

use super::*;

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
    let is_it = |line: &&str| line.contains("\"denied\"") && line.contains("missing-ca");
    let line = line.lines().find(is_it);
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
