//! What is in the archives and beside them.

use std::collections::HashSet;
use std::fs;
use std::process::Command;

use serde_json::Value;

use crate::{RELEASE, dist, ok, text};

#[test]
fn an_archive_holds_program_licence_pages_and_completions() {
    let folder = tempfile::tempdir().unwrap();
    let archive = RELEASE.path().join("kubectl-mtls-linux-amd64.tar.gz");
    ok(Command::new("tar")
        .arg("-xzf")
        .arg(archive)
        .arg("-C")
        .arg(folder.path()));
    let there = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
    assert!(there("LICENSE").contains("Apache License"));
    for verb in ["", "-issue", "-create-ca", "-webhook-install"] {
        let page = there(&format!("man/kubectl-mtls{verb}.1"));
        assert!(page.contains(".TH kubectl-mtls"), "{page}");
        assert!(page.contains(".SH SYNOPSIS"), "{page}");
    }
    for name in [
        "kubectl-mtls.bash",
        "kubectl-mtls.fish",
        "kubectl-mtls.ps1",
        "_kubectl-mtls",
    ] {
        assert!(
            there(&format!("completions/{name}")).contains("kubectl-mtls"),
            "{name}"
        );
    }
    let script = folder.path().join("completions/kubectl-mtls.bash");
    ok(Command::new("bash").arg("-n").arg(script));
    let version = ok(Command::new(folder.path().join("kubectl-mtls")).arg("version"));
    assert_eq!(
        version,
        concat!("kubectl-mtls v", env!("CARGO_PKG_VERSION"), "\n")
    );
}

#[test]
fn checksums_are_those_of_the_files() {
    let mut sums = Command::new("sha256sum");
    let checked = ok(sums
        .args(["--check", "--strict", "checksums.txt"])
        .current_dir(&*RELEASE));
    assert_eq!(checked.matches(": OK").count(), 10, "{checked}");
    assert!(
        checked.contains("kubectl-mtls-windows-amd64.zip: OK"),
        "{checked}"
    );
}

#[test]
fn the_same_program_makes_the_same_archives() {
    let again = tempfile::tempdir().unwrap();
    dist(
        again.path(),
        &["x86_64-unknown-linux-gnu", "x86_64-pc-windows-msvc"],
    );
    let sums = fs::read_to_string(again.path().join("checksums.txt")).unwrap();
    assert_eq!(sums.lines().count(), 4);
    let first = text("checksums.txt");
    for line in sums.lines() {
        assert!(first.contains(line), "{line} is not in {first}");
    }
}

#[test]
fn the_list_of_parts_is_whole() {
    let document: Value = serde_json::from_str(&text("kubectl-mtls-linux-amd64.cdx.json")).unwrap();
    assert_eq!(document["bomFormat"], "CycloneDX");
    let parts = document["components"].as_array().unwrap();
    let refs: HashSet<_> = parts
        .iter()
        .map(|part| part["bom-ref"].as_str().unwrap())
        .collect();
    assert_eq!(refs.len(), parts.len(), "every part once");
    let named = |name: &str| parts.iter().find(|part| part["name"] == name);
    for name in ["rustls", "aws-lc-sys", "kube", "policy", "x509"] {
        let part = named(name).unwrap_or_else(|| panic!("{name} is missing"));
        assert!(part["licenses"][0]["expression"].is_string(), "{part}");
    }
    assert!(
        named("rustls").unwrap()["hashes"][0]["content"]
            .as_str()
            .unwrap()
            .len()
            == 64
    );
    assert!(
        named("jsonschema").is_none(),
        "what only tests need is no part"
    );
    for need in document["dependencies"].as_array().unwrap() {
        for one in need["dependsOn"].as_array().unwrap() {
            assert!(refs.contains(one.as_str().unwrap()), "{one} is no part");
        }
    }
}
