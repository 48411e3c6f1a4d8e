//! What a change comes to: what it introduces, sorted into denials and warnings.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use policy::{Admits, Finding, Host, HostReport, ObjectRef, SecretRef, Severity, Site, Verdict};

use crate::review::Answer;

/// So many findings say enough; further hosts are not settled once there are so many denials.
pub(super) const ENOUGH: usize = 10;

/// The rule that speaks where a host is opened.
const CLIENT_AUTH_OFF: &str = "client-auth-off";

/// What a change comes to.
pub(super) struct Judged<'a> {
    /// Reasons to refuse it.
    pub(super) denials: Vec<Charge>,
    /// How often it is to be refused; one sin counts for each host.
    pub(super) refusals: usize,
    /// Hosts that were not settled.
    pub(super) more: usize,
    warnings: Vec<Charge>,
    notes: BTreeSet<String>,
    /// Rules of findings that a policy only audits.
    pub(super) audited: BTreeSet<&'static str>,
    only_warn: &'a [&'static str],
    object: Arc<ObjectRef>,
    removes: bool,
}

/// A finding that a change introduces.
pub(super) struct Charge {
    finding: Finding,
    /// Empty: the object opens no host.
    host: String,
    /// Whether a policy of the cluster decides about it.
    pub(super) governed: bool,
    /// Every object that it rests on.
    pub(super) rests_on: BTreeSet<Arc<ObjectRef>>,
}

impl<'a> Judged<'a> {
    /// Nothing yet; the rules of `only_warn` never deny. What the change of the object removes, if
    /// it does, is refused only where it opens a host.
    pub(super) fn new(
        only_warn: &'a [&'static str],
        object: Arc<ObjectRef>,
        removes: bool,
    ) -> Self {
        Self {
            denials: Vec::new(),
            refusals: 0,
            more: 0,
            warnings: Vec::new(),
            notes: BTreeSet::new(),
            audited: BTreeSet::new(),
            only_warn,
            object,
            removes,
        }
    }

    /// What is after the change and was not before it.
    pub(super) fn compare(&mut self, old: &HostReport, new: &HostReport) {
        // What was a warning and is an error now is new.
        let known = |finding: &&Finding| {
            let same =
                |old: &Finding| old.key() == finding.key() && old.severity >= finding.severity;
            old.findings.iter().any(same)
        };
        let introduced = new.findings.iter().filter(|finding| !known(finding));
        let opened = opens(old.verdict, new);
        let rests_on: BTreeSet<_> = new
            .host
            .rests_on
            .union(&old.host.rests_on)
            .cloned()
            .collect();
        let left_open = opened.then(|| self.left_open(old, new)).flatten();
        for finding in introduced.cloned().chain(left_open) {
            let governed = new.host.is_governed(finding.rule);
            if governed && finding.severity == Severity::Info {
                self.audited.insert(finding.rule);
                continue;
            }
            // A removal is refused for less only where a policy says so.
            let matters = !self.removes || opened || governed;
            let charge = Charge {
                host: new.host.key.host.clone(),
                governed,
                rests_on: rests_on.clone(),
                finding,
            };
            self.push(
                charge.finding.severity == Severity::Error && matters,
                charge,
            );
        }
        if new.verdict == Verdict::Unknown && old.verdict != Verdict::Unknown {
            self.notes.insert(not_seen(&new.host));
        }
    }

    /// That a change opens a host has no finding of its own where nothing is left to point at.
    fn left_open(&self, old: &HostReport, new: &HostReport) -> Option<Finding> {
        let (host, verdict) = (&new.host.key.host, new.verdict);
        let message = match self.removes {
            true => format!("without it {host} is {verdict} (it was {})", old.verdict),
            false if verdict == Verdict::None => format!(
                "nothing asks for client certificates any more ({host} was {})",
                old.verdict
            ),
            false => return None,
        };
        Some(Finding {
            rule: CLIENT_AUTH_OFF,
            severity: new.host.severity(CLIENT_AUTH_OFF, Severity::Error),
            site: Site::new(&self.object, ""),
            message,
            hint: "protect the host in another way first, or remove its routes".to_owned(),
            repair: None,
        })
    }

    /// Mistakes in an object that opens no host.
    pub(super) fn remark(&mut self, findings: Vec<Finding>) {
        for finding in findings {
            let charge = Charge {
                host: String::new(),
                governed: false,
                rests_on: BTreeSet::new(),
                finding,
            };
            self.push(charge.finding.severity == Severity::Error, charge);
        }
    }

    fn push(&mut self, denies: bool, charge: Charge) {
        let denies = denies && !self.only_warn.contains(&charge.finding.rule);
        let list = match denies {
            true => &mut self.denials,
            false => &mut self.warnings,
        };
        // What one host rests on is not what another does, though the same is said of both.
        let known = list.iter().any(|known| {
            known.finding.key() == charge.finding.key() && (!denies || known.host == charge.host)
        });
        self.refusals += usize::from(denies);
        // No more warnings than are shown: an object can have thousands.
        if !known && (denies || list.len() < ENOUGH) {
            list.push(charge);
        }
    }

    /// A denial that rests on something that could not be read becomes a warning.
    pub(super) fn spare(
        &mut self,
        unread: &BTreeMap<Arc<ObjectRef>, String>,
        unread_policies: Option<&str>,
    ) {
        let policies = |charge: &Charge| {
            let why = unread_policies.filter(|_| charge.governed)?;
            Some(format!("not judged: the policies were not read ({why})"))
        };
        let doubtful = |charge: &Charge| {
            let objects = charge
                .rests_on
                .iter()
                .find_map(|object| Some((object, unread.get(object)?)))
                .map(|(object, why)| format!("not judged: {object} was not read ({why})"));
            objects.or_else(|| policies(charge))
        };
        let (doubtful, certain): (Vec<_>, _) = std::mem::take(&mut self.denials)
            .into_iter()
            .map(|charge| (doubtful(&charge), charge))
            .partition(|(note, _)| note.is_some());
        self.denials = certain.into_iter().map(|(_, charge)| charge).collect();
        for (note, charge) in doubtful {
            self.notes.extend(note);
            self.warnings.push(charge);
        }
    }

    /// The answer for the API server.
    pub(super) fn answer(self) -> Answer {
        let rules = self.rules();
        let mut said = Vec::new();
        let mut lines = Vec::new();
        for charge in &self.denials {
            let key = charge.finding.key();
            if !said.contains(&key) && lines.len() < ENOUGH {
                said.push(key);
                lines.push(charge.line(&self.object));
            }
        }
        if self.more > 0 && !lines.is_empty() {
            lines.push(format!("and up to {} more hosts", self.more));
        }
        let warnings = self.warnings.iter();
        let warnings = warnings
            .map(|charge| charge.line(&self.object))
            .chain(self.notes);
        Answer {
            denied: (!lines.is_empty()).then(|| lines.join("; ")),
            warnings: warnings.take(ENOUGH).collect(),
            patch: None,
            rules,
        }
    }

    /// The rules behind the denial, else behind the warnings.
    fn rules(&self) -> Vec<&'static str> {
        let charges = match self.denials.is_empty() {
            true => &self.warnings,
            false => &self.denials,
        };
        let rules: BTreeSet<_> = charges.iter().map(|charge| charge.finding.rule).collect();
        rules.into_iter().collect()
    }
}

