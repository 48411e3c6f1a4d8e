//! A webhook that runs outside the cluster, for the namespaces of one label; and what was wrong
//! before it came is told. In a cluster of its own.

use tests::cluster::{Cluster, Running};
use tests::webhook::Webhook;

use super::stage::{ingress, mtls_while, policy, said};

const SELECTOR: &str = "--namespace-selector=guarded=yes";

#[test]
fn a_webhook_outside_the_cluster_is_proven_where_it_is_asked() {
    let running = Running::start().unwrap();
    let cluster = &running.cluster;
    let account = Webhook::account(cluster).unwrap();
    let webhook = Webhook::start_as(cluster, "outside", &account, &[]).unwrap();
    let url = format!("https://127.0.0.1:{}", webhook.port());
    let ca = webhook.ca_file().display().to_string();
    let flags = ["--cert-mode=files", "--url", &url, "--ca-bundle", &ca];
    let install = [&["webhook", "install", SELECTOR][..], &flags].concat();
    let status = ["webhook", "status", SELECTOR];
    let asked = |args: &[&str]| mtls_while(cluster, args, || Ok(()));
    // Wrong from the beginning, and in a namespace that nobody selects.
    put(cluster, "default", true);

    let nowhere = "guarded in (yes): nothing can be proven";
    let next = "hint: label one as --namespace-selector says";
    let told = [
        "Ingress/api in default: ",
        "[missing-ca]",
        nowhere,
        "failurePolicy stays Ignore",
        next,
    ];
    said(&asked(&install), 3, &told);
    assert_eq!(policy(cluster), "Ignore");
    let ignoring = [&status[..], &["--fail-policy=Ignore"]].concat();
    said(&asked(&ignoring), 3, &[nowhere, next]);

    let guarded =
        "apiVersion: v1\nkind: Namespace\nmetadata: {name: guarded, labels: {guarded: 'yes'}}\n";
    assert!(cluster.apply(guarded).unwrap().success);
    said(
        &asked(&install),
        0,
        &["proven: ", "enforced: failurePolicy is Fail"],
    );
    assert_eq!(policy(cluster), "Fail");
    // At a URL the certificate itself is looked at.
    said(&asked(&status), 0, &["Proven ", "CN=webhook until "]);
    put(cluster, "guarded", false);
    put(cluster, "kube-public", true);
}

/// Whether an Ingress whose CA is nowhere gets in.
#[track_caller]
fn put(cluster: &Cluster, namespace: &str, admitted: bool) {
    let missing = format!("{namespace}/none");
    let applied = cluster.apply(&ingress(namespace, &missing)).unwrap();
    assert_eq!(applied.success, admitted, "{}", applied.all());
    assert_eq!(applied.all().contains("missing-ca"), !admitted);
}
