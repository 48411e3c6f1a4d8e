//! `kubectl mtls test` judged by a third gateway: Contour reads an HTTPProxy, Envoy serves it, and
//! what is proven of it is what it asks for.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::ensure;
use pki::{LeafParams, Profile, San};
use serde_json::Value;
use tests::cluster::{Cluster, Output, Running, run};
use tests::contour::Contour;
use tests::traefik::binary;
use tests::{keys, wait_until};

use super::proof::prepared;
use super::{now, root};

/// Hosts, and what `clientValidation` of their HTTPProxy says.
const HOSTS: [(&str, &str); 5] = [
    ("required", "clientValidation: {caSecret: partners-trust}"),
    (
        "optional",
        "clientValidation: {caSecret: partners-trust, optionalClientCertificate: true}",
    ),
    (
        "any",
        "clientValidation: {caSecret: partners-trust, skipClientCertValidation: true}",
    ),
    ("missing", "clientValidation: {caSecret: no-such-secret}"),
    ("none", ""),
];

fn proxy(host: &str, validation: &str) -> String {
    let comma = if validation.is_empty() { "" } else { ", " };
    format!(
        "apiVersion: projectcontour.io/v1
kind: HTTPProxy
metadata: {{name: {host}, namespace: shop}}
spec:
  virtualhost:
    fqdn: {host}.example.com
    tls: {{secretName: server{comma}{validation}}}
  routes:
  - conditions: [{{prefix: /}}]
    directResponsePolicy: {{statusCode: 200, body: hello}}
---
"
    )
}

/// Secrets and routes, and the files with which `test` is called.
fn prepare(cluster: &Cluster, folder: &Path) {
    let ca = root(pki::KeyType::default(), 0);
    let mut params = LeafParams::new("server", now() + pki::LEAF_LIFETIME);
    params.profile = Profile::Server;
    let names = HOSTS.map(|(host, _)| San::parse(&format!("{host}.example.com")).unwrap());
    params.sans = names.to_vec();
    let server = pki::issue(&ca, &params, now()).unwrap();
    fs::write(folder.join("server.crt"), &server.signed.chain_pem).unwrap();
    keys::issued(&folder.join("server.key"), &server).unwrap();
    fs::write(folder.join("server-ca.crt"), ca.chain_pem()).unwrap();
    let file = |name: &str| folder.join(name).display().to_string();
    cluster.must(&["create", "namespace", "shop"]).unwrap();
    let (cert, key) = (
        format!("--cert={}", file("server.crt")),
        format!("--key={}", file("server.key")),
    );
    let trust = format!("--from-file=ca.crt={}", file("ca.crt"));
    for what in [
        ["tls", "server", &cert, &key],
        ["generic", "partners-trust", &trust, "--type=Opaque"],
    ] {
        let args = [&["create", "secret"], &what[..], &["-n", "shop"]].concat();
        cluster.must(&args).unwrap();
    }
    let routes: String = HOSTS.iter().map(|(host, said)| proxy(host, said)).collect();
    let applied = cluster.apply(&routes).unwrap();
    assert!(applied.success, "{}", applied.all());
}

fn prove(folder: &Path, contour: &Contour, host: &str, expect: &str) -> (Output, Value) {
    let mut command = Command::new(binary("kubectl-mtls").unwrap());
    command
        .current_dir(folder)
        .args(["test", &format!("https://{host}.example.com/")])
        .args(["--connect", &format!("127.0.0.1:{}", contour.https)])
        .args(["--plain", &format!("127.0.0.1:{}", contour.http)])
        .args(["--server-ca", "server-ca.crt", "--ca-cert", "ca.crt"])
        .args(["--ca-key", "ca.key", "--expect", expect])
        .args(["--timeout", "3s", "-o", "json"]);
    let said = run(&mut command, "").unwrap();
    let proof = serde_json::from_str(&said.stdout).unwrap_or_else(|_| panic!("{}", said.all()));
    (said, proof)
}

/// Cases that got in.
fn accepted(proof: &Value) -> Vec<&str> {
    let items = proof["items"].as_array().unwrap().iter();
    let items = items.filter(|item| item["outcome"] == "accepted");
    let mut cases: Vec<_> = items.map(|item| item["case"].as_str().unwrap()).collect();
    cases.dedup();
    cases
}

#[test]
#[ignore = "Contour takes minutes to build: run by `cargo xtask test --all`"]
fn contour_is_proven_for_what_it_is() {
    let running = Running::start().unwrap();
    let (folder, _) = prepared();
    let folder = folder.path();
    let contour = Contour::start(&running.cluster).unwrap();
    prepare(&running.cluster, folder);
    wait_until("Contour's routes", Duration::from_secs(60), || {
        for host in ["required", "optional", "any", "none"] {
            let (_, proof) = prove(folder, &contour, host, "none");
            ensure!(
                accepted(&proof).contains(&"good"),
                "{proof:#} {}",
                contour.tail()
            );
        }
        Ok(())
    })
    .unwrap();
    for (host, expect, code, verdict) in [
        ("required", "required", 0, "proven"),
        ("required", "none", 1, "hole"),
        ("optional", "required", 1, "hole"),
        ("optional", "optional", 0, "proven"),
        ("any", "required", 1, "hole"),
        ("none", "required", 1, "hole"),
        ("none", "none", 0, "proven"),
        // Contour drops the host; nothing is there to prove anything of.
        ("missing", "required", 3, "inconclusive"),
    ] {
        let (said, proof) = prove(folder, &contour, host, expect);
        let found = (said.code, proof["verdict"].as_str().unwrap());
        assert_eq!(found, (code, verdict), "{host} {expect}: {proof:#}");
    }
    // The words name what got in and should not have.
    let (_, proof) = prove(folder, &contour, "optional", "required");
    assert!(accepted(&proof).contains(&"none"), "{proof:#}");
    assert!(!accepted(&proof).contains(&"other-ca"), "{proof:#}");
    let (_, proof) = prove(folder, &contour, "any", "required");
    assert!(accepted(&proof).contains(&"other-ca"), "{proof:#}");
    assert!(!accepted(&proof).contains(&"none"), "{proof:#}");
}