impl Charge {
    /// The rule's id.
    pub(super) fn rule(&self) -> &'static str {
        self.finding.rule
    }

    /// What is said to who changes the object. Who may name a Secret may not be one who may read it,
    /// and is told no more than that the reference does not hold.
    fn line(&self, object: &ObjectRef) -> String {
        let Finding {
            rule,
            message,
            hint,
            ..
        } = &self.finding;
        let known = policy::rule::by_id(rule);
        let secret = known.filter(|rule| rule.of_content && !SecretRef::is_one(object));
        let (message, hint) = match secret {
            Some(rule) => (rule.summary, rule.remedy),
            None => (message.as_str(), hint.as_str()),
        };
        match self.host.as_str() {
            "" => format!("{rule}: {message}; hint: {hint}"),
            host => format!("{rule}: {message} (host {host}); hint: {hint}"),
        }
    }
}

/// Whether a change lets strangers in who were kept out before.
fn opens(old: Verdict, new: &HostReport) -> bool {
    let shut = [Admits::Nobody, Admits::Redirected];
    let served = new
        .host
        .doors
        .iter()
        .any(|door| !shut.contains(&door.admits));
    let exposed = match new.verdict {
        Verdict::Open | Verdict::Weak => true,
        // Nothing is left that speaks of certificates, but the host is still served.
        Verdict::None => served && old == Verdict::Enforced,
        Verdict::Broken | Verdict::Enforced | Verdict::Unknown => false,
    };
    exposed && !old.lets_strangers_in()
}

fn not_seen(host: &Host) -> String {
    let unseen: Vec<_> = host.unseen().into_iter().collect();
    format!(
        "not judged: host {}, because of what was not seen: {}",
        host.key.host,
        unseen.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(name: &str) -> Arc<ObjectRef> {
        Arc::new(ObjectRef {
            api_version: "v1".to_owned(),
            kind: "Ingress".to_owned(),
            namespace: "shop".to_owned(),
            name: name.to_owned(),
        })
    }

    /// The same said of one place for a host, resting on an object of its own.
    fn charge(host: &str) -> Charge {
        let site = object("changed");
        Charge {
            finding: Finding {
                rule: "client-auth-off",
                severity: Severity::Error,
                site: Site::new(&site, ""),
                message: "it is open".to_owned(),
                hint: "shut it".to_owned(),
                repair: None,
            },
            host: host.to_owned(),
            governed: false,
            rests_on: BTreeSet::from([object(host)]),
        }
    }

    fn judged() -> Judged<'static> {
        let mut judged = Judged::new(&[], object("changed"), false);
        judged.push(true, charge("a"));
        judged.push(true, charge("b"));
        judged
    }

    fn unread(names: &[&str]) -> BTreeMap<Arc<ObjectRef>, String> {
        let names = names.iter();
        names
            .map(|name| (object(name), "forbidden".to_owned()))
            .collect()
    }

    #[test]
    fn the_same_of_two_hosts_is_said_once_and_kept_twice() {
        let judged = judged();
        assert_eq!(judged.denials.len(), 2);
        let said = judged.answer().denied.unwrap_or_default();
        assert_eq!(said.matches("it is open").count(), 1, "{said}");
    }

    #[test]
    fn what_is_certain_of_one_host_denies_whatever_is_unread_of_another() {
        let mut judged = judged();
        judged.spare(&unread(&["a"]), None);
        let said = judged.answer().denied.unwrap_or_default();
        assert!(said.contains("host b"), "{said}");
    }

    #[test]
    fn nothing_certain_denies_nothing_though_hosts_were_not_settled() {
        let mut judged = judged();
        judged.more = 2;
        judged.spare(&unread(&["a", "b"]), None);
        let answer = judged.answer();
        assert_eq!(answer.denied, None);
        assert!(!answer.warnings.is_empty());
    }
}
