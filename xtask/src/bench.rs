//! `cargo xtask bench`: what it costs, measured with release builds.

use std::process::Command;

use anyhow::{Context as _, ensure};

use crate::say;
use crate::test::cargo;

/// Everything is measured, printed and kept in docs/performance.md; some sections are only printed.
pub(crate) fn run(sections: &[&str]) -> anyhow::Result<()> {
    say("xtask: building for release");
    cargo(&["build", "--release", "--workspace", "--locked"], None)?;
    let plugin = [
        "build",
        "--profile",
        "plugin",
        "--package",
        "cli",
        "--locked",
    ];
    cargo(&plugin, None)?;
    let root = crate::root();
    let mut bench = Command::new(root.join("target/release/bench"));
    bench.args(sections);
    if sections.is_empty() {
        bench.arg("--out").arg(root.join("docs/performance.md"));
    }
    let status = bench.status().context("starting the measurement")?;
    ensure!(status.success(), "the measurement failed");
    Ok(())
}
