//! What the audit found, and how it goes. The replica that does not audit says nothing of hosts, or
//! they would be counted twice.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use policy::SecretRef;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::{Outcome, gauges};

/// CAs that are told apart; those that expire first.
const MOST_AUTHORITIES: usize = 500;
/// Gateway instances that are told apart: anybody who may create an Ingress can name a class.
const MOST_INSTANCES: usize = 50;

/// The state of the cluster as the last round saw it.
#[derive(Default)]
pub(crate) struct Posture {
    /// Hosts by dialect, instance and verdict.
    pub(crate) hosts: BTreeMap<(&'static str, String, &'static str), i64>,
    /// Findings by rule and severity.
    pub(crate) findings: BTreeMap<(&'static str, &'static str), i64>,
    /// Where client CAs stand, and when the first of them expires, in Unix seconds.
    pub(crate) authorities: Vec<(SecretRef, i64)>,
    /// `failurePolicy` by webhook.
    pub(crate) failure_policies: Vec<(String, String)>,
}

/// How a round went.
#[derive(Default)]
struct Last {
    posture: Posture,
    took: Duration,
    reads: i64,
    ended: i64,
}

/// What the audit found, and how it goes.
#[derive(Default)]
pub(crate) struct Audited {
    leader: Gauge,
    rounds: Family<Why, Counter>,
    reports: Family<Written, Counter>,
    events: Family<Outcome, Counter>,
    last: Mutex<Option<Last>>,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct Why {
    why: &'static str,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct Written {
    operation: &'static str,
    outcome: &'static str,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct Hosts {
    gateway: &'static str,
    instance: String,
    verdict: &'static str,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct Findings {
    rule: &'static str,
    severity: &'static str,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct Authority {
    kind: &'static str,
    namespace: String,
    name: String,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct FailurePolicy {
    webhook: String,
    policy: String,
}

impl Audited {
    /// Whether this replica audits. One that no longer does says nothing of the cluster.
    pub(crate) fn leads(&self, leads: bool) {
        self.leader.set(i64::from(leads));
        if !leads {
            *self.last() = None;
        }
    }

    /// A round ended: why it began, how long it took, and how many reads it cost.
    pub(crate) fn round(&self, why: &'static str, took: Duration, reads: usize) {
        self.rounds.get_or_create(&Why { why }).inc();
        let mut last = self.last();
        let last = last.get_or_insert_default();
        last.took = took;
        last.reads = i64::try_from(reads).unwrap_or(i64::MAX);
        last.ended = super::now();
    }

    /// What the round saw.
    pub(crate) fn set(&self, posture: Posture) {
        self.last().get_or_insert_default().posture = posture;
    }

    /// A report was written or removed.
    pub(crate) fn wrote(&self, operation: &'static str, done: bool) {
        let outcome = if done { "done" } else { "failed" };
        let written = Written { operation, outcome };
        self.reports.get_or_create(&written).inc();
    }

    /// An Event was sent, or was not.
    pub(crate) fn told(&self, outcome: &'static str) {
        self.events.get_or_create(&Outcome { outcome }).inc();
    }

    fn last(&self) -> MutexGuard<'_, Option<Last>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn register(&self, registry: &mut Registry, now: i64) {
        registry.register(
            "leader",
            "1 on the replica that audits",
            self.leader.clone(),
        );
        registry.register(
            "audit_rounds",
            "Audits ended, by what began them: start, interval, change",
            self.rounds.clone(),
        );
        registry.register(
            "reports",
            "Reports created, updated, deleted: done, failed",
            self.reports.clone(),
        );
        registry.register(
            "events",
            "Events for findings: sent, said before, gone (the object), postponed, failed",
            self.events.clone(),
        );
        if let Some(last) = self.last().as_ref() {
            register_last(registry, last);
            register_posture(registry, &last.posture, now);
        }
    }
}

fn register_last(registry: &mut Registry, last: &Last) {
    let took = Gauge::<f64, std::sync::atomic::AtomicU64>::default();
    took.set(last.took.as_secs_f64());
    registry.register(
        "audit_duration_seconds",
        "How long the last audit took, spread reads included",
        took,
    );
    let gauge = |value| {
        let gauge: Gauge = Gauge::default();
        gauge.set(value);
        gauge
    };
    registry.register(
        "audit_reads",
        "Secrets and ConfigMaps read by the last audit",
        gauge(last.reads),
    );
    registry.register(
        "audit_timestamp_seconds",
        "When the last audit ended, in Unix time",
        gauge(last.ended),
    );
}

fn register_posture(registry: &mut Registry, posture: &Posture, now: i64) {
    registry.register(
        "hosts",
        "Hosts by gateway and verdict; beyond 50 instances counted as other",
        gauges(hosts(posture)),
    );
    let findings = posture.findings.iter();
    let findings = findings.map(|((rule, severity), count)| (Findings { rule, severity }, *count));
    registry.register("findings", "Findings by rule", gauges(findings));
    registry.register(
        "ca_expiry_seconds",
        "Seconds until the first client CA of a Secret or ConfigMap expires; the 500 that expire \
             first",
        gauges(authorities(posture, now)),
    );
    let policies = posture.failure_policies.iter().flat_map(|(webhook, set)| {
        ["Fail", "Ignore"].map(|policy| {
            let labels = FailurePolicy {
                webhook: webhook.clone(),
                policy: policy.to_owned(),
            };
            (labels, i64::from(policy == set))
        })
    });
    registry.register(
        "failure_policy",
        "What the API server does when the webhook does not answer: 1 for the policy that is set",
        gauges(policies),
    );
}

/// Instances beyond the bound are counted together.
fn hosts(posture: &Posture) -> Vec<(Hosts, i64)> {
    let mut instances: Vec<_> = posture.hosts.keys().map(|(_, name, _)| name).collect();
    instances.sort_unstable();
    instances.dedup();
    instances.truncate(MOST_INSTANCES);
    let mut counts: BTreeMap<(&'static str, &str, &'static str), i64> = BTreeMap::new();
    for ((gateway, instance, verdict), count) in &posture.hosts {
        let told_apart = instances.binary_search(&instance).is_ok();
        let instance = if told_apart { instance } else { "other" };
        *counts.entry((gateway, instance, verdict)).or_default() += count;
    }
    let labelled = counts
        .into_iter()
        .map(|((gateway, instance, verdict), count)| {
            let instance = instance.to_owned();
            let labels = Hosts {
                gateway,
                instance,
                verdict,
            };
            (labels, count)
        });
    labelled.collect()
}

fn authorities(posture: &Posture, now: i64) -> Vec<(Authority, i64)> {
    let mut soonest: Vec<_> = posture.authorities.iter().collect();
    soonest.sort_by_key(|(secret, ends)| (*ends, secret));
    let labelled = soonest
        .into_iter()
        .take(MOST_AUTHORITIES)
        .map(|(secret, ends)| {
            let labels = Authority {
                kind: secret.kind(),
                namespace: secret.namespace.clone(),
                name: secret.name.clone(),
            };
            (labels, ends.saturating_sub(now))
        });
    labelled.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_bounded() {
        let hosts = (0..200).map(|i| (("traefik", format!("class-{i:03}"), "open"), 2));
        let authority = |i: i64| (SecretRef::new("shop", &format!("ca-{i}")), 10_000 - i);
        let posture = Posture {
            hosts: hosts.collect(),
            authorities: (0..2000).map(authority).collect(),
            ..Posture::default()
        };
        let hosts = super::hosts(&posture);
        assert_eq!(hosts.len(), MOST_INSTANCES + 1);
        assert_eq!(hosts.iter().map(|(_, count)| count).sum::<i64>(), 400);
        let told = authorities(&posture, 0);
        assert_eq!(told.len(), MOST_AUTHORITIES);
        // Those that expire first are told.
        assert_eq!(told[0].1, 10_000 - 1999);
    }

    #[test]
    fn who_no_longer_leads_says_nothing_of_hosts() {
        let audited = Audited::default();
        let text = || {
            let mut registry = Registry::default();
            audited.register(&mut registry, 0);
            let mut text = String::new();
            let _ = prometheus_client::encoding::text::encode(&mut text, &registry);
            text
        };
        audited.leads(true);
        let hosts = [(("traefik", "traefik".to_owned(), "open"), 1)].into();
        audited.set(Posture {
            hosts,
            ..Posture::default()
        });
        assert!(text().contains("verdict=\"open\"") && text().contains("leader 1"));
        audited.leads(false);
        assert!(!text().contains("verdict=") && text().contains("leader 0"));
    }
}
