//! Fail comes after the proof, and never without it. The cluster is one of its own, because what is
//! installed here holds for all of it. A Service of type ExternalName leads to the program, and the
//! test does the kubelet's part: it says of the pods that they are ready.

use std::path::Path;
use std::time::Duration;

use anyhow::ensure;
use serde_json::Value;
use tests::cluster::{Cluster, Running};
use tests::wait_until;
use tests::webhook::Webhook;

use super::stage::{
    NS, VALIDATING, foreign_ca, ingress, lead_to_loopback, mtls, other_policy, other_webhook,
    policy, said,
};

#[test]
fn fail_comes_after_the_proof_and_never_without_it() {
    let running = Running::start().unwrap();
    let cluster = &running.cluster;
    without_permission(cluster);
    let folder = tempfile::tempdir().unwrap();
    let foreign = foreign_ca(folder.path());
    // The program starts before it is installed, so that its port is known; it needs its account.
    for file in ["namespace.yaml", "serviceaccount.yaml", "rbac.yaml"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../manifests")
            .join(file);
        cluster.apply_file(&path).unwrap();
    }
    let account = cluster.service_account(NS, "mtls-webhook").unwrap();
    let webhook = Webhook::start_as(cluster, "install", &account, &[]).unwrap();
    let port = webhook.port().to_string();
    let ca = webhook.ca_file().display().to_string();
    let install = |ca: &str, more: &[&str]| {
        let flags = [
            "webhook",
            "install",
            "--cert-mode=files",
            "--service-port",
            &port,
            "--ca-bundle",
            ca,
        ];
        mtls(cluster, &[&flags[..], more].concat())
    };
    // Under load the pods take their time, and so does the API server to hear of changes.
    let soon = &["--timeout=30s"][..];

    // Nobody is at the Service's address: what is sent there is refused at once or lost, as the
    // machine's network has it.
    let output = install(&ca, soon);
    said(&output, 3, &["failurePolicy stays Ignore", "hint: "]);
    let reasons = ["does not reach the webhook", "does not answer in time"];
    let told = |reason: &&str| output.all().contains(*reason);
    assert!(reasons.iter().any(told), "{}", output.all());
    assert_eq!(policy(cluster), "Ignore");

    lead_to_loopback(cluster);
    let output = install(&foreign, soon);
    said(
        &output,
        3,
        &[
            "does not accept the webhook's certificate",
            "x509",
            "failurePolicy stays Ignore",
        ],
    );
    assert_eq!(policy(cluster), "Ignore");

    other_policy(cluster);
    let output = install(&ca, soon);
    said(
        &output,
        3,
        &[
            "an admission policy refused the probe in its place",
            "ValidatingAdmissionPolicy 'other'",
        ],
    );
    assert_eq!(policy(cluster), "Ignore");
    for kind in [
        "validatingadmissionpolicybinding",
        "validatingadmissionpolicy",
    ] {
        cluster.must(&["delete", kind, "other"]).unwrap();
    }

    other_webhook(cluster, &webhook);
    let output = install(&ca, soon);
    said(
        &output,
        3,
        &[
            "another webhook refused the probe in its place",
            "other.example.com",
        ],
    );
    assert_eq!(policy(cluster), "Ignore");
    cluster
        .must(&["delete", "mutatingwebhookconfiguration", "other"])
        .unwrap();

    said(
        &mtls(cluster, &["webhook", "status"]),
        1,
        &["failurePolicy of routes.kubectl-mtls.github.io is Ignore"],
    );
    let output = install(&ca, &[]);
    said(
        &output,
        0,
        &[
            "2 of 2 replicas are ready",
            "proven: ",
            "enforced: failurePolicy is Fail",
        ],
    );
    assert_eq!(policy(cluster), "Fail");
    said(
        &mtls(cluster, &["webhook", "status"]),
        0,
        &["Proven ", "CN=webhook until "],
    );
    it_judges(cluster);
    said(
        &install(&ca, &["--fail-policy=Ignore"]),
        0,
        &["failurePolicy is Ignore"],
    );
    assert_eq!(policy(cluster), "Ignore");
    said(&install(&ca, &[]), 0, &["failurePolicy is Fail"]);

    drifts(cluster);
    let output = install(&ca, &[]);
    said(
        &output,
        3,
        &[
            "has fields of somebody else",
            "kubectl-patch",
            "hint: --force-conflicts",
        ],
    );
    said(
        &install(&ca, &["--force-conflicts"]),
        0,
        &["failurePolicy is Fail"],
    );
    said(&mtls(cluster, &["webhook", "status"]), 0, &["Proven "]);
    drop_process(webhook);
    with_the_webhook_dead(cluster);
    let output = install(&ca, &["--timeout=15s", "--force-conflicts"]);
    said(
        &output,
        3,
        &[
            "does not reach the webhook",
            "failurePolicy stays Fail, as it was",
        ],
    );
    it_goes(cluster);
}

