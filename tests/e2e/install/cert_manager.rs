//! An installation whose certificates cert-manager makes, and whose caBundle its injector writes. In a
//! cluster of its own.

use tests::cluster::{Cluster, Running};
use tests::controllers;

use super::kubelet::Kubelet;
use super::stage::{NS, VALIDATING, mtls_while, policy, said};

#[test]
fn cert_manager_makes_and_injects_and_fail_is_reached() {
    let running = Running::start().unwrap();
    let cluster = &running.cluster;
    let _manager = controllers::cert_manager(cluster).unwrap();
    let _injector = controllers::cainjector(cluster).unwrap();
    let mut kubelet = Kubelet::new(cluster);
    let port = kubelet.port.to_string();
    let install = ["webhook", "install", "--service-port", &port];
    let managed = [&install[..], &["--cert-mode=cert-manager"]].concat();
    let output = mtls_while(cluster, &managed, || kubelet.look());
    said(&output, 0, &["proven: ", "enforced: failurePolicy is Fail"]);
    assert_eq!(policy(cluster), "Fail");
    let trusted = ["Proven ", "Trusted   CN=mtls-webhook-issuer until "];
    let status = mtls_while(cluster, &["webhook", "status"], || kubelet.look());
    said(&status, 0, &trusted);
    assert!(is_there(cluster, "mtls-webhook-issuer"));
    assert!(!is_there(cluster, "mtls-webhook-ca"));
    // Once more: what the injector wrote stays, and so does Fail.
    let before = bundles(cluster);
    let again = mtls_while(cluster, &managed, || {
        assert_eq!(bundles(cluster), before);
        kubelet.look()
    });
    said(&again, 0, &["enforced: failurePolicy is Fail"]);
    let uninstall = ["webhook", "uninstall"];
    let output = mtls_while(cluster, &uninstall, || kubelet.look());
    said(
        &output,
        0,
        &[
            "issuer/mtls-webhook-issuer removed",
            "secrets/mtls-webhook-issuer removed",
        ],
    );
}

fn is_there(cluster: &Cluster, secret: &str) -> bool {
    let get = ["get", "secret", secret, "-n", NS];
    cluster.kubectl(&get).unwrap().success
}

fn bundles(cluster: &Cluster) -> String {
    let path = "jsonpath={.webhooks[*].clientConfig.caBundle}";
    let bundles = cluster.must(&["get", VALIDATING, NS, "-o", path]).unwrap();
    assert_eq!(bundles.split_whitespace().count(), 4, "{bundles}");
    bundles
}
