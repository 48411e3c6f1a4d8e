//! A self-signed certificate of the key pair beside the CA is trusted for clients too.

use super::{Rule, Subject};
use crate::finding::{Finding, Severity};
use crate::host::Host;
use crate::trust::TrustUse;
use crate::vouch::Worth;

pub(super) static RULE: Rule = Rule {
    id: "trusted-key-pair",
    summary: "a self-signed certificate of the key pair beside the CA is trusted for clients too",
    why: "ingress-nginx writes tls.crt, tls.key and ca.crt of a Secret into one file and gives it to ssl_client_certificate: a root in tls.crt lets in everybody whom it signed, and a self-signed server certificate whoever has its key.",
    remedy: "Keep the client CA in a Secret of its own with ca.crt alone.",
    of_content: true,
    check,
};

fn check(subject: &Subject<'_>, findings: &mut Vec<Finding>) {
    let Some(host) = subject.host else { return };
    let found = host.trust.iter().filter_map(|used| finding(host, used));
    findings.extend(found);
}

/// An error where a whole CA comes in.
fn finding(host: &Host, used: &TrustUse) -> Option<Finding> {
    let mut beside = host.beside(used).into_iter();
    let (one, severity, whom) = beside.find_map(|(one, worth)| match worth {
        Worth::Signed => Some((one, Severity::Error, "whomever it signed")),
        Worth::Itself => Some((one, Severity::Warning, "whoever has its key")),
        Worth::Nobody(_) => None,
    })?;
    let message = format!(
        "{} in tls.crt of Secret {} is self-signed, and lets in {whom}",
        one.subject,
        used.reference.spelt.trim()
    );
    Some(RULE.finding(severity, &used.reference.site, message, RULE.remedy))
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use crate::Severity;

    #[test]
    fn a_root_in_the_chain_of_the_pair() {
        let objects = |chain: &str| {
            let data = [("tls.crt", chain), ("tls.key", ""), ("ca.crt", &ca_pem())];
            [
                ingress(&[("auth-tls-secret", "shop/ca")]),
                secret("ca", &data),
            ]
        };
        let with_root = objects(&(leaf_pem() + &other_ca_pem()));
        let found = check(&with_root, "trusted-key-pair", "whomever it signed");
        assert_eq!(found[0].severity, Severity::Error);
        silent(&objects(&leaf_pem()), "trusted-key-pair");
        // Without its key it is no pair, and the controller writes ca.crt alone.
        let chain = leaf_pem() + &other_ca_pem();
        let bare = [("tls.crt", &*chain), ("ca.crt", &*ca_pem())];
        let ingress = ingress(&[("auth-tls-secret", "shop/ca")]);
        silent(&[ingress, secret("ca", &bare)], "trusted-key-pair");
    }
}
