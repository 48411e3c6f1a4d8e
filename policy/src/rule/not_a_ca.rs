//! A certificate in the bundle is not a CA for clients.

use super::{Rule, Subject};
use crate::finding::{Finding, Severity};
use crate::host::Host;
use crate::trust::TrustUse;
use crate::vouch::{Trusted, Useless, Worth};

pub(super) static RULE: Rule = Rule {
    id: "not-a-ca",
    summary: "a certificate in the bundle is not a CA for clients",
    why: "Only a certificate with CA:TRUE may sign others (RFC 5280 section 4.2.1.9), and where it has an extendedKeyUsage, clientAuth must be in it. Below a leaf OpenSSL (ingress-nginx, APISIX) and Go (Traefik) accept nobody; Go, and OpenSSL where it is self-signed, let in the leaf itself, whoever has its key. A self-signed CA of X.509 version 1, which has no extensions, is good for both.",
    remedy: "Put the certificate of the CA that signs the clients into the bundle, not a client or server certificate.",
    of_content: true,
    check,
};

fn check(subject: &Subject<'_>, findings: &mut Vec<Finding>) {
    let Some(host) = subject.host else { return };
    let found = host.trust.iter().filter_map(|used| finding(host, used));
    findings.extend(found);
}

/// An error where no CA is left, else a warning.
fn finding(host: &Host, used: &TrustUse) -> Option<Finding> {
    let trusted = host.trusted(used)?;
    let mut certificates = used.anchors().iter();
    let (odd, why) = certificates.find_map(|odd| Some((odd, why(&trusted, odd)?)))?;
    let then = match trusted.worth(odd) {
        Worth::Itself => "it lets in itself alone, and no certificate below it",
        _ => "no client certificate verifies against it",
    };
    let others = trusted
        .certificates
        .iter()
        .any(|other| trusted.worth(other) == Worth::Signed);
    let severity = match others {
        true => Severity::Warning,
        false => Severity::Error,
    };
    let message = format!("{} is not a CA for clients ({why}): {then}", odd.subject);
    Some(RULE.finding(severity, &used.reference.site, message, RULE.remedy))
}

fn why(trusted: &Trusted<'_>, certificate: &x509::Certificate) -> Option<&'static str> {
    match trusted.worth(certificate) {
        Worth::Nobody(Useless::OtherPurpose) => Some("extendedKeyUsage without clientAuth"),
        Worth::Itself | Worth::Nobody(Useless::NotACa) => Some(match certificate.is_ca {
            true => "keyUsage without keyCertSign",
            false if certificate.version < 3 => "X.509 version 1, without CA:TRUE",
            false => "CA:FALSE",
        }),
        Worth::Signed | Worth::Nobody(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use crate::Severity;

    #[test]
    fn a_leaf_as_anchor() {
        let objects = [
            ingress(&[("auth-tls-secret", "shop/ca")]),
            secret("ca", &[("ca.crt", &leaf_pem())]),
        ];
        let found = check(&objects, "not-a-ca", "no client certificate verifies");
        assert_eq!(found[0].severity, Severity::Error);
        assert_eq!(verdict(NOW, &objects), "broken");
    }

    #[test]
    fn go_lets_that_leaf_in() {
        let objects = [
            route("mtls"),
            tls_option("mtls", "", &["ca"]),
            secret("ca", &[("ca.crt", &leaf_pem())]),
        ];
        check(&objects, "not-a-ca", "lets in itself alone");
        assert_eq!(verdict(NOW, &objects), "enforced");
    }

    #[test]
    fn a_leaf_beside_a_root() {
        let objects = [
            ingress(&[("auth-tls-secret", "shop/ca")]),
            secret("ca", &[("ca.crt", &(ca_pem() + &leaf_pem()))]),
        ];
        let found = check(&objects, "not-a-ca", "CA:FALSE");
        assert_eq!(found[0].severity, Severity::Warning);
        assert_eq!(verdict(NOW, &objects), "enforced");
    }

    #[test]
    fn a_root() {
        silent(
            &[ingress(&[("auth-tls-secret", "shop/ca")]), ca("ca")],
            "not-a-ca",
        );
    }
}
