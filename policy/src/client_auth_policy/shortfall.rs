//! In what a host falls short of a policy.

use std::collections::BTreeMap;

use super::applied::{Applied, Spared};
use super::fault::time;
use super::spec::{Action, PolicyDemand};
use crate::finding::Finding;
use crate::host::{Admits, Door, Host};
use crate::rule::{Rule, Subject};
use crate::site::Site;
use crate::trust::TrustUse;
use crate::vouch::{Library, Worth};
use crate::{Mode, dialect};

/// The rules that are about policies.
pub(crate) const RULES: [&str; 3] = [DEMAND, TRUST, VALIDITY];
pub(crate) const DEMAND: &str = "policy-demand";
pub(crate) const TRUST: &str = "policy-trust";
pub(crate) const VALIDITY: &str = "policy-validity";

const DAY: i64 = 24 * 3600;

/// One way in which a host falls short of a policy.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Shortfall {
    /// The rule that says so.
    pub rule: &'static str,
    /// The field that decides.
    pub site: Site,
    /// What is wrong, a sentence fragment without the policy's name.
    pub what: String,
}

impl Host {
    /// In what it falls short of a policy, whether that holds here or not.
    pub fn shortfalls(&self, applied: &Applied, now: i64) -> Vec<Shortfall> {
        let Some(spec) = &applied.policy.spec else {
            return Vec::new();
        };
        let doors = self.doors.iter().filter(|door| door.unseen.is_none());
        let doors = doors.filter(|door| misses(spec.demand, door, self));
        let demand = doors.map(|door| Shortfall {
            rule: DEMAND,
            site: door.site.clone(),
            what: demanded(spec.demand, door),
        });
        let cas = self.trust.iter().flat_map(|used| {
            let mut cas = self.foreign(used, applied);
            cas.extend(self.short_lived(used, applied, now));
            cas
        });
        demand.chain(cas).collect()
    }

    /// CAs behind a reference that the policy does not name. What is not seen of the policy's own
    /// Secrets could name them.
    fn foreign(&self, used: &TrustUse, applied: &Applied) -> Vec<Shortfall> {
        let Some(trust) = applied.trust() else {
            return Vec::new();
        };
        let limits = !(trust.secrets.is_empty() && trust.pins.is_empty());
        let (true, true, Some(trusted)) = (limits, applied.knows_cas(), self.trusted(used)) else {
            return Vec::new();
        };
        let foreign = trusted.certificates.iter().filter(|ca| {
            // A library that follows every chain to a root asks the root alone.
            let counts = trusted.library == Library::Go || ca.self_issued;
            let harmless = matches!(trusted.worth(ca), Worth::Nobody(_));
            counts && !harmless && !applied.allowed.contains(&ca.spki)
        });
        foreign
            .map(|ca| Shortfall {
                rule: TRUST,
                site: used.reference.site.clone(),
                what: format!("does not allow the CA {}", ca.subject),
            })
            .collect()
    }

    fn short_lived(&self, used: &TrustUse, applied: &Applied, now: i64) -> Option<Shortfall> {
        let days = i64::from(applied.trust()?.min_remaining_days?);
        let first = used.anchors().iter().min_by_key(|ca| ca.not_after)?;
        let left = first.remaining(now);
        (left < days * DAY).then(|| Shortfall {
            rule: VALIDITY,
            site: used.reference.site.clone(),
            what: format!(
                "demands CAs that are valid for {days} days more, and {} {}",
                first.subject,
                match left {
                    ..0 => "has expired".to_owned(),
                    left => format!("expires in {} days", left / DAY),
                }
            ),
        })
    }
}

/// Whether a door lets in whom the policy keeps out.
fn misses(demand: PolicyDemand, door: &Door, host: &Host) -> bool {
    match (demand, door.admits) {
        (_, Admits::Trusted | Admits::Nobody | Admits::Redirected) => false,
        (PolicyDemand::Required, _) => true,
        // Plain HTTP lets in nobody whom the TLS door keeps out.
        (PolicyDemand::Optional, Admits::Everyone) => !door.plain,
        (PolicyDemand::Optional, Admits::Optional) => host.modes.iter().any(|(mode, site, _)| {
            *mode == Mode::OptionalUnverified && site.object == door.site.object
        }),
        (PolicyDemand::Optional, Admits::AnyCertificate) => true,
        (PolicyDemand::Optional, _) => false,
    }
}

fn demanded(demand: PolicyDemand, door: &Door) -> String {
    let wanted = match demand {
        PolicyDemand::Required => "demands a certificate of every client",
        PolicyDemand::Optional => "demands that clients' certificates are verified",
    };
    let admitted = match door.admits {
        Admits::Everyone => "everyone",
        Admits::Optional => "clients without a certificate",
        Admits::AnyCertificate => "clients with any certificate",
        Admits::AnySubject => "clients whatever their subject",
        Admits::AnyPublic => "clients of a public CA",
        Admits::OtherCa => "clients of a CA that is not named",
        Admits::Trusted | Admits::Nobody | Admits::Redirected => "nobody",
    };
    format!("{wanted}, and {} lets in {admitted}", door.entry)
}

/// The findings of one rule at a host: one for each place, however many policies it falls short
/// of there. The strictest action of those holds.
pub(crate) fn report(rule: &Rule, subject: &Subject<'_>, findings: &mut Vec<Finding>) {
    let Some(host) = subject.host else { return };
    let mut found: BTreeMap<Site, (Action, Vec<String>, Option<String>)> = BTreeMap::new();
    for applied in host.policies_in_force() {
        let policy = &applied.policy;
        let shortfalls = host.shortfalls(applied, subject.now).into_iter();
        for shortfall in shortfalls.filter(|shortfall| shortfall.rule == rule.id) {
            let action = policy.action(rule.id);
            let (strictest, texts, ended) =
                found
                    .entry(shortfall.site)
                    .or_insert((Action::Audit, Vec::new(), None));
            *strictest = (*strictest).max(action);
            let text = format!("policy {} {}", policy.name(), shortfall.what);
            if !texts.contains(&text) {
                texts.push(text);
            }
            if let Spared::NoLonger(exception) = &applied.spared {
                let (name, end) = (exception.name(), time(exception.end));
                *ended = Some(format!("; the exception {name} ended at {end}"));
            }
        }
    }
    findings.extend(found.into_iter().map(|(site, (action, texts, ended))| {
        let route = dialect::argument(&site.object).unwrap_or_else(|| "KIND/NAME".to_owned());
        let hint = rule.remedy.replace("ROUTE", &route);
        let text = texts.join("; ") + &ended.unwrap_or_default();
        rule.finding(action.severity(), &site, text, &hint)
    }));
}
