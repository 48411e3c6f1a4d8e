//! A setting about client certificates that the gateway does not read.

use super::{Rule, Subject};
use crate::fact::RemarkKind;
use crate::finding::{Finding, Severity};
use crate::host::Host;

pub(super) static RULE: Rule = Rule {
    id: "setting-without-effect",
    summary: "a setting about client certificates that the gateway does not read",
    why: "Gateways pass over what they do not know without a word: a misspelt annotation, another controller's prefix, verify-client without a Secret, an option on a rule without a host, a TLSOption that no route names. The host then asks nobody for a certificate.",
    remedy: "Spell it as the gateway's documentation does, or let `kubectl mtls protect` write it; remove what is not used.",
    of_content: false,
    check,
};

fn check(subject: &Subject<'_>, findings: &mut Vec<Finding>) {
    RULE.remarked(subject, RemarkKind::NoEffect, findings);
    let Some(host) = subject.host else { return };
    idle(host, findings);
    without_host(host, findings);
}

/// An option nobody uses beside a route that names none: probably forgotten, perhaps meant.
fn idle(host: &Host, findings: &mut Vec<Finding>) {
    for option in &host.idle {
        let name = &option.site.object.name;
        let message = format!(
            "no route uses TLSOption {name}, and {} asks nobody for a certificate",
            host.key.host
        );
        let hint = "name it in the route's tls.options, or remove it";
        findings.push(RULE.finding(Severity::Warning, &option.site, message, hint));
    }
}

fn without_host(host: &Host, findings: &mut Vec<Finding>) {
    for fallback in host
        .fallbacks
        .iter()
        .filter(|fallback| fallback.conflict.is_none())
    {
        let message = format!(
            "TLSOption {} has no effect on a rule that names no host: the default option holds",
            fallback.option.spelt
        );
        let hint = "name the hosts in the rule with Host(`…`)";
        findings.push(RULE.finding(Severity::Error, &fallback.option.site, message, hint));
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;

    #[test]
    fn verify_client_without_a_secret() {
        check(
            &[ingress(&[("auth-tls-verify-client", "on")])],
            "setting-without-effect",
            "without auth-tls-secret",
        );
    }

    #[test]
    fn an_unknown_name() {
        let findings = check(
            &[ingress(&[("auth-tls-secrets", "shop/ca")])],
            "setting-without-effect",
            "no annotation",
        );
        assert!(
            findings[0].hint.contains("auth-tls-secret?"),
            "{}",
            findings[0].hint
        );
    }

    #[test]
    fn a_wrong_prefix() {
        let mut object = ingress(&[]);
        object["metadata"]["annotations"]["nginx.org/auth-tls-secret"] = "shop/ca".into();
        check(&[object], "setting-without-effect", "wrong prefix");
    }

    #[test]
    fn an_option_that_nobody_uses() {
        check(
            &[route(""), tls_option("mtls", "", &["ca"]), ca("ca")],
            "setting-without-effect",
            "no route uses",
        );
    }

    #[test]
    fn a_rule_without_a_host() {
        let mut object = route("mtls");
        object["spec"]["routes"][0]["match"] = "PathPrefix(`/`)".into();
        check(
            &[object, tls_option("mtls", "", &["ca"]), ca("ca")],
            "setting-without-effect",
            "names no host",
        );
    }
}
