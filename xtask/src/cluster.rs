//! `cargo xtask cluster`: leaves a control plane running, for trying things out.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, ensure};
use tests::Cluster;
use tests::cluster::Running;

use crate::{say, shown};

/// Where the running cluster is described.
fn folder() -> anyhow::Result<PathBuf> {
    Ok(tests::build::cache()?.join("cluster"))
}

/// Starts a cluster, or finds the one that runs, and prints how to use it.
pub(crate) fn start() -> anyhow::Result<()> {
    let folder = folder()?;
    let description = folder.join("cluster.json");
    if let Ok(cluster) = Cluster::read(&description) {
        if cluster.must(&["get", "--raw", "/readyz"]).is_ok() {
            return explain(&cluster);
        }
        stop()?;
    }
    fs::create_dir_all(&folder).with_context(|| format!("creating {}", folder.display()))?;
    let cluster = Running::start_in(&folder)?.leave();
    cluster.write(&description)?;
    explain(&cluster)
}

fn explain(cluster: &Cluster) -> anyhow::Result<()> {
    shown(&format!(
        "export KUBECONFIG={}",
        cluster.kubeconfig.display()
    ))?;
    shown(&format!(
        "export PATH={}:$PATH",
        cluster.programs.control_plane.display()
    ))?;
    say("xtask: the cluster runs until `cargo xtask cluster --stop`");
    Ok(())
}

/// Checks that a cluster of the user's own answers.
pub(crate) fn existing(kubeconfig: &str) -> anyhow::Result<()> {
    let cluster = Cluster::existing(kubeconfig)?;
    let ready = cluster.kubectl(&["get", "--raw", "/readyz"])?;
    ensure!(
        ready.success,
        "the cluster of {kubeconfig} does not answer: {}",
        ready.stderr
    );
    shown(&format!("export KUBECONFIG={kubeconfig}"))
}

/// Ends the cluster that `start` left running.
pub(crate) fn stop() -> anyhow::Result<()> {
    let folder = folder()?;
    let Ok(cluster) = Cluster::read(&folder.join("cluster.json")) else {
        say("xtask: no cluster is running");
        return Ok(());
    };
    for process in &cluster.processes {
        tests::process::end_own(*process, &cluster.folder);
    }
    fs::remove_dir_all(&folder).with_context(|| format!("removing {}", folder.display()))?;
    say("xtask: the cluster has ended");
    Ok(())
}
