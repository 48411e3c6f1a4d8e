//! `cargo xtask test`: the whole test suite, fast tests first, then end to end; with `--all` also
//! what needs a program that the project does not build.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, ensure};
use tests::cluster::Running;

use crate::{interrupt, say};

pub(crate) fn run(all: bool) -> anyhow::Result<()> {
    say("xtask: cargo test --workspace (a cold build takes about 3 minutes)");
    cargo(&["test", "--workspace", "--locked"], None)?;
    say(
        "xtask: the gateways and controllers that the tests run (a cold build takes about 20 minutes)",
    );
    tests::build::everything()?;
    programs()?;
    if all {
        say("xtask: the report in Chromium");
        one("browser", &[], None)?;
        say("xtask: Contour with Envoy");
        one("verifiers", &["--ignored"], None)?;
    }
    say("xtask: releases, and tests on real gateways");
    for target in ["releases", "verifiers", "three_fronts"] {
        one(target, &[], None)?;
    }
    on_a_cluster(&[])?;
    if all {
        on_other_versions()?;
    }
    Ok(())
}

/// End-to-end tests on the oldest and the newest Kubernetes that is supported.
fn on_other_versions() -> anyhow::Result<()> {
    for version in tests::build::other_versions() {
        say(&format!("xtask: Kubernetes {version}"));
        // A program of its own, because the environment of a running one is not to be changed; by
        // cargo, which may have put another program in the place of this one.
        let told = (tests::build::KUBERNETES, OsStr::new(version));
        cargo_with(&["xtask", "e2e"], &[told]).with_context(|| format!("Kubernetes {version}"))?;
    }
    Ok(())
}

/// The end-to-end tests whose names contain one of some words, or all.
pub(crate) fn named(names: &[&str]) -> anyhow::Result<()> {
    programs()?;
    on_a_cluster(names)
}

/// The programs that the tests run, with the features that `cargo test` gives their crates.
fn programs() -> anyhow::Result<()> {
    cargo(&["build", "--workspace", "--all-targets", "--locked"], None)
}

/// End-to-end tests, on a control plane of their own.
fn on_a_cluster(names: &[&str]) -> anyhow::Result<()> {
    say("xtask: end-to-end tests on real gateways and a real control plane");
    let running = Running::start()?;
    interrupt::end_on_signal(&running.cluster)?;
    let description = running.cluster.folder.join("cluster.json");
    running.cluster.write(&description)?;
    one("e2e", names, Some(&description))
}

/// One test target that plain `cargo test` leaves out. Of the whole workspace, as everything here:
/// with other packages the crates would have other features, and be built once more.
fn one(target: &str, names: &[&str], cluster: Option<&Path>) -> anyhow::Result<()> {
    let command = ["test", "--workspace", "--test", target, "--locked", "--"];
    cargo(&[&command[..], names].concat(), cluster)
}

pub(crate) fn cargo(args: &[&str], cluster: Option<&Path>) -> anyhow::Result<()> {
    let cluster = cluster.map(|path| ("KUBECTL_MTLS_CLUSTER", path.as_os_str()));
    cargo_with(args, cluster.as_slice())
}

/// The same with variables of the environment.
pub(crate) fn cargo_with(args: &[&str], told: &[(&str, &OsStr)]) -> anyhow::Result<()> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(args).current_dir(crate::root());
    command.envs(told.iter().copied());
    let status = command.status().context("starting cargo")?;
    ensure!(status.success(), "cargo {} failed", args.join(" "));
    Ok(())
}
