//! `cargo xtask bench`: what it costs, measured with release builds.

use std::process::Command;

use anyhow::{Context as _, ensure};

use crate::say;
use crate::test::cargo;

/// The table is printed, and kept in docs/performance.md.
pub(crate) fn run() -> anyhow::Result<()> {
    say("xtask: building for release");
    cargo(&["build", "--release", "--workspace", "--locked"], None)?;
    let root = crate::root();
    let mut bench = Command::new(root.join("target/release/bench"));
    let status = bench
        .arg("--out")
        .arg(root.join("docs/performance.md"))
        .status();
    ensure!(
        status.context("starting the measurement")?.success(),
        "the measurement failed"
    );
    Ok(())
}
