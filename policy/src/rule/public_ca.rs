//! The client CA is a public one.

use super::{Rule, Subject};
use crate::finding::{Finding, Severity};
use crate::host::Host;
use crate::trust::TrustUse;

pub(super) static RULE: Rule = Rule {
    id: "public-ca",
    summary: "the client CA is a public one, of which anybody can have a certificate",
    why: "A gateway asks whether the CA signed the certificate, not for whom. Whoever has a domain gets a certificate of a public CA, and is let in with it.",
    remedy: "Make a CA for these clients alone: `kubectl mtls create ca NAME`. Where the certificates must be public, check their subject too.",
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
    let mut certificates = trusted.certificates.iter().filter(|ca| ca.is_ca);
    let (ca, root) = certificates.find_map(|ca| Some((ca, x509::public_root(ca)?)))?;
    let of = match ca.subject == root {
        true => String::new(),
        false => format!(" below {root}"),
    };
    let message = format!(
        "{} is a public CA{of}: whoever has a certificate of it is let in",
        ca.subject
    );
    let bound = host
        .subjects
        .iter()
        .any(|(_, site)| site.object == used.reference.site.object);
    let severity = match bound {
        true => Severity::Warning,
        false => Severity::Error,
    };
    Some(RULE.finding(severity, &used.reference.site, message, RULE.remedy))
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;

    #[test]
    fn a_ca_below_a_public_root() {
        let objects = [
            route("mtls"),
            tls_option("mtls", "", &["ca"]),
            secret("ca", &[("ca.crt", PUBLIC_ROOT)]),
        ];
        check(&objects, "public-ca", "is a public CA");
        assert_eq!(verdict(NOW, &objects), "weak");
    }

    #[test]
    fn one_of_its_own() {
        silent(
            &[route("mtls"), tls_option("mtls", "", &["ca"]), ca("ca")],
            "public-ca",
        );
    }
}
