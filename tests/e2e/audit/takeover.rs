//! One replica audits, and another takes over; what may not be read is not judged.

use super::*;

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
