#![allow(clippy::unwrap_used)]
use std::sync::Arc;
use std::time::Duration;

use policy::SecretRef;
use policy::client_auth_policy::NAMESPACE;
use policy::dialect::{self, INGRESS_CLASS};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::fake::{Cluster, SECRET, object};
use crate::live::Live;
use crate::review::{Answer, Review};
use crate::state::State;

/// An Ingress of the controller whose class is there.
fn ingress(name: &str, annotations: &Value) -> Value {
    let kind = dialect::kind_named("networking.k8s.io", "Ingress").unwrap();
    let spec = json!({"ingressClassName": "nginx", "rules": [{"host": format!("{name}.example.com"),
        "http": {"paths": [{"path": "/", "pathType": "Prefix"}]}}]});
    let mut ingress: Value = serde_json::from_str(&object(kind, name, &spec)).unwrap();
    ingress["metadata"]["annotations"] = annotations.clone();
    ingress
}

/// One behind the CA in the Secret `ca`.
fn protected(name: &str) -> Value {
    let word = |suffix: &str| format!("nginx.ingress.kubernetes.io/{suffix}");
    let words = json!({word("auth-tls-secret"): "shop/ca", word("auth-tls-verify-client"): "on",
        word("force-ssl-redirect"): "true"});
    ingress(name, &words)
}

fn secret(bundle: &str) -> String {
    json!({"apiVersion": "v1", "kind": "Secret", "stringData": {"ca.crt": bundle},
        "metadata": {"name": "ca", "namespace": "shop", "resourceVersion": "7"}})
    .to_string()
}

fn good() -> String {
    let now = crate::metrics::now();
    let ca = pki::create_root(&pki::CaParams::new("a CA", now + 365 * 24 * 3600), now).unwrap();
    secret(ca.certificate_pem())
}

async fn webhook(cluster: &Cluster) -> Arc<State> {
    let spec = json!({"controller": "k8s.io/ingress-nginx"});
    cluster.put(
        &INGRESS_CLASS,
        "nginx",
        &object(&INGRESS_CLASS, "nginx", &spec),
    );
    cluster.put(&NAMESPACE, "shop", &object(&NAMESPACE, "shop", &json!({})));
    let state = cluster.webhook(&[]);
    crate::index::spawn(&state);
    while !state.waiting().is_empty() {
        sleep(Duration::from_millis(20)).await;
    }
    state
}

