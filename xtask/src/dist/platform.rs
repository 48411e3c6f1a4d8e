//! The platforms of a release: Rust's names of them, and krew's.

use std::process::Command;

use anyhow::Context as _;

/// One platform.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Platform {
    /// As rustc calls it.
    pub(super) target: &'static str,
    /// As krew calls it.
    pub(super) os: &'static str,
    /// As krew calls it.
    pub(super) arch: &'static str,
}

const PLATFORMS: [Platform; 7] = [
    platform("aarch64-apple-darwin", "darwin", "arm64"),
    platform("x86_64-apple-darwin", "darwin", "amd64"),
    platform("aarch64-unknown-linux-gnu", "linux", "arm64"),
    platform("aarch64-unknown-linux-musl", "linux", "arm64"),
    platform("x86_64-unknown-linux-gnu", "linux", "amd64"),
    platform("x86_64-unknown-linux-musl", "linux", "amd64"),
    platform("x86_64-pc-windows-msvc", "windows", "amd64"),
];

const fn platform(target: &'static str, os: &'static str, arch: &'static str) -> Platform {
    Platform { target, os, arch }
}

impl Platform {
    /// The platform of that name.
    pub(super) fn of(target: &str) -> anyhow::Result<Self> {
        let found = PLATFORMS.iter().find(|one| one.target == target);
        found.copied().with_context(|| {
            let known: Vec<_> = PLATFORMS.iter().map(|one| one.target).collect();
            format!(
                "nothing is released for {target}; there is: {}",
                known.join(", ")
            )
        })
    }

    /// The name of the program in the archive.
    pub(super) fn program(&self) -> &'static str {
        match self.os {
            "windows" => "kubectl-mtls.exe",
            _ => "kubectl-mtls",
        }
    }

    /// What the names of its files begin with.
    pub(super) fn stem(&self) -> String {
        format!("kubectl-mtls-{}-{}", self.os, self.arch)
    }

    /// The name of its archive.
    pub(super) fn archive(&self) -> String {
        let extension = if self.os == "windows" {
            "zip"
        } else {
            "tar.gz"
        };
        format!("{}.{extension}", self.stem())
    }
}

/// The platform that this runs on.
pub(super) fn host() -> anyhow::Result<String> {
    let output = Command::new("rustc")
        .arg("-vV")
        .output()
        .context("starting rustc")?;
    let text = String::from_utf8(output.stdout).context("reading rustc's version")?;
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("rustc does not tell its host")?.to_owned())
}
