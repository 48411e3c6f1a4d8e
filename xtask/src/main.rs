//! The commands of the people who work on this: `cargo xtask COMMAND`.

#[cfg(unix)]
mod bench;
#[cfg(unix)]
mod book;
#[cfg(unix)]
mod cluster;
#[cfg(unix)]
mod codegen;
#[cfg(unix)]
mod demo;
#[cfg(unix)]
mod deny;
mod dist;
#[cfg(unix)]
mod interrupt;
#[cfg(unix)]
mod manifests;
#[cfg(unix)]
mod record;
#[cfg(unix)]
mod test;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::bail;

const USAGE: &str = "cargo xtask COMMAND

  demo [--kubeconfig F]     the main job on a real API server behind a real Traefik
  test [--all]              the whole test suite; --all: on other Kubernetes versions and in Chromium too
  e2e [NAME...]             the end-to-end tests whose names contain one of these, or all
  bench [SECTION...]        what it costs, beside others; all sections: writes docs/performance.md
  bench --quick [SECTION...]  the same with few rounds of little, to see that it works
  book                      make target/book from docs/
  cluster [--kubeconfig F]  leave a control plane running and print how to use it
  cluster --stop            end it
  codegen [--check]         write what is generated from the tables; --check only compares
  dist [FLAGS]              what a release consists of, into target/dist; flags: --target T (for another
                            platform, again for several), --binary F (pack this plugin, build nothing),
                            --out DIR, --collect (only checksums and krew's manifest, of all platforms),
                            --tag TAG (only if it is that of the version)
  deny [--advisories]       what deny.toml demands of the crates; advisories are fetched from GitHub
  record                    run the main job in a terminal and draw it: docs/demo.svg
  manifests N               print N Ingress manifests, for measuring
";

fn main() -> ExitCode {
    let args: Vec<_> = std::env::args().skip(1).collect();
    match run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run(args: &[String]) -> anyhow::Result<()> {
    let args: Vec<_> = args.iter().map(String::as_str).collect();
    match args.as_slice() {
        ["dist", flags @ ..] => dist::run(&dist::Options::parse(flags)?),
        args => develop(args),
    }
}

/// What takes the programs of the tests, which run on unix alone.
#[cfg(unix)]
fn develop(args: &[&str]) -> anyhow::Result<()> {
    match args {
        ["bench", sections @ ..] => bench::run(sections),
        ["book"] => book::run(),
        ["cluster"] => cluster::start(),
        ["cluster", "--stop"] => cluster::stop(),
        ["cluster", "--kubeconfig", path] => cluster::existing(path),
        ["demo"] => demo::start(None),
        ["demo", "--kubeconfig", path] => demo::start(Some(path)),
        ["deny"] => deny::run(false),
        ["deny", "--advisories"] => deny::run(true),
        ["codegen"] => codegen::run(false),
        ["codegen", "--check"] => codegen::run(true),
        ["record"] => record::run_session(),
        ["manifests", count] => manifests::run(count.parse()?),
        ["e2e", names @ ..] => test::named(names),
        ["test"] => test::run(false),
        ["test", "--all"] => test::run(true),
        _ => bail!("usage: {USAGE}"),
    }
}

#[cfg(not(unix))]
fn develop(_: &[&str]) -> anyhow::Result<()> {
    bail!("only `cargo xtask dist` works on this system; usage: {USAGE}")
}

/// The folder of the workspace.
fn root() -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.parent().unwrap_or(own).to_owned()
}

/// One line on stdout.
#[cfg(unix)]
fn shown(text: &str) -> anyhow::Result<()> {
    use std::io::Write as _;
    Ok(writeln!(std::io::stdout(), "{text}")?)
}

/// One line on stderr.
fn say(text: &str) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Ends the program from a signal handler, which has nobody to return to.
#[cfg(unix)]
#[allow(clippy::exit)]
fn exit(code: i32) {
    std::process::exit(code)
}
