//! A host of the cluster, called and proven by the name of its route.

use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use tests::cluster::{Output, Running, run};
use tests::traefik::{Traefik, backend, binary, service};
use tests::wait_until;

use crate::{applied, cluster, mtls, must, namespace};

fn route(ns: &str, name: &str, host: &str) -> String {
    format!(
        "apiVersion: traefik.io/v1alpha1
kind: IngressRoute
metadata: {{name: {name}, namespace: {ns}}}
spec:
  entryPoints: [websecure]
  routes:
  - kind: Rule
    match: Host(`{host}`) && (PathPrefix(`/`) || PathPrefix(`/admin`))
    services: [{{name: backend, port: http}}]
  tls: {{secretName: server-tls}}
---
"
    )
}

fn json(said: &Output) -> Value {
    serde_json::from_str(&said.stdout).unwrap_or_else(|_| panic!("{}", said.all()))
}

#[test]
fn the_configuration_says_what_is_expected() {
    let ns = "live";
    namespace(ns);
    must(&["create", "ca", "partners", "-n", ns]);
    must(&["create", "ca", "server", "-n", ns]);
    let server = [
        "issue",
        "server",
        "--profile",
        "server",
        "--san",
        "live.example.com",
    ];
    let to = ["--ca", "server", "-n", ns, "--to-secret", "server-tls"];
    must(&[&server[..], &to].concat());
    must(&[
        "issue",
        "alice",
        "--ca",
        "partners",
        "-n",
        ns,
        "--to-secret",
        "alice",
    ]);
    applied(&service(ns, "backend", backend().unwrap()));
    applied(&route(ns, "api", "live.example.com"));
    let traefik = Traefik::start(cluster(), ns).unwrap();
    let connect = format!("127.0.0.1:{}", traefik.websecure);
    let plain = format!("127.0.0.1:{}", traefik.web);
    let at = ["-n", ns, "--connect", &connect];
    // What others define in their namespaces is nothing to this Traefik.
    let folder = tempfile::tempdir().unwrap();
    let told = format!(
        "apiVersion: kubectl-mtls.github.io/v1alpha1\nkind: Config\ngateways:\n- dialect: traefik\n  \
         args: [--providers.kubernetescrd.namespaces={ns}, --providers.kubernetesingress.namespaces={ns}]\n"
    );
    std::fs::write(folder.path().join(".kubectl-mtls.yaml"), told).unwrap();
    let test = |target: &str, more: &[&str]| {
        let own = ["--plain", &plain, "--ca", "partners", "-o", "json"];
        let mut command = Command::new(binary("kubectl-mtls").unwrap());
        command
            .current_dir(folder.path())
            .args([&["test", target], &at[..], &own, more].concat())
            .env("KUBECONFIG", &cluster().kubeconfig);
        run(&mut command, "").unwrap()
    };
    let said = test("ingressroute/api", &["--wait", "20s"]);
    assert_eq!(said.code, 0, "{}", said.all());
    assert_eq!(json(&said)["expect"], "none");
    assert_eq!(test("ingressroute/api", &["--expect", "required"]).code, 1);
    let said = mtls(&[
        "protect",
        "ingressroute/api",
        "-n",
        ns,
        "--trust",
        "partners-trust",
    ]);
    assert!(
        said.stderr.contains("live.example.com is enforced"),
        "{}",
        said.all()
    );
    for target in ["ingressroute/api", "host/live.example.com"] {
        let said = test(target, &["--wait", "20s"]);
        assert_eq!(said.code, 0, "{}", said.all());
        let proof = json(&said);
        assert_eq!(proof["expect"], "required");
        assert_eq!(proof["expectedBy"], "the cluster's configuration");
        let over = |item: &Value| item["over"].as_str().unwrap().contains("/admin");
        assert!(
            proof["items"].as_array().unwrap().iter().any(over),
            "{proof}"
        );
        let alice = ["--secret", "alice", "--", "-sS"];
        let answer = must(&[&["curl", target], &at[..], &alice].concat());
        assert!(answer.contains("backend"), "{answer}");
        let refused = mtls(&[&["curl", target], &at[..], &["--", "-sS"]].concat());
        assert_ne!(refused.code, 0);
        assert!(
            refused.stderr.contains("alert certificate_required"),
            "{}",
            refused.all()
        );
    }
}

