//! `cargo xtask deny`: whether licences, sources and kinds of crates are as deny.toml wants them.

use std::process::Command;

use anyhow::{Context as _, ensure};

/// Advisories are fetched from GitHub, and so only on request.
pub(crate) fn run(advisories: bool) -> anyhow::Result<()> {
    let mut deny = Command::new(tests::build::cargo_deny()?);
    deny.args(["--locked", "check", "bans", "licenses", "sources"]);
    if advisories {
        deny.arg("advisories");
    }
    let status = deny.current_dir(crate::root()).status();
    let status = status.context("starting cargo-deny")?;
    ensure!(status.success(), "deny.toml forbids what is named above");
    Ok(())
}
