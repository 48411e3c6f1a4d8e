//! The gateway finds no usable CA certificate in the Secret.

use super::{Rule, Subject};
use crate::finding::{Finding, Severity};
use crate::trust::{TrustState, TrustUse};

pub(super) static RULE: Rule = Rule {
    id: "unusable-ca",
    summary: "the gateway finds no usable CA certificate in the Secret",
    why: "Each gateway reads certain keys only: ingress-nginx ca.crt, Traefik tls.ca and then ca.crt. In a key pair without ca.crt (a server certificate of an ACME issuer) ingress-nginx turns client authentication off without an error; elsewhere it refuses everybody.",
    remedy: "Point the reference at a Secret whose ca.crt holds the certificates of the client CA and nothing else.",
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
            secret("ca", &[("tls.crt", "x"), ("tls.key", "x")]),
        ];
        check(&objects, "unusable-ca", "asks nobody");
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
