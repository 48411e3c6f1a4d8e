//! `get hosts` and `describe host`: what is learnt from the controllers' objects, what is assumed,
//! and what leads from a route to its CA.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::{Said, mtls};

const HEAD: &str = "apiVersion: kubectl-mtls.github.io/v1alpha1\nkind: Config\n";

const ROUTE: &str = "---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: api, namespace: shop, annotations: {nginx.ingress.kubernetes.io/auth-tls-secret: shop/partners-trust}}
spec:
  ingressClassName: nginx
  tls: [{hosts: ['*.example.com'], secretName: api-tls}]
  rules: [{host: '*.example.com', http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: a, port: {number: 80}}}}]}}]
";

const CONTROLLER: &str = "---
apiVersion: apps/v1
kind: Deployment
metadata: {name: ingress-nginx-controller, namespace: edge}
spec:
  selector: {matchLabels: {app.kubernetes.io/name: ingress-nginx}}
  template:
    metadata: {labels: {app.kubernetes.io/name: ingress-nginx}}
    spec:
      containers:
      - name: controller
        image: registry.k8s.io/ingress-nginx/controller:v1.15.1@sha256:0000
        args: [/nginx-ingress-controller, '--configmap=$(POD_NAMESPACE)/settings']
        env: [{name: POD_NAMESPACE, valueFrom: {fieldRef: {fieldPath: metadata.namespace}}}]
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, namespace: edge}
data: {ssl-redirect: \"VALUE\"}
";

/// Controllers and charts whose fields have the wrong types.
const ODD: &str = r#"apiVersion: apps/v1
kind: Deployment
metadata: {name: traefik, namespace: kube-system}
spec:
  template:
    spec:
      containers:
      - name: traefik
        image: traefik
        args: [1, null, {a: b}, "--configFile"]
        env: [null, {name: X}, 3]
        volumeMounts: [{name: v, mountPath: ""}, 1]
      volumes: [null, {name: v, configMap: {name: x}}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: ingress-nginx, namespace: kube-system}
spec: {template: {spec: {containers: {a: b}}}}
---
apiVersion: helm.cattle.io/v1
kind: HelmChartConfig
metadata: {name: traefik, namespace: kube-system}
spec: {valuesContent: "ports: [1,2\n"}
---
apiVersion: helm.cattle.io/v1
kind: HelmChart
metadata: {name: traefik, namespace: kube-system}
spec: {valuesContent: "ports: 7\nproviders: x\nexperimental: [1]\n"}
---
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: traefik, namespace: other}
spec: {chart: {spec: {chart: traefik}}, values: {ports: {web: 3, websecure: {http: 5, redirectTo: [1], tls: x}}, providers: {kubernetesCRD: 4}}}
---
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
secretGenerator: [1, {name: é}, {name: "a-ééééé"}]
"#;

/// A folder with a CA, and the Secret that holds it.
fn shop() -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let args = ["create", "ca", "partners", "--out", "pki"];
    let said = mtls(folder.path(), &args, "");
    assert_eq!(said.code, 0, "{}", said.stderr);
    let pem = fs::read_to_string(folder.path().join("pki/ca.crt")).unwrap();
    let pem: String = pem.lines().map(|line| format!("    {line}\n")).collect();
    let secret = format!(
        "---\napiVersion: v1\nkind: Secret\nmetadata: {{name: partners-trust, namespace: shop}}\nstringData:\n  ca.crt: |\n{pem}"
    );
    (folder, secret)
}

fn get(folder: &Path, more: &[&str], stdin: &str) -> (Said, Value) {
    let args = ["get", "hosts", "-f", "-", "--complete", "-o", "json"];
    let said = mtls(folder, &[&args, more].concat(), stdin);
    assert_eq!(said.code, 0, "{}", said.stderr);
    let list: Value = serde_json::from_str(&said.stdout).unwrap();
    let host = list["items"][0].clone();
    (said, host)
}

#[test]
fn the_controller_among_the_objects_decides() {
    let (folder, secret) = shop();
    let with = |value: &str| format!("{secret}{ROUTE}{}", CONTROLLER.replace("VALUE", value));
    let (_, host) = get(folder.path(), &[], &format!("{secret}{ROUTE}"));
    assert_eq!(host["verdict"], "enforced");
    assert_eq!(host["assumed"][0], "ConfigMap key ssl-redirect is true");
    assert_eq!(host["ca"][0]["subject"], "CN=partners");
    let (_, host) = get(folder.path(), &[], &with("true"));
    assert_eq!(
        (&host["verdict"], &host["assumed"]),
        (&"enforced".into(), &Value::Array(vec![]))
    );
    let (_, host) = get(folder.path(), &[], &with("false"));
    assert_eq!(host["verdict"], "open");
    let config = format!("{HEAD}gateways: [{{dialect: ingress-nginx, config: {{}}}}]\n");
    fs::write(folder.path().join("c.yaml"), config).unwrap();
    let (_, host) = get(folder.path(), &["--config", "c.yaml"], &with("false"));
    assert_eq!(host["verdict"], "enforced", "the configuration goes first");
}

