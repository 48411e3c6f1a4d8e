//! A webhook that may read Secrets in some namespaces alone: elsewhere it does not judge by them.

use serde_json::Value;
use tests::cluster::{Cluster, Running, run};
use tests::traefik::binary;
use tests::webhook::Webhook;

use super::stage::{NS, ingress};

#[test]
fn where_secrets_may_not_be_read_nobody_is_refused_by_them() {
    let running = Running::start().unwrap();
    let cluster = &running.cluster;
    for namespace in ["inside", "beyond"] {
        let labelled = format!(
            "apiVersion: v1\nkind: Namespace\nmetadata: {{name: {namespace}, labels: {{webhook: scoped}}}}\n"
        );
        assert!(cluster.apply(&labelled).unwrap().success);
    }
    permissions(cluster);
    let account = cluster.service_account(NS, "mtls-webhook").unwrap();
    let _webhook = Webhook::start_asked(cluster, "scoped", &account, &[]).unwrap();
    let refused = cluster.apply(&shut("inside")).unwrap();
    assert!(!refused.success, "{}", refused.all());
    assert!(refused.all().contains("missing-ca"), "{}", refused.all());
    let admitted = cluster.apply(&shut("beyond")).unwrap();
    assert!(admitted.success, "{}", admitted.all());
    let said = admitted.all();
    assert!(said.contains("Warning: not judged"), "{said}");
    assert!(said.contains("beyond/none"), "{said}");
}

/// A route that nobody gets past but by the CA, whose Secret is nowhere.
fn shut(namespace: &str) -> String {
    let redirect = "nginx.ingress.kubernetes.io/force-ssl-redirect: 'true', nginx";
    ingress(namespace, &format!("{namespace}/none")).replacen("nginx", redirect, 1)
}

/// Who the webhook is and what it may, as `print` writes it.
fn permissions(cluster: &Cluster) {
    let mut print = std::process::Command::new(binary("kubectl-mtls").unwrap());
    print.args(["webhook", "print", "--secret-namespaces", "inside", "-o"]);
    let printed = run(print.arg("json"), "").unwrap();
    assert!(printed.success, "{}", printed.all());
    let list: Value = serde_json::from_str(&printed.stdout).unwrap();
    let mut applied = 0;
    for object in list["items"].as_array().unwrap() {
        let kind = object["kind"].as_str().unwrap();
        if kind.contains("Role") || ["Namespace", "ServiceAccount"].contains(&kind) {
            let output = cluster.apply(&object.to_string()).unwrap();
            assert!(output.success, "{}", output.all());
            applied += 1;
        }
    }
    assert!(applied >= 6, "{applied} objects");
}
