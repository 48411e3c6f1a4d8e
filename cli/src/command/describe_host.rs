//! `describe host`: which objects decide about a host, and what would make it enforced.

use policy::{Admits, Because, Door, HostReport, Lookup, TrustUse, Verdict};
use serde_json::{Value, json};

use super::source::Source;
use crate::globals::Globals;
use crate::output::{self, Format};
use crate::problem::Problem;
use crate::validity::day;

/// Tell which objects decide about a host, and what would make it enforced
#[derive(clap::Args)]
#[command(after_help = "Examples:
  kubectl mtls describe host api.example.com -A
  kubectl mtls describe host api.example.com -f deploy -R --complete")]
pub(crate) struct Args {
    /// The host, as `get hosts` shows it
    host: String,
    #[command(flatten)]
    source: Source,
    /// Output format: human, json or yaml
    #[arg(short, long, default_value = "human")]
    output: Format,
}

pub(crate) fn run(args: &Args, globals: &Globals) -> anyhow::Result<u8> {
    let judged = args.source.judge(globals)?;
    let wanted = args.host.to_lowercase();
    let all = judged.report.hosts.iter();
    let found: Vec<_> = all
        .filter(|report| report.host.key.host == wanted)
        .collect();
    if found.is_empty() {
        let wildcard = wanted
            .split_once('.')
            .map(|(_, parent)| format!("*.{parent}"));
        let near = judged
            .report
            .hosts
            .iter()
            .map(|report| &report.host.key.host);
        let near = near.filter(|host| Some(*host) == wildcard.as_ref() || *host == "*");
        let near = near.cloned().collect::<Vec<_>>().join(", ");
        let hint = match near.as_str() {
            "" => "`kubectl mtls get hosts` lists the hosts; add -A for all namespaces".to_owned(),
            near => format!("this host covers it: {near}"),
        };
        return Err(Problem::world(format!("no route opens host {}", args.host)).hint(hint));
    }
    let items: Vec<_> = found.iter().map(|report| value(report)).collect();
    output::value(
        args.output,
        &json!({"schemaVersion": 1, "items": items}),
        || {
            let texts = found.iter().map(|report| text(report));
            texts.collect::<Vec<_>>().join("\n")
        },
    )?;
    Ok(0)
}

fn value(report: &HostReport) -> Value {
    let host = &report.host;
    let doors = host.doors.iter().map(|door| {
        json!({"entry": door.entry, "tls": !door.plain, "admits": admits(door.admits),
            "because": because(door.because), "object": output::object(&door.site.object),
            "pointer": door.site.pointer, "unseen": door.unseen})
    });
    let cas = host.trust.iter().map(|used| {
        json!({"reference": used.reference.spelt, "found": found(used),
            "certificates": used.anchors().iter().map(|ca| json!({"subject": ca.subject,
                "notAfter": crate::validity::time(ca.not_after),
                "sha256": ca.fingerprint_hex()})).collect::<Vec<_>>()})
    });
    let findings = report.findings.iter().map(|finding| {
        json!({"rule": finding.rule, "severity": finding.severity.to_string(),
            "message": finding.message, "hint": finding.hint,
            "object": output::object(finding.object()), "pointer": finding.site.pointer})
    });
    json!({"host": host.key.host, "gateway": host.key.gateway.dialect,
        "instance": host.key.gateway.instance, "verdict": report.verdict.to_string(),
        "doors": doors.collect::<Vec<_>>(), "cas": cas.collect::<Vec<_>>(),
        "objects": host.rests_on.iter().map(|object| output::object(object)).collect::<Vec<_>>(),
        "unseen": host.unseen(), "findings": findings.collect::<Vec<_>>(),
        "toBeEnforced": remedy(report)})
}

