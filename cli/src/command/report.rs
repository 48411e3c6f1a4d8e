//! `report`: everything that is known, on one page for people.

mod page;

use std::io::IsTerminal as _;
use std::path::PathBuf;

use policy::Severity;
use serde_json::{Value, json};

use super::lint::row::Row;
use super::source::{Judged, Source};
use super::{get_hosts, lint};
use crate::globals::Globals;
use crate::problem::{FINDINGS, Problem, WORLD, say};
use crate::validity::{now, time};
use crate::{files, output};

/// Write one page with every host, CA and finding
#[derive(clap::Args)]
#[command(after_help = "Examples:
  # The whole cluster
  kubectl mtls report -A --out report.html
  # Files, which are all there is
  kubectl mtls report -f deploy -R --complete --out report.html
  # In CI: the page, and exit code 1 when there is an error
  kubectl mtls report -f deploy -R --out report.html --fail-on error

The page needs no network and no scripts. It holds names and certificates'
subjects, never a key.

Exit codes: 0, 1 findings at or above --fail-on where it is given, 2 wrong
usage, 3 a file or the cluster failed.")]
pub(crate) struct Args {
    /// The file to write, whole and anew; without it the page goes to stdout
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// The page's title
    #[arg(long, default_value = "Client certificates at the gateways")]
    title: String,
    /// Output format: html or json
    #[arg(short, long, value_enum, default_value = "html")]
    output: Form,
    /// The severity from which findings make the exit code 1: info, warning or error
    #[arg(long, value_name = "SEVERITY", value_parser = lint::severity)]
    fail_on: Option<Severity>,
    #[command(flatten)]
    source: Source,
}

/// The forms of the report.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Form {
    /// A page.
    Html,
    /// One JSON document.
    Json,
}

/// What a report is made of.
struct Content<'a> {
    title: &'a str,
    /// What was judged, in words.
    of: String,
    /// When, in Unix seconds.
    now: i64,
    judged: &'a Judged,
    rows: Vec<Row>,
    /// How many findings an annotation silences.
    silenced: usize,
}

pub(crate) fn run(args: &Args, globals: &Globals) -> anyhow::Result<u8> {
    if args.out.is_none() && args.output == Form::Html && std::io::stdout().is_terminal() {
        return Err(Problem::usage("a page is nothing for a terminal")
            .hint("name a file with --out, or use -o json"));
    }
    let judged = args.source.judge(globals)?;
    let failed = lint::report_broken(&judged.manifests);
    let (rows, silenced) = lint::found(&judged);
    let content = Content {
        title: &args.title,
        of: args.source.says(globals),
        now: now(),
        judged: &judged,
        rows,
        silenced,
    };
    let text = match args.output {
        Form::Html => page::write(&content)?,
        Form::Json => format!("{:#}\n", value(&content)),
    };
    match &args.out {
        Some(path) => {
            files::write_report(path, &text)?;
            say("note", &format!("{} is written", path.display()));
        }
        None => output::bytes(text.as_bytes())?,
    }
    let found = |severity| content.rows.iter().any(|row| row.severity >= severity);
    Ok(match failed {
        true => WORLD,
        false if args.fail_on.is_some_and(found) => FINDINGS,
        false => 0,
    })
}

/// The same for programs: the items of `get hosts` and `lint`.
fn value(content: &Content<'_>) -> Value {
    let hosts = content.judged.report.hosts.iter();
    let hosts: Vec<_> = hosts.map(get_hosts::json_row).collect();
    let findings: Vec<_> = content.rows.iter().map(Row::json).collect();
    json!({"schemaVersion": 1, "title": content.title, "of": content.of,
        "madeAt": time(content.now), "version": env!("CARGO_PKG_VERSION"),
        "hosts": hosts, "findings": findings, "silenced": content.silenced})
}
