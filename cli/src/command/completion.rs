//! `completion`: scripts that make a shell, or kubectl, ask this program what can come next.

mod kubectl;

use std::path::PathBuf;

use crate::completion;
use crate::problem::Problem;

/// Print a completion script, or install it for kubectl
#[derive(clap::Args)]
#[command(after_help = "Examples:
  # Complete `kubectl mtls` wherever kubectl is completed
  kubectl mtls completion kubectl --install
  # The same, into a folder on the PATH
  kubectl mtls completion kubectl --install --dir ~/.local/bin
  # Complete `kubectl-mtls` in bash, in zsh, in fish
  source <(kubectl mtls completion bash)
  source <(kubectl mtls completion zsh)
  kubectl mtls completion fish | source
  # In PowerShell, in elvish
  kubectl mtls completion powershell | Out-String | Invoke-Expression
  eval (kubectl mtls completion elvish | slurp)

Names of routes, hosts, CAs, Secrets and namespaces are looked up in the cluster
as they are needed; what takes longer than 1.5 seconds is left out.")]
pub(crate) struct Args {
    /// bash, elvish, fish, kubectl, powershell or zsh
    shell: Shell,
    /// Write the script for kubectl into a folder on the PATH
    #[arg(long)]
    install: bool,
    /// The folder; the one of kubectl-mtls by default
    #[arg(long, value_name = "DIR", requires = "install")]
    dir: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
#[value(rename_all = "lower")]
enum Shell {
    Bash,
    Elvish,
    Fish,
    Kubectl,
    Powershell,
    Zsh,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<u8> {
    let shell = match args.shell {
        Shell::Kubectl if args.install => return kubectl::install(args.dir.as_deref()),
        Shell::Kubectl => return kubectl::print(),
        _ if args.install => {
            return Err(Problem::usage("--install is for kubectl alone")
                .hint("`kubectl mtls completion --help` shows how each shell takes its script"));
        }
        Shell::Bash => clap_complete::Shell::Bash,
        Shell::Elvish => clap_complete::Shell::Elvish,
        Shell::Fish => clap_complete::Shell::Fish,
        Shell::Powershell => clap_complete::Shell::PowerShell,
        Shell::Zsh => clap_complete::Shell::Zsh,
    };
    crate::output::bytes(&completion::script(shell)?)?;
    Ok(0)
}
