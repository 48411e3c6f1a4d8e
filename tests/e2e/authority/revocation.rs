//! What is revoked stands in the lists.

use std::process::Command;

use tests::cluster::run;

use super::{data, json};
use crate::{mtls, must, namespace};

#[test]
fn what_is_revoked_is_listed_for_every_ca() {
    let ns = "revocation";
    namespace(ns);
    must(&["create", "ca", "partners", "-n", ns]);
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().display().to_string();
    for name in ["alice", "bob"] {
        must(&["issue", name, "--ca", "revocation/partners", "--out", &out]);
    }
    must(&["revoke", "alice", "--ca", "revocation/partners"]);
    must(&["rotate", "ca", "partners", "-n", ns, "--step", "add"]);
    let write = |name: &str, text: &str| {
        std::fs::write(folder.path().join(name), text).unwrap();
        format!("{out}/{name}")
    };
    let crl = write("ca.crl", &data(ns, "partners-trust", "ca.crl"));
    let bundle = write("ca.crt", &data(ns, "partners-trust", "ca.crt"));
    let (crls, cas) = (
        std::fs::read_to_string(&crl).unwrap(),
        std::fs::read_to_string(&bundle).unwrap(),
    );
    assert_eq!(crls.matches("BEGIN X509 CRL").count(), 2);
    assert_eq!(cas.matches("BEGIN CERTIFICATE").count(), 2);
    let verify = |name: &str| {
        let mut openssl = Command::new("openssl");
        let cert = folder.path().join(format!("{name}.crt"));
        let openssl = openssl.args([
            "verify",
            "-crl_check_all",
            "-CRLfile",
            &crl,
            "-CAfile",
            &bundle,
        ]);
        run(openssl.arg(cert), "").unwrap()
    };
    assert!(verify("bob").success, "{}", verify("bob").all());
    assert!(verify("alice").all().contains("certificate revoked"));
    let state = |name: &str| {
        let certs = json(&["get", "certs", "--ca", "revocation/partners", "-o", "json"]);
        let items = certs["items"].as_array().unwrap().clone();
        let subject = format!("CN={name}");
        let item = items.into_iter().find(|item| item["subject"] == subject);
        item.unwrap()["state"].as_str().unwrap().to_owned()
    };
    assert_eq!(
        (state("alice"), state("bob")),
        ("revoked".into(), "good".into())
    );
    let again = mtls(&["revoke", "alice", "--ca", "revocation/partners"]);
    assert!(
        again.code == 3 && again.stderr.contains("no living certificate"),
        "{}",
        again.stderr
    );
    must(&[
        "revoke",
        &format!("{out}/bob.crt"),
        "--ca",
        "revocation/partners",
    ]);
    assert_eq!(state("bob"), "revoked");
    let before = data(ns, "partners-trust", "ca.crl");
    must(&["revoke", "--ca", "revocation/partners", "--refresh"]);
    assert_ne!(data(ns, "partners-trust", "ca.crl"), before);
}

#[test]
fn two_revocations_at_once_are_both_listed() {
    let ns = "revoking";
    namespace(ns);
    must(&["create", "ca", "partners", "-n", ns]);
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().display().to_string();
    let names: Vec<_> = (0..8).map(|number| format!("client-{number}")).collect();
    for name in &names {
        must(&["issue", name, "--ca", "revoking/partners", "--out", &out]);
    }
    std::thread::scope(|scope| {
        for name in &names {
            scope.spawn(move || must(&["revoke", name, "--ca", "revoking/partners"]));
        }
    });
    for secret in ["partners", "partners-trust"] {
        let lists = pki::crl::read(&data(ns, secret, "ca.crl")).unwrap();
        assert_eq!(lists[0].revoked.len(), names.len(), "{secret}");
    }
}
