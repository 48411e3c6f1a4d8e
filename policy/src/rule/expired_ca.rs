//! The client CA has expired.

use super::{Rule, Subject};
use crate::finding::{Finding, Severity};
use crate::trust::TrustUse;

pub(super) static RULE: Rule = Rule {
    id: "expired-ca",
    summary: "the client CA has expired",
    why: "Certificates of an expired CA are refused by nginx and by Go: every client is locked out as soon as no other CA is left in the bundle.",
    remedy: "Add the CA that replaces it, issue new client certificates, then remove the expired one.",
    of_content: true,
    check,
};

fn check(subject: &Subject<'_>, findings: &mut Vec<Finding>) {
    let used = subject.host.iter().flat_map(|host| &host.trust);
    findings.extend(used.filter_map(|used| finding(used, subject.now)));
}

/// An error where no CA is left that is still good, else a warning.
fn finding(used: &TrustUse, now: i64) -> Option<Finding> {
    let expired = used
        .anchors()
        .iter()
        .filter(|ca| ca.expired(now))
        .collect::<Vec<_>>();
    let first = expired.first()?;
    let all = expired.len() == used.anchors().len();
    let severity = if all {
        Severity::Error
    } else {
        Severity::Warning
    };
    let then = if all {
        "nobody gets in"
    } else {
        "its clients do not get in"
    };
    let message = format!("the client CA {} has expired: {then}", first.subject);
    Some(RULE.finding(severity, &used.reference.site, message, RULE.remedy))
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;

    #[test]
    fn with_the_last_ca_the_way_in_ends() {
        let objects = [ingress(&[("auth-tls-secret", "shop/ca")]), ca("ca")];
        assert_eq!(verdict(NOW, &objects), "enforced");
        assert_eq!(verdict(NOW + 11 * YEAR, &objects), "broken");
        let objects = [route("mtls"), tls_option("mtls", "", &["ca"]), ca("ca")];
        assert_eq!(verdict(NOW + 11 * YEAR, &objects), "broken");
    }

    #[test]
    fn after_its_end() {
        let objects = [ingress(&[("auth-tls-secret", "shop/ca")]), ca("ca")];
        at(NOW + 11 * YEAR, &objects, "expired-ca", "has expired");
        silent(&objects, "expired-ca");
    }
}
