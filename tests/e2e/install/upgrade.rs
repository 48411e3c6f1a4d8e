//! What another version installed: an entry, objects and settings that this one does not bring. In a
//! cluster of its own.

use std::process::Command;

use serde_json::{Value, json};
use tests::cluster::{Cluster, Running, run};
use tests::traefik::binary;

use super::kubelet::Kubelet;
use super::stage::{NS, VALIDATING, mtls_while, policy, said};

#[test]
fn what_another_version_brought_goes_and_fail_stays() {
    let running = Running::start().unwrap();
    let cluster = &running.cluster;
    let mut kubelet = Kubelet::new(cluster);
    let port = kubelet.port.to_string();
    before(cluster, &port);
    assert_eq!(policy(cluster), "Fail");
    let install = ["webhook", "install", "--service-port", &port];
    let output = mtls_while(cluster, &install, || {
        assert_eq!(policy(cluster), "Fail");
        kubelet.look()
    });
    let expected = [
        "old.kubectl-mtls.github.io of validatingwebhookconfiguration/kubectl-mtls removed",
        "networkpolicy/mtls-webhook-old removed",
        "note: configmap/mtls-webhook-shared is not brought any more and stays: jane",
        "enforced: failurePolicy is Fail",
    ];
    said(&output, 0, &expected);
    assert_eq!(policy(cluster), "Fail");
    assert_eq!(entries(cluster).len(), 4);
    it_is_what_is_shipped(cluster);
    let elsewhere = [&install[..], &["-n", "other"]].concat();
    let refused = mtls_while(cluster, &elsewhere, || kubelet.look());
    let words = [
        "the webhook is installed in namespace kubectl-mtls",
        "hint: install again with -n kubectl-mtls",
    ];
    said(&refused, 3, &words);
    let forced = [&install[..], &["--force-conflicts"]].concat();
    let output = mtls_while(cluster, &forced, || kubelet.look());
    said(&output, 0, &["configmap/mtls-webhook-shared removed"]);
    it_goes(cluster, &mut kubelet);
}

/// Applies what is printed, changed as another version would have it.
fn before(cluster: &Cluster, port: &str) {
    let mut print = Command::new(binary("kubectl-mtls").unwrap());
    print.args(["webhook", "print", "-o", "json", "--fail-policy=Fail"]);
    let printed = run(print.args(["--service-port", port]), "").unwrap();
    let mut list: Value = serde_json::from_str(&printed.stdout).unwrap();
    let items = list["items"].as_array_mut().unwrap();
    let of = |items: &[Value], kind: &str| {
        let place = items.iter().position(|one| one["kind"] == kind);
        place.unwrap()
    };
    let mut old = items[of(items, "NetworkPolicy")].clone();
    old["metadata"]["name"] = json!("mtls-webhook-old");
    items.push(old);
    items.push(json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": "b"}, "metadata":
        {"name": "mtls-webhook-shared", "namespace": NS, "labels": {"app.kubernetes.io/name": "mtls-webhook"}}}));
    let place = of(items, VALIDATING_KIND);
    let webhooks = items[place]["webhooks"].as_array_mut().unwrap();
    webhooks[0]["timeoutSeconds"] = json!(7);
    let mut entry = webhooks[1].clone();
    entry["name"] = json!("old.kubectl-mtls.github.io");
    webhooks.insert(1, entry);
    let apply = |text: &str, manager: &str| {
        let manager = format!("--field-manager={manager}");
        let apply = ["apply", "--server-side", &manager, "-f", "-"];
        let applied = cluster.kubectl_with(&apply, text).unwrap();
        assert!(applied.success, "{}", applied.all());
    };
    apply(&list.to_string(), "kubectl-mtls");
    let jane = json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"c": "d"},
        "metadata": {"name": "mtls-webhook-shared", "namespace": NS}});
    apply(&jane.to_string(), "jane");
}

const VALIDATING_KIND: &str = "ValidatingWebhookConfiguration";

fn entries(cluster: &Cluster) -> Vec<Value> {
    let text = cluster
        .must(&["get", VALIDATING, NS, "-o", "json"])
        .unwrap();
    let live: Value = serde_json::from_str(&text).unwrap();
    live["webhooks"].as_array().unwrap().clone()
}

/// `status` finds no difference, until there is one.
fn it_is_what_is_shipped(cluster: &Cluster) {
    let status = ["webhook", "status"];
    said(
        &mtls_while(cluster, &status, || Ok(())),
        0,
        &["Proven ", "Served    not asked: "],
    );
    let binding = "secrets.kubectl-mtls.github.io";
    let change = json!([{"op": "replace", "path": "/webhooks/1/timeoutSeconds", "value": 30},
        {"op": "add", "path": "/webhooks/1/objectSelector", "value": {"matchLabels": {"a": "b"}}}]);
    let patch = [
        "patch",
        VALIDATING,
        NS,
        "--type=json",
        "-p",
        &change.to_string(),
    ];
    cluster.must(&patch).unwrap();
    let words = [
        &format!("{binding}: timeoutSeconds is 30, not 3"),
        &format!(
            "{binding}: objectSelector is {{\"matchLabels\":{{\"a\":\"b\"}}}}, and is not shipped"
        ),
    ];
    let words: Vec<_> = words.iter().map(|words| words.as_str()).collect();
    said(&mtls_while(cluster, &status, || Ok(())), 1, &words);
    let back = json!([{"op": "replace", "path": "/webhooks/1/timeoutSeconds", "value": 3},
        {"op": "replace", "path": "/webhooks/1/objectSelector", "value": {}}]);
    let patch = [
        "patch",
        VALIDATING,
        NS,
        "--type=json",
        "-p",
        &back.to_string(),
    ];
    cluster.must(&patch).unwrap();
}

/// While somebody else's configuration asks the webhook, its server stays.
fn it_goes(cluster: &Cluster, kubelet: &mut Kubelet<'_>) {
    let other = json!({"apiVersion": "admissionregistration.k8s.io/v1", "kind": VALIDATING_KIND,
        "metadata": {"name": "of-others"}, "webhooks": [{"name": "of.others.example.com",
        "admissionReviewVersions": ["v1"], "sideEffects": "None", "failurePolicy": "Ignore",
        "clientConfig": {"service": {"name": "mtls-webhook", "namespace": NS}}}]});
    let applied = cluster.apply(&other.to_string()).unwrap();
    assert!(applied.success, "{}", applied.all());
    let uninstall = ["webhook", "uninstall"];
    let refused = mtls_while(cluster, &uninstall, || kubelet.look());
    said(
        &refused,
        3,
        &["of-others asks the webhook", "nothing was removed"],
    );
    assert_eq!(policy(cluster), "Fail");
    cluster.must(&["delete", VALIDATING, "of-others"]).unwrap();
    let output = mtls_while(cluster, &uninstall, || kubelet.look());
    said(
        &output,
        0,
        &[
            "deployment/mtls-webhook removed",
            "namespace/kubectl-mtls removed",
        ],
    );
}
