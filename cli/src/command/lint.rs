//! `lint`.

use policy::{Finding, ObjectRef, Severity, Verdict};
use serde_json::{Value, json};

use super::source::{Judged, Source};
use crate::globals::Globals;
use crate::manifests::{Broken, Manifests};
use crate::output::{self, Format};
use crate::problem::{FINDINGS, WORLD, say};

/// Find settings that leave a host open, or shut for everybody
#[derive(clap::Args)]
#[command(after_help = "Examples:
  # Files, with all folders below
  kubectl mtls lint -f deploy -R
  # What a chart renders
  helm template . | kubectl mtls lint -f -
  # The whole cluster, warnings too
  kubectl mtls lint -A --fail-on warning

Exit codes: 0 clean, 1 findings at or above --fail-on, 2 wrong usage, 3 a file or the cluster failed.")]
pub(crate) struct Args {
    #[command(flatten)]
    source: Source,
    /// Output format: human, json or yaml
    #[arg(short, long, default_value = "human")]
    output: Format,
    /// The severity from which findings make the exit code 1: info, warning or error
    #[arg(long, value_name = "SEVERITY", default_value = "error", value_parser = severity)]
    fail_on: Severity,
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
    let judged = args.source.judge(globals)?;
    let rows = rows(&judged);
    let items: Vec<_> = rows.iter().map(Row::json).collect();
    let value = json!({"schemaVersion": 1, "items": items});
    output::value(args.output, &value, || {
        rows.iter().map(Row::human).collect()
    })?;
    if args.output == Format::Human {
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

/// One finding with its place in a file.
struct Row {
    rule: &'static str,
    severity: Severity,
    object: Option<ObjectRef>,
    pointer: String,
    file: Option<String>,
    position: Option<(usize, usize)>,
    message: String,
    hint: String,
}

fn rows(judged: &Judged) -> Vec<Row> {
    let places = judged.manifests.places();
    let found = judged.report.findings.iter().map(|finding| {
        let place = places.get(&**finding.object());
        Row {
            file: place.map(|place| place.file().to_owned()),
            position: place.map(|place| place.position(&finding.site.pointer)),
            ..Row::new(finding)
        }
    });
    let unread = judged
        .manifests
        .broken
        .iter()
        .filter(|broken| !broken.syntax)
        .map(Row::unread);
    let mut rows: Vec<_> = found.chain(unread).collect();
    rows.sort_by(|a, b| (&a.file, a.position, a.rule).cmp(&(&b.file, b.position, b.rule)));
    rows
}

impl Row {
    fn new(finding: &Finding) -> Self {
        Self {
            rule: finding.rule,
            severity: finding.severity,
            object: Some((**finding.object()).clone()),
            pointer: finding.site.pointer.clone(),
            file: None,
            position: None,
            message: finding.message.clone(),
            hint: finding.hint.clone(),
        }
    }

    fn unread(broken: &Broken) -> Self {
        Self {
            rule: "unreadable-object",
            severity: Severity::Error,
            object: None,
            pointer: String::new(),
            file: Some(broken.place.file().to_owned()),
            position: Some(broken.position),
            message: broken.reason.clone(),
            hint: "give it apiVersion, kind and metadata.name, or take it out of the folder"
                .to_owned(),
        }
    }

    fn json(&self) -> Value {
        json!({
            "rule": self.rule,
            "severity": self.severity.to_string(),
            "object": self.object.as_ref().map(output::object),
            "pointer": self.pointer,
            "file": self.file,
            "line": self.position.map(|(line, _)| line),
            "column": self.position.map(|(_, column)| column),
            "message": self.message,
            "hint": self.hint,
        })
    }

    fn human(&self) -> String {
        let place = match (&self.file, self.position) {
            (Some(file), Some((line, column))) => format!("{file}:{line}:{column}: "),
            _ => String::new(),
        };
        let object = self
            .object
            .as_ref()
            .map(|object| format!("{object}: "))
            .unwrap_or_default();
        format!(
            "{place}{} {}: {object}{}\n  hint: {}\n",
            self.severity, self.rule, self.message, self.hint
        )
    }
}
