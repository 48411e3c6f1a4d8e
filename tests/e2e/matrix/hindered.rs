//! What is never hindered: deletions in any order, and what others need while the webhook is dead.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::ensure;
use serde_json::{Value, json};
use tests::cluster::{Output, run};
use tests::wait_until;
use tests::webhook::Webhook;

use super::{Way, ingress, key_pair, named, option, passed, required, route, version};
use crate::{applied, cluster, must, namespace};

/// A release: a route, the option that it names, and the CAs of both.
fn release(ns: &str) -> Vec<Value> {
    vec![
        secret(ns, "partners-trust"),
        option("traefik.io", ns, "mtls", &required()),
        route("traefik.io", ns, "r", "mtls"),
        ingress(ns, "a", &format!("{ns}/partners-trust")),
    ]
}

/// The CA of the namespace, as a manifest of one's own.
fn secret(ns: &str, name: &str) -> Value {
    let path = "jsonpath={.data.ca\\.crt}";
    let ca = cluster()
        .must(&["get", "secret", "partners-trust", "-n", ns, "-o", path])
        .unwrap();
    json!({"apiVersion": "v1", "kind": "Secret", "type": "Opaque",
        "metadata": {"name": name, "namespace": ns}, "data": {"ca.crt": ca}})
}

fn text(objects: &[&Value]) -> String {
    let texts: Vec<_> = objects.iter().map(|object| object.to_string()).collect();
    texts.join("\n---\n")
}

fn permutations(count: usize) -> Vec<Vec<usize>> {
    if count == 0 {
        return vec![Vec::new()];
    }
    let longer = |shorter: Vec<usize>| {
        (0..count).map(move |at| {
            let mut one = shorter.clone();
            one.insert(at, count - 1);
            one
        })
    };
    permutations(count - 1)
        .into_iter()
        .flat_map(longer)
        .collect()
}

#[test]
fn a_release_is_deleted_in_any_order() {
    let ns = "matrix-order";
    namespace(ns);
    must(&["create", "ca", "partners", "-n", ns]);
    let objects = release(ns);
    let _webhook = Webhook::start(cluster(), ns, &[]).unwrap();
    let orders = permutations(objects.len());
    assert_eq!(orders.len(), 24);
    for order in orders {
        applied(&text(&objects.iter().collect::<Vec<_>>()));
        let order: Vec<_> = order.into_iter().map(|at| &objects[at]).collect();
        let output = cluster()
            .kubectl_with(&["delete", "-f", "-"], &text(&order))
            .unwrap();
        assert!(output.success, "{}\n{}", output.all(), text(&order));
    }
}

/// A webhook that is registered with `Fail` for routes, and killed.
fn dead(ns: &str, objects: &[Value]) -> Webhook {
    objects.iter().for_each(|object| {
        applied(&object.to_string());
    });
    let mut webhook = Webhook::start(cluster(), ns, &[]).unwrap();
    webhook.process.terminate().unwrap();
    let probe = option("traefik.io", ns, "probe", &required());
    let said = Way::Create.write(&probe, true).unwrap();
    assert!(
        !said.success && said.stderr.contains("failed calling webhook"),
        "{}",
        said.all()
    );
    webhook
}

#[test]
fn what_goes_does_not_wait_for_a_dead_webhook() {
    let ns = "matrix-dead";
    namespace(ns);
    must(&["create", "ca", "partners", "-n", ns]);
    let mut held = route("traefik.io", ns, "held", "mtls");
    held["metadata"]["finalizers"] = json!(["example.com/held"]);
    let mut objects = release(ns);
    objects.push(held.clone());
    objects.push(option(
        "traefik.io",
        ns,
        "plain",
        &json!({"secretNames": ["partners-trust"]}),
    ));
    objects.push(route("traefik.io", ns, "plain", "plain"));
    let [name, flag, of] = named(&held);
    objects.iter().for_each(|object| {
        applied(&object.to_string());
    });
    passed(
        &cluster()
            .kubectl(&["delete", &name, &flag, &of, "--wait=false"])
            .unwrap(),
    );
    let _webhook = dead(ns, &[]);
    let free = r#"{"metadata": {"finalizers": null}}"#;
    passed(
        &cluster()
            .kubectl(&["patch", &name, &flag, &of, "--type=merge", "-p", free])
            .unwrap(),
    );
    assert_eq!(version(&held), None);
    passed(
        &cluster()
            .kubectl(&["delete", "namespace", ns, "--timeout=60s"])
            .unwrap(),
    );
}

