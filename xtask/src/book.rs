//! `cargo xtask book`: docs/ as a book of pages, in target/book.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, ensure};

use crate::say;

/// The version of mdBook that makes the book.
const VERSION: &str = "0.5.4";

pub(crate) fn run() -> anyhow::Result<()> {
    let mut build = Command::new(mdbook()?);
    build.args(["build", "docs"]).current_dir(crate::root());
    let status = build.status().context("starting mdbook")?;
    ensure!(status.success(), "the book could not be made");
    crate::shown("target/book/index.html")
}

/// mdBook from the cache, where it is built when it is not there yet: without its server, and
/// without optimisation, which costs more time than a small book will ever give back.
fn mdbook() -> anyhow::Result<PathBuf> {
    let folder = tests::build::cache()?.join(format!("mdbook-{VERSION}"));
    let program = folder.join("bin/mdbook");
    if program.exists() {
        return Ok(program);
    }
    say(&format!(
        "xtask: building mdBook {VERSION} (once; about 2 minutes)"
    ));
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut install = Command::new(cargo);
    install
        .args(["install", "mdbook", "--version", VERSION, "--locked"])
        .args(["--debug", "--no-default-features", "--features", "search"])
        .arg("--root")
        .arg(&folder);
    let status = install.status().context("starting cargo")?;
    ensure!(status.success(), "mdBook could not be built");
    Ok(program)
}