/// Nothing is changed by somebody who may not change everything.
fn without_permission(cluster: &Cluster) {
    let nobody = cluster.service_account("default", "default").unwrap();
    let nobody = nobody.display().to_string();
    let output = mtls(cluster, &["webhook", "install", "--kubeconfig", &nobody]);
    said(&output, 3, &["error: ", "forbidden", "hint: "]);
    assert!(!cluster.kubectl(&["get", "namespace", NS]).unwrap().success);
    for verb in ["status", "uninstall"] {
        let output = mtls(cluster, &["webhook", verb, "--kubeconfig", &nobody]);
        said(&output, 3, &["error: ", "forbidden", "hint: "]);
    }
    said(
        &mtls(cluster, &["webhook", "status"]),
        1,
        &["The webhook is not installed"],
    );
    let manager = mtls(cluster, &["webhook", "install", "--cert-mode=cert-manager"]);
    said(
        &manager,
        3,
        &[
            "does not serve cert-manager.io/v1",
            "hint: install cert-manager first",
        ],
    );
    let rehearsed = mtls(cluster, &["webhook", "install", "--dry-run=server"]);
    said(
        &rehearsed,
        0,
        &[
            "namespace/kubectl-mtls applied (server dry run)",
            "not tried: namespace",
        ],
    );
    assert!(!cluster.kubectl(&["get", "namespace", NS]).unwrap().success);
}

/// kube-system is not exempt: some distributions run their gateway there, and an option `default` in
/// it is the one of every host.
fn it_judges(cluster: &Cluster) {
    let route = "apiVersion: traefik.io/v1alpha1\nkind: IngressRoute\nmetadata: {name: web, namespace: default}\nspec:\n  \
                 entryPoints: [websecure]\n  routes: [{kind: Rule, match: Host(`web.example.com`), services: [{name: a, port: 80}]}]\n  \
                 tls: {}\n";
    let option = "apiVersion: traefik.io/v1alpha1\nkind: TLSOption\nmetadata: {name: default, namespace: kube-system}\n\
                  spec: {clientAuth: {clientAuthType: RequireAndVerifyClientCert, secretNames: [none]}}\n";
    let applied = cluster.apply(route).unwrap();
    assert!(applied.success, "{}", applied.all());
    wait_until("a refusal", Duration::from_secs(30), || {
        let create = ["create", "--dry-run=server", "-f", "-"];
        let said = cluster.kubectl_with(&create, option)?.all();
        ensure!(
            said.contains("\"routes.kubectl-mtls.github.io\" denied the request"),
            "{said}"
        );
        ensure!(said.contains("missing-ca"), "{said}");
        Ok(())
    })
    .unwrap();
}

