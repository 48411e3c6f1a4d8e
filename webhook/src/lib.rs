//! `mtls-webhook`: refuses the change that would open a door, repairs what is beyond doubt, and
//! never stands in the way of anything else.

mod args;
mod audit;
mod caught;
#[cfg(test)]
mod fake;
mod index;
mod live;
mod metrics;
mod mutate;
pub mod offline;
mod policy_status;
mod record;
#[cfg(test)]
mod reference;
mod remembered;
mod review;
mod server;
mod serving;
mod state;
mod touched;
mod validate;

use std::process::ExitCode;

use clap::Parser as _;

/// What the program does; the exit code.
pub fn main() -> ExitCode {
    // Another provider can only be there if a second `main` ran in this process.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let args = match args::Args::try_parse() {
        Ok(args) => args,
        Err(error) => {
            let printed = error.print();
            return ExitCode::from(if error.use_stderr() || printed.is_err() {
                2
            } else {
                0
            });
        }
    };
    let filter = tracing_subscriber::EnvFilter::new(&args.log);
    tracing_subscriber::fmt()
        .json()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
    std::panic::set_hook(Box::new(|panic| {
        // What a panic says may quote an object: only its place is told.
        let place = panic
            .location()
            .map(ToString::to_string)
            .unwrap_or_default();
        tracing::error!(place, "panicked");
    }));
    match start(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

#[tokio::main]
async fn start(args: &args::Args) -> anyhow::Result<()> {
    let state = state::State::connect(args).await?;
    let resolver = serving::spawn(args, &state)?;
    index::spawn(&state);
    if !args.no_audit {
        audit::spawn(args, &state);
    }
    server::serve(args, state, resolver).await
}
