//! `get hosts`.

use policy::{Finding, HostReport, Mode, Severity, Verdict};
use serde::ser::{Serialize, SerializeMap as _, Serializer};
use serde_json::{Value, json};

use super::policies;
use super::source::Source;
use crate::globals::Globals;
use crate::output::{self, Format, table};
use crate::problem::{WORLD, say};
use crate::validity::{day, left, now, time};

/// How the cell begins that names what was not seen.
const UNSEEN: &str = "not seen: ";

/// Say for every host whether client certificates are enforced
#[derive(clap::Args)]
#[command(after_help = "Examples:
  # Every host of the cluster
  kubectl mtls get hosts -A
  # The hosts of some files, which are all there is
  kubectl mtls get hosts -f deploy -R --complete

DEMAND is what clients are asked for, and after the slash how a stranger is
refused: in the TLS handshake, or with an HTTP status. CA is how long the first
of the client CAs lives; -o wide names it and tells the day.

Verdicts: enforced, open, weak (certificates optional or not verified), broken
(nobody gets in), none (nothing is said about client certificates), unknown
(something named was not seen).")]
pub(crate) struct Args {
    /// Output format: human, wide, json, yaml or name
    #[arg(short, long, default_value = "human")]
    output: Format,
    #[command(flatten)]
    source: Source,
}

pub(crate) fn run(args: &Args, globals: &Globals) -> anyhow::Result<u8> {
    let judged = args.source.judge(globals)?;
    let hosts = &judged.report.hosts;
    match args.output {
        Format::Human | Format::Wide if hosts.is_empty() => {
            say(
                "note",
                &args.source.nothing("no route opens a host", globals),
            );
        }
        Format::Name => {
            let names: String = hosts
                .iter()
                .map(|report| format!("host/{}\n", report.host.key.host))
                .collect();
            output::bytes(names.as_bytes())?;
        }
        Format::Wide => output::bytes(wide(hosts).as_bytes())?,
        format => output::value(format, &Rows(hosts), || human(hosts, now()))?,
    }
    if matches!(args.output, Format::Human | Format::Wide) {
        judged.say_assumed();
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

/// The hosts as data, each made as it is written.
struct Rows<'a>(&'a [HostReport]);

impl Serialize for Rows<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("items", &Items(self.0))?;
        map.serialize_entry("schemaVersion", &1)?;
        map.end()
    }
}

struct Items<'a>(&'a [HostReport]);

impl Serialize for Items<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(json_row))
    }
}

pub(super) fn json_row(report: &HostReport) -> Value {
    let key = &report.host.key;
    let findings = report.findings.iter().map(|finding| {
        json!({"rule": finding.rule, "severity": finding.severity.to_string(),
            "message": finding.message, "object": output::object(finding.object()),
            "pointer": finding.site.pointer})
    });
    json!({"host": key.host, "gateway": key.gateway.dialect, "instance": key.gateway.instance,
        "verdict": report.verdict.to_string(), "demand": demand(report),
        "refusedBy": refused_by(report), "caUntil": ca_until(report).map(time), "ca": cas(report),
        "assumed": report.assumed, "unseen": report.host.unseen(),
        "policies": policies::rows(report),
        "findings": findings.collect::<Vec<_>>()})
}

/// The client CAs that are trusted at the host.
fn cas(report: &HostReport) -> Vec<Value> {
    let anchors = report.host.trust.iter().flat_map(|used| {
        let anchors = used.anchors().iter();
        anchors.map(|ca| {
            json!({"reference": used.reference.spelt, "subject": ca.subject,
                "notAfter": time(ca.not_after), "sha256": ca.fingerprint_hex()})
        })
    });
    anchors.collect()
}

fn human(hosts: &[HostReport], now: i64) -> String {
    let rows = hosts.iter().map(|report| {
        let key = &report.host.key;
        [
            key.host.clone(),
            key.gateway.instance.clone(),
            report.verdict.to_string(),
            short_demand(report),
            ca_until(report).map_or_else(|| "-".to_owned(), |end| left(now, end)),
            why(report),
        ]
    });
    let header = ["HOST", "GATEWAY", "VERDICT", "DEMAND", "CA", "FINDING"];
    table(header, rows.collect())
}

/// What is asked, and how a stranger is refused.
pub(super) fn short_demand(report: &HostReport) -> String {
    let demand = match weakest(report) {
        Some(Mode::OptionalUnverified) => "unverified",
        Some(Mode::Unverified) => "any-cert",
        _ => demand(report),
    };
    match refused_by(report) {
        Some(refuses) => {
            let short = refuses.replace("TLS handshake", "TLS");
            let short = short.replace("HTTP ", "").replace(" or ", ",");
            format!("{demand}/{short}")
        }
        None => demand.to_owned(),
    }
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
            subjects(report),
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
        "CA",
        "FINDING",
    ];
    output::whole_table(header, rows.collect())
}

/// The subjects of the client CAs.
fn subjects(report: &HostReport) -> String {
    let cas = report.host.trust.iter().flat_map(|used| used.anchors());
    let mut subjects: Vec<_> = cas.map(|ca| ca.subject.to_string()).collect();
    subjects.dedup();
    match subjects.is_empty() {
        true => "-".to_owned(),
        false => subjects.join("; "),
    }
}

/// The weakest demand in force.
fn weakest(report: &HostReport) -> Option<Mode> {
    let modes = report.host.modes.iter().map(|(mode, ..)| *mode);
    modes.min()
}

/// The same in one word.
fn demand(report: &HostReport) -> &'static str {
    match weakest(report) {
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
pub(super) fn ca_until(report: &HostReport) -> Option<i64> {
    let cas = report.host.trust.iter().flat_map(|used| used.anchors());
    cas.map(|ca| ca.not_after).min()
}

/// The worst finding, or what was not seen.
fn why(report: &HostReport) -> String {
    let unseen = report.host.unseen().into_iter().next();
    match (unseen, worst(report)) {
        (Some(unseen), _) => format!("{UNSEEN}{unseen}"),
        (None, Some(finding)) => finding.rule.to_owned(),
        (None, None) => "-".to_owned(),
    }
}

/// The worst finding, if one is more than good to know.
pub(super) fn worst(report: &HostReport) -> Option<&Finding> {
    let findings = report.findings.iter();
    let worst = findings.max_by_key(|finding| finding.severity);
    worst.filter(|finding| finding.severity > Severity::Info)
}
