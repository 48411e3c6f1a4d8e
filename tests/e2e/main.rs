//! End to end: a real API server, real Traefik, the command as a user types it, and the webhook
//! with the shipped RBAC. `cargo xtask test` starts the control plane.
// A story is told from its beginning to its end.
#![allow(clippy::too_many_lines, clippy::unwrap_used)]

mod admission;
mod admission_policies;
mod api_server;
mod audit;
mod authority;
mod completion;
mod endpoint;
mod guides;
mod install;
mod live;
mod matrix;
mod path;
mod policies;
mod rbac;
mod report;
mod requests;
mod serving;
mod settings;
mod signers;
mod strangers;
mod terminal;
mod wire;

use std::path::Path;
use std::process::Command;
use std::sync::{OnceLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use tests::cluster::{Cluster, Output, run};
use tests::traefik::binary;

/// The cluster that `cargo xtask test` started.
fn cluster() -> &'static Cluster {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    CLUSTER.get_or_init(|| {
        let path = std::env::var("KUBECTL_MTLS_CLUSTER")
            .expect("run `cargo xtask test`, which starts the control plane for these tests");
        Cluster::read(Path::new(&path)).unwrap()
    })
}

/// A TLSOption `default` holds for every host of the cluster: who makes one holds this for writing,
/// who tells what hosts demand holds it for reading.
static DEFAULT_OPTION: RwLock<()> = RwLock::new(());

/// Until it is dropped, no TLSOption `default` is made.
fn without_default() -> RwLockReadGuard<'static, ()> {
    DEFAULT_OPTION
        .read()
        .unwrap_or_else(PoisonError::into_inner)
}

/// Until it is dropped, nobody else is disturbed by a TLSOption `default`.
fn with_default() -> RwLockWriteGuard<'static, ()> {
    DEFAULT_OPTION
        .write()
        .unwrap_or_else(PoisonError::into_inner)
}

/// Runs the command as the administrator.
fn mtls(args: &[&str]) -> Output {
    let mut command = Command::new(binary("kubectl-mtls").unwrap());
    command
        .args(args)
        .env("KUBECONFIG", &cluster().kubeconfig)
        .env("NO_COLOR", "1");
    run(&mut command, "").unwrap()
}

/// Runs the command, which must succeed.
#[track_caller]
fn must(args: &[&str]) -> String {
    let output = mtls(args);
    assert!(
        output.success,
        "kubectl mtls {}: {}",
        args.join(" "),
        output.all()
    );
    output.stdout
}

/// Makes a namespace, with the label that a webhook selects by.
#[track_caller]
fn namespace(name: &str) {
    let labels = format!(
        "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: {name}\n  labels: {{webhook: {name}}}\n"
    );
    applied(&labels);
}

/// Applies manifests, which must succeed; returns what kubectl said.
#[track_caller]
fn applied(manifests: &str) -> String {
    let output = cluster().apply(manifests).unwrap();
    assert!(output.success, "{}\n{manifests}", output.all());
    output.all()
}

/// Applies manifests, which must be refused by the webhook; returns the reason.
#[track_caller]
fn denied(manifests: &str, words: &str) -> String {
    refused(&cluster().apply(manifests).unwrap(), words)
}

#[track_caller]
fn refused(output: &Output, words: &str) -> String {
    let said = output.all();
    assert!(
        !output.success && said.contains("denied the request"),
        "not denied: {said}"
    );
    assert!(said.contains(words), "{words:?} in {said}");
    said
}
