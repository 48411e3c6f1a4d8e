//! The Secret with the client CA does not exist.

use super::{Rule, Subject};
use crate::finding::{Finding, Severity};
use crate::lookup::Lookup;
use crate::trust::TrustUse;

pub(super) static RULE: Rule = Rule {
    id: "missing-ca",
    summary: "the Secret with the client CA does not exist",
    why: "A gateway that does not find the Secret either refuses everybody (ingress-nginx answers 403 for the whole host; Traefik closes the connection when a clientAuthType demands certificates) or asks nobody for a certificate (a TLSOption without clientAuthType).",
    remedy: "Create the Secret with the key ca.crt in the namespace that the reference names: `kubectl mtls create ca NAME -n pki --trust-namespace NAMESPACE`.",
    of_content: false,
    check,
};

fn check(subject: &Subject<'_>, findings: &mut Vec<Finding>) {
    let used = subject.host.iter().flat_map(|host| &host.trust);
    let missing = used.filter(|used| !used.reference.foreign && used.found == Lookup::Missing);
    findings.extend(missing.filter_map(finding));
}

fn finding(used: &TrustUse) -> Option<Finding> {
    let target = used.reference.target.as_ref().ok()?;
    let message = format!(
        "{} {target} does not exist: {}",
        target.kind(),
        used.consequence
    );
    let hint = format!(
        "create it: `kubectl mtls create ca NAME -n pki --trust-namespace {}`, or name one that exists",
        target.namespace
    );
    Some(RULE.finding(Severity::Error, &used.reference.site, message, &hint))
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;

    #[test]
    fn an_ingress_whose_secret_is_missing() {
        check(
            &[ingress(&[("auth-tls-secret", "shop/none")])],
            "missing-ca",
            "Secret shop/none does not exist",
        );
    }

    #[test]
    fn a_tls_option_whose_secret_is_missing() {
        check(
            &[route("mtls"), tls_option("mtls", "", &["none"])],
            "missing-ca",
            "asks nobody",
        );
    }

    #[test]
    fn a_secret_that_is_there() {
        silent(
            &[ingress(&[("auth-tls-secret", "shop/ca")]), ca("ca")],
            "missing-ca",
        );
    }
}
