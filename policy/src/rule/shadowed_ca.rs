//! The Secret holds other CA certificates under a key that the gateway does not come to.

use std::collections::BTreeSet;

use super::{Rule, Subject};
use crate::dialect;
use crate::finding::{Finding, Severity};
use crate::host::Host;
use crate::lookup::Lookup;
use crate::trust::{TrustState, TrustUse};

pub(super) static RULE: Rule = Rule {
    id: "shadowed-ca",
    summary: "the Secret holds other certificates under a key that the gateway does not come to",
    why: "A gateway reads the first key that it knows and passes over the others without a word: Traefik tls.ca before ca.crt, APISIX cert, then tls.crt, then ca.crt. In a key pair of cert-manager APISIX takes the leaf in tls.crt for the CA.",
    remedy: "Give the gateway a Secret of its own with ca.crt alone.",
    of_content: true,
    check,
};

fn check(subject: &Subject<'_>, findings: &mut Vec<Finding>) {
    let Some(host) = subject.host else { return };
    let found = host.trust.iter().filter_map(|used| finding(host, used));
    findings.extend(found);
}

fn finding(host: &Host, used: &TrustUse) -> Option<Finding> {
    let (Lookup::Found(bundle), Some(TrustState::Usable { key })) = (&used.found, &used.state)
    else {
        return None;
    };
    let dialect = dialect::by_id(host.key.gateway.dialect)?;
    let read = prints(bundle.certificates(key)?);
    let others = dialect.ca_keys.iter().filter(|other| *other != key);
    let mut shadowed = others.filter(|other| {
        let held = bundle.certificates(other).map(prints);
        held.is_some_and(|held| !held.is_empty() && held != read)
    });
    let shadowed = shadowed.next()?;
    let target = used.reference.target.as_ref().ok()?;
    let message = format!(
        "{} {target} has {key} and {shadowed} with different certificates: {} reads {key} and \
         passes over {shadowed}",
        target.kind(),
        dialect.name
    );
    Some(RULE.finding(
        Severity::Warning,
        &used.reference.site,
        message,
        RULE.remedy,
    ))
}

fn prints(bundle: &x509::Bundle) -> BTreeSet<[u8; 32]> {
    let certificates = bundle.certificates.iter();
    certificates
        .map(|certificate| certificate.fingerprint)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;

    #[test]
    fn two_keys_with_two_cas() {
        let objects = |first: &str, second: &str| {
            [
                route("mtls"),
                tls_option("mtls", "", &["ca"]),
                secret("ca", &[("tls.ca", first), ("ca.crt", second)]),
            ]
        };
        let (one, other) = (ca_pem(), other_ca_pem());
        check(&objects(&one, &other), "shadowed-ca", "reads tls.ca");
        silent(&objects(&one, &one), "shadowed-ca");
    }
}
