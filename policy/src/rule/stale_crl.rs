//! The revocation list beside the client CA has ended, is about to, or misses a CA.

use super::{Rule, Subject};
use crate::finding::{Finding, Severity};
use crate::lookup::Lookup;
use crate::trust::TrustUse;

pub(super) static RULE: Rule = Rule {
    id: "stale-crl",
    summary: "the revocation list has ended, is about to end, or misses a CA",
    why: "nginx checks the whole chain against the lists: without a current list of every CA in the chain it refuses every client, not only the revoked ones.",
    remedy: "Write new lists with `kubectl mtls revoke --ca [NS/]NAME --refresh`, and let the CronJob of `--print-cronjob` do so every month.",
    of_content: true,
    check,
};

/// The last part of a list's life in which it ought to be replaced.
const LAST_PART: i64 = 3;

fn check(subject: &Subject<'_>, findings: &mut Vec<Finding>) {
    let used = subject.host.iter().flat_map(|host| &host.trust);
    findings.extend(used.filter_map(|used| finding(used, subject.now)));
}

fn finding(used: &TrustUse, now: i64) -> Option<Finding> {
    let Lookup::Found(bundle) = &used.found else {
        return None;
    };
    let lists = &bundle.certificates(used.crl_key?)?.crls;
    let problem = |severity, message: String| {
        let site = &used.reference.site;
        Some(RULE.finding(severity, site, message, RULE.remedy))
    };
    if lists.is_empty() {
        return None;
    }
    for ca in used.anchors() {
        let own = lists.iter().filter(|list| list.issuer == ca.subject);
        let Some(list) = own.max_by_key(|list| list.next_update) else {
            let others = lists.first().map(|list| list.issuer.as_str());
            let beside = others.map_or(String::new(), |other| format!(", but one of {other}"));
            let message = format!(
                "there is no revocation list of {}{beside}: none of its clients gets in",
                ca.subject
            );
            return problem(Severity::Error, message);
        };
        if list.next_update < now {
            let message = format!(
                "the revocation list of {} has ended: none of its clients gets in",
                ca.subject
            );
            return problem(Severity::Error, message);
        }
        let (left, whole) = (list.next_update - now, list.next_update - list.this_update);
        if left < whole / LAST_PART {
            let days = left / (24 * 3600);
            let message = format!(
                "the revocation list of {} ends in {days} days, and then none of its clients gets in",
                ca.subject
            );
            return problem(Severity::Warning, message);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use crate::Severity;

    #[test]
    fn nearly_ended_ended_and_missing() {
        let (ca, crl) = ca_with_list();
        let objects = [
            ingress(&[("auth-tls-secret", "shop/ca")]),
            secret("ca", &[("ca.crt", &ca), ("ca.crl", &crl)]),
        ];
        silent(&objects, "stale-crl");
        let soon = at(
            NOW + 70 * 24 * 3600,
            &objects,
            "stale-crl",
            "ends in 20 days",
        );
        assert_eq!(soon[0].severity, Severity::Warning);
        let ended = at(NOW + 91 * 24 * 3600, &objects, "stale-crl", "has ended");
        assert_eq!(ended[0].severity, Severity::Error);
        let other = [
            ingress(&[("auth-tls-secret", "shop/ca")]),
            secret("ca", &[("ca.crt", &other_ca_pem()), ("ca.crl", &crl)]),
        ];
        check(&other, "stale-crl", "no revocation list of CN=another");
    }

    #[test]
    fn a_gateway_that_reads_no_list_is_none_the_worse() {
        let (ca, crl) = ca_with_list();
        let objects = [
            route("mtls"),
            tls_option("mtls", "RequireAndVerifyClientCert", &["ca"]),
            secret("ca", &[("ca.crt", &ca), ("ca.crl", &crl)]),
        ];
        assert!(findings(NOW + YEAR, &objects, "stale-crl").is_empty());
    }
}
