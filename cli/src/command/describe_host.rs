//! `describe host`: which objects decide about a host, and what would make it enforced.

mod chain;

use std::cmp::Reverse;

use policy::{Admits, Because, Door, HostReport, Lookup, Site, TrustUse, Verdict};
use serde_json::{Value, json};

use super::policies;
use super::source::Source;
use crate::globals::Globals;
use crate::output::{self, Format};
use crate::problem::Problem;
use crate::validity::day;

/// How wide labels are.
const LABEL: usize = 16;

/// Tell which objects decide about a host, and what would make it enforced
#[derive(clap::Args)]
#[command(after_help = "Examples:
  kubectl mtls describe host api.example.com -A
  kubectl mtls describe host api.example.com -f deploy -R --complete")]
pub(crate) struct Args {
    /// The host, as `get hosts` shows it, or a name that a wildcard covers
    host: String,
    /// Output format: human, json or yaml
    #[arg(short, long, default_value = "human")]
    output: Format,
    #[command(flatten)]
    source: Source,
}

pub(crate) fn run(args: &Args, globals: &Globals) -> anyhow::Result<u8> {
    let judged = args.source.judge(globals)?;
    let found = covering(&judged.report.hosts, &args.host.to_lowercase());
    if found.is_empty() {
        return Err(Problem::world(format!("no route opens host {}", args.host))
            .hint("`kubectl mtls get hosts` lists the hosts; add -A for all namespaces"));
    }
    let items: Vec<_> = found.iter().map(|report| value(report)).collect();
    output::story(
        args.output,
        &json!({"schemaVersion": 1, "items": items}),
        LABEL,
        || {
            let texts = found.iter().map(|report| text(report, &args.host));
            texts.collect::<Vec<_>>().join("\n")
        },
    )?;
    Ok(0)
}

/// The hosts of that name; of a gateway without it, the wildcard that covers it; where there is
/// neither, the one for every name.
fn covering<'a>(hosts: &'a [HostReport], name: &str) -> Vec<&'a HostReport> {
    let named = |name: &str| -> Vec<&HostReport> {
        let named = hosts.iter().filter(|report| report.host.key.host == name);
        named.collect()
    };
    let mut found = named(name);
    if let Some((_, parent)) = name.split_once('.') {
        let others = named(&format!("*.{parent}")).into_iter().filter(|wild| {
            let gateway = &wild.host.key.gateway;
            !found.iter().any(|exact| exact.host.key.gateway == *gateway)
        });
        let others: Vec<_> = others.collect();
        found.extend(others);
    }
    if found.is_empty() { named("*") } else { found }
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
                "key": ca.key.to_string(), "notAfter": crate::validity::time(ca.not_after),
                "sha256": ca.fingerprint_hex()})).collect::<Vec<_>>()})
    });
    let findings = report.findings.iter().map(|finding| {
        json!({"rule": finding.rule, "severity": finding.severity.to_string(),
            "message": finding.message, "hint": finding.hint,
            "object": output::object(finding.object()), "pointer": finding.site.pointer})
    });
    let decider = chain::decider(report)
        .map(|site| json!({"object": output::object(&site.object), "pointer": site.pointer}));
    json!({"host": host.key.host, "gateway": host.key.gateway.dialect,
        "instance": host.key.gateway.instance, "verdict": report.verdict.to_string(),
        "doors": doors.collect::<Vec<_>>(), "cas": cas.collect::<Vec<_>>(),
        "objects": host.rests_on.iter().map(|object| output::object(object)).collect::<Vec<_>>(),
        "routes": chain::routes(report).map(|object| output::object(object)).collect::<Vec<_>>(),
        "decidedBy": decider, "chain": chain::chain(host), "assumed": report.assumed,
        "unseen": host.unseen(), "policies": policies::rows(report), "findings": findings.collect::<Vec<_>>(),
        "toBeEnforced": remedies(report).into_iter().next()})
}

fn text(report: &HostReport, asked: &str) -> String {
    let host = &report.host;
    let name = match host.key.host.as_str() {
        name if name == asked.to_lowercase() => name.to_owned(),
        wildcard => format!("{wildcard}, which covers {asked}"),
    };
    let gateway = format!(
        "{} ({})",
        host.key.gateway.dialect, host.key.gateway.instance
    );
    let mut lines = vec![
        line("Host", &name),
        line("Gateway", &gateway),
        line("Verdict", &report.verdict.to_string()),
    ];
    lines.extend(chain::decider(report).map(|site| line("Decided by", &place(site))));
    lines.extend(host.doors.iter().map(door));
    lines.extend(labelled("Opened by", chain::routes(report)));
    lines.extend(labelled("Chain", chain::chain(host).iter()));
    lines.extend(host.trust.iter().flat_map(trust));
    lines.extend(labelled("Policies", policies::texts(report).iter()));
    lines.extend(labelled("Not seen", host.unseen().into_iter()));
    lines.extend(labelled("Assumes", report.assumed.iter()));
    for finding in &report.findings {
        let said = format!("{} {}: {}", finding.severity, finding.rule, finding.message);
        lines.push(line("Finding", &said));
        lines.push(line("", &place(&finding.site)));
    }
    lines.extend(labelled("To be enforced", remedies(report).iter()));
    lines.concat()
}

/// A line for each; the label stands at the first.
fn labelled<T: ToString>(label: &str, texts: impl Iterator<Item = T>) -> Vec<String> {
    let labels = std::iter::once(label).chain(std::iter::repeat(""));
    texts
        .zip(labels)
        .map(|(text, label)| line(label, &text.to_string()))
        .collect()
}

/// An object and a field of it.
fn place(site: &Site) -> String {
    let place = format!("{} {}", site.object, site.pointer);
    place.trim().to_owned()
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

/// What to do, the most urgent first: the hints of the findings, what to show, or the command that
/// puts a route behind a CA.
fn remedies(report: &HostReport) -> Vec<String> {
    if report.verdict == Verdict::Enforced {
        return Vec::new();
    }
    let mut findings: Vec<_> = report.findings.iter().collect();
    findings.sort_by_key(|finding| Reverse(finding.severity));
    let mut remedies: Vec<String> = Vec::new();
    for finding in findings {
        if !remedies.contains(&finding.hint) {
            remedies.push(finding.hint.clone());
        }
    }
    if report
        .findings
        .iter()
        .any(|finding| finding.repair.is_some())
    {
        remedies.push("`kubectl mtls lint --fix -f FILE` mends what is beyond doubt".to_owned());
    }
    let unseen = report.host.unseen().into_iter();
    remedies.extend(unseen.map(|unseen| format!("show {unseen}, or judge the cluster itself")));
    if remedies.is_empty() {
        remedies.extend(chain::routes(report).next().map(|object| {
            format!(
                "`kubectl mtls protect {}/{} -n {} --trust SECRET`",
                object.kind.to_lowercase(),
                object.name,
                object.namespace
            )
        }));
    }
    remedies
}

fn admits(admits: Admits) -> &'static str {
    match admits {
        Admits::Everyone => "everyone",
        Admits::Optional => "clients without a certificate too",
        Admits::AnyCertificate => "clients with any certificate, whoever signed it",
        Admits::AnySubject => "clients with a certificate of the CA, whatever its subject",
        Admits::AnyPublic => "clients with a certificate of a public CA, which anybody can have",
        Admits::OtherCa => "clients with a certificate of another CA than the one that is named",
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
        Because::Shut => "the gateway is told to refuse every handshake here",
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
    format!("{label:<LABEL$}{text}\n")
}
