//! What is never hindered: deletions in any order, and what others need while the webhook is dead.

use std::time::{Duration, Instant};

use anyhow::ensure;
use serde_json::{Value, json};
use tests::cluster::Output;
use tests::wait_until;
use tests::webhook::Webhook;

use super::kinds::{apisix_route, apisix_tls, gateway};
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
    let _webhook = Webhook::start(cluster(), ns, &[]).unwrap();
    in_any_order(&release(ns));
}

#[test]
fn a_release_for_apisix_is_deleted_in_any_order() {
    let ns = "matrix-order-apisix";
    namespace(ns);
    must(&["create", "ca", "partners", "-n", ns]);
    let _webhook = Webhook::start(cluster(), ns, &[]).unwrap();
    in_any_order(&[
        secret(ns, "partners-trust"),
        apisix_tls(ns, "x", "partners-trust"),
        apisix_route(ns, "x"),
        gateway(ns, "g", "partners-trust"),
    ]);
}

fn in_any_order(objects: &[Value]) {
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

/// The account of cert-manager.
const CERT_MANAGER: &str = "system:serviceaccount:cert-manager:cert-manager";

/// cert-manager replaces certificate and key under its own account.
fn renewed(ns: &str) {
    trusted(ns);
    let patch = renewal(ns, "renewed");
    let args = ["patch", "secret", "pair", "-n", ns, "--type=merge", "-p"];
    let args = [&args, &[&*patch, "--as", CERT_MANAGER][..]].concat();
    wait_until("a role that holds", Duration::from_secs(5), || {
        let began = Instant::now();
        let output: Output = cluster().kubectl(&args)?;
        waited_for_nobody(began, &["the renewal"]);
        ensure!(output.success, "{}", output.all());
        Ok(())
    })
    .unwrap();
}

/// Lets cert-manager write the Secrets of a namespace.
fn trusted(ns: &str) {
    applied(&format!(
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {{name: cert-manager, namespace: {ns}}}
rules: [{{apiGroups: [\"\"], resources: [secrets], verbs: [get, patch, update]}}]\n---
apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata: {{name: cert-manager, namespace: {ns}}}
roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: Role, name: cert-manager}}
subjects: [{{kind: ServiceAccount, name: cert-manager, namespace: cert-manager}}]\n"
    ));
}

/// The certificate and the key of a Secret, as a patch of another.
fn renewal(ns: &str, from: &str) -> String {
    let field = |field: &str| {
        let path = format!("jsonpath={{.data.{field}}}");
        cluster()
            .must(&["get", "secret", from, "-n", ns, "-o", &path])
            .unwrap()
    };
    json!({"data": {"tls.crt": field("tls\\.crt"), "tls.key": field("tls\\.key")}}).to_string()
}

/// A webhook that takes connections and does not answer costs three seconds where it is asked, every
/// time: of some changes of its own the shortest tells whether it was.
#[test]
fn a_renewal_does_not_wait_for_a_webhook_that_hangs() {
    let ns = "matrix-hangs";
    namespace(ns);
    must(&["create", "ca", "partners", "-n", ns]);
    let names = ["pair", "one", "two"];
    names.iter().for_each(|name| key_pair(ns, name));
    trusted(ns);
    let pairs = [renewal(ns, "one"), renewal(ns, "two")];
    let webhook = Webhook::start(cluster(), ns, &[]).unwrap();
    // Each time other bytes than before; the CA stays.
    let shortest = |patch: &dyn Fn(usize) -> String, account: &[&str]| {
        let tries = (0..4).map(|round| {
            let patch = patch(round);
            let args = ["patch", "secret", "pair", "-n", ns, "--type=merge", "-p"];
            let began = Instant::now();
            let output = cluster().kubectl(&[&args[..], &[&*patch], account].concat());
            let output = output.unwrap();
            passed(&output);
            assert!(!output.stdout.contains("no change"), "{}", output.all());
            began.elapsed()
        });
        tries.min().unwrap()
    };
    let pair = |round: usize| pairs[round % 2].clone();
    let cert_manager = ["--as", CERT_MANAGER];
    // The role holds.
    wait_until("a role that holds", Duration::from_secs(5), || {
        let label = ["label", "secret", "pair", "-n", ns, "a=b", "--overwrite"];
        let output = cluster().kubectl(&[&label[..], &cert_manager].concat())?;
        ensure!(output.success, "{}", output.all());
        Ok(())
    })
    .unwrap();
    let hung = webhook.process.hang();
    let limit = Duration::from_secs(3);
    let took = shortest(&pair, &cert_manager);
    assert!(took < limit, "a renewal took {took:?}");
    tests::say(&format!("a renewal took {took:?}"));
    // Who else changes the certificates is judged, and so is who changes the CA.
    let took = shortest(&pair, &[]);
    assert!(took >= limit, "somebody else's change took {took:?}");
    let ca = |round: usize| json!({"stringData": {"ca.crt": format!("{round}")}}).to_string();
    let took = shortest(&ca, &cert_manager);
    assert!(took >= limit, "a change of the CA took {took:?}");
    drop(hung);
    let probe = option("traefik.io", ns, "probe", &required());
    passed(&Way::Create.write(&probe, true).unwrap());
}
