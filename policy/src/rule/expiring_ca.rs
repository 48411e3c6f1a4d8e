//! The client CA expires soon.

use super::{Rule, Subject};
use crate::finding::{Finding, Severity};
use crate::trust::TrustUse;

pub(super) static RULE: Rule = Rule {
    id: "expiring-ca",
    summary: "the client CA expires within 30 days",
    why: "From the moment that a CA expires its clients are refused, whatever their own certificates say. New certificates must reach every client before that.",
    remedy: "Begin the change now: `kubectl mtls rotate ca NAME` adds the new CA beside the old one, and clients move over while both are trusted.",
    of_content: true,
    check,
};

const DAY: i64 = 24 * 3600;
const SOON: i64 = 30 * DAY;

fn check(subject: &Subject<'_>, findings: &mut Vec<Finding>) {
    let used = subject.host.iter().flat_map(|host| &host.trust);
    findings.extend(used.filter_map(|used| finding(used, subject.now)));
}

/// The first one to expire.
fn finding(used: &TrustUse, now: i64) -> Option<Finding> {
    let soon = used
        .anchors()
        .iter()
        .filter(|ca| !ca.expired(now) && ca.remaining(now) < SOON);
    let first = soon.min_by_key(|ca| ca.not_after)?;
    let days = first.remaining(now) / DAY;
    let message = format!("the client CA {} expires in {days} days", first.subject);
    Some(RULE.finding(
        Severity::Warning,
        &used.reference.site,
        message,
        RULE.remedy,
    ))
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;

    #[test]
    fn in_the_last_month_and_not_before_or_after() {
        let objects = [ingress(&[("auth-tls-secret", "shop/ca")]), ca("ca")];
        silent(&objects, "expiring-ca");
        let soon = NOW + 10 * YEAR - 20 * 24 * 3600;
        at(soon, &objects, "expiring-ca", "expires in 20 days");
        assert!(findings(NOW + 11 * YEAR, &objects, "expiring-ca").is_empty());
    }
}
