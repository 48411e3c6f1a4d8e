//! Release builds that do not depend on where and when they are made.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};

use super::platform::Platform;
use super::{epoch, tools};
use crate::say;

/// A plugin is fetched by everybody who tries it, so it is to stay small.
const LARGEST: u64 = 15 * 1024 * 1024;

/// Builds the plugin.
pub(super) fn plugin(platform: &Platform) -> anyhow::Result<PathBuf> {
    let program = build("cli", platform.program(), "plugin", platform, "")?;
    let size = fs::metadata(&program)?.len();
    check_size(size)?;
    say(&format!("xtask: {} has {size} bytes", program.display()));
    Ok(program)
}

/// Builds the webhook with everything linked into it, because its image holds nothing else.
pub(super) fn webhook(platform: &Platform) -> anyhow::Result<PathBuf> {
    build(
        "webhook",
        "mtls-webhook",
        "release",
        platform,
        "-C target-feature=+crt-static",
    )
}

fn check_size(size: u64) -> anyhow::Result<()> {
    ensure!(
        size <= LARGEST,
        "kubectl-mtls has {size} bytes, and {LARGEST} is the most: look at `cargo bloat --profile \
        plugin -p cli --crates` for what grew"
    );
    Ok(())
}

fn build(
    package: &str,
    program: &str,
    profile: &str,
    platform: &Platform,
    flags: &str,
) -> anyhow::Result<PathBuf> {
    let target = platform.target;
    check_target(target)?;
    let root = crate::root();
    let folder = root.join("target/dist-build");
    say(&format!("xtask: building {program} for {target}"));
    // A target that is named keeps the flags away from build scripts, even if it is the host.
    let mut cargo = Command::new(tools::auditable()?);
    cargo
        .args(["auditable", "build", "--profile", profile, "--locked"])
        .args(["--package", package, "--target", target, "--target-dir"])
        .arg(&folder)
        .current_dir(&root)
        .env("SOURCE_DATE_EPOCH", epoch()?.to_string())
        .env("CARGO_ENCODED_RUSTFLAGS", encoded(&remapped(&root)?, flags))
        .env_remove("RUSTFLAGS");
    if platform.os != "windows" {
        // Microsoft's compiler does not know them.
        cargo.env("CFLAGS", c_flags(&root)?);
    }
    let status = cargo.status().context("starting cargo auditable")?;
    ensure!(
        status.success(),
        "{program} for {target} could not be built: see above"
    );
    Ok(folder.join(target).join(profile).join(program))
}

/// Says what is missing before an hour is spent on finding out.
fn check_target(target: &str) -> anyhow::Result<()> {
    let printed = Command::new("rustc")
        .args(["--print", "target-libdir", "--target", target])
        .output()
        .context("starting rustc")?;
    let folder = String::from_utf8(printed.stdout).context("rustc's folder of libraries")?;
    ensure!(
        printed.status.success() && Path::new(folder.trim()).is_dir(),
        "the standard library for {target} is not installed: `rustup target add {target}`"
    );
    Ok(())
}

/// Paths of this machine, and what stands for them in messages of the programs.
fn remapped(root: &Path) -> anyhow::Result<[(PathBuf, &'static str); 2]> {
    let home = |name: &str| std::env::var_os(name).map(PathBuf::from);
    let cargo = home("CARGO_HOME").or_else(|| home("HOME").map(|home| home.join(".cargo")));
    let cargo = cargo.context("neither CARGO_HOME nor HOME is set")?;
    Ok([(root.to_owned(), "/kubectl-mtls"), (cargo, "/cargo")])
}

fn encoded(remapped: &[(PathBuf, &str)], flags: &str) -> String {
    let mut all: Vec<_> = remapped
        .iter()
        .map(|(from, to)| format!("--remap-path-prefix={}={to}", from.display()))
        .collect();
    all.extend(flags.split_whitespace().map(ToOwned::to_owned));
    all.join("\u{1f}")
}

fn c_flags(root: &Path) -> anyhow::Result<String> {
    let flags =
        remapped(root)?.map(|(from, to)| format!("-ffile-prefix-map={}={to}", from.display()));
    Ok(flags.join(" "))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    #[test]
    fn a_plugin_that_is_too_large_is_refused() {
        super::check_size(super::LARGEST).unwrap();
        let error = super::check_size(super::LARGEST + 1).unwrap_err();
        assert!(error.to_string().contains("15728641 bytes"), "{error}");
    }

    #[test]
    fn a_platform_without_its_library_is_said() {
        let error = super::check_target("aarch64-pc-nothing").unwrap_err();
        assert!(
            error
                .to_string()
                .contains("rustup target add aarch64-pc-nothing")
        );
    }
}
