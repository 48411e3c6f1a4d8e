//! Certificates that others sign or seal: the cluster, cert-manager, sealed-secrets.

use std::path::Path;
use std::time::Duration;

use tests::controllers;
use tests::wait_until;

use crate::authority::{data, json};
use crate::{applied, cluster, mtls, must, namespace};

#[test]
fn the_cluster_signs_a_request_or_denies_it() {
    let ns = "csr";
    namespace(ns);
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().display().to_string();
    let signer = "kubernetes.io/kube-apiserver-client";
    let said = mtls(&[
        "issue",
        "csr-alice",
        "--signer",
        signer,
        "--approve",
        "--out",
        &out,
    ]);
    assert!(
        said.success && said.stderr.contains("API server"),
        "{}",
        said.all()
    );
    let shown = json(&["inspect", &format!("{out}/csr-alice.crt"), "-o", "json"]);
    assert_eq!(shown["items"][0]["subject"], "CN=csr-alice");
    let denied = std::thread::spawn(move || {
        mtls(&[
            "issue",
            "csr-mallory",
            "--signer",
            signer,
            "--wait",
            "30s",
            "--out",
            &out,
        ])
    });
    wait_until("a request to deny", Duration::from_secs(20), || {
        let names = cluster().must(&["get", "csr", "-o", "name"])?;
        let name = names.lines().find(|name| name.contains("csr-mallory"));
        let name = anyhow::Context::context(name, "no request yet")?;
        cluster().must(&[
            "certificate",
            "deny",
            name.rsplit('/').next().unwrap_or_default(),
        ])
    })
    .unwrap();
    let denied = denied.join().unwrap();
    assert!(
        denied.code == 3 && denied.stderr.contains("refused the request"),
        "{}",
        denied.stderr
    );
    assert!(!folder.path().join("csr-mallory.key").exists());
    assert!(
        !cluster()
            .must(&["get", "csr", "-o", "name"])
            .unwrap()
            .contains("csr-")
    );
}

#[test]
fn cert_manager_signs_and_says_why_not() {
    let ns = "issuer";
    namespace(ns);
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().display().to_string();
    let _controller = controllers::cert_manager(cluster()).unwrap();
    must(&["create", "ca", "partners", "-n", ns, "--cert-manager"]);
    must(&[
        "issue",
        "alice",
        "--issuer",
        "Issuer/partners",
        "-n",
        ns,
        "--out",
        &out,
    ]);
    let ca = Path::new(&out).join("ca.crt");
    std::fs::write(&ca, data(ns, "partners-trust", "ca.crt")).unwrap();
    let ca = ca.display().to_string();
    must(&["verify", &format!("{out}/alice.crt"), "--ca-cert", &ca]);
    let absent = mtls(&[
        "issue",
        "bob",
        "--issuer",
        "Issuer/none",
        "-n",
        ns,
        "--wait",
        "3s",
        "--out",
        &out,
    ]);
    assert!(
        absent.code == 3 && absent.stderr.contains("not found"),
        "{}",
        absent.stderr
    );
    let requests = cluster()
        .must(&["get", "certificaterequests", "-n", ns, "-o", "name"])
        .unwrap();
    assert!(requests.is_empty(), "{requests}");
}

#[test]
fn the_controller_unseals_in_every_scope() {
    let ns = "sealing";
    namespace(ns);
    let _controller = controllers::sealed_secrets(cluster()).unwrap();
    must(&["create", "ca", "partners", "-n", ns]);
    let folder = tempfile::tempdir().unwrap();
    let cert = folder.path().join("seal.crt");
    std::fs::write(&cert, controllers::sealing_certificate(cluster()).unwrap()).unwrap();
    let cert = cert.display().to_string();
    for scope in ["strict", "namespace-wide", "cluster-wide"] {
        let name = format!("alice-{scope}");
        let sealed = must(&[
            "issue",
            "alice",
            "--ca",
            "sealing/partners",
            "-n",
            ns,
            "--to-secret",
            &name,
            "--seal",
            "--seal-cert",
            &cert,
            "--seal-scope",
            scope,
            "-o",
            "yaml",
        ]);
        applied(&sealed);
        wait_until(
            &format!("an unsealed Secret, {scope}"),
            Duration::from_secs(30),
            || cluster().must(&["get", "secret", &name, "-n", ns]),
        )
        .unwrap();
        assert!(data(ns, &name, "tls.key").contains("BEGIN PRIVATE KEY"));
        assert!(data(ns, &name, "tls.crt").contains("BEGIN CERTIFICATE"));
    }
}
