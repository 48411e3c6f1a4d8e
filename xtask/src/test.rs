//! `cargo xtask test`: the whole test suite.

use std::process::Command;

use anyhow::{Context as _, ensure};

pub(crate) fn run() -> anyhow::Result<()> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    crate::say("xtask: cargo test --workspace (a cold build takes about 3 minutes)");
    let status = Command::new(cargo)
        .args(["test", "--workspace", "--locked"])
        .current_dir(crate::root())
        .status()
        .context("starting cargo")?;
    ensure!(status.success(), "the tests failed");
    Ok(())
}
