//! A release goes in one go, in whatever order its objects do.

use std::path::Path;
use std::process::Command;

use tests::cluster::{Output, run};
use tests::webhook::Webhook;

use crate::{applied, cluster, must, namespace};

/// Routes, what shuts them, and the CA that they rest on.
fn manifests(ns: &str, ca: &str) -> [(&'static str, String); 4] {
    let secret = |name: &str| {
        format!(
            "apiVersion: v1\nkind: Secret\nmetadata: {{name: {name}, namespace: {ns}}}\ndata: {{ca.crt: {ca}}}\n"
        )
    };
    let option = format!(
        "apiVersion: traefik.io/v1alpha1\nkind: TLSOption\nmetadata: {{name: clients, namespace: {ns}}}\n\
         spec: {{clientAuth: {{clientAuthType: RequireAndVerifyClientCert, secretNames: [partners]}}}}\n"
    );
    let route = format!(
        "apiVersion: traefik.io/v1alpha1\nkind: IngressRoute\nmetadata: {{name: web, namespace: {ns}}}\nspec:\n  \
         entryPoints: [websecure]\n  routes: [{{kind: Rule, match: Host(`web.{ns}.example.com`), services: [{{name: a, port: 80}}]}}]\n  \
         tls: {{options: {{name: clients}}}}\n"
    );
    let ingress = format!(
        "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata:\n  name: api\n  namespace: {ns}\n  \
         annotations: {{nginx.ingress.kubernetes.io/auth-tls-secret: {ns}/clients}}\nspec:\n  ingressClassName: nginx\n  \
         tls: [{{hosts: [api.{ns}.example.com]}}]\n  rules: [{{host: api.{ns}.example.com, http: {{paths: [{{path: /, pathType: Prefix, \
         backend: {{service: {{name: a, port: {{number: 80}}}}}}}}]}}}}]\n"
    );
    [
        (
            "secrets.yaml",
            format!("{}---\n{}", secret("partners"), secret("clients")),
        ),
        ("option.yaml", option),
        ("route.yaml", route),
        ("ingress.yaml", ingress),
    ]
}

fn helm(args: &[&str]) -> Output {
    let mut helm = Command::new(tests::build::helm().unwrap());
    helm.arg("--kubeconfig")
        .arg(&cluster().kubeconfig)
        .args(args);
    run(&mut helm, "").unwrap()
}

fn ca(ns: &str) -> String {
    must(&["create", "ca", "root", "-n", ns, "--trust-namespace", ns]);
    let path = [
        "get",
        "secret",
        "root-trust",
        "-n",
        ns,
        "-o",
        "jsonpath={.data.ca\\.crt}",
    ];
    cluster().must(&path).unwrap()
}

#[test]
fn a_release_goes_in_one_go() {
    let ns = "release";
    namespace(ns);
    let ca = ca(ns);
    // Helm makes an IngressRoute before the TLSOption that it names: its kind comes first.
    let _webhook = Webhook::start(cluster(), ns, &["--warn=unresolved-option"]).unwrap();
    let chart = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = chart.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    write("Chart.yaml", "apiVersion: v2\nname: shop\nversion: 0.1.0\n");
    let all = manifests(ns, &ca);
    for (name, text) in &all[..3] {
        write(&format!("templates/{name}"), text);
    }
    write("templates/ingress.yaml", &all[3].1);
    let path = chart.path().display().to_string();
    let installed = helm(&["install", "shop", &path, "-n", ns]);
    assert!(installed.success, "{}", installed.all());
    let removed = helm(&["uninstall", "shop", "-n", ns, "--wait", "--timeout=60s"]);
    assert!(removed.success, "{}", removed.all());
    assert_eq!(left(ns), "");
}

#[test]
fn a_folder_goes_in_one_go_in_any_order() {
    let ns = "any-order";
    namespace(ns);
    let ca = ca(ns);
    let _webhook = Webhook::start(cluster(), ns, &[]).unwrap();
    let all = manifests(ns, &ca);
    for order in [[0, 1, 2, 3], [3, 2, 1, 0], [1, 0, 3, 2], [2, 3, 0, 1]] {
        for (_, text) in &all {
            applied(text);
        }
        let folder = tempfile::tempdir().unwrap();
        for (place, number) in order.iter().enumerate() {
            let path = Path::new(folder.path()).join(format!("{place}.yaml"));
            std::fs::write(path, &all[*number].1).unwrap();
        }
        let path = folder.path().display().to_string();
        let removed = cluster().kubectl(&["delete", "-f", &path]).unwrap();
        assert!(removed.success, "{order:?}: {}", removed.all());
        assert_eq!(left(ns), "", "{order:?}");
    }
}

fn left(ns: &str) -> String {
    let kinds = "ingresses,ingressroutes.traefik.io,tlsoptions.traefik.io";
    let routes = cluster()
        .must(&["get", kinds, "-n", ns, "-o", "name"])
        .unwrap();
    // The CA itself, and what trusts it elsewhere, were made before the release.
    let trust = ["get", "secret", "partners", "clients", "-n", ns];
    let how = ["--ignore-not-found", "-o", "name"];
    routes + &cluster().must(&[&trust[..], &how].concat()).unwrap()
}
