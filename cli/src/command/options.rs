//! `options`.

use crate::color::{self, Stream};
use crate::{help, output};

/// List the flags that every command takes
#[derive(clap::Args)]
#[command(after_help = "Examples:
  kubectl mtls options")]
pub(crate) struct Args {}

pub(crate) fn run(_: &Args) -> anyhow::Result<u8> {
    let page = help::options();
    let text = match color::wanted(Stream::Out) {
        true => page.ansi().to_string(),
        false => page.to_string(),
    };
    output::bytes(text.as_bytes())?;
    Ok(0)
}