fn text(report: &HostReport) -> String {
    let host = &report.host;
    let gateway = format!(
        "{} ({})",
        host.key.gateway.dialect, host.key.gateway.instance
    );
    let mut lines = vec![
        line("Host", &host.key.host),
        line("Gateway", &gateway),
        line("Verdict", &report.verdict.to_string()),
    ];
    lines.extend(host.doors.iter().map(door));
    lines.extend(host.trust.iter().flat_map(trust));
    let options = host.options.iter().map(|state| {
        let found = match &state.found {
            Lookup::Found(option) => option.site.object.to_string(),
            Lookup::Missing => "does not exist".to_owned(),
            Lookup::Unknown(what) => format!("not seen: {what}"),
        };
        line("TLS option", &format!("{:?}: {found}", state.option.spelt))
    });
    lines.extend(options);
    lines.extend(
        host.rests_on
            .iter()
            .map(|object| line("Rests on", &object.to_string())),
    );
    lines.extend(
        host.unseen()
            .into_iter()
            .map(|unseen| line("Not seen", unseen)),
    );
    for finding in &report.findings {
        let said = format!("{} {}: {}", finding.severity, finding.rule, finding.message);
        lines.push(line("Finding", &said));
        let place = format!("{} {}", finding.site.object, finding.site.pointer);
        lines.push(line("", place.trim()));
    }
    if let Some(remedy) = remedy(report) {
        lines.push(line("To be enforced", &remedy));
    }
    lines.concat()
}

fn door(door: &Door) -> String {
    let over = if door.plain { "plain HTTP" } else { "TLS" };
    let unseen = match &door.unseen {
        Some(unseen) => format!(", unless {unseen} says otherwise"),
        None => String::new(),
    };
    let said = format!(
        "{} ({over}): {}, because {} ({}){unseen}",
        door.entry,
        admits(door.admits),
        because(door.because),
        door.site.object
    );
    line("Door", &said)
}

fn trust(used: &TrustUse) -> Vec<String> {
    let said = format!("{:?}: {}", used.reference.spelt, found(used));
    let mut lines = vec![line("CA", &said)];
    lines.extend(used.anchors().iter().map(|ca| {
        line(
            "",
            &format!("{}, {}, until {}", ca.subject, ca.key, day(ca.not_after)),
        )
    }));
    lines
}

fn found(used: &TrustUse) -> String {
    match &used.found {
        Lookup::Found(bundle) => bundle.object.to_string(),
        Lookup::Missing => "does not exist".to_owned(),
        Lookup::Unknown(what) => format!("not seen: {what}"),
    }
}

/// What to do about the worst finding, or about a host of which nothing is said.
fn remedy(report: &HostReport) -> Option<String> {
    if report.verdict == Verdict::Enforced {
        return None;
    }
    let worst = report
        .findings
        .iter()
        .max_by_key(|finding| finding.severity);
    if let Some(worst) = worst {
        return Some(worst.hint.clone());
    }
    if let Some(unseen) = report.host.unseen().into_iter().next() {
        return Some(format!("show {unseen}, or judge the cluster itself"));
    }
    let door = report.host.doors.first()?;
    let object = &door.site.object;
    Some(format!(
        "`kubectl mtls protect {}/{} -n {} --trust SECRET`",
        object.kind.to_lowercase(),
        object.name,
        object.namespace
    ))
}

fn admits(admits: Admits) -> &'static str {
    match admits {
        Admits::Everyone => "everyone",
        Admits::Optional => "clients without a certificate too",
        Admits::AnyCertificate => "clients with any certificate, whoever signed it",
        Admits::AnySubject => "clients with a certificate of the CA, whatever its subject",
        Admits::AnyPublic => "clients with a certificate of a public CA, which anybody can have",
        Admits::Trusted => "clients with a certificate of the CA",
        Admits::Nobody => "nobody",
        Admits::Redirected => "nobody, sent to HTTPS",
    }
}

fn because(because: Because) -> &'static str {
    match because {
        Because::Demanded => "a demand is in force",
        Because::NothingSaid => "nothing is demanded here",
        Because::TurnedOff => "the demand says that nobody is asked",
        Because::PlainHttp => "it does without TLS",
        Because::Passthrough => "TLS goes through to the backend",
        Because::FellBack => "the route fell back to the gateway's default option",
        Because::BrokenReference => "a reference is broken",
        Because::Dropped => "the gateway does not load the object",
        Because::ErrorPage => "refused clients are shown a page of the backend",
        Because::FutileCa => "no certificate can verify against the CAs",
        Because::Flaw => "a known flaw of the gateway's version lets them through",
    }
}

fn line(label: &str, text: &str) -> String {
    let label = match label {
        "" => String::new(),
        label => format!("{label}:"),
    };
    format!("{label:<16}{text}\n")
}
