//! A revocation list lies beside the client CA, and the gateway reads none.

use super::{Rule, Subject};
use crate::finding::{Finding, Severity};
use crate::lookup::Lookup;
use crate::trust::{TrustState, TrustUse};

pub(super) static RULE: Rule = Rule {
    id: "unread-crl",
    summary: "a revocation list lies beside the client CA, and the gateway reads none",
    why: "Of the gateways that are known here ingress-nginx alone reads revocation lists, from the key ca.crl. Traefik and APISIX let revoked certificates in until they expire.",
    remedy: "Give the clients certificates of a few days, or replace the CA when one must be revoked: `kubectl mtls rotate ca NAME`.",
    of_content: true,
    check,
};

fn check(subject: &Subject<'_>, findings: &mut Vec<Finding>) {
    let used = subject.host.iter().flat_map(|host| &host.trust);
    findings.extend(used.filter_map(finding));
}

fn finding(used: &TrustUse) -> Option<Finding> {
    let (Lookup::Found(bundle), Some(TrustState::Usable { .. })) = (&used.found, &used.state)
    else {
        return None;
    };
    let holds =
        |read: &Option<x509::Bundle>| read.as_ref().is_some_and(|read| !read.crls.is_empty());
    let (key, _) = bundle.keys.iter().find(|(_, read)| holds(read))?;
    if used.crl_key.is_some() {
        return None;
    }
    let target = used.reference.target.as_ref().ok()?;
    let message = format!(
        "{key} of {} {target} holds a revocation list, which the gateway does not read: revoked \
         certificates get in",
        target.kind()
    );
    Some(RULE.finding(
        Severity::Warning,
        &used.reference.site,
        message,
        RULE.remedy,
    ))
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;

    #[test]
    fn traefik_reads_none_and_nginx_does() {
        let (ca, crl) = ca_with_list();
        let trust = secret("ca", &[("ca.crt", &ca), ("ca.crl", &crl)]);
        let option = tls_option("mtls", "", &["ca"]);
        check(
            &[route("mtls"), option, trust.clone()],
            "unread-crl",
            "does not read",
        );
        silent(
            &[ingress(&[("auth-tls-secret", "shop/ca")]), trust],
            "unread-crl",
        );
    }
}
