//! `status` of policies and exceptions: a calculation from the hosts as they are.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::applied::{Applied, Spared};
use super::fault::{Fault, time};
use super::spec::PolicyDemand;
use super::{Exception, Policy};
use crate::check::HostReport;
use crate::host::Host;

/// So many hosts are named; the count tells of the rest.
const NAMED: usize = 20;
/// So many other policies, or hosts of one, are named in a message.
const FEW: usize = 5;
/// A condition's message is not longer (`meta/v1`, `Condition`).
const LONGEST: usize = 32_768;

/// How the hosts of a policy are.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PolicyStatus {
    /// The generation of the policy that this speaks of.
    pub observed_generation: i64,
    /// How many hosts it matches, those that are spared not among them.
    pub matched_hosts: u32,
    /// How many hosts are spared by exceptions.
    pub spared_hosts: u32,
    /// How many hosts fall short.
    pub short_hosts: u32,
    /// The first twenty of them.
    pub short: Vec<ShortHost>,
    /// Accepted, ResolvedRefs, Compliant and Conflicting.
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
}

/// A host that falls short.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ShortHost {
    /// The host.
    pub host: String,
    /// The kind of gateway.
    pub gateway: String,
    /// Its instance.
    pub instance: String,
    /// The rules that say so.
    pub rules: Vec<String>,
    /// The first reason.
    pub message: String,
}

/// What an exception does.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ExceptionStatus {
    /// The generation of the exception that this speaks of.
    pub observed_generation: i64,
    /// How many hosts it spares.
    pub spared_hosts: u32,
    /// Active.
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
}

/// One aspect of a status, as in every API of Kubernetes.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("required" = ["type", "status"]))]
pub struct Condition {
    /// The aspect.
    pub r#type: String,
    /// True, False or Unknown.
    pub status: String,
    /// Why, in one word.
    pub reason: String,
    /// Why, for people.
    pub message: String,
    /// When the status became what it is (RFC 3339).
    #[schemars(extend("format" = "date-time"))]
    pub last_transition_time: String,
    /// The generation of the object that this speaks of.
    pub observed_generation: i64,
}

/// Conditions in the making.
struct Conditions<'a> {
    previous: &'a [Condition],
    generation: i64,
    now: i64,
    made: Vec<Condition>,
}

impl Conditions<'_> {
    /// The time stays as long as the status does.
    fn add(&mut self, name: &str, status: &str, reason: &str, message: String) {
        let before = self.previous.iter().find(|one| one.r#type == name);
        let kept =
            before.filter(|one| one.status == status && !one.last_transition_time.is_empty());
        self.made.push(Condition {
            r#type: name.to_owned(),
            status: status.to_owned(),
            reason: reason.to_owned(),
            message: message.chars().take(LONGEST).collect(),
            last_transition_time: kept
                .map_or_else(|| time(self.now), |one| one.last_transition_time.clone()),
            observed_generation: self.generation,
        });
    }

    fn accepted(&mut self, faults: &[Fault]) {
        let texts = faults.iter();
        let texts = texts.map(|one| format!("{} {}", crate::field(&one.pointer), one.reason));
        let texts: Vec<_> = texts.collect();
        match texts.is_empty() {
            true => self.add("Accepted", "True", "Valid", "it is understood".to_owned()),
            false => self.add("Accepted", "False", "Invalid", texts.join("; ")),
        }
    }
}

/// The status of a policy from every host that it matches, and the status that it had.
pub fn status(
    policy: &Policy,
    generation: i64,
    hosts: &[HostReport],
    previous: &PolicyStatus,
    now: i64,
) -> PolicyStatus {
    let matched: Vec<_> = hosts
        .iter()
        .filter_map(|report| Some((&report.host, of(policy, &report.host)?)))
        .collect();
    let (holding, spared): (Vec<_>, Vec<_>) = matched.iter().partition(|(_, one)| one.holds());
    let short: Vec<_> = holding
        .iter()
        .filter_map(|(host, one)| short(host, one, now))
        .collect();
    let unsure = holding
        .iter()
        .filter(|(host, one)| !host.unseen().is_empty() || !one.knows_cas());
    let unsure: Vec<_> = unsure.map(|(host, _)| host.key.host.as_str()).collect();
    let mut conditions = Conditions {
        previous: &previous.conditions,
        generation,
        now,
        made: Vec::new(),
    };
    conditions.accepted(&policy.faults);
    resolved(&mut conditions, policy, &matched);
    match policy.spec {
        Some(_) => compliant(&mut conditions, holding.len(), short.len(), &unsure),
        None => {
            let text = "it cannot be read, and does not hold".to_owned();
            conditions.add("Compliant", "Unknown", "Invalid", text);
        }
    }
    conflicting(&mut conditions, policy, &holding);
    PolicyStatus {
        observed_generation: generation,
        matched_hosts: count(holding.len()),
        spared_hosts: count(spared.len()),
        short_hosts: count(short.len()),
        short: short.into_iter().take(NAMED).collect(),
        conditions: conditions.made,
    }
}

fn of<'a>(policy: &Policy, host: &'a Host) -> Option<&'a Applied> {
    let mut applied = host.policies.iter();
    applied.find(|one| one.policy.name() == policy.name())
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn short(host: &Host, applied: &Applied, now: i64) -> Option<ShortHost> {
    let shortfalls = host.shortfalls(applied, now);
    let rules: BTreeSet<_> = shortfalls.iter().map(|one| one.rule.to_owned()).collect();
    Some(ShortHost {
        host: host.key.host.clone(),
        gateway: host.key.gateway.dialect.to_owned(),
        instance: host.key.gateway.instance.clone(),
        rules: rules.into_iter().collect(),
        message: shortfalls
            .first()
            .map(|one| format!("the policy {} ({})", one.what, one.site.object))?,
    })
}

