//! Runs the rules: over one host, or over everything in a view.

use std::collections::HashSet;
use std::sync::Arc;

use crate::fact::Remark;
use crate::finding::Finding;
use crate::gateway::HostKey;
use crate::host::{Host, Verdict};
use crate::rule::{RULES, Subject};
use crate::view::View;
use crate::{ObjectRef, Site, client_auth_policy, dialect};

/// A host with its verdict and the findings that explain it.
#[derive(Clone, Debug)]
pub struct HostReport {
    /// What a stranger meets.
    pub host: Host,
    /// The answer.
    pub verdict: Verdict,
    /// The findings of this host.
    pub findings: Vec<Finding>,
    /// Defaults that the verdict rests on, where somebody asked for them ([`crate::assume`]).
    pub assumed: Vec<&'static str>,
}

/// Everything there is to say about a view.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Every host, in order.
    pub hosts: Vec<HostReport>,
    /// Every finding once, in order of object and place.
    pub findings: Vec<Finding>,
    /// Objects that ask `lint` to be silent, and about what, as it stands.
    pub ignores: Vec<(Arc<ObjectRef>, String)>,
}

/// The findings of one host.
pub fn check_host(host: &Host, now: i64) -> Vec<Finding> {
    let mut findings = run(&Subject {
        host: Some(host),
        remarks: &host.remarks,
        now,
    });
    for finding in &mut findings {
        if !client_auth_policy::shortfall::RULES.contains(&finding.rule) {
            finding.severity = host.severity(finding.rule, finding.severity);
        }
    }
    findings
}

/// The findings that are remarked of an object, whether it opens a host or not.
pub fn check_remarks(remarks: &[Remark], now: i64) -> Vec<Finding> {
    run(&Subject {
        host: None,
        remarks,
        now,
    })
}

fn run(subject: &Subject<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for rule in RULES {
        (rule.check)(subject, &mut findings);
    }
    distinct(findings)
}

/// Settles and checks one host.
fn check_key(key: &HostKey, view: &View<'_>, now: i64) -> HostReport {
    let host = dialect::settle(key, view);
    HostReport {
        verdict: host.verdict(),
        findings: check_host(&host, now),
        assumed: Vec::new(),
        host,
    }
}

/// Settles and checks every host, and passes on what is remarked of objects without one.
pub fn report(view: &View<'_>, now: i64) -> Report {
    let view = &view.clone().at(now);
    let keys = view.base().hosts();
    let reports = keys.iter().map(|key| check_key(key, view, now));
    // What opens no way in and says nothing is no host.
    let is_host = |report: &HostReport| report.host.mentioned || !report.host.doors.is_empty();
    let hosts: Vec<_> = reports.filter(is_host).collect();
    let of_hosts = hosts.iter().flat_map(|host| host.findings.iter().cloned());
    let mut on_hosts: Vec<_> = of_hosts.collect();
    // What a policy makes of one host may be more than what is made of another at the same place.
    on_hosts.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    let remarks: Vec<Remark> = view
        .base()
        .objects()
        .flat_map(|facts| facts.remarks.iter().cloned())
        .chain(view.policies().remarks(now))
        .collect();
    let elsewhere = check_remarks(&remarks, now);
    let mut findings = distinct(on_hosts.into_iter().chain(elsewhere).collect());
    findings.sort_by(|a, b| (&a.site, a.rule).cmp(&(&b.site, b.rule)));
    let ignores = view.base().objects().filter_map(|facts| {
        let ignore = facts.ignore.clone()?;
        Some((Arc::clone(&facts.object), ignore))
    });
    Report {
        hosts,
        findings,
        ignores: ignores.collect(),
    }
}

/// The first finding of each rule at each place.
fn distinct(findings: Vec<Finding>) -> Vec<Finding> {
    let mut seen: HashSet<(&'static str, String, usize)> = HashSet::new();
    let key = |finding: &Finding| {
        let Site { object, pointer } = &finding.site;
        let place = format!("{}\n{pointer}\n{}", object, object.api_version);
        (finding.rule, place, 0)
    };
    findings
        .into_iter()
        .filter(|finding| seen.insert(key(finding)))
        .collect()
}

impl Report {
    /// The Secrets that must be fetched before the answers can be had.
    pub fn wanted(&self) -> std::collections::BTreeSet<crate::SecretRef> {
        self.hosts
            .iter()
            .flat_map(|report| report.host.wanted.iter().cloned())
            .collect()
    }

    /// How many hosts have each verdict.
    pub fn count(&self, verdict: Verdict) -> usize {
        self.hosts
            .iter()
            .filter(|report| report.verdict == verdict)
            .count()
    }
}
