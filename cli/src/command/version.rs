//! `version`.

use crate::output::{self, Format};

/// Print the version
#[derive(clap::Args)]
#[command(after_help = "Examples:
  kubectl mtls version -o json")]
pub(crate) struct Args {
    /// Output format: human, json or yaml
    #[arg(short, long, default_value = "human")]
    output: Format,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<u8> {
    let version = env!("CARGO_PKG_VERSION");
    let value = serde_json::json!({"schemaVersion": 1, "version": version});
    output::value(args.output, &value, || format!("kubectl-mtls v{version}\n"))?;
    Ok(0)
}
