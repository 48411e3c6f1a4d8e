//! The hosts, those that need somebody first.

use std::collections::BTreeMap;

use policy::{HostReport, Verdict};

use crate::command::get_hosts::{ca_until, short_demand, worst};
use crate::output::printable;
use crate::validity::{day, left};

/// The verdicts in the order of the page, each with a mark and what it means.
const VERDICTS: [(Verdict, &str, &str); 6] = [
    (
        Verdict::Open,
        "✕",
        "A request without any certificate reaches the backend, although certificates were meant.",
    ),
    (
        Verdict::Weak,
        "!",
        "Certificates are optional, or any certificate will do.",
    ),
    (Verdict::Broken, "⊘", "Nobody gets in."),
    (
        Verdict::Unknown,
        "?",
        "Something that is named was not seen and could change the answer.",
    ),
    (
        Verdict::None,
        "–",
        "Nothing is said about client certificates.",
    ),
    (
        Verdict::Enforced,
        "✓",
        "A request without an acceptable certificate never reaches the backend.",
    ),
];

/// Longer sections of hosts that need nobody are shut until one looks.
const MANY: usize = 50;

/// The hosts of one verdict.
pub(super) struct Section {
    pub(super) verdict: String,
    pub(super) mark: &'static str,
    pub(super) says: &'static str,
    pub(super) open: bool,
    pub(super) hosts: Vec<Row>,
}

/// One host.
pub(super) struct Row {
    pub(super) host: String,
    pub(super) gateway: String,
    pub(super) demand: String,
    /// The subjects of its CAs.
    pub(super) authorities: String,
    /// The day when the first of them ends, and how long that is.
    pub(super) until: Option<(String, String)>,
    /// The rule of the worst finding and its severity.
    pub(super) worst: Option<(&'static str, String)>,
    pub(super) unseen: String,
}

/// The sections; every verdict has one, so that what is not there is seen too.
pub(super) fn sections(hosts: &[HostReport], now: i64) -> Vec<Section> {
    let section = |(verdict, mark, says): (Verdict, &'static str, &'static str)| {
        let own = hosts.iter().filter(|host| host.verdict == verdict);
        let hosts: Vec<_> = own.map(|host| row(host, now)).collect();
        let calm = matches!(verdict, Verdict::None | Verdict::Enforced);
        Section {
            verdict: verdict.to_string(),
            mark,
            says,
            open: !calm || hosts.len() <= MANY,
            hosts,
        }
    };
    VERDICTS.map(section).into()
}

fn row(report: &HostReport, now: i64) -> Row {
    let gateway = &report.host.key.gateway;
    let anchors = report.host.trust.iter().flat_map(|used| used.anchors());
    let mut subjects: Vec<_> = anchors.map(|ca| ca.subject.as_str()).collect();
    subjects.dedup();
    let unseen: Vec<_> = report.host.unseen().into_iter().collect();
    Row {
        host: printable(&report.host.key.host),
        gateway: printable(&match gateway.instance.as_str() {
            instance if instance == gateway.dialect => instance.to_owned(),
            instance => format!("{} ({instance})", gateway.dialect),
        }),
        demand: short_demand(report),
        authorities: printable(&subjects.join("; ")),
        until: ca_until(report).map(|end| (day(end), left(now, end))),
        worst: worst(report).map(|finding| (finding.rule, finding.severity.to_string())),
        unseen: printable(&unseen.join(", ")),
    }
}

/// Each text once with how often it stands there, the most frequent first.
pub(super) fn counted(texts: impl Iterator<Item = String>) -> Vec<(String, usize)> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    texts.for_each(|text| *counts.entry(text).or_default() += 1);
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    counts
}
