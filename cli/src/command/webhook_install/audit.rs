//! What the webhook would refuse, were it made today.

use policy::{Finding, Report, Settings, Severity, Verdict};

use crate::cluster::Cluster;
use crate::problem::say;
use crate::validity::now;

/// So many are named; the rest is counted.
const NAMED: usize = 10;
const VERDICTS: [Verdict; 6] = [
    Verdict::Enforced,
    Verdict::Open,
    Verdict::Weak,
    Verdict::Broken,
    Verdict::None,
    Verdict::Unknown,
];

/// Reads the cluster and tells. It decides nothing: what is there stays as it is.
pub(super) async fn run(cluster: &Cluster, settings: Settings) -> anyhow::Result<()> {
    let (mut facts, _) = cluster.read(None, settings).await?;
    let report = cluster.complete(&mut facts, now()).await?;
    for (what, text) in lines(&report) {
        say(what, &text);
    }
    Ok(())
}

fn lines(report: &Report) -> Vec<(&'static str, String)> {
    let counts = VERDICTS
        .iter()
        .filter_map(|verdict| match report.count(*verdict) {
            0 => None,
            count => Some(format!("{count} {verdict}")),
        });
    let counts = match counts.collect::<Vec<_>>() {
        counts if counts.is_empty() => String::new(),
        counts => format!(" ({})", counts.join(", ")),
    };
    let errors: Vec<_> = findings(report).collect();
    let mut lines = vec![(
        "audit",
        format!(
            "{} hosts{counts}; {} findings would be refused, were they made now",
            report.hosts.len(),
            errors.len()
        ),
    )];
    for finding in errors.iter().take(NAMED) {
        let object = finding.object();
        let place = format!("{}/{} in {}", object.kind, object.name, object.namespace);
        lines.push((
            "audit",
            format!("{place}: {} [{}]", finding.message, finding.rule),
        ));
    }
    match errors.len() {
        0 => {}
        count => {
            let more = match count.saturating_sub(NAMED) {
                0 => String::new(),
                more => format!("{more} more: `kubectl mtls lint -A`. "),
            };
            lines.push((
                "audit",
                format!("{more}They stay; changes of other things are not hindered"),
            ));
        }
    }
    lines
}

fn findings(report: &Report) -> impl Iterator<Item = &Finding> {
    let errors = report.findings.iter();
    errors.filter(|finding| finding.severity == Severity::Error)
}
