//! The verbs. One file each: arguments, help with examples, and `run`.

mod backup;
mod completion;
mod create_ca;
mod create_fixtures;
mod curl;
mod describe_host;
mod explain;
mod get_cas;
mod get_certs;
mod get_hosts;
mod inspect;
mod issue;
pub(crate) mod lint;
mod man;
mod options;
mod policies;
mod protect;
mod report;
mod restore;
mod revoke;
mod rotate_ca;
pub(crate) mod signer;
pub(crate) mod source;
mod test;
mod verify;
mod version;
mod webhook_install;
mod webhook_print;
mod webhook_status;
mod webhook_uninstall;

use std::future::Future;

use anyhow::Context as _;
use clap::{Parser, Subcommand};

use crate::globals::Globals;
use crate::progress::Watch;

/// Client-certificate authentication (mTLS) at Kubernetes ingress gateways
#[derive(Parser)]
#[command(
    name = "kubectl mtls",
    bin_name = "kubectl mtls",
    disable_version_flag = true
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    pub(crate) globals: Globals,
}

#[derive(Subcommand)]
enum Command {
    Backup(backup::Args),
    Completion(completion::Args),
    #[command(subcommand)]
    Create(Create),
    Curl(Box<curl::Args>),
    #[command(subcommand)]
    Describe(Describe),
    Explain(explain::Args),
    #[command(subcommand)]
    Get(Get),
    Inspect(inspect::Args),
    Issue(Box<issue::Args>),
    Lint(lint::Args),
    Man(man::Args),
    Options(options::Args),
    Protect(protect::Args),
    Report(report::Args),
    Restore(restore::Args),
    Revoke(revoke::Args),
    #[command(subcommand)]
    Rotate(Rotate),
    Test(Box<test::Args>),
    Verify(verify::Args),
    Version(version::Args),
    #[command(subcommand)]
    Webhook(Webhook),
}

/// Create a CA, or certificates for tests
#[derive(Subcommand)]
enum Create {
    Ca(Box<create_ca::Args>),
    Fixtures(create_fixtures::Args),
}

/// Show hosts and what they demand, CAs, or certificates
#[derive(Subcommand)]
enum Get {
    #[command(alias = "ca")]
    Cas(get_cas::Args),
    #[command(alias = "cert")]
    Certs(get_certs::Args),
    #[command(alias = "host")]
    Hosts(get_hosts::Args),
}

/// Tell what decides about a host
#[derive(Subcommand)]
enum Describe {
    Host(describe_host::Args),
}

/// Replace a CA without an outage
#[derive(Subcommand)]
enum Rotate {
    Ca(rotate_ca::Args),
}

/// Keep a cluster's hosts shut with the admission webhook
#[derive(Subcommand)]
enum Webhook {
    Install(Box<webhook_install::Args>),
    Print(Box<webhook_print::Args>),
    Status(webhook_status::Args),
    Uninstall(webhook_uninstall::Args),
}

impl Cli {
    /// Runs the verb; the exit code, or an error to print.
    pub(crate) fn run(self) -> anyhow::Result<u8> {
        let Self { command, globals } = self;
        match command {
            Command::Backup(args) => backup::run(&args, &globals),
            Command::Completion(args) => completion::run(&args),
            Command::Create(Create::Ca(args)) => create_ca::run(&args, &globals),
            Command::Create(Create::Fixtures(args)) => create_fixtures::run(&args, &globals),
            Command::Curl(args) => curl::run(&args, &globals),
            Command::Describe(Describe::Host(args)) => describe_host::run(&args, &globals),
            Command::Explain(args) => explain::run(&args),
            Command::Get(Get::Cas(args)) => get_cas::run(&args, &globals),
            Command::Get(Get::Certs(args)) => get_certs::run(&args, &globals),
            Command::Get(Get::Hosts(args)) => get_hosts::run(&args, &globals),
            Command::Inspect(args) => inspect::run(&args, &globals),
            Command::Issue(args) => issue::run(&args, &globals),
            Command::Lint(args) => lint::run(&args, &globals),
            Command::Man(args) => man::run(&args),
            Command::Options(args) => options::run(&args),
            Command::Protect(args) => protect::run(&args, &globals),
            Command::Report(args) => report::run(&args, &globals),
            Command::Test(args) => test::run(&args, &globals),
            Command::Verify(args) => verify::run(&args),
            Command::Restore(args) => restore::run(&args, &globals),
            Command::Revoke(args) => revoke::run(&args, &globals),
            Command::Rotate(Rotate::Ca(args)) => rotate_ca::run(&args, &globals),
            Command::Version(args) => version::run(&args),
            Command::Webhook(Webhook::Install(args)) => webhook_install::run(&args, &globals),
            Command::Webhook(Webhook::Print(args)) => webhook_print::run(&args, &globals),
            Command::Webhook(Webhook::Status(args)) => webhook_status::run(&args, &globals),
            Command::Webhook(Webhook::Uninstall(args)) => webhook_uninstall::run(&args, &globals),
        }
    }
}

/// Runs what talks to the cluster; who waits is told what for.
fn block_on<T>(future: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let _watch = Watch::begin();
    wait_for(future)
}

/// Runs what talks to the cluster.
pub(crate) fn wait_for<T>(future: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.context("starting the runtime")?.block_on(future)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_well_formed() {
        super::Cli::command().debug_assert();
    }

    #[test]
    fn every_file_is_declared() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/command");
        let declared = include_str!("command.rs");
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let stem = path.file_stem().unwrap().to_str().unwrap().to_owned();
            assert!(declared.contains(&format!("mod {stem};")), "{stem}");
        }
    }
}
