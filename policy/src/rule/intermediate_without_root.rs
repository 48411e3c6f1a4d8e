//! An intermediate CA stands alone where the gateway needs its root.

use super::{Rule, Subject};
use crate::finding::{Finding, Severity};
use crate::host::Host;
use crate::trust::TrustUse;
use crate::vouch::{Useless, Worth};

pub(super) static RULE: Rule = Rule {
    id: "intermediate-without-root",
    summary: "an intermediate CA stands in the bundle without its root",
    why: "OpenSSL, which verifies for ingress-nginx and APISIX, builds every chain up to a self-signed certificate (both run without X509_V_FLAG_PARTIAL_CHAIN): with an intermediate CA alone it refuses every client. Go, in Traefik, takes an intermediate CA as an anchor.",
    remedy: "Add the CAs above it to the bundle, up to the self-signed root. The root's other CAs are then trusted too: where that is too much, make the CA of the clients a root of its own.",
    of_content: true,
    check,
};

fn check(subject: &Subject<'_>, findings: &mut Vec<Finding>) {
    let Some(host) = subject.host else { return };
    let found = host.trust.iter().filter_map(|used| finding(host, used));
    findings.extend(found);
}

fn finding(host: &Host, used: &TrustUse) -> Option<Finding> {
    let trusted = host.trusted(used)?;
    let mut certificates = used.anchors().iter();
    let rootless = certificates.find(|ca| trusted.worth(ca) == Worth::Nobody(Useless::NoRoot))?;
    let (severity, then) = match trusted.lets_anybody_in() {
        true => (Severity::Warning, "its clients do not get in"),
        false => (Severity::Error, "nobody gets in"),
    };
    let message = format!(
        "{} is an intermediate CA, and its issuer {} is not in the bundle: {then}",
        rootless.subject, rootless.issuer
    );
    Some(RULE.finding(severity, &used.reference.site, message, RULE.remedy))
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use crate::Severity;

    const RULE: &str = "intermediate-without-root";

    #[test]
    fn nginx_needs_the_root() {
        let [root, intermediate, _] = chain_pems();
        let objects = |pem: &str| {
            [
                ingress(&[("auth-tls-secret", "shop/ca")]),
                secret("ca", &[("ca.crt", pem)]),
            ]
        };
        let alone = objects(&intermediate);
        let found = check(&alone, RULE, "nobody gets in");
        assert_eq!(found[0].severity, Severity::Error);
        assert_eq!(verdict(NOW, &alone), "broken");
        let other = objects(&(intermediate.clone() + &other_ca_pem()));
        let found = check(&other, RULE, "its clients do not get in");
        assert_eq!(found[0].severity, Severity::Warning);
        assert_eq!(verdict(NOW, &other), "enforced");
        let whole = objects(&(intermediate + &root));
        silent(&whole, RULE);
        assert_eq!(verdict(NOW, &whole), "enforced");
    }

    #[test]
    fn go_does_not() {
        let [_, intermediate, _] = chain_pems();
        let objects = [
            route("mtls"),
            tls_option("mtls", "", &["ca"]),
            secret("ca", &[("ca.crt", &intermediate)]),
        ];
        silent(&objects, RULE);
        assert_eq!(verdict(NOW, &objects), "enforced");
    }
}
