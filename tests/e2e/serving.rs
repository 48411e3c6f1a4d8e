//! The certificate that the webhook serves, and its replicas, under load.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::ensure;
use serde_json::json;
use tests::cluster::run;
use tests::load::{Client, Load};
use tests::replicas::Replicas;
use tests::wait_until;

use crate::{applied, cluster, namespace};

const LONG: Duration = Duration::from_secs(240);

/// Admissions while certificates rotate: 3000, or `KUBECTL_MTLS_LOAD`.
fn admissions() -> usize {
    let told = std::env::var("KUBECTL_MTLS_LOAD").ok();
    told.map_or(3000, |told| told.parse().unwrap())
}

/// An Ingress that nothing is wrong with, or one whose CA reference cannot be read.
fn ingress(ns: &str, bad: bool) -> String {
    let annotations = match bad {
        true => json!({"nginx.ingress.kubernetes.io/auth-tls-secret": "a/b/c"}),
        false => json!({}),
    };
    let backend = json!({"service": {"name": "a", "port": {"number": 80}}});
    let http = json!({"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]});
    json!({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
        "metadata": {"name": "load", "namespace": ns, "annotations": annotations},
        "spec": {"ingressClassName": "nginx", "rules": [{"host": format!("{ns}.example.com"), "http": http}]}})
    .to_string()
}

fn path(ns: &str) -> String {
    format!("/apis/networking.k8s.io/v1/namespaces/{ns}/ingresses?dryRun=All")
}

fn admitted(status: u16, _: &str) -> bool {
    status == 201
}

fn not_admitted(status: u16, text: &str) -> bool {
    status == 403 && text.contains("denied the request") || status == 500
}

/// The namespaces of a webhook and of what it guards.
fn installed(ns: &str) -> (Replicas, String) {
    let guarded = format!("{ns}-guarded");
    namespace(ns);
    namespace(&guarded);
    (Replicas::install(cluster(), ns, &guarded).unwrap(), guarded)
}

/// Waits until a good Ingress is admitted: an API server learns late of what it is told.
fn begun(guarded: &str) {
    let mut client = Client::connect(cluster()).unwrap();
    wait_until("an admission", Duration::from_secs(20), || {
        let (status, text) = client.post(&path(guarded), &ingress(guarded, false))?;
        ensure!(status == 201, "{status} {text}");
        Ok(())
    })
    .unwrap();
}

fn load(guarded: &str, bad: bool, threads: usize) -> Load {
    let good = if bad { not_admitted } else { admitted };
    Load::start(
        cluster(),
        threads,
        &path(guarded),
        &ingress(guarded, bad),
        good,
    )
    .unwrap()
}

fn ca_of(ns: &str) -> anyhow::Result<String> {
    let secret = [
        "get",
        "secret",
        "mtls-webhook-ca",
        "-n",
        ns,
        "-o",
        "jsonpath={.data.tls\\.crt}",
    ];
    cluster().must(&secret)
}

#[test]
fn certificates_rotate_under_load_and_a_lost_ca_comes_back() {
    let ns = "renewal";
    let (mut replicas, guarded) = installed(ns);
    let args = [
        "--ca-validity=24s",
        "--leaf-validity=6s",
        "--shutdown-delay=1",
    ];
    let running = [
        replicas.start(&args).unwrap(),
        replicas.start(&args).unwrap(),
    ];
    begun(&guarded);
    let first = ca_of(ns).unwrap();
    let load = load(&guarded, false, 8);
    let started = Instant::now();
    let second = wait_until("the next CA", LONG, || {
        let now = ca_of(ns)?;
        ensure!(now != first, "it is the first one still");
        Ok(now)
    })
    .unwrap();
    cluster()
        .must(&["delete", "secret", "mtls-webhook-ca", "-n", ns])
        .unwrap();
    let third = wait_until("a CA that is made anew", LONG, || ca_of(ns)).unwrap();
    assert_ne!(second, third);
    wait_until("enough admissions and another rotation", LONG, || {
        ensure!(load.done() >= admissions(), "{}", load.done());
        ensure!(ca_of(ns)? != third, "the CA is the one that was made anew");
        Ok(())
    })
    .unwrap();
    let took = started.elapsed();
    let (done, failed) = load.stop();
    tests::say(&format!("{done} admissions in {took:?}"));
    assert!(
        failed.is_empty(),
        "{} of {done} failed: {:?}",
        failed.len(),
        failed.first()
    );
    for replica in &running {
        let leaves = replica.logged("serving a new certificate");
        assert!(leaves >= 5, "{leaves} leaves: {}", replica.process.tail());
        assert_eq!(replica.logged("panicked"), 0);
        assert_eq!(replica.logged("PRIVATE KEY"), 0);
    }
    let promotions: usize = running
        .iter()
        .map(|one| one.logged("the next CA signs"))
        .sum();
    assert!(promotions >= 2, "{promotions} promotions");
}

#[test]
fn replicas_are_replaced_under_load() {
    let ns = "rolling";
    let (mut replicas, guarded) = installed(ns);
    let args = ["--shutdown-delay=3"];
    let mut old = [
        replicas.start(&args).unwrap(),
        replicas.start(&args).unwrap(),
    ];
    begun(&guarded);
    let load = load(&guarded, false, 8);
    let mut new = Vec::new();
    for replica in &mut old {
        new.push(replicas.start(&args).unwrap());
        assert_eq!(replica.process.terminate().unwrap(), Some(0));
    }
    let before = load.done();
    wait_until("admissions by the new ones", LONG, || {
        ensure!(load.done() > before + 500, "{}", load.done());
        Ok(())
    })
    .unwrap();
    let (done, failed) = load.stop();
    tests::say(&format!(
        "{done} admissions while two replicas were replaced"
    ));
    assert!(
        failed.is_empty(),
        "{} of {done} failed: {:?}",
        failed.len(),
        failed.first()
    );
}

#[test]
fn a_replica_that_dies_admits_nothing_bad() {
    let ns = "killed";
    let (mut replicas, guarded) = installed(ns);
    let mut dying = replicas.start(&[]).unwrap();
    let _other = replicas.start(&[]).unwrap();
    begun(&guarded);
    let (good, bad) = (load(&guarded, false, 6), load(&guarded, true, 2));
    wait_until("load", LONG, || {
        ensure!(
            good.done() > 300 && bad.done() > 50,
            "{} {}",
            good.done(),
            bad.done()
        );
        Ok(())
    })
    .unwrap();
    dying.process.kill().unwrap();
    let before = good.done();
    wait_until("admissions by the other", LONG, || {
        ensure!(good.done() > before + 500, "{}", good.done());
        Ok(())
    })
    .unwrap();
    let ((done, failed), (_, slipped)) = (good.stop(), bad.stop());
    tests::say(&format!(
        "{} of {done} failed when a replica was killed",
        failed.len()
    ));
    // One request a thread was under way, each to two webhooks in turn.
    assert!(
        failed.len() <= 12,
        "{} failed: {:?}",
        failed.len(),
        failed.first()
    );
    assert!(slipped.is_empty(), "{:?}", slipped.first());
}

#[test]
fn a_certificate_of_ones_own_names_the_service() {
    let ns = "named";
    let (mut replicas, _) = installed(ns);
    let replica = replicas
        .start(&["--dns-name=127.0.0.1", "--dns-name=hook.example.com"])
        .unwrap();
    let address = format!("127.0.0.1:{}", replica.endpoint.port);
    let mut openssl = Command::new("openssl");
    let chain = run(
        openssl.args(["s_client", "-connect", &address, "-showcerts"]),
        "",
    )
    .unwrap();
    let text = run(
        Command::new("openssl").args(["x509", "-noout", "-text"]),
        &chain.stdout,
    )
    .unwrap();
    for words in [
        "DNS:mtls-webhook.named.svc",
        "IP Address:127.0.0.1",
        "DNS:hook.example.com",
        "prime256v1",
        "TLS Web Server Authentication",
    ] {
        assert!(text.stdout.contains(words), "{words} in {}", text.all());
    }
    // Somebody else's entries go, and nothing but the caBundles is written.
    let name = replicas.configuration();
    let configuration = ["get", "validatingwebhookconfiguration", &name, "-o"];
    let bundles = || {
        let path = "jsonpath={.webhooks[*].clientConfig.caBundle}";
        cluster().must(&[&configuration[..], &[path]].concat())
    };
    let right = bundles().unwrap();
    let patch = r#"[{"op": "replace", "path": "/webhooks/1/clientConfig/caBundle", "value": ""}]"#;
    let patch = [
        "patch",
        "validatingwebhookconfiguration",
        &name,
        "--type=json",
        "-p",
        patch,
    ];
    let before = replica.logged("wrote the caBundle");
    cluster().must(&patch).unwrap();
    wait_until("the caBundle", Duration::from_secs(20), || {
        let written = replica.logged("wrote the caBundle");
        ensure!(written > before, "it was not written");
        ensure!(bundles()? == right, "it is another one still");
        Ok(())
    })
    .unwrap();
    let managers = cluster()
        .must(&[&configuration[..], &["json", "--show-managed-fields"]].concat())
        .unwrap();
    let fields: serde_json::Value = serde_json::from_str(&managers).unwrap();
    let ours = fields["metadata"]["managedFields"]
        .as_array()
        .unwrap()
        .iter();
    let ours = ours.filter(|entry| {
        entry["manager"]
            .as_str()
            .is_some_and(|name| !name.contains("kubectl"))
    });
    for entry in ours {
        let fields = entry["fieldsV1"].to_string();
        assert!(fields.contains("f:caBundle"), "{fields}");
        for other in ["f:rules", "f:failurePolicy", "f:namespaceSelector"] {
            assert!(!fields.contains(other), "{fields}");
        }
    }
    // A Secret that makes no sense is made anew, and the log says so.
    let junk = r#"{"data": {"tls.key": "anVuaw=="}}"#;
    cluster()
        .must(&["patch", "secret", "mtls-webhook-ca", "-n", ns, "-p", junk])
        .unwrap();
    wait_until("another CA", Duration::from_secs(20), || {
        let there = bundles()?;
        ensure!(there != right, "the caBundle is the old one");
        ensure!(
            replica.logged("the CA is useless") == 1,
            "{}",
            replica.process.tail()
        );
        Ok(())
    })
    .unwrap();
    applied(&format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: own, namespace: {ns}}}\n"
    ));
}
