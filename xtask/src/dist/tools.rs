//! Programs that a release needs, of pinned versions.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, ensure};

use crate::say;

/// Writes into a program what it is made of.
const AUDITABLE: &str = "cargo-auditable@0.7.7";

/// `cargo-auditable`, installed if need be.
pub(super) fn auditable() -> anyhow::Result<PathBuf> {
    installed(AUDITABLE, "cargo-auditable")
}

fn installed(pinned: &str, program: &str) -> anyhow::Result<PathBuf> {
    let folder = crate::root().join("target/tools").join(pinned);
    let path = folder
        .join("bin")
        .join(format!("{program}{}", std::env::consts::EXE_SUFFIX));
    if path.exists() {
        return Ok(path);
    }
    say(&format!("xtask: installing {pinned} (once; about 1 min)"));
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .args(["install", "--quiet", "--locked", pinned, "--root"])
        .arg(&folder)
        .status()
        .context("starting cargo")?;
    ensure!(
        status.success(),
        "{pinned} could not be installed: see above"
    );
    Ok(path)
}
