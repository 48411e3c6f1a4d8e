//! `man`: for those who make packages.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::CommandFactory as _;

/// Write man pages, one a verb
#[derive(clap::Args)]
#[command(
    hide = true,
    after_help = "Examples:
  # All pages, into a folder that exists
  kubectl mtls man --out share/man/man1"
)]
pub(crate) struct Args {
    /// The folder to write them into
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<u8> {
    // Pages are named by it, and man finds no names with spaces.
    let command = super::Cli::command().name("kubectl-mtls");
    clap_mangen::generate_to(command, &args.out)
        .with_context(|| format!("writing man pages to {}", args.out.display()))?;
    Ok(0)
}