/// What somebody took out of the configuration is named, and an installation puts it back.
fn drifts(cluster: &Cluster) {
    let place = r#"[{"op": "remove", "path": "/webhooks/0/rules/2"}, {"op": "remove", "path": "/webhooks/1/clientConfig/caBundle"}]"#;
    cluster
        .must(&["patch", VALIDATING, NS, "--type=json", "-p", place])
        .unwrap();
    let output = mtls(cluster, &["webhook", "status", "-o", "json"]);
    said(
        &output,
        1,
        &[
            "is not asked about CREATE ingresses.networking.k8s.io",
            "its caBundle is empty",
        ],
    );
    let status: Value = serde_json::from_str(&output.stdout).unwrap();
    assert_eq!(status["failurePolicy"], "Fail");
    assert_ne!(status["problems"].as_array().unwrap().len(), 0);
}

fn drop_process(mut webhook: Webhook) {
    webhook.process.terminate().unwrap();
}

/// Fail refuses what cannot be judged, and nothing else.
fn with_the_webhook_dead(cluster: &Cluster) {
    wait_until("a refusal", Duration::from_secs(30), || {
        let said = cluster.apply(&ingress("default", "default/none"))?.all();
        ensure!(
            said.contains("failed calling webhook \"routes.kubectl-mtls.github.io\""),
            "{said}"
        );
        Ok(())
    })
    .unwrap();
    // Its own namespace can be mended.
    let applied = cluster.apply(&ingress(NS, "kubectl-mtls/none")).unwrap();
    assert!(applied.success, "{}", applied.all());
    cluster
        .must(&[
            "set",
            "image",
            "deployment/mtls-webhook",
            "-n",
            NS,
            "webhook=example.com/other:v1",
        ])
        .unwrap();
    cluster
        .must(&[
            "create",
            "secret",
            "generic",
            "mtls-webhook-tls",
            "-n",
            NS,
            "--from-literal=ca.crt=x",
        ])
        .unwrap();
    // The system's own Secrets, and namespaces, go on.
    cluster.must(&["create", "token", "default"]).unwrap();
    cluster
        .must(&[
            "create",
            "secret",
            "generic",
            "release",
            "--type=helm.sh/release.v1",
            "--from-literal=ca.crt=x",
        ])
        .unwrap();
    cluster.must(&["create", "namespace", "short"]).unwrap();
    cluster
        .must(&["delete", "namespace", "short", "--timeout=60s"])
        .unwrap();
    said(
        &mtls(cluster, &["webhook", "status"]),
        1,
        &["does not reach the webhook"],
    );
}

/// Everything goes but the CRDs; twice is as once; and nothing is refused afterwards.
fn it_goes(cluster: &Cluster) {
    cluster
        .must(&["delete", "ingress", "api", "-n", NS])
        .unwrap();
    let rehearsed = mtls(cluster, &["webhook", "uninstall", "--dry-run=server"]);
    said(
        &rehearsed,
        0,
        &["validatingwebhookconfiguration/kubectl-mtls removed (server dry run)"],
    );
    assert_eq!(policy(cluster), "Fail");
    let output = mtls(cluster, &["webhook", "uninstall"]);
    said(
        &output,
        0,
        &[
            "deployment/mtls-webhook removed",
            "namespace/kubectl-mtls removed",
        ],
    );
    let first = output.stdout.lines().next().unwrap_or_default();
    assert!(first.contains("webhookconfiguration"), "{first}");
    let again = mtls(cluster, &["webhook", "uninstall"]);
    said(&again, 0, &["note: nothing was installed"]);
    for kind in [
        "clusterrole",
        "clusterrolebinding",
        "mutatingwebhookconfiguration",
        VALIDATING,
    ] {
        let left = cluster.must(&[
            "get",
            kind,
            "-l",
            "app.kubernetes.io/name=mtls-webhook",
            "-o",
            "name",
        ]);
        assert_eq!(left.unwrap(), "", "{kind}");
    }
    let applied = cluster.apply(&ingress("default", "default/none")).unwrap();
    assert!(applied.success, "{}", applied.all());
}
