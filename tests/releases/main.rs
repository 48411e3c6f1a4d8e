//! What a release consists of, held against those who take it: krew and its own check, kubectl,
//! sha256sum, tar; and the workflows that make it, against actionlint and zizmor.
#![allow(clippy::unwrap_used)]

mod archive;
mod krew;
mod server;
mod workflows;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use tests::program::{self, Output};
use tests::traefik::binary;

/// One of each system, and both of Linux.
const TARGETS: [&str; 5] = [
    "aarch64-apple-darwin",
    "x86_64-apple-darwin",
    "aarch64-unknown-linux-gnu",
    "x86_64-unknown-linux-gnu",
    "x86_64-pc-windows-msvc",
];

/// A release whose archives all hold the program that was built for the tests.
static RELEASE: LazyLock<tempfile::TempDir> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    dist(folder.path(), &TARGETS);
    folder
});

fn dist(out: &Path, targets: &[&str]) {
    let mut dist = Command::new(binary("xtask").unwrap());
    dist.arg("dist")
        .arg("--out")
        .arg(out)
        .arg("--binary")
        .arg(plugin());
    for target in targets {
        dist.args(["--target", target]);
    }
    ok(&mut dist);
}

/// The plugin without what debuggers need, which is most of it.
fn plugin() -> &'static Path {
    static STRIPPED: LazyLock<(tempfile::TempDir, PathBuf)> = LazyLock::new(|| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kubectl-mtls");
        let built = binary("kubectl-mtls").unwrap();
        ok(Command::new("strip").arg("-o").arg(&path).arg(built));
        (folder, path)
    });
    &STRIPPED.1
}

fn run(command: &mut Command) -> Output {
    program::run(command, "").unwrap()
}

/// Runs what must succeed.
fn ok(command: &mut Command) -> String {
    let output = run(command);
    assert!(output.success, "{command:?}: {}", output.all());
    output.all()
}

/// A file of the release.
fn text(name: &str) -> String {
    fs::read_to_string(RELEASE.path().join(name)).unwrap()
}