async fn validated(state: &State, old: &Value, new: &Value) -> Answer {
    let operation = match (old.is_null(), new.is_null()) {
        (true, _) => "CREATE",
        (false, true) => "DELETE",
        (false, false) => "UPDATE",
    };
    let body = json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {
        "uid": "u", "operation": operation, "namespace": "shop", "object": new, "oldObject": old}});
    let body = body.to_string();
    let deadline = Instant::now() + Duration::from_secs(5);
    let live = Live { state, deadline };
    let request = Review::read(body.as_bytes()).unwrap();
    super::validate(&request, &live).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn an_edit_of_what_decides_nothing_reads_nothing() {
    let cluster = Cluster::default();
    let state = webhook(&cluster).await;
    let (old, mut new) = (protected("web"), protected("web"));
    new["metadata"]["managedFields"] = json!([{"manager": "someone"}]);
    new["status"] = json!({"loadBalancer": {}});
    assert_eq!(validated(&state, &old, &new).await, Answer::default());
    assert_eq!(cluster.asked("secrets/ca"), 0);
    assert!(validated(&state, &Value::Null, &new).await.denied.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_good_secret_is_read_once_for_a_moment() {
    let cluster = Cluster::default();
    cluster.put(&SECRET, "ca", &good());
    let state = webhook(&cluster).await;
    for name in ["one", "two"] {
        let answer = validated(&state, &Value::Null, &protected(name)).await;
        assert_eq!(answer.denied, None);
    }
    assert_eq!(cluster.asked("secrets/ca"), 1);
    cluster.lose(&SECRET, "ca");
    sleep(Duration::from_secs(6)).await;
    let late = validated(&state, &Value::Null, &protected("three")).await;
    assert!(late.denied.is_some());
}

#[tokio::test(start_paused = true)]
async fn who_asks_to_change_a_secret_has_it_read_again() {
    let cluster = Cluster::default();
    cluster.put(&SECRET, "ca", &good());
    let state = webhook(&cluster).await;
    let first = validated(&state, &Value::Null, &protected("one")).await;
    assert_eq!(first.denied, None);
    cluster.lose(&SECRET, "ca");
    state.hint(SecretRef::new("shop", "ca"));
    let then = validated(&state, &Value::Null, &protected("two")).await;
    assert!(then.denied.is_some());
}

#[tokio::test(start_paused = true)]
async fn nothing_is_denied_by_what_was_true_a_moment_ago() {
    let cluster = Cluster::default();
    let state = webhook(&cluster).await;
    let refused = |answer: Answer| answer.denied.is_some();
    assert!(refused(
        validated(&state, &Value::Null, &protected("one")).await
    ));
    cluster.put(&SECRET, "ca", &secret("no certificate"));
    assert!(refused(
        validated(&state, &Value::Null, &protected("one")).await
    ));
    cluster.put(&SECRET, "ca", &good());
    assert!(!refused(
        validated(&state, &Value::Null, &protected("one")).await
    ));
}

#[tokio::test(start_paused = true)]
async fn a_demand_that_goes_is_refused() {
    let cluster = Cluster::default();
    cluster.put(&SECRET, "ca", &good());
    let state = webhook(&cluster).await;
    let (shut, open) = (protected("web"), ingress("web", &json!({})));
    let gone = validated(&state, &shut, &open).await;
    let said = gone.denied.unwrap();
    assert!(said.contains("client-auth-off: nothing asks"), "{said}");
    assert!(said.contains("web.example.com was enforced"), "{said}");
    // What was open before is nobody's loss.
    let mut labelled = open.clone();
    labelled["metadata"]["annotations"] = json!({"example.com/team": "edge"});
    assert_eq!(validated(&state, &open, &labelled).await, Answer::default());
    // The host is served no more.
    let mut elsewhere = open.clone();
    elsewhere["spec"]["rules"][0]["host"] = "other.example.com".into();
    assert_eq!(validated(&state, &shut, &elsewhere).await.denied, None);
}

#[tokio::test(start_paused = true)]
async fn a_demand_that_another_gateway_does_not_know_is_refused() {
    let cluster = Cluster::default();
    cluster.put(&SECRET, "ca", &good());
    let spec = json!({"controller": "traefik.io/ingress-controller"});
    let class = object(&INGRESS_CLASS, "traefik", &spec);
    cluster.put(&INGRESS_CLASS, "traefik", &class);
    let state = webhook(&cluster).await;
    let old = protected("web");
    let mut new = old.clone();
    new["spec"]["ingressClassName"] = "traefik".into();
    let moved = validated(&state, &old, &new).await.denied.unwrap();
    assert!(moved.contains("client-auth-off: nothing asks"), "{moved}");
    assert!(moved.contains("web.example.com was enforced"), "{moved}");
    // That another one keeps the old gateway shut changes nothing at the new one.
    let mut beside = protected("web");
    beside["metadata"]["name"] = "beside".into();
    let kind = dialect::kind_named("networking.k8s.io", "Ingress").unwrap();
    cluster.put(kind, "beside", &beside.to_string());
    let state = webhook(&cluster).await;
    let half = validated(&state, &old, &new).await.denied.unwrap();
    assert!(half.contains("client-auth-off: nothing asks"), "{half}");
    // One that nobody was kept out of may go where it likes.
    let (open, mut moved) = (ingress("all", &json!({})), ingress("all", &json!({})));
    moved["spec"]["ingressClassName"] = "traefik".into();
    assert_eq!(validated(&state, &open, &moved).await.denied, None);
}

#[tokio::test(start_paused = true)]
async fn a_removal_that_leaves_nobody_in_is_not_refused() {
    let cluster = Cluster::default();
    cluster.put(&SECRET, "ca", &good());
    let kind = |name| dialect::kind_named("apisix.apache.org", name).unwrap();
    let redirect = json!({"name": "redirect", "enable": true, "config": {"http_to_https": true}});
    let hosts = ["web.example.com"];
    let route = json!({"ingressClassName": "apisix", "http": [{"name": "all",
        "plugins": [redirect], "match": {"hosts": hosts, "paths": ["/*"]}}]});
    let route = object(kind("ApisixRoute"), "web", &route);
    cluster.put(kind("ApisixRoute"), "web", &route);
    let state = webhook(&cluster).await;
    let tls = json!({"ingressClassName": "apisix", "hosts": hosts,
        "secret": {"name": "server", "namespace": "shop"},
        "client": {"caSecret": {"name": "ca", "namespace": "shop"}, "depth": 1}});
    let shut: Value = serde_json::from_str(&object(kind("ApisixTls"), "web", &tls)).unwrap();
    cluster.put(kind("ApisixTls"), "web", &shut.to_string());
    let mut open = shut.clone();
    open["spec"]["client"] = Value::Null;
    let said = validated(&state, &shut, &open).await.denied.unwrap();
    assert!(said.contains("client-auth-off: nothing asks"), "{said}");
    // Without it there is no certificate for the host, and plain HTTP redirects.
    assert_eq!(validated(&state, &shut, &Value::Null).await.denied, None);
}

/// A CA of this name that has ended.
fn ended(name: &str) -> String {
    let then = crate::metrics::now() - 30 * 24 * 3600;
    let ca = pki::create_root(&pki::CaParams::new(name, then + 3600), then).unwrap();
    ca.certificate_pem().to_owned()
}

#[tokio::test(start_paused = true)]
async fn who_names_a_secret_is_not_told_what_stands_in_it() {
    let cluster = Cluster::default();
    let state = webhook(&cluster).await;
    let bundle = ended("somebody else's CA");
    cluster.put(&SECRET, "ca", &secret(&bundle));
    let said = validated(&state, &Value::Null, &protected("web")).await;
    let said = said.denied.unwrap();
    assert!(said.contains("expired-ca"), "{said}");
    assert!(!said.contains("somebody else"), "{said}");
    // Who writes the Secret knows it.
    let kind = dialect::kind_named("networking.k8s.io", "Ingress").unwrap();
    cluster.put(kind, "web", &protected("web").to_string());
    let state = webhook(&cluster).await;
    let old: Value = serde_json::from_str(&good()).unwrap();
    let new: Value = serde_json::from_str(&secret(&bundle)).unwrap();
    let said = validated(&state, &old, &new).await;
    assert!(format!("{said:?}").contains("somebody else"), "{said:?}");
}
