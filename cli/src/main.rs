//! `kubectl mtls`: client-certificate authentication at Kubernetes gateways, made easy to set up
//! and hard to get wrong.

mod cluster;
mod color;
mod command;
mod completion;
mod delivery;
#[cfg(test)]
mod documented;
mod files;
mod globals;
mod help;
mod hints;
mod installation;
mod manifests;
mod output;
mod password;
mod probe;
mod problem;
mod progress;
#[cfg(test)]
mod reference;
mod store;
mod target;
mod terminal;
mod validity;

use std::process::ExitCode;

use clap::FromArgMatches as _;

fn main() -> ExitCode {
    // Another provider can only be there if a second `main` ran in this process.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    if let Some(code) = completion::answer() {
        return code;
    }
    let cli = match parse() {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    match cli.run() {
        Ok(code) => ExitCode::from(code),
        Err(error) => problem::print(&error),
    }
}

/// The command line; without any word, the overview is asked for.
fn parse() -> Result<command::Cli, clap::Error> {
    let mut words: Vec<_> = std::env::args_os().collect();
    let mut command = help::command().color(color::choice(&words));
    if words.len() < 2 {
        words.push("--help".into());
    }
    let mut matches = command.try_get_matches_from_mut(words)?;
    let path = path(&matches);
    let cli = command::Cli::from_arg_matches_mut(&mut matches);
    let mut cli = cli.map_err(|error| error.format(&mut command))?;
    cli.globals.command = path;
    color::set(cli.globals.color);
    Ok(cli)
}

/// The command without its arguments, for the API server's log.
fn path(matches: &clap::ArgMatches) -> String {
    let mut path = "kubectl mtls".to_owned();
    let mut at = matches;
    while let Some((name, below)) = at.subcommand() {
        path.push(' ');
        path.push_str(name);
        at = below;
    }
    path
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
