//! A client CA has a key or a signature that TLS libraries refuse.

use x509::Key;

use super::{Rule, Subject};
use crate::finding::{Finding, Severity};
use crate::host::Host;
use crate::trust::TrustUse;
use crate::vouch::{Library, Useless, Worth};

pub(super) static RULE: Rule = Rule {
    id: "weak-certificate",
    summary: "a client CA has a key or a signature that TLS libraries refuse",
    why: "OpenSSL 3 refuses chains with SHA-1 or MD5 signatures below the root at its lowest usual security level, 1, and RSA keys under 2048 bits at level 2, the default since 3.2 and in Debian; under 1024 bits nobody takes them. Go refuses such signatures too, but never looks at an anchor's own, takes RSA keys from 1024 bits, and does not know curves other than P-224, P-256, P-384 and P-521.",
    remedy: "Replace the CA: ECDSA P-256 (the default of `kubectl mtls create ca`) or RSA 2048 and more, signed with SHA-256 or better.",
    of_content: true,
    check,
};

/// RFC 8017 appendix A.2.4, RFC 5758 section 3.1, RFC 3279 section 2.2.
const BROKEN_HASHES: [(&str, &str); 5] = [
    ("1.2.840.113549.1.1.2", "MD2"),
    ("1.2.840.113549.1.1.4", "MD5"),
    ("1.2.840.113549.1.1.5", "SHA-1"),
    ("1.2.840.10045.4.1", "SHA-1"),
    ("1.2.840.10040.4.3", "SHA-1"),
];

fn check(subject: &Subject<'_>, findings: &mut Vec<Finding>) {
    let Some(host) = subject.host else { return };
    let found = host.trust.iter().filter_map(|used| finding(host, used));
    findings.extend(found);
}

fn finding(host: &Host, used: &TrustUse) -> Option<Finding> {
    let trusted = host.trusted(used)?;
    let mut certificates = used.anchors().iter();
    let (ca, why) = certificates.find_map(|ca| Some((ca, why(trusted.library, ca)?)))?;
    let refused = trusted.worth(ca) == Worth::Nobody(Useless::WeakKey);
    let severity = match refused && !trusted.lets_anybody_in() {
        true => Severity::Error,
        false => Severity::Warning,
    };
    let message = format!("{} {why}", ca.subject);
    Some(RULE.finding(severity, &used.reference.site, message, RULE.remedy))
}

fn why(library: Library, ca: &x509::Certificate) -> Option<String> {
    match (library, &ca.key) {
        (Library::OpenSsl, Key::Rsa(bits)) if *bits < 1024 => {
            return Some(format!(
                "has an RSA key of {bits} bits: its clients do not get in"
            ));
        }
        (Library::OpenSsl, Key::Rsa(bits)) if *bits < 2048 => {
            return Some(format!(
                "has an RSA key of {bits} bits: its clients do not get in where OpenSSL runs at \
                 security level 2, its default"
            ));
        }
        (Library::Go, Key::Rsa(bits)) if *bits < 2048 => {
            return Some(format!(
                "has an RSA key of {bits} bits, which can be forged"
            ));
        }
        (Library::Go, Key::Other(oid)) => {
            return Some(format!(
                "has a key ({oid}) that Go does not know: its clients do not get in"
            ));
        }
        (Library::OpenSsl | Library::Go, _) => {}
    }
    let checked = library == Library::OpenSsl && !ca.self_issued;
    let hash = BROKEN_HASHES.iter().find(|(oid, _)| *oid == ca.signature);
    let (_, hash) = hash.filter(|_| checked)?;
    Some(format!(
        "is signed with {hash}, which OpenSSL 3 refuses: its clients do not get in"
    ))
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use crate::Severity;

    const RULE: &str = "weak-certificate";
    /// After the certificates of the folder were made.
    const LATER: i64 = NOW + YEAR;

    #[test]
    fn rsa_of_1024_bits() {
        let objects = [
            ingress(&[("auth-tls-secret", "shop/ca")]),
            secret("ca", &[("ca.crt", RSA_1024)]),
        ];
        let found = at(LATER, &objects, RULE, "security level 2");
        assert_eq!(found[0].severity, Severity::Warning);
        assert_eq!(verdict(LATER, &objects), "enforced");
        let objects = [
            route("mtls"),
            tls_option("mtls", "", &["ca"]),
            secret("ca", &[("ca.crt", RSA_1024)]),
        ];
        at(LATER, &objects, RULE, "which can be forged");
    }

    #[test]
    fn a_curve_that_go_does_not_know() {
        let objects = [
            route("mtls"),
            tls_option("mtls", "", &["ca"]),
            secret("ca", &[("ca.crt", SECP256K1)]),
        ];
        let found = at(LATER, &objects, RULE, "1.3.132.0.10");
        assert_eq!(found[0].severity, Severity::Error);
        assert_eq!(verdict(LATER, &objects), "broken");
        let objects = [
            ingress(&[("auth-tls-secret", "shop/ca")]),
            secret("ca", &[("ca.crt", SECP256K1)]),
        ];
        assert!(findings(LATER, &objects, RULE).is_empty());
    }

    #[test]
    fn sha_1_below_a_root() {
        let objects = |pem: &str| {
            [
                ingress(&[("auth-tls-secret", "shop/ca")]),
                secret("ca", &[("ca.crt", pem)]),
            ]
        };
        at(
            LATER,
            &objects(SHA_1_BELOW_ROOT),
            RULE,
            "is signed with SHA-1",
        );
        silent(&objects(&ca_pem()), RULE);
    }
}