#[test]
fn what_is_assumed_is_one_line() {
    let (folder, secret) = shop();
    for args in [["get", "hosts"].as_slice(), &["lint"]] {
        let args = [args, &["-f", "-", "--complete"]].concat();
        let said = mtls(folder.path(), &args, &format!("{secret}{ROUTE}"));
        let notes: Vec<_> = said
            .stderr
            .lines()
            .filter(|line| line.starts_with("note: "))
            .collect();
        assert_eq!(notes.len(), 1, "{}", said.stderr);
        assert!(
            notes[0].contains("ConfigMap key ssl-redirect is true"),
            "{notes:?}"
        );
        let told = CONTROLLER.replace("VALUE", "true");
        let said = mtls(folder.path(), &args, &format!("{secret}{ROUTE}{told}"));
        assert!(!said.stderr.contains("note: "), "{}", said.stderr);
    }
}

#[test]
fn a_row_is_short_and_is_whole_where_it_is_piped_on() {
    let (folder, secret) = shop();
    let args = ["get", "hosts", "-f", "-", "--complete"];
    let said = mtls(folder.path(), &args, &format!("{secret}{ROUTE}"));
    // Ten years less the seconds since the CA was made.
    let shown = said.stdout.replace("CA   ", "CA  ").replace("10y", "9y");
    assert_eq!(
        shown,
        "HOST           GATEWAY  VERDICT   DEMAND        CA  FINDING\n\
         *.example.com  nginx    enforced  required/400  9y  -\n"
    );
    let long = ROUTE.replace("*.example.com", "payments.example.com");
    let said = mtls(folder.path(), &args[..4], &long);
    let whole = "not seen: Secret shop/partners-trust\n";
    assert!(said.stdout.ends_with(whole), "{}", said.stdout);
}

#[test]
fn a_name_that_a_wildcard_covers_is_described() {
    let (folder, secret) = shop();
    let describe = |name: &str, stdin: &str| {
        mtls(folder.path(), &["describe", "host", name, "-f", "-"], stdin)
    };
    let said = describe("Api.example.com", &format!("{secret}{ROUTE}"));
    for words in [
        "Host:           *.example.com, which covers Api.example.com",
        "Verdict:        enforced",
        "Decided by:     ingress/api in namespace shop",
        "Opened by:      ingress/api in namespace shop",
        "ingress/api in namespace shop → secret/partners-trust in namespace shop",
        "CN=partners, ECDSA P-256, until 20",
        "Assumes:        ConfigMap key ssl-redirect is true",
    ] {
        assert!(said.stdout.contains(words), "{words}: {}", said.stdout);
    }
    assert!(!said.stdout.contains("To be enforced"), "{}", said.stdout);
    assert_eq!(describe("example.com", ROUTE).code, 3);
    assert_eq!(describe("a.b.example.com", ROUTE).code, 3);
    let bare = ROUTE.replace(
        "nginx.ingress.kubernetes.io/auth-tls-secret: shop/partners-trust",
        "a: b",
    );
    let said = describe("api.example.com", &bare);
    let command = "kubectl mtls protect ingress/api -n shop --trust SECRET";
    assert!(said.stdout.contains(command), "{}", said.stdout);
}

#[test]
fn two_objects_on_a_host_are_both_named() {
    let (folder, secret) = shop();
    let second = ROUTE.replace("name: api,", "name: second,");
    let text = format!("{secret}{ROUTE}{second}");
    let args = ["describe", "host", "a.example.com", "-f", "-", "-o", "json"];
    let said = mtls(folder.path(), &args, &text);
    let list: Value = serde_json::from_str(&said.stdout).unwrap();
    let host = &list["items"][0];
    assert_eq!(host["routes"].as_array().unwrap().len(), 2, "{host}");
    assert_eq!(host["decidedBy"]["object"]["kind"], "Ingress");
    assert_eq!(host["chain"].as_array().unwrap().len(), 2, "{host}");
    assert!(
        host["cas"][0]["certificates"][0]["key"]
            .as_str()
            .unwrap()
            .contains("P-256")
    );
}

#[test]
fn objects_of_any_shape_tell_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (_, alone) = get(folder.path(), &[], ROUTE);
    for odd in ODD.split("---\n") {
        let (_, host) = get(folder.path(), &[], &format!("{odd}{ROUTE}"));
        assert_eq!(host["verdict"], alone["verdict"], "{odd}");
    }
    let (_, host) = get(folder.path(), &[], &format!("{ODD}{ROUTE}"));
    assert_eq!(host["verdict"], alone["verdict"]);
}
