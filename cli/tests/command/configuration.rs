//! What is read beside the objects: the kubeconfig's namespace, `.kubectl-mtls.yaml`.

use std::fs;

use serde_json::Value;

use crate::mtls;

const HEAD: &str = "apiVersion: kubectl-mtls.github.io/v1alpha1\nkind: Config\n";

const INGRESS: &str = "apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: api, namespace: shop, annotations: {nginx.ingress.kubernetes.io/auth-tls-secret: shop/ca}}
spec:
  ingressClassName: edge
  tls: [{hosts: [a.example]}]
  rules: [{host: a.example, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: a, port: {number: 80}}}}]}}]
";

#[test]
fn a_dry_run_takes_the_namespace_of_the_context() {
    let folder = tempfile::tempdir().unwrap();
    let kubeconfig = "apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: 'https://127.0.0.1:1'}}]
users: [{name: u, user: {}}]
contexts: [{name: x, context: {cluster: c, user: u, namespace: pki}}]
current-context: x
";
    fs::create_dir(folder.path().join(".kube")).unwrap();
    fs::write(folder.path().join(".kube/config"), kubeconfig).unwrap();
    let create = |more: &[&str]| {
        let args = ["create", "ca", "partners", "--dry-run=client", "-o", "json"];
        let said = mtls(folder.path(), &[&args, more].concat(), "");
        assert_eq!(said.code, 0, "{}", said.stderr);
        let list: Value = serde_json::from_str(&said.stdout).unwrap();
        list["items"][0]["metadata"]["namespace"].clone()
    };
    assert_eq!(create(&[]), "pki");
    assert_eq!(create(&["-n", "shop"]), "shop");
    fs::remove_file(folder.path().join(".kube/config")).unwrap();
    assert_eq!(create(&[]), "default");
}

/// The gateway and verdict of the only host.
fn host(said: &str) -> (String, String) {
    let list: Value = serde_json::from_str(said).unwrap();
    let text = |field: &str| list["items"][0][field].as_str().unwrap().to_owned();
    (text("gateway"), text("verdict"))
}

#[test]
fn the_configuration_tells_who_serves_a_class() {
    let folder = tempfile::tempdir().unwrap();
    let below = folder.path().join("apps/shop");
    fs::create_dir_all(&below).unwrap();
    let get = |more: &[&str]| {
        let args = ["get", "hosts", "-f", "-", "--complete", "-o", "json"];
        mtls(&below, &[&args, more].concat(), INGRESS)
    };
    let traefik = format!("{HEAD}gateways: [{{dialect: traefik, ingressClass: edge}}]\n");
    fs::write(folder.path().join(".kubectl-mtls.yaml"), traefik).unwrap();
    assert_eq!(host(&get(&[]).stdout).0, "traefik");
    let nginx = format!("{HEAD}gateways: [{{dialect: ingress-nginx, ingressClass: edge}}]\n");
    fs::write(below.join("other.yaml"), nginx).unwrap();
    let said = get(&["--config", "other.yaml"]);
    assert_eq!(
        host(&said.stdout),
        ("ingress-nginx".into(), "broken".into())
    );
}

#[test]
fn a_wrong_configuration_is_named() {
    let folder = tempfile::tempdir().unwrap();
    for (text, words) in [
        ("gateways: [", "c.yaml:2:1: cannot be read as YAML"),
        (
            &format!("{HEAD}gateways: [{{dialect: haproxy-2}}]"),
            "c.yaml:3:13: gateways[0].dialect is \"haproxy-2\": there is no such dialect\nhint: dialect is one of ",
        ),
        (
            &format!("{HEAD}gateway: []"),
            "c.yaml:3:1: gateway is an unknown field\nhint: known are apiVersion, kind, gateways",
        ),
        ("[]", "a mapping"),
        (
            "kind: Config",
            "apiVersion is missing\nhint: write apiVersion: kubectl-mtls.github.io/v1alpha1",
        ),
        (
            &HEAD.replace("Config", "Confg"),
            "c.yaml:2:1: kind is \"Confg\"",
        ),
        (
            &format!("{HEAD}gateways:\n- dialect: traefik\n  version: 3.7\n"),
            "c.yaml:5:3: gateways[0].version is not what it should be: a string in quotes",
        ),
        (
            &format!("{HEAD}gateways:\n- dialect: traefik\n  args: --a\n"),
            "c.yaml:5:3: gateways[0].args is not what it should be: a list",
        ),
        (
            &format!(
                "{HEAD}gateways:\n- dialect: ingress-nginx\n  config:\n    ssl-redirect: false\n"
            ),
            "c.yaml:6:5: gateways[0].config.ssl-redirect is not what it should be: a string in quotes",
        ),
        (
            &format!("{HEAD}gateways: {{}}"),
            "c.yaml:3:1: gateways is not",
        ),
    ] {
        fs::write(folder.path().join("c.yaml"), text).unwrap();
        let args = ["get", "hosts", "-f", "-", "--config", "c.yaml"];
        let said = mtls(folder.path(), &args, INGRESS);
        assert_eq!(said.code, 3, "{text}: {}", said.stderr);
        assert!(
            said.stderr.contains(words)
                && said.stderr.contains("c.yaml:")
                && said.stderr.contains("hint: "),
            "{}",
            said.stderr
        );
    }
    let missing = ["get", "hosts", "-f", "-", "--config", "none.yaml"];
    let said = mtls(folder.path(), &missing, INGRESS);
    assert!(
        said.code == 3 && said.stderr.contains("none.yaml"),
        "{}",
        said.stderr
    );
}
