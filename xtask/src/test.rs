//! `cargo xtask test`: the whole test suite, fast tests first, then end to end.

use std::process::Command;

use anyhow::{Context as _, ensure};
use tests::cluster::Running;

use crate::{interrupt, say};

pub(crate) fn run() -> anyhow::Result<()> {
    say("xtask: cargo test --workspace (a cold build takes about 3 minutes)");
    cargo(&["test", "--workspace", "--locked"], None)?;
    say(
        "xtask: the gateways and controllers that the tests run (a cold build takes about 20 minutes)",
    );
    tests::build::everything()?;
    say("xtask: end-to-end tests on real gateways and a real control plane");
    cargo(&["build", "--workspace", "--locked"], None)?;
    for target in ["verifiers", "three_fronts"] {
        cargo(
            &["test", "--package", "tests", "--test", target, "--locked"],
            None,
        )?;
    }
    let running = Running::start()?;
    interrupt::end_on_signal(&running.cluster)?;
    let description = running.cluster.folder.join("cluster.json");
    running.cluster.write(&description)?;
    cargo(
        &["test", "--package", "tests", "--test", "e2e", "--locked"],
        Some(&description),
    )
}

pub(crate) fn cargo(args: &[&str], cluster: Option<&std::path::Path>) -> anyhow::Result<()> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(args).current_dir(crate::root());
    if let Some(cluster) = cluster {
        command.env("KUBECTL_MTLS_CLUSTER", cluster);
    }
    let status = command.status().context("starting cargo")?;
    ensure!(status.success(), "cargo {} failed", args.join(" "));
    Ok(())
}
