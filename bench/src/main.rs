//! `bench`: what the webhook costs, on a real API server, beside a handler that does nothing.
//! `cargo xtask bench` builds it for release and runs it.

mod baseline;
mod load;
mod objects;
mod section;
mod table;
mod usage;
mod world;

use std::io::Write as _;

use anyhow::{Context as _, bail};

use table::Table;
use world::World;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    // Another provider can only be there if a second `main` ran in this process.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let args: Vec<_> = std::env::args().skip(1).collect();
    let args: Vec<_> = args.iter().map(String::as_str).collect();
    match args.as_slice() {
        ["baseline", port, folder] => baseline::serve(port.parse()?, folder.into()).await,
        ["--out", path] => {
            let text = measure(&[]).await?;
            std::fs::write(path, &text).with_context(|| format!("writing {path}"))?;
            shown(&text)
        }
        sections if sections.iter().all(|name| SECTIONS.contains(name)) => {
            shown(&measure(sections).await?)
        }
        _ => bail!("usage: bench [--out FILE | SECTION...], of {SECTIONS:?}"),
    }
}

/// Everything that is measured, in this order: the index only grows, so throughput comes after it.
const SECTIONS: [&str; 6] = [
    "idle",
    "index",
    "claims",
    "weakened",
    "throughput",
    "secrets",
];

/// Some sections or all, as Markdown.
async fn measure(sections: &[&str]) -> anyhow::Result<String> {
    let world = World::start()?;
    let mut table = Table::default();
    for name in SECTIONS {
        if !sections.is_empty() && !sections.contains(&name) {
            continue;
        }
        match name {
            "idle" => section::idle(&world, &mut table)?,
            "throughput" => section::throughput(&world, &mut table).await?,
            "index" => section::index(&world, &mut table).await?,
            "claims" => section::claims(&world, &mut table).await?,
            "weakened" => section::weakened(&world, &mut table).await?,
            _ => section::secrets(&world, &mut table).await?,
        }
    }
    Ok(format!(
        "# What it costs

Written by `cargo xtask bench`, measured in one run on {}.

## The webhook

On a real API server; the empty handler is made of the same libraries, reads the body and allows everything. Eight
connections that stay open, five rounds of each in turn, the median.

{}",
        usage::machine(),
        table.text()
    ))
}

fn shown(text: &str) -> anyhow::Result<()> {
    Ok(write!(std::io::stdout(), "{text}")?)
}
