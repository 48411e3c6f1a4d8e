//! A real control plane on loopback: etcd, kube-apiserver, kube-controller-manager and Traefik,
//! built from their Go modules once and cached outside the tree, and the webhook under test.

pub mod balancer;
pub mod build;
pub mod cluster;
pub mod contour;
pub mod controllers;
pub mod corpus;
pub mod echo;
pub mod gateways;
pub mod ingress_nginx;
pub mod keys;
pub mod load;
pub mod manifests;
pub mod ports;
pub mod process;
pub mod program;
pub mod replicas;
pub mod traefik;
pub mod webhook;

pub use cluster::{Cluster, Output};

/// One line on stderr: what is being waited for.
pub fn say(text: &str) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Asks again and again until an answer comes, or the time is over; then the last refusal is the
/// error.
///
/// # Errors
/// When there is no answer in time.
pub fn wait_until<T>(
    what: &str,
    limit: std::time::Duration,
    mut ask: impl FnMut() -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let end = std::time::Instant::now() + limit;
    loop {
        match ask() {
            Ok(answer) => return Ok(answer),
            Err(error) if std::time::Instant::now() > end => {
                return Err(error.context(format!("{what} did not come about within {limit:?}")));
            }
            Err(_) => std::thread::sleep(std::time::Duration::from_millis(50)),
        }
    }
}