#[test]
fn what_may_not_be_read_and_where_nothing_is() {
    let ns = "live-blind";
    namespace(ns);
    must(&["create", "ca", "partners", "-n", ns]);
    let blind = [
        "--as",
        "nobody",
        "-n",
        ns,
        "--ca",
        "partners",
        "https://a.example.com/",
    ];
    let said = mtls(&[&["test"], &blind[..]].concat());
    assert_eq!(said.code, 3, "{}", said.all());
    assert!(
        said.stderr
            .contains("secrets/partners in namespace live-blind is forbidden"),
        "{}",
        said.stderr
    );
    assert!(said.stderr.contains("--verb=get"), "{}", said.stderr);
    let said = mtls(&["test", "host/nobody-opens.example.com", "-n", ns]);
    assert_eq!(said.code, 3);
    assert!(
        said.stderr.contains("no route opens host"),
        "{}",
        said.stderr
    );
    let said = mtls(&["test", "ingress/none", "-n", ns]);
    assert!(said.stderr.contains("does not exist"), "{}", said.stderr);
    applied(&route(ns, "api", "nowhere.invalid"));
    let said = mtls(&["test", "ingressroute/api", "-n", ns]);
    assert_eq!(said.code, 3);
    assert!(said.stderr.contains("resolves nowhere"), "{}", said.stderr);
}

/// In a cluster of its own: a TLSOption `default` changes what every other host demands.
#[test]
fn a_whole_gateway_is_put_behind_a_ca_but_for_one_host() {
    let ns = "gate";
    let own = Running::start().unwrap();
    let mtls = |args: &[&str]| {
        let mut command = Command::new(binary("kubectl-mtls").unwrap());
        command
            .args(args)
            .env("KUBECONFIG", &own.cluster.kubeconfig);
        run(command.env("NO_COLOR", "1"), "").unwrap()
    };
    let must = |args: &[&str]| {
        let said = mtls(args);
        assert!(said.success, "{args:?}: {}", said.all());
        said
    };
    let objects = [
        format!("apiVersion: v1\nkind: Namespace\nmetadata: {{name: {ns}}}\n---\n"),
        service(ns, "backend", backend().unwrap()),
        "---\n".to_owned(),
        route(ns, "api", "api.example.com"),
        route(ns, "www", "www.example.com"),
    ];
    let applied = own.cluster.apply(&objects.concat()).unwrap();
    assert!(applied.success, "{}", applied.all());
    must(&["create", "ca", "partners", "-n", ns]);
    must(&["create", "ca", "server", "-n", ns]);
    let names = ["--san", "api.example.com", "--san", "www.example.com"];
    let server = [
        "issue",
        "server",
        "--profile",
        "server",
        "--ca",
        "server",
        "-n",
        ns,
    ];
    must(&[&server[..], &names, &["--to-secret", "server-tls"]].concat());
    let traefik = Traefik::start(&own.cluster, ns).unwrap();
    let trust = ["gateway/traefik", "-n", ns, "--trust", "partners-trust"];
    let said = must(&[&["protect"], &trust[..], &["--except", "www.example.com"]].concat());
    assert!(
        said.stderr.contains("api.example.com is enforced"),
        "{}",
        said.all()
    );
    let connect = format!("127.0.0.1:{}", traefik.websecure);
    let plain = format!("127.0.0.1:{}", traefik.web);
    let at = [
        "-n",
        ns,
        "--connect",
        &connect,
        "--plain",
        &plain,
        "--ca",
        "partners",
    ];
    for (route, expect) in [
        ("ingressroute/api", "required"),
        ("ingressroute/www", "none"),
    ] {
        wait_until("a proof", Duration::from_secs(20), || {
            let said = mtls(&[&["test", route], &at[..], &["-o", "json"]].concat());
            anyhow::ensure!(said.code == 0, "{}", said.all());
            assert_eq!(json(&said)["expect"], expect);
            Ok(())
        })
        .unwrap();
    }
}
