//! An installation as it comes: nothing is told but the port, and the webhook makes its certificates
//! itself. In a cluster of its own.

use std::time::Duration;

use anyhow::ensure;
use tests::cluster::{Cluster, Running};
use tests::wait_until;

use super::kubelet::Kubelet;
use super::stage::{NS, ingress, mtls_while, policy, said};

#[test]
fn nothing_is_told_and_fail_is_reached() {
    let running = Running::start().unwrap();
    let cluster = &running.cluster;
    let mut kubelet = Kubelet::new(cluster);
    let port = kubelet.port.to_string();
    let install = ["webhook", "install", "--service-port", &port];
    let output = mtls_while(cluster, &install, || kubelet.look());
    let expected = [
        "2 of 2 replicas are ready",
        "proven: ",
        "enforced: failurePolicy is Fail",
    ];
    said(&output, 0, &expected);
    assert_eq!(policy(cluster), "Fail");
    let programs: Vec<_> = kubelet.programs().collect();
    assert_eq!(programs.len(), 2);
    for program in &programs {
        assert_eq!(program.args, ["--cert-mode=self-managed"]);
        let log = program.process.log();
        assert!(log.contains("serving a new certificate"), "{log}");
        assert!(!log.contains("PRIVATE KEY"), "{log}");
    }
    it_says_until_when(cluster);
    it_refuses(cluster);
    // Once more the same: nothing is in its way.
    let again = mtls_while(cluster, &install, || kubelet.look());
    said(&again, 0, &["enforced: failurePolicy is Fail"]);
    it_goes(cluster, &mut kubelet);
}

/// The CA that the webhook made lives for a year, and `status` says so.
fn it_says_until_when(cluster: &Cluster) {
    let output = mtls_while(cluster, &["webhook", "status"], || Ok(()));
    let days = |days: i64| {
        let then = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(24 * days);
        let day = then.strftime("%Y-%m-%d");
        format!("Trusted   CN=mtls-webhook CA until {day}")
    };
    // It was made a moment ago, which may be yesterday.
    let until = [days(364), days(365)];
    said(&output, 0, &["Proven ", "Running   2 ready of "]);
    let trusted = until.iter().any(|until| output.stdout.contains(until));
    assert!(trusted, "{until:?} in {}", output.stdout);
    let key = "jsonpath={.data.tls\\.key}";
    let secret = ["get", "secret", "mtls-webhook-ca", "-n", NS, "-o", key];
    let key = cluster.must(&secret).unwrap();
    assert!(key.len() > 100 && !output.all().contains(&key));
}

fn it_refuses(cluster: &Cluster) {
    wait_until("a refusal", Duration::from_secs(30), || {
        let said = cluster.apply(&ingress("default", "default/none"))?.all();
        ensure!(
            said.contains("\"routes.kubectl-mtls.github.io\" denied the request"),
            "{said}"
        );
        ensure!(said.contains("missing-ca"), "{said}");
        Ok(())
    })
    .unwrap();
}

/// The policies outlive an installation, unless they are to go too.
fn it_goes(cluster: &Cluster, kubelet: &mut Kubelet<'_>) {
    let kept = "apiVersion: kubectl-mtls.github.io/v1alpha1\nkind: ClientAuthPolicy\n\
                metadata: {name: kept}\nspec: {match: {hosts: [none.example.com]}, demand: required}\n";
    let applied = cluster.apply(kept).unwrap();
    assert!(applied.success, "{}", applied.all());
    let uninstall = ["webhook", "uninstall"];
    let output = mtls_while(cluster, &uninstall, || kubelet.look());
    let gone = [
        "deployment/mtls-webhook removed",
        "secrets/mtls-webhook-ca removed",
        "namespace/kubectl-mtls removed",
    ];
    said(&output, 0, &gone);
    kubelet.look().unwrap();
    assert_eq!(kubelet.programs().count(), 0);
    let there = |what: &[&str]| cluster.kubectl(&[&["get"], what].concat()).unwrap();
    assert!(!there(&["namespace", NS]).success);
    assert!(there(&["clientauthpolicy", "kept"]).success);
    let applied = cluster.apply(&ingress("default", "default/none")).unwrap();
    assert!(applied.success, "{}", applied.all());
    let all = [&uninstall[..], &["--delete-crds"]].concat();
    let output = mtls_while(cluster, &all, || Ok(()));
    said(
        &output,
        0,
        &["clientauthpolicies.kubectl-mtls.github.io removed"],
    );
    for crd in ["clientauthpolicies", "clientauthexceptions"] {
        let crd = format!("{crd}.kubectl-mtls.github.io");
        assert!(!there(&["crd", &crd]).success, "{crd} is still there");
    }
}
