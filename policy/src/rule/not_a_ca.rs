//! A certificate in the bundle is not a CA.

use super::{Rule, Subject};
use crate::finding::{Finding, Severity};
use crate::trust::TrustUse;

pub(super) static RULE: Rule = Rule {
    id: "not-a-ca",
    summary: "a certificate in the bundle is not a CA",
    why: "nginx refuses every client when the certificate in ca.crt is a leaf (RFC 5280 section 4.2.1.9: only a certificate with CA:TRUE may sign others); with Go a leaf as anchor lets in exactly that certificate.",
    remedy: "Put the certificate of the CA that signs the clients into the bundle, not a client or server certificate.",
    check,
};

fn check(subject: &Subject<'_>, findings: &mut Vec<Finding>) {
    let used = subject.host.iter().flat_map(|host| &host.trust);
    findings.extend(used.filter_map(finding));
}

fn finding(used: &TrustUse) -> Option<Finding> {
    let leaf = used
        .anchors()
        .iter()
        .find(|certificate| !certificate.is_ca)?;
    let why = if leaf.version < 3 {
        "X.509 version 1, without CA:TRUE"
    } else {
        "CA:FALSE"
    };
    let message = format!(
        "{} is not a CA ({why}): no client certificate verifies against it",
        leaf.subject
    );
    Some(RULE.finding(Severity::Error, &used.reference.site, message, RULE.remedy))
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;

    #[test]
    fn a_leaf_as_anchor() {
        let objects = [
            ingress(&[("auth-tls-secret", "shop/ca")]),
            secret("ca", &[("ca.crt", &leaf_pem())]),
        ];
        check(&objects, "not-a-ca", "is not a CA");
    }

    #[test]
    fn a_root() {
        silent(
            &[ingress(&[("auth-tls-secret", "shop/ca")]), ca("ca")],
            "not-a-ca",
        );
    }
}
