//! The reference goes to a namespace that the gateway forbids.

use super::{Rule, Subject};
use crate::fact::RemarkKind;
use crate::finding::{Finding, Severity};
use crate::host::Host;

pub(super) static RULE: Rule = Rule {
    id: "foreign-namespace",
    summary: "the reference goes to another namespace",
    why: "ingress-nginx refuses Secrets of other namespaces unless the ConfigMap says allow-cross-namespace-resources (403 for the whole host). Traefik does not make a route whose TLSOption is in another namespace unless it runs with providers.kubernetesCRD.allowCrossNamespace; requests then fall to any other route. APISIX follows a caSecret into any namespace, and a Gateway's reference where a ReferenceGrant allows it: then others decide who gets in.",
    remedy: "Keep the Secret, or the TLSOption, in the namespace of the route.",
    of_content: false,
    check,
};

fn check(subject: &Subject<'_>, findings: &mut Vec<Finding>) {
    let Some(host) = subject.host else { return };
    secrets(host, findings);
    options(host, findings);
    RULE.remarked(subject, RemarkKind::Foreign, findings);
}

fn secrets(host: &Host, findings: &mut Vec<Finding>) {
    for used in host.trust.iter().filter(|used| used.reference.foreign) {
        let message = format!(
            "{} is in another namespace, which the gateway forbids: {}",
            used.reference.spelt.trim(),
            used.consequence
        );
        let namespace = &used.reference.site.object.namespace;
        let hint = format!(
            "keep the CA in namespace {namespace}: `kubectl mtls create ca NAME -n pki --trust-namespace {namespace}`"
        );
        findings.push(RULE.finding(Severity::Error, &used.reference.site, message, &hint));
    }
}

fn options(host: &Host, findings: &mut Vec<Finding>) {
    for state in host.options.iter().filter(|state| state.option.foreign) {
        let message = format!(
            "TLSOption {} is in another namespace, which the gateway forbids: the route is not made",
            state.option.spelt
        );
        findings.push(RULE.finding(Severity::Error, &state.option.site, message, RULE.remedy));
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;

    #[test]
    fn a_secret_elsewhere() {
        check(
            &[ingress(&[("auth-tls-secret", "pki/ca")])],
            "foreign-namespace",
            "pki/ca",
        );
    }

    #[test]
    fn a_secret_that_the_gateway_takes_from_elsewhere() {
        let mut tls = apisix_tls("ca");
        tls["spec"]["client"]["caSecret"]["namespace"] = "pki".into();
        let found = check(&[tls], "foreign-namespace", "follows the reference");
        assert_eq!(found[0].severity, crate::Severity::Warning);
    }

    #[test]
    fn an_option_elsewhere() {
        let mut elsewhere = route("mtls");
        elsewhere["spec"]["tls"]["options"]["namespace"] = "pki".into();
        check(&[elsewhere], "foreign-namespace", "the route is not made");
    }
}
