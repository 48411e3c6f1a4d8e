//! The bundle is larger than the API server, or a handshake, can carry.

use super::{Rule, Subject};
use crate::finding::{Finding, Severity};
use crate::host::Host;
use crate::lookup::Lookup;
use crate::trust::TrustUse;
use crate::vouch::{LONGEST_LIST, Trusted};

pub(super) static RULE: Rule = Rule {
    id: "oversized-bundle",
    summary: "the bundle is larger than the API server, or a TLS handshake, can carry",
    why: "A gateway that asks for a certificate names every CA of its bundle in the handshake. The list has a length of two octets (RFC 5246 section 7.4.4, RFC 8446 section 4.2.4): over 65535 octets the handshake fails for everybody. From 16 KiB on it no longer fits into one record, and some clients, Windows among them, cut it short and do not find their CA. The API server refuses more than 1 MiB of data in a Secret or ConfigMap, because etcd takes 1.5 MiB in one request.",
    remedy: "Keep the CAs of these clients alone in the bundle; a bundle of all public CAs is no list of whom to let in.",
    of_content: true,
    check,
};

/// What one TLS record holds.
const RECORD: usize = 16 * 1024;

fn check(subject: &Subject<'_>, findings: &mut Vec<Finding>) {
    let Some(host) = subject.host else { return };
    let found = host.trust.iter().filter_map(|used| finding(host, used));
    findings.extend(found);
}

fn finding(host: &Host, used: &TrustUse) -> Option<Finding> {
    let names = || too_many_names(&host.trusted(used)?);
    let (severity, message) = too_much_data(used).or_else(names)?;
    Some(RULE.finding(severity, &used.reference.site, message, RULE.remedy))
}

fn too_much_data(used: &TrustUse) -> Option<(Severity, String)> {
    let Lookup::Found(bundle) = &used.found else {
        return None;
    };
    let mut values = bundle.keys.iter();
    let (key, _) =
        values.find(|(_, read)| read.as_ref().is_some_and(x509::Bundle::is_oversized))?;
    let object = &bundle.object;
    Some((
        Severity::Error,
        format!("{key} of {object} has more than 1 MiB: the API server refuses it"),
    ))
}

fn too_many_names(trusted: &Trusted<'_>) -> Option<(Severity, String)> {
    let (names, size) = (trusted.certificates.len(), trusted.names_size());
    let message = |then: &str| format!("the names of its {names} CAs take {size} octets: {then}");
    match size {
        size if size > LONGEST_LIST => Some((
            Severity::Error,
            message("they do not fit into a handshake, which fails"),
        )),
        size if size > RECORD => Some((
            Severity::Warning,
            message("they do not fit into one TLS record, and some clients cut them short"),
        )),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use crate::Severity;

    #[test]
    fn more_than_a_secret_holds() {
        let objects = [
            route("mtls"),
            tls_option("mtls", "", &["ca"]),
            secret("ca", &[("ca.crt", &"-".repeat(1024 * 1024 + 1))]),
        ];
        check(&objects, "oversized-bundle", "the API server refuses it");
    }

    #[test]
    fn more_names_than_a_handshake_holds() {
        let one = named_ca_pem(&"a long name ".repeat(5));
        let objects = |times: usize| {
            let trust = secret("ca", &[("ca.crt", &one.repeat(times))]);
            [route("mtls"), tls_option("mtls", "", &["ca"]), trust]
        };
        let many = objects(300);
        let found = check(&many, "oversized-bundle", "some clients cut them short");
        assert_eq!(found[0].severity, Severity::Warning);
        assert_eq!(verdict(NOW, &many), "enforced");
        let more = objects(900);
        let found = check(&more, "oversized-bundle", "which fails");
        assert_eq!(found[0].severity, Severity::Error);
        assert_eq!(verdict(NOW, &more), "broken");
        silent(&objects(10), "oversized-bundle");
    }
}
