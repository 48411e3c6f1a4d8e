//! The walls between the rooms (ARCHITECTURE.md), checked against the crates and the sources.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Every crate that one of the workspace stands on, itself first.
fn crates(package: &str) -> Vec<String> {
    let mut cargo = Command::new(env!("CARGO"));
    let tree = [
        "tree",
        "--locked",
        "--edges=normal",
        "--prefix=none",
        "--format={p}",
        "-p",
    ];
    let output = cargo.current_dir(root()).args(tree).arg(package).output();
    let output = output.unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let names = text.lines().filter_map(|line| line.split(' ').next());
    names.map(ToOwned::to_owned).collect()
}

#[test]
fn what_judges_speaks_to_nobody() {
    for package in ["policy", "pki", "x509"] {
        let crates = crates(package);
        assert_eq!(crates[0], package);
        for outside in [
            "kube",
            "kube-client",
            "tokio",
            "hyper",
            "axum",
            "clap",
            "k8s-openapi",
        ] {
            assert!(
                !crates.iter().any(|name| name == outside),
                "{package} needs {outside}"
            );
        }
    }
}

#[test]
fn fronts_do_not_know_one_another() {
    assert!(!crates("cli").contains(&"webhook".to_owned()));
    let webhook = crates("webhook");
    assert!(!webhook.contains(&"cli".to_owned()));
    assert!(webhook.contains(&"policy".to_owned()));
}

#[test]
fn there_is_one_crypto_provider() {
    for package in ["cli", "webhook"] {
        let crates = crates(package);
        assert!(
            !crates
                .iter()
                .any(|name| name == "ring" || name == "openssl")
        );
        assert!(crates.iter().any(|name| name == "aws-lc-rs"));
    }
}

/// Source files below a folder, but for those below another.
fn sources(folder: &Path, except: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && path != except {
            sources(&path, except, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The part before the tests, which may speak of any gateway.
fn program(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    let end = text.find("#[cfg(test)]").unwrap_or(text.len());
    text[..end].to_owned()
}

/// Files that are nothing but tests.
const TESTS: [&str; 3] = ["property.rs", "testing.rs", "tests.rs"];

#[test]
fn the_words_of_a_gateway_stay_in_its_folder() {
    let dialects = root().join("policy/src/dialect");
    let mut files = Vec::new();
    for room in ["policy", "cli", "webhook", "pki", "x509"] {
        sources(&root().join(room).join("src"), &dialects, &mut files);
    }
    assert!(files.len() > 50, "{} files", files.len());
    let words = policy::dialect::DIALECTS
        .iter()
        .flat_map(|dialect| [dialect.prefix, dialect.client_auth_prefix]);
    let words: Vec<_> = words
        .chain(["router.tls", "TLSOption\"", "IngressRoute\""])
        .collect();
    let tests = |file: &Path| TESTS.iter().any(|name| file.ends_with(name));
    for file in files.iter().filter(|file| !tests(file)) {
        let code = program(file);
        let code: Vec<_> = code
            .lines()
            .filter(|line| !line.trim().starts_with("//"))
            .collect();
        for word in &words {
            let line = code.iter().find(|line| line.contains(word));
            assert_eq!(line, None, "{word:?} in {}", file.display());
        }
    }
}

/// Files that are compiled for Linux alone.
const LINUX: [&str; 2] = ["command/curl/memory.rs", "files/linux.rs"];

/// Nothing here is compiled for macOS and Windows, for which the plugin is released too.
#[test]
fn the_plugin_asks_nothing_of_one_system_outside_of_what_is_for_it() {
    let mut files = Vec::new();
    for room in ["cli", "pki", "policy", "x509"] {
        sources(&root().join(room).join("src"), Path::new("/"), &mut files);
    }
    let foreign = |line: &str| line.contains("rustix") || line.contains("std::os::");
    let mut seen = 0;
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        let lines: Vec<_> = text.lines().collect();
        let named = lines.iter().enumerate().filter(|(_, line)| foreign(line));
        for (at, line) in named {
            seen += 1;
            let mut before = lines[at.saturating_sub(4)..at].iter();
            let guarded = before.any(|line| line.contains("#[cfg(unix)]"));
            let linux = LINUX.iter().any(|name| file.ends_with(name));
            assert!(guarded || linux, "{line:?} in {}", file.display());
        }
    }
    assert!(seen > 3, "{seen}");
}
