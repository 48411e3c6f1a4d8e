//! `get hosts`.

use policy::{HostReport, Mode, Severity, Verdict};
use serde_json::{Value, json};

use super::source::Source;
use crate::globals::Globals;
use crate::output::{self, Format, table};
use crate::problem::{WORLD, say};
use crate::validity::{day, time};

/// Say for every host whether client certificates are enforced
#[derive(clap::Args)]
#[command(after_help = "Examples:
  # Every host of the cluster
  kubectl mtls get hosts -A
  # The hosts of some files, which are all there is
  kubectl mtls get hosts -f deploy -R --complete

Verdicts: enforced, open, weak (certificates optional or not verified), broken (nobody gets in),
none (nothing is said about client certificates), unknown (something named was not seen).")]
pub(crate) struct Args {
    #[command(flatten)]
    source: Source,
    /// Output format: human, wide, json, yaml or name
    #[arg(short, long, default_value = "human")]
    output: Format,
}

pub(crate) fn run(args: &Args, globals: &Globals) -> anyhow::Result<u8> {
    let judged = args.source.judge(globals)?;
    let hosts = &judged.report.hosts;
    let items: Vec<_> = hosts.iter().map(json_row).collect();
    let value = json!({"schemaVersion": 1, "items": items});
    match args.output {
        Format::Name => {
            let names: String = hosts
                .iter()
                .map(|report| format!("host/{}\n", report.host.key.host))
                .collect();
            output::bytes(names.as_bytes())?;
        }
        Format::Wide => output::bytes(wide(hosts).as_bytes())?,
        format => output::value(format, &value, || human(hosts))?,
    }
    let mut code = 0;
    for broken in &judged.manifests.broken {
        let (line, column) = broken.position;
        say(
            "error",
            &format!("{}:{line}:{column}: {}", broken.place.file(), broken.reason),
        );
        say("hint", broken.hint);
        code = WORLD;
    }
    Ok(code)
}

fn json_row(report: &HostReport) -> Value {
    let key = &report.host.key;
    let findings = report.findings.iter().map(|finding| {
        json!({"rule": finding.rule, "severity": finding.severity.to_string(),
            "message": finding.message, "object": output::object(finding.object()),
            "pointer": finding.site.pointer})
    });
    json!({"host": key.host, "gateway": key.gateway.dialect, "instance": key.gateway.instance,
        "verdict": report.verdict.to_string(), "demand": demand(report),
        "refusedBy": refused_by(report), "caUntil": ca_until(report).map(time), "unseen": report.host.unseen(),
        "findings": findings.collect::<Vec<_>>()})
}

fn human(hosts: &[HostReport]) -> String {
    let rows = hosts.iter().map(|report| {
        let key = &report.host.key;
        [
            key.host.clone(),
            key.gateway.dialect.to_owned(),
            key.gateway.instance.clone(),
            report.verdict.to_string(),
            why(report),
        ]
    });
    table(
        ["HOST", "GATEWAY", "INSTANCE", "VERDICT", "WHY"],
        rows.collect(),
    )
}

fn wide(hosts: &[HostReport]) -> String {
    let rows = hosts.iter().map(|report| {
        let key = &report.host.key;
        [
            key.host.clone(),
            key.gateway.dialect.to_owned(),
            key.gateway.instance.clone(),
            report.verdict.to_string(),
            demand(report).to_owned(),
            refused_by(report).unwrap_or("-").to_owned(),
            ca_until(report).map_or_else(|| "-".to_owned(), day),
            why(report),
        ]
    });
    let header = [
        "HOST",
        "GATEWAY",
        "INSTANCE",
        "VERDICT",
        "DEMAND",
        "REFUSED BY",
        "CA UNTIL",
        "WHY",
    ];
    table(header, rows.collect())
}

/// The weakest demand in force, in one word.
fn demand(report: &HostReport) -> &'static str {
    let modes = report.host.modes.iter().map(|(mode, ..)| *mode);
    match modes.min() {
        None => "-",
        Some(Mode::Off) => "off",
        Some(Mode::OptionalUnverified) => "optional, unverified",
        Some(Mode::Optional) => "optional",
        Some(Mode::Unverified) => "any certificate",
        Some(Mode::Required) => "required",
    }
}

/// How a stranger is refused, where one is.
fn refused_by(report: &HostReport) -> Option<&'static str> {
    let refused = matches!(report.verdict, Verdict::Enforced | Verdict::Weak);
    let dialect = policy::dialect::by_id(report.host.key.gateway.dialect)?;
    refused.then_some(dialect.refuses)
}

/// When the first of the host's CAs ends.
fn ca_until(report: &HostReport) -> Option<i64> {
    let cas = report.host.trust.iter().flat_map(|used| used.anchors());
    cas.map(|ca| ca.not_after).min()
}

/// The worst finding, or what was not seen.
fn why(report: &HostReport) -> String {
    let worst = report
        .findings
        .iter()
        .max_by_key(|finding| finding.severity);
    let unseen = report.host.unseen().into_iter().next();
    match (unseen, worst) {
        (Some(unseen), _) => format!("not seen: {unseen}"),
        (None, Some(finding)) if finding.severity > Severity::Info => finding.rule.to_owned(),
        _ => "-".to_owned(),
    }
}
