//! The host is served beside a protected wildcard, whose demand does not reach it.

use super::{Rule, Subject};
use crate::fact::RemarkKind;
use crate::finding::Finding;

pub(super) static RULE: Rule = Rule {
    id: "uncovered-host",
    summary: "the host is served beside a protected wildcard, whose demand does not reach it",
    why: "Gateways look for the exact name first: an exact host beside *.example.com has settings of its own, and those of the wildcard say nothing about it.",
    remedy: "Demand certificates for the exact host too, or serve it under a name that the wildcard does not cover.",
    check,
};

fn check(subject: &Subject<'_>, findings: &mut Vec<Finding>) {
    RULE.remarked(subject, RemarkKind::Uncovered, findings);
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;

    #[test]
    fn an_exact_host_beside_a_wildcard() {
        let all = |annotations: &[(&str, &str)]| {
            let mut all = ingress(annotations);
            all["metadata"]["name"] = "all".into();
            all["spec"]["rules"][0]["host"] = "*.example.com".into();
            all
        };
        let demanding = all(&[("auth-tls-secret", "shop/ca")]);
        let findings = check(
            &[demanding.clone(), ingress(&[]), ca("ca")],
            "uncovered-host",
            "server of its own",
        );
        assert_eq!(findings[0].site.object.name, "api");
        assert_eq!(findings[0].severity, crate::Severity::Warning);
        let own = ingress(&[("auth-tls-secret", "shop/ca")]);
        silent(&[demanding, own, ca("ca")], "uncovered-host");
        let off = all(&[
            ("auth-tls-secret", "shop/ca"),
            ("auth-tls-verify-client", "off"),
        ]);
        silent(&[off, ingress(&[]), ca("ca")], "uncovered-host");
    }
}
