//! `lint`.

mod baseline;
mod fix;
mod form;
mod github;
mod human;
mod ignore;
mod junit;
mod row;
mod sarif;

use std::path::{Path, PathBuf};

use policy::{Severity, Verdict};

use super::source::{Judged, Source};
use crate::files::{self, File};
use crate::globals::Globals;
use crate::manifests::{Broken, Manifests};
use crate::output;
use crate::problem::{FINDINGS, Problem, WORLD, say};
use form::Form;
use row::{Row, rows};

/// Find settings that leave a host open, or shut for everybody
#[derive(clap::Args)]
#[command(after_help = "Examples:
  # Files, with all folders below
  kubectl mtls lint -f deploy -R
  # What a chart renders
  helm template . | kubectl mtls lint -f -
  # The whole cluster, warnings too
  kubectl mtls lint -A --fail-on warning
  # For people on the screen, and for GitHub's code scanning in a file
  kubectl mtls lint -f deploy -R --output-file sarif=lint.sarif
  # Begin with what is there, and let nothing new in
  kubectl mtls lint -f deploy -R --write-baseline lint.json
  kubectl mtls lint -f deploy -R --baseline lint.json
  # Mend what is beyond doubt, comments and order kept
  kubectl mtls lint -f deploy -R --fix

An annotation kubectl-mtls.github.io/ignore: \"RULE until=2027-01-31: reason\" on an object silences a
rule for it, in lint alone.

Exit codes: 0 clean, 1 findings at or above --fail-on, 2 wrong usage, 3 a file or the cluster failed.")]
pub(crate) struct Args {
    #[command(flatten)]
    source: Source,
    /// Output format: human, json, yaml, sarif, junit or github
    #[arg(short, long, default_value = "human", value_parser = form::by_name)]
    output: Form,
    /// Write another format to a file too, as sarif=lint.sarif (can be repeated)
    #[arg(long, value_name = "FORMAT=FILE", value_parser = form::to_file)]
    output_file: Vec<(Form, PathBuf)>,
    /// The severity from which findings make the exit code 1: info, warning or error
    #[arg(long, value_name = "SEVERITY", default_value = "error", value_parser = severity)]
    fail_on: Severity,
    /// Leave out the findings that this file lists
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// List the findings in this file, and exit with 0
    #[arg(long, value_name = "FILE", conflicts_with = "baseline")]
    write_baseline: Option<PathBuf>,
    /// Mend in the files what is beyond doubt and lets in nobody new
    #[arg(long, requires = "filename")]
    fix: bool,
    /// With --fix: show what would be changed
    #[arg(long, requires = "fix")]
    dry_run: bool,
}

fn severity(text: &str) -> Result<Severity, String> {
    match text {
        "error" => Ok(Severity::Error),
        "warning" => Ok(Severity::Warning),
        "info" => Ok(Severity::Info),
        _ => Err("one of info, warning and error is expected".to_owned()),
    }
}

pub(crate) fn run(args: &Args, globals: &Globals) -> anyhow::Result<u8> {
    let mut judged = args.source.judge(globals)?;
    if args.fix {
        let fixed = fix::fix(&judged, args.dry_run)?;
        if fixed && !args.dry_run {
            judged = args.source.judge(globals)?;
        }
    }
    let mut rows = rows(&judged);
    let (silenced, unused) = ignore::apply(&judged, &mut rows);
    ignore::say_about(silenced, &unused);
    if let Some(path) = &args.write_baseline {
        return write_baseline(path, &rows);
    }
    if let Some(path) = &args.baseline {
        let known = baseline::read(path)?;
        let all = rows.len();
        rows.retain(|row| !known.holds(row));
        say(
            "note",
            &format!("{} findings are in {}", all - rows.len(), path.display()),
        );
    }
    for (form, path) in &args.output_file {
        write_file(path, &form.write(&rows)?)?;
    }
    output::bytes(args.output.write(&rows)?.as_bytes())?;
    if args.output.is_human() {
        judged.say_assumed();
        say("summary", &summary(&judged, &rows));
    }
    let syntax = report_syntax(&judged.manifests);
    let failed = rows.iter().any(|row| row.severity >= args.fail_on);
    Ok(if syntax {
        WORLD
    } else if failed {
        FINDINGS
    } else {
        0
    })
}

fn write_baseline(path: &Path, rows: &[Row]) -> anyhow::Result<u8> {
    write_file(path, &baseline::write(rows))?;
    say(
        "note",
        &format!("{} findings are listed in {}", rows.len(), path.display()),
    );
    Ok(0)
}

/// Reports are written anew at every run.
fn write_file(path: &Path, text: &str) -> anyhow::Result<()> {
    let name = path.file_name().and_then(|name| name.to_str());
    let name = name.ok_or_else(|| {
        Problem::usage(format!("{} names no file", path.display())).hint("name a file")
    })?;
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    files::write_all(
        folder.unwrap_or(Path::new(".")),
        &[File::public(name, text)],
        true,
    )
}

/// Text that is no YAML is a failed file, not a finding.
fn report_syntax(manifests: &Manifests) -> bool {
    let broken: Vec<_> = manifests
        .broken
        .iter()
        .filter(|broken| broken.syntax)
        .collect();
    for Broken {
        place,
        position: (line, column),
        reason,
        ..
    } in &broken
    {
        say(
            "error",
            &format!(
                "{}:{line}:{column}: cannot be read as YAML: {reason}",
                place.file()
            ),
        );
    }
    !broken.is_empty()
}

fn summary(judged: &Judged, rows: &[Row]) -> String {
    let hosts = judged.report.hosts.len();
    let enforced = judged.report.count(Verdict::Enforced);
    let unknown = judged.report.count(Verdict::Unknown);
    let files = if judged.manifests.objects.is_empty() {
        ""
    } else {
        ", as far as these files go"
    };
    format!(
        "{} findings; {hosts} hosts, {enforced} enforced, {unknown} unknown{files}",
        rows.len()
    )
}