/// Whether the Secrets are there; a policy that names none has no such condition.
fn resolved(conditions: &mut Conditions<'_>, policy: &Policy, matched: &[(&Host, &Applied)]) {
    let trust = policy.spec.as_ref().and_then(|spec| spec.trust.as_ref());
    if trust.is_none_or(|trust| trust.secrets.is_empty()) {
        return;
    }
    let missing = matched.iter().flat_map(|(_, one)| &one.missing);
    let missing: BTreeSet<_> = missing
        .map(|secret| format!("Secret {secret} does not exist"))
        .collect();
    let unseen = matched.iter().flat_map(|(_, one)| &one.unseen);
    let unseen: BTreeSet<_> = unseen.map(|what| format!("not seen: {what}")).collect();
    let joined = |texts: BTreeSet<String>| texts.into_iter().collect::<Vec<_>>().join("; ");
    let name = "ResolvedRefs";
    if matched.is_empty() {
        let text = "no host matches, and nothing was looked up".to_owned();
        conditions.add(name, "Unknown", "NoHosts", text);
    } else if !missing.is_empty() {
        conditions.add(name, "False", "SecretNotFound", joined(missing));
    } else if !unseen.is_empty() {
        conditions.add(name, "Unknown", "NotSeen", joined(unseen));
    } else {
        let text = "every Secret was found".to_owned();
        conditions.add(name, "True", "Found", text);
    }
}

fn compliant(conditions: &mut Conditions<'_>, all: usize, short: usize, unsure: &[&str]) {
    let name = "Compliant";
    if short > 0 {
        let text = format!("{short} of {all} hosts fall short");
        conditions.add(name, "False", "HostsFallShort", text);
    } else if !unsure.is_empty() {
        let text = format!("not judged for what was not seen: {}", few(unsure));
        conditions.add(name, "Unknown", "NotSeen", text);
    } else if all == 0 {
        conditions.add(name, "True", "NoHosts", "no host matches".to_owned());
    } else {
        let text = format!("all {all} hosts comply");
        conditions.add(name, "True", "AllHosts", text);
    }
}

/// Names the first of them.
fn few(names: &[&str]) -> String {
    let more = names.len().saturating_sub(FEW);
    let mut text = names[..names.len() - more].join(", ");
    if more > 0 {
        text.push_str(&format!(" and {more} more"));
    }
    text
}

fn conflicting(conditions: &mut Conditions<'_>, policy: &Policy, holding: &[(&Host, &Applied)]) {
    let mut conflicts: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for (host, own) in holding {
        let others = host.policies_in_force();
        let others = others.filter(|other| other.policy.name() != policy.name());
        for text in others.flat_map(|other| disagreements(own, other)) {
            conflicts.entry(text).or_default().push(&host.key.host);
        }
    }
    let texts = conflicts.iter().take(FEW);
    let texts = texts.map(|(text, hosts)| format!("{text} ({})", few(hosts)));
    let texts: Vec<_> = texts.collect();
    let name = "Conflicting";
    match texts.is_empty() {
        true => {
            let text = "no other policy says otherwise".to_owned();
            conditions.add(name, "False", "NoConflict", text);
        }
        false => conditions.add(name, "True", "StricterHolds", texts.join("; ")),
    }
}

/// In what another policy for the same host differs, and what holds.
fn disagreements(own: &Applied, other: &Applied) -> Vec<String> {
    let (Some(mine), Some(theirs)) = (&own.policy.spec, &other.policy.spec) else {
        return Vec::new();
    };
    let name = other.policy.name();
    let mut texts = Vec::new();
    let word = |demand| match demand {
        PolicyDemand::Optional => "optional",
        PolicyDemand::Required => "required",
    };
    if mine.demand != theirs.demand {
        texts.push(format!(
            "policy {name} says {}, this one {}: required holds",
            word(theirs.demand),
            word(mine.demand)
        ));
    }
    if mine.action != theirs.action {
        texts.push(format!(
            "policy {name} says {:?}, this one {:?}: what falls short of both has the action {:?}",
            theirs.action,
            mine.action,
            mine.action.max(theirs.action)
        ));
    }
    let known = |one: &Applied| one.knows_cas() && !one.allowed.is_empty();
    if known(own) && known(other) && own.allowed.is_disjoint(&other.allowed) {
        texts.push(format!(
            "policy {name} allows other CAs, and none that this one allows: no CA can meet both"
        ));
    }
    texts
}

/// The status of an exception from every host, and the status that it had.
pub fn exception_status(
    exception: &Exception,
    generation: i64,
    hosts: &[HostReport],
    previous: &ExceptionStatus,
    now: i64,
) -> ExceptionStatus {
    let by_it = |applied: &Applied| matches!(&applied.spared, Spared::By(by) if by.name() == exception.name());
    let spared = hosts
        .iter()
        .filter(|report| report.host.policies.iter().any(by_it));
    let spared = spared.count();
    let mut conditions = Conditions {
        previous: &previous.conditions,
        generation,
        now,
        made: Vec::new(),
    };
    conditions.accepted(&exception.faults);
    let end = time(exception.end);
    if exception.spec.is_none() {
        let text = "it cannot be read, and spares nobody".to_owned();
        conditions.add("Active", "False", "Invalid", text);
    } else if exception.has_ended(now) {
        let text = format!("it ended at {end}");
        conditions.add("Active", "False", "Ended", text);
    } else {
        let text = format!("it spares {spared} hosts until {end}");
        conditions.add("Active", "True", "Lasts", text);
    }
    ExceptionStatus {
        observed_generation: generation,
        spared_hosts: count(spared),
        conditions: conditions.made,
    }
}
