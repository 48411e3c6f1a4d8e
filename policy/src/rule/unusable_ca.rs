//! The gateway finds no usable CA certificate in the Secret.

use super::{Rule, Subject};
use crate::finding::{Finding, Severity};
use crate::trust::{TrustState, TrustUse};

pub(super) static RULE: Rule = Rule {
    id: "unusable-ca",
    summary: "the gateway finds no usable CA certificate in the Secret",
    why: "Each gateway reads certain keys only: ingress-nginx ca.crt, Traefik tls.ca and then ca.crt. In a key pair without ca.crt (a server certificate of an ACME issuer) ingress-nginx turns client authentication off without an error; elsewhere it refuses everybody.",
    remedy: "Point the reference at a Secret whose ca.crt holds the certificates of the client CA and nothing else.",
    of_content: true,
    check,
};

fn check(subject: &Subject<'_>, findings: &mut Vec<Finding>) {
    let Some(host) = subject.host else { return };
    findings.extend(host.trust.iter().filter_map(finding));
}

fn finding(used: &TrustUse) -> Option<Finding> {
    let (why, then) = match used.state.as_ref()? {
        TrustState::Usable { .. } => return None,
        TrustState::NoDemand(why) => (why, "the gateway asks nobody for a certificate"),
        TrustState::Skipped(why) => (why, used.consequence),
        TrustState::Unusable(why) => (why, "the gateway refuses everybody"),
    };
    let secret = used.reference.target.as_ref().ok()?;
    let kind = secret.kind();
    let message = format!("{kind} {secret} is of no use as a client CA, {why}: {then}");
    Some(RULE.finding(Severity::Error, &used.reference.site, message, RULE.remedy))
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;

    #[test]
    fn a_secret_without_the_key() {
        let objects = [
            ingress(&[("auth-tls-secret", "shop/ca")]),
            secret("ca", &[("ca.pem", "x")]),
        ];
        check(&objects, "unusable-ca", "no key ca.crt");
    }

    #[test]
    fn a_key_pair_turns_it_off() {
        let objects = [
            ingress(&[("auth-tls-secret", "shop/ca")]),
            secret("ca", &[("tls.crt", &leaf_pem()), ("tls.key", "x")]),
        ];
        check(&objects, "unusable-ca", "asks nobody");
    }

    #[test]
    fn what_stands_beside_ca_crt_in_ingress_nginx() {
        let beside = |key: &str, value: &str| {
            let secret = secret("ca", &[("ca.crt", &ca_pem()), (key, value)]);
            [ingress(&[("auth-tls-secret", "shop/ca")]), secret]
        };
        check(
            &beside("ca.crl", &ca_pem()),
            "unusable-ca",
            "no revocation list",
        );
        check(
            &beside("ca.crl", "junk"),
            "unusable-ca",
            "no revocation list",
        );
        silent(&beside("ca.crl", ""), "unusable-ca");
        silent(&beside("ca.crl", &ca_with_list().1), "unusable-ca");
        silent(&beside("tls.crt", "without a key"), "unusable-ca");
    }

    #[test]
    fn junk_in_a_key_pair_closes_the_host() {
        let pair = |ca: &str| {
            let pair = [("tls.crt", &*leaf_pem()), ("tls.key", "x"), ("ca.crt", ca)];
            [
                ingress(&[("auth-tls-secret", "shop/ca")]),
                secret("ca", &pair),
            ]
        };
        check(&pair("junk"), "unusable-ca", "refuses everybody");
        check(&pair(""), "unusable-ca", "asks nobody");
        let broken = secret("ca", &[("tls.crt", "junk"), ("tls.key", "x")]);
        let ingress = ingress(&[("auth-tls-secret", "shop/ca")]);
        check(&[ingress, broken], "unusable-ca", "no key pair");
    }

    #[test]
    fn an_empty_value_in_traefik() {
        let objects = [
            route("mtls"),
            tls_option("mtls", "", &["ca"]),
            secret("ca", &[("ca.crt", "junk")]),
        ];
        check(&objects, "unusable-ca", "refuses everybody");
    }
}
