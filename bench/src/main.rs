//! What it costs, beside what others cost: `cargo xtask bench` builds it for release and runs it.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod baseline;
mod bench;
mod command;
mod document;
mod figure;
mod load;
mod objects;
mod section;
mod table;
mod usage;
mod world;

use std::io::Write as _;

use anyhow::{Context as _, bail};
use tokio::runtime::Runtime;

use bench::Bench;
use section::{CHAPTERS, Chapter};
use table::Table;

fn main() -> anyhow::Result<()> {
    let args: Vec<_> = std::env::args().skip(1).collect();
    let args: Vec<_> = args.iter().map(String::as_str).collect();
    // It is what a measured command grows from: as little as can be happens before.
    if let ["timed", report, command @ ..] = args.as_slice() {
        return command::timer(report, command);
    }
    // Another provider can only be there if a second `main` ran in this process.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    match args.as_slice() {
        ["baseline", port, folder] => {
            Runtime::new()?.block_on(baseline::serve(port.parse()?, folder.into()))
        }
        ["--out", path] => {
            let text = measure(false, &[])?;
            std::fs::write(path, &text).with_context(|| format!("writing {path}"))?;
            shown(&text)
        }
        ["--quick", names @ ..] => shown(&measure(true, names)?),
        names => shown(&measure(false, names)?),
    }
}

/// Some chapters or all, as Markdown.
fn measure(quick: bool, names: &[&str]) -> anyhow::Result<String> {
    let known = |name: &&str| CHAPTERS.iter().any(|chapter| chapter.name == *name);
    if !names.iter().all(known) {
        let names: Vec<_> = CHAPTERS.iter().map(|chapter| chapter.name).collect();
        bail!("usage: bench [--out FILE | [--quick] SECTION...], of {names:?}");
    }
    let mut bench = Bench::new(quick);
    let wanted = |chapter: &&Chapter| names.is_empty() || names.contains(&chapter.name);
    let mut parts = Vec::new();
    for chapter in CHAPTERS.iter().filter(wanted) {
        tests::say(&format!("bench: {}", chapter.name));
        let mut table = Table::new(chapter.own);
        (chapter.run)(&mut bench, &mut table).with_context(|| chapter.name)?;
        parts.push((chapter, table));
    }
    Ok(document::text(&bench, &parts))
}

fn shown(text: &str) -> anyhow::Result<()> {
    Ok(write!(std::io::stdout(), "{text}")?)
}
