//! `completion`.

use clap::CommandFactory as _;

/// Print a shell completion script
#[derive(clap::Args)]
#[command(after_help = "Examples:
  # Complete `kubectl-mtls` in bash
  source <(kubectl mtls completion bash)")]
pub(crate) struct Args {
    /// The shell
    shell: clap_complete::Shell,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<u8> {
    let mut script = Vec::new();
    let mut command = super::Cli::command().bin_name("kubectl-mtls");
    clap_complete::generate(args.shell, &mut command, "kubectl-mtls", &mut script);
    crate::output::bytes(&script)?;
    Ok(0)
}
