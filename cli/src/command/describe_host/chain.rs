//! From the routes of a host to the CA: who opens it, who decides, and what leads where.

use std::sync::Arc;

use policy::dialect::{Role, kind_of};
use policy::{Admits, Host, HostReport, Lookup, ObjectRef, Site, TrustUse, Verdict};

/// The objects that open the host.
pub(super) fn routes(report: &HostReport) -> impl Iterator<Item = &Arc<ObjectRef>> {
    let objects = report.host.rests_on.iter();
    objects.filter(|object| kind_of(object).is_some_and(|kind| kind.role == Role::Route))
}

/// The field behind the door that makes the verdict: the first that admits what the verdict says.
pub(super) fn decider(report: &HostReport) -> Option<&Site> {
    let wanted: &[Admits] = match report.verdict {
        Verdict::Open | Verdict::None => &[Admits::Everyone],
        Verdict::Weak => &[Admits::Optional, Admits::AnyCertificate, Admits::AnySubject],
        Verdict::Enforced => &[Admits::Trusted],
        Verdict::Broken => &[Admits::Nobody],
        Verdict::Unknown => return None,
    };
    let mut doors = report.host.doors.iter();
    let door = doors.find(|door| wanted.contains(&door.admits) && door.unseen.is_none());
    door.map(|door| &door.site)
}

/// `route → option → CA`, a line for each way.
pub(super) fn chain(host: &Host) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for used in &host.trust {
        let owner = &used.reference.site.object;
        let end = format!("{owner} → {}", reference(used));
        let through = host.options.iter().filter(
            |state| matches!(&state.found, Lookup::Found(option) if option.site.object == *owner),
        );
        let ways: Vec<_> = through
            .map(|state| format!("{} → {end}", state.option.site.object))
            .collect();
        match ways.is_empty() {
            true => lines.push(end),
            false => lines.extend(ways),
        }
    }
    lines.extend(host.options.iter().filter_map(|state| {
        let from = &state.option.site.object;
        match &state.found {
            Lookup::Found(option) => {
                let object = &option.site.object;
                let leads = |used: &TrustUse| used.reference.site.object == *object;
                let ends = !host.trust.iter().any(leads);
                ends.then(|| format!("{from} → {object}, which names no CA"))
            }
            Lookup::Missing => Some(format!(
                "{from} → {:?}, which does not exist",
                state.option.spelt
            )),
            Lookup::Unknown(what) => Some(format!(
                "{from} → {:?}, not seen: {what}",
                state.option.spelt
            )),
        }
    }));
    lines.sort();
    lines.dedup();
    lines
}

fn reference(used: &TrustUse) -> String {
    match &used.found {
        Lookup::Found(bundle) => bundle.object.to_string(),
        Lookup::Missing => format!("{:?}, which does not exist", used.reference.spelt),
        Lookup::Unknown(what) => format!("{:?}, not seen: {what}", used.reference.spelt),
    }
}
