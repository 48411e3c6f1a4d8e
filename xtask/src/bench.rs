//! `cargo xtask bench`: what an admission costs the webhook, with few and with many routes.

use std::fs;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use tests::Cluster;
use tests::cluster::{Running, run as run_program};
use tests::wait_until;
use tests::webhook::Webhook;

use crate::test::cargo;
use crate::{interrupt, say, shown};

const FEW: usize = 100;
const MANY: usize = 10_000;
/// Reviews in one round, on one connection.
const REVIEWS: usize = 300;
const ROUNDS: usize = 5;

/// Measures with release builds, of which this program must be one too.
pub(crate) fn start() -> anyhow::Result<()> {
    say("xtask: building for release");
    cargo(&["build", "--release", "--workspace", "--locked"], None)?;
    let own = crate::root().join("target/release/xtask");
    let status = Command::new(own).args(["bench", "here"]).status();
    ensure!(
        status.context("starting xtask")?.success(),
        "the measurement failed"
    );
    Ok(())
}

/// Measures with the programs beside this one.
pub(crate) fn here() -> anyhow::Result<()> {
    let running = Running::start()?;
    let cluster = &running.cluster;
    interrupt::end_on_signal(cluster)?;
    let namespace = "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n";
    ensure!(cluster.apply(namespace)?.success, "no namespace");
    let mut create = Command::new("target/release/kubectl-mtls");
    let create = create
        .current_dir(crate::root())
        .env("KUBECONFIG", &cluster.kubeconfig)
        .args(["create", "ca", "partners", "-n", "shop"]);
    let created = run_program(create, "")?;
    ensure!(created.success, "{}", created.stderr);
    let webhook = Webhook::start(cluster, "bench", &[])?;
    let mut figures = Vec::new();
    for (from, to) in [(0, FEW), (FEW, MANY)] {
        say(&format!("xtask: making routes {from} to {to}"));
        make_routes(cluster, from, to)?;
        await_index(&webhook, to)?;
        let plain = best(&webhook, &review("nothing"))?;
        let secret = best(
            &webhook,
            &review("nginx.ingress.kubernetes.io/auth-tls-secret"),
        )?;
        shown(&format!(
            "{to} routes: {:.1} µs per review, {:.1} µs with a CA Secret read live",
            plain * 1e6,
            secret * 1e6
        ))?;
        figures.push((plain, secret));
    }
    if let [few, many] = figures.as_slice() {
        let (plain, secret) = (many.0 / few.0, many.1 / few.1);
        shown(&format!(
            "{MANY} routes to {FEW}: {plain:.2} times, {secret:.2} times with a CA Secret read live"
        ))?;
    }
    Ok(())
}

fn ingress(name: &str, annotation: &str) -> serde_json::Value {
    serde_json::json!({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
        "metadata": {"name": name, "namespace": "shop",
            "annotations": {annotation: "shop/partners-trust"}},
        "spec": {"ingressClassName": "nginx", "tls": [{"hosts": [format!("{name}.example.com")]}],
            "rules": [{"host": format!("{name}.example.com"), "http": {"paths": [{"path": "/",
                "pathType": "Prefix", "backend": {"service": {"name": "a", "port": {"number": 80}}}}]}}]}})
}

fn review(annotation: &str) -> String {
    serde_json::json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {
        "uid": "u", "operation": "CREATE", "namespace": "shop", "userInfo": {"username": "jane"},
        "object": ingress("new", annotation)}})
    .to_string()
}

/// One curl with many transfers: kubectl would take minutes.
fn make_routes(cluster: &Cluster, from: usize, to: usize) -> anyhow::Result<()> {
    let url = format!(
        "{}/apis/networking.k8s.io/v1/namespaces/shop/ingresses",
        cluster.server
    );
    let mut config = String::new();
    for number in from..to {
        let body = ingress(
            &format!("r{number}"),
            "nginx.ingress.kubernetes.io/auth-tls-secret",
        );
        let body = body.to_string().replace('"', "\\\"");
        config.push_str(&format!(
            "url = \"{url}\"\ndata = \"{body}\"\nheader = \"Content-Type: application/json\"\n\
             header = \"Authorization: Bearer {}\"\ncacert = \"{}\"\nfail\nsilent\nshow-error\noutput = /dev/null\nnext\n",
            tests::cluster::TOKEN,
            cluster.folder.join("certs/apiserver.crt").display(),
        ));
    }
    let path = cluster.folder.join("routes.curl");
    fs::write(&path, config.trim_end_matches("next\n")).context("writing the requests")?;
    let mut curl = Command::new("curl");
    curl.args(["--parallel", "--parallel-max", "16", "--config"])
        .arg(&path);
    let output = run_program(&mut curl, "")?;
    ensure!(output.success, "{}", output.stderr);
    Ok(())
}

fn await_index(webhook: &Webhook, routes: usize) -> anyhow::Result<()> {
    wait_until("an index of all routes", Duration::from_secs(60), || {
        let known = number(&webhook.health("metrics")?, "mtls_webhook_objects")?;
        ensure!(known >= routes as f64, "{known} objects");
        Ok(())
    })
}

/// Seconds per review by the webhook's own clock, in the best round.
fn best(webhook: &Webhook, body: &str) -> anyhow::Result<f64> {
    let mut best = f64::INFINITY;
    for _ in 0..ROUNDS {
        let before = clock(webhook)?;
        let path = format!("/validate?timeout=5s&n=[1-{REVIEWS}]");
        let output = webhook.curl(&path, &["-f", "-o", "/dev/null"], body)?;
        ensure!(output.success, "{}", output.stderr);
        let after = clock(webhook)?;
        best = best.min((after.0 - before.0) / (after.1 - before.1));
    }
    Ok(best)
}

/// Sum of seconds and count of the reviews so far.
fn clock(webhook: &Webhook) -> anyhow::Result<(f64, f64)> {
    let text = webhook.health("metrics")?;
    let of = |what: &str| {
        let name = format!("mtls_webhook_review_duration_seconds_{what}{{webhook=\"validate\"}}");
        number(&text, &name).or_else(|_| Ok::<_, anyhow::Error>(0.0))
    };
    Ok((of("sum")?, of("count")?))
}

fn number(metrics: &str, name: &str) -> anyhow::Result<f64> {
    let line = metrics.lines().find_map(|line| line.strip_prefix(name));
    let value = line.with_context(|| format!("no metric {name}"))?;
    value
        .trim()
        .parse()
        .with_context(|| format!("metric {name}"))
}