#[test]
fn what_others_need_does_not_wait_for_a_dead_webhook() {
    let ns = "matrix-others";
    namespace(ns);
    must(&["create", "ca", "partners", "-n", ns]);
    key_pair(ns, "pair");
    key_pair(ns, "renewed");
    let _webhook = dead(ns, &release(ns));
    quickly(&["create", "serviceaccount", "robot", "-n", ns], "");
    quickly(&["create", "token", "robot", "-n", ns], "");
    let token = json!({"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/service-account-token",
        "metadata": {"name": "robot-token", "namespace": ns,
            "annotations": {"kubernetes.io/service-account.name": "robot"}}});
    whole_life(ns, &token);
    let helm = json!({"apiVersion": "v1", "kind": "Secret", "type": "helm.sh/release.v1",
        "metadata": {"name": "sh.helm.release.v1.shop.v1", "namespace": ns,
            "labels": {"owner": "helm", "status": "deployed"}},
        "stringData": {"release": "H4sIAAAAAAAA"}});
    whole_life(ns, &helm);
    renewed(ns);
}

/// Runs kubectl as the administrator: it passes, and nobody waits for a webhook.
fn quickly(args: &[&str], stdin: &str) {
    let began = Instant::now();
    passed(&cluster().kubectl_with(args, stdin).unwrap());
    waited_for_nobody(began, args);
}

/// Three seconds is how long the API server waits for one answer about a Secret.
fn waited_for_nobody(began: Instant, args: &[&str]) {
    let took = began.elapsed();
    assert!(took < Duration::from_secs(3), "{args:?} took {took:?}");
}

/// Created, filled by whoever fills it, changed and deleted.
fn whole_life(ns: &str, secret: &Value) {
    let name = secret["metadata"]["name"].as_str().unwrap();
    quickly(&["create", "-f", "-"], &secret.to_string());
    let label = [
        "label",
        "secret",
        name,
        "-n",
        ns,
        "status=superseded",
        "--overwrite",
    ];
    quickly(&label, "");
    quickly(&["delete", "secret", name, "-n", ns], "");
}

/// cert-manager replaces certificate and key under its own account.
fn renewed(ns: &str) {
    let role = format!(
        "apiVersion: v1\nkind: ServiceAccount\nmetadata: {{name: cert-manager, namespace: {ns}}}\n---
apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {{name: cert-manager, namespace: {ns}}}
rules: [{{apiGroups: [\"\"], resources: [secrets], verbs: [get, patch, update]}}]\n---
apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata: {{name: cert-manager, namespace: {ns}}}
roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: Role, name: cert-manager}}
subjects: [{{kind: ServiceAccount, name: cert-manager, namespace: {ns}}}]\n"
    );
    applied(&role);
    let kubeconfig = cluster().service_account(ns, "cert-manager").unwrap();
    let field = |field: &str| {
        let path = format!("jsonpath={{.data.{field}}}");
        cluster()
            .must(&["get", "secret", "renewed", "-n", ns, "-o", &path])
            .unwrap()
    };
    let data = json!({"data": {"tls.crt": field("tls\\.crt"), "tls.key": field("tls\\.key")}});
    let mut kubectl = Command::new(cluster().programs.control_plane.join("kubectl"));
    kubectl.arg("--kubeconfig").arg(kubeconfig);
    let patch = data.to_string();
    kubectl.args([
        "patch",
        "secret",
        "pair",
        "-n",
        ns,
        "--type=merge",
        "-p",
        &patch,
    ]);
    wait_until("a role that holds", Duration::from_secs(5), || {
        let began = Instant::now();
        let output: Output = run(&mut kubectl, "")?;
        waited_for_nobody(began, &["the renewal"]);
        ensure!(output.success, "{}", output.all());
        Ok(())
    })
    .unwrap();
}
