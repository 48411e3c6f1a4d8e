//! `kubectl mtls`: client-certificate authentication at Kubernetes gateways, made easy to set up
//! and hard to get wrong.

mod cluster;
mod command;
mod completion;
mod delivery;
mod files;
mod globals;
mod hints;
mod installation;
mod manifests;
mod output;
mod password;
mod probe;
mod problem;
mod store;
mod target;
mod validity;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    // Another provider can only be there if a second `main` ran in this process.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    if let Some(code) = completion::answer() {
        return code;
    }
    let cli = match command::Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    match cli.run() {
        Ok(code) => ExitCode::from(code),
        Err(error) => problem::print(&error),
    }
}

/// Help and version are no errors; anything else is wrong usage.
fn usage(error: &clap::Error) -> ExitCode {
    let printed = error.print();
    ExitCode::from(if error.use_stderr() || printed.is_err() {
        problem::USAGE
    } else {
        0
    })
}
