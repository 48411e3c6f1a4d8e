//! `report` of a whole cluster, in one of its own: the page counts every host that there is.

use std::process::Command;

use tests::cluster::{Cluster, Running, run};
use tests::traefik::binary;

const NS: &str = "shop";

fn ingress(name: &str, more: &str) -> String {
    format!(
        "apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: {name}
  namespace: {NS}
  annotations:
    nginx.ingress.kubernetes.io/auth-tls-secret: {NS}/partners-trust
    {more}
spec:
  ingressClassName: nginx
  tls: [{{hosts: [{name}.example.com]}}]
  rules: [{{host: {name}.example.com, http: {{paths: [{{path: /, pathType: Prefix, backend: {{service: {{name: a, port: {{number: 80}}}}}}}}]}}}}]
---
"
    )
}

#[track_caller]
fn must(cluster: &Cluster, args: &[&str]) -> String {
    let mut command = Command::new(binary("kubectl-mtls").unwrap());
    let output = run(
        command.args(args).env("KUBECONFIG", &cluster.kubeconfig),
        "",
    )
    .unwrap();
    assert!(output.success, "{}", output.all());
    output.stderr
}

/// The rows of the hosts with a verdict.
#[track_caller]
fn rows<'a>(page: &'a str, verdict: &str) -> Vec<&'a str> {
    let begin = format!("<table id=\"{verdict}\">");
    let (_, section) = page.split_once(&begin).expect(verdict);
    let (section, _) = section.split_once("</table>").expect(verdict);
    let rows = section.lines();
    rows.filter(|line| line.contains("scope=\"row\"")).collect()
}

#[test]
fn a_cluster_on_one_page() {
    let own = Running::start().unwrap();
    let cluster = &own.cluster;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("report.html").display().to_string();
    let report = ["report", "-A", "--out", &file];
    must(cluster, &report);
    let empty = std::fs::read_to_string(&file).unwrap();
    assert!(!empty.contains("scope=\"row\""), "{empty}");

    cluster.must(&["create", "namespace", NS]).unwrap();
    must(cluster, &["create", "ca", "partners", "-n", NS]);
    let verify = "nginx.ingress.kubernetes.io/auth-tls-verify-client";
    let shut = ingress(
        "shut",
        "nginx.ingress.kubernetes.io/force-ssl-redirect: 'true'",
    );
    let open = ingress("open", &format!("{verify}: 'off'"));
    let applied = cluster.apply(&format!("{shut}{open}")).unwrap();
    assert!(applied.success, "{}", applied.all());
    let said = must(cluster, &report);
    assert!(said.contains("report.html is written"), "{said}");
    let page = std::fs::read_to_string(&file).unwrap();
    for (verdict, host) in [
        ("enforced", "shut.example.com"),
        ("open", "open.example.com"),
    ] {
        let found = rows(&page, verdict);
        assert!(
            found.len() == 1 && found[0].contains(host),
            "{verdict}: {found:?}"
        );
    }
    assert!(rows(&page, "enforced")[0].contains("partners"), "{page}");
    assert!(page.contains("1 of 2 hosts that ask for client certificates let strangers in"));
    // What is read on the way stays out of it.
    let key = "jsonpath={.data.tls\\.key}";
    let secret = ["get", "secret", "partners", "-n", NS, "-o", key];
    let key = cluster.must(&secret).unwrap();
    assert!(key.len() > 100 && !page.contains(&key) && !page.contains("PRIVATE KEY"));
    let failing = [&report[..], &["--fail-on", "error"]].concat();
    let mut command = Command::new(binary("kubectl-mtls").unwrap());
    command.args(failing).env("KUBECONFIG", &cluster.kubeconfig);
    assert_eq!(run(&mut command, "").unwrap().code, 1);
}
