//! `lint`.

mod baseline;
mod fix;
pub(crate) mod form;
mod github;
mod human;
mod ignore;
mod junit;
pub(super) mod row;
mod sarif;
#[cfg(test)]
mod torture;

use std::path::{Path, PathBuf};

use policy::{Severity, Verdict};

use super::source::{Judged, Source};
use crate::files;
use crate::globals::Globals;
use crate::manifests::{Broken, Manifests};
use crate::output;
use crate::problem::{FINDINGS, WORLD, say};
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

An annotation kubectl-mtls.github.io/ignore: \"RULE until=2027-01-31: reason\"
on an object silences a rule for it, in lint alone.

Exit codes: 0 clean, 1 findings at or above --fail-on, 2 wrong usage, 3 a file
or the cluster failed.")]
pub(crate) struct Args {
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
    #[command(flatten)]
    source: Source,
}

pub(super) fn severity(text: &str) -> Result<Severity, String> {
    match text {
        "error" => Ok(Severity::Error),
        "warning" => Ok(Severity::Warning),
        "info" => Ok(Severity::Info),
        _ => Err("one of info, warning and error is expected".to_owned()),
    }
}

pub(crate) fn run(args: &Args, globals: &Globals) -> anyhow::Result<u8> {
    let mut judged = args.source.judge(globals)?;
    let mut failed = false;
    // Text that is to be piped on is not mixed with a report.
    let mut piped = false;
    if args.fix {
        let mut fixed = fix::plan(&judged);
        if args.dry_run {
            output::bytes(fixed.diff().as_bytes())?;
            piped = true;
        } else {
            failed |= !fixed.write();
            if let Some(text) = fixed.stdin(&judged) {
                output::bytes(text.as_bytes())?;
                piped = true;
            }
            judged = args.source.judge_again(judged, &fixed.files, globals)?;
        }
    }
    failed |= report_broken(&judged.manifests);
    let mut rows = rows(&judged);
    ignore::apply(&judged, &mut rows).say();
    let code = match &args.write_baseline {
        Some(path) => write_baseline(path, &rows)?,
        None => report(args, &judged, rows, piped)?,
    };
    Ok(if failed { WORLD } else { code })
}

/// Writes the report in every form that is asked for, and says how to exit.
fn report(args: &Args, judged: &Judged, mut rows: Vec<Row>, piped: bool) -> anyhow::Result<u8> {
    if let Some(path) = &args.baseline {
        baseline::read(path)?.leave_out(&mut rows, path);
    }
    for (form, path) in &args.output_file {
        files::write_report(path, &form.write(&rows)?)?;
    }
    let text = args.output.write(&rows)?;
    if piped {
        output::errors(&text)?;
    } else if args.output.is_human() {
        output::people(&text, 4)?;
    } else {
        output::bytes(text.as_bytes())?;
    }
    if args.output.is_human() {
        judged.say_assumed();
        say("summary", &summary(judged, &rows));
    }
    let found = rows.iter().any(|row| row.severity >= args.fail_on);
    Ok(if found { FINDINGS } else { 0 })
}

fn write_baseline(path: &Path, rows: &[Row]) -> anyhow::Result<u8> {
    files::write_report(path, &baseline::write(rows))?;
    say(
        "note",
        &format!("{} findings are listed in {}", rows.len(), path.display()),
    );
    Ok(0)
}

/// The findings as rows, without those that an annotation silences, and how many those are.
pub(super) fn found(judged: &Judged) -> (Vec<Row>, usize) {
    let mut rows = rows(judged);
    let outcome = ignore::apply(judged, &mut rows);
    (rows, outcome.silenced())
}

/// What cannot be read is a failed file, not a finding.
pub(super) fn report_broken(manifests: &Manifests) -> bool {
    let broken = manifests.broken.iter().filter(|broken| broken.syntax);
    let mut failed = false;
    for Broken {
        place,
        position: (line, column),
        reason,
        hint,
        ..
    } in broken
    {
        say(
            "error",
            &format!("{}:{line}:{column}: {reason}", place.file()),
        );
        say("hint", hint);
        failed = true;
    }
    failed
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
    let findings = match rows.len() {
        1 => "1 finding".to_owned(),
        count => format!("{count} findings"),
    };
    format!("{findings}; {hosts} hosts, {enforced} enforced, {unknown} unknown{files}")
}
