//! Ctrl-C and SIGTERM end the control plane that this program started.

use anyhow::Context as _;
use tests::Cluster;

/// Ends the cluster's processes on a signal, then this program.
pub(crate) fn end_on_signal(cluster: &Cluster) -> anyhow::Result<()> {
    let processes = cluster.processes.clone();
    let folder = cluster.folder.clone();
    ctrlc::set_handler(move || {
        for process in &processes {
            tests::process::end(*process);
        }
        let _ = std::fs::remove_dir_all(&folder);
        crate::say("xtask: interrupted");
        crate::exit(130);
    })
    .context("waiting for Ctrl-C")
}
