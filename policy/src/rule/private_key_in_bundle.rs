//! The Secret that a gateway reads as CA holds a private key.

use super::{Rule, Subject};
use crate::finding::{Finding, Severity};
use crate::lookup::Lookup;
use crate::trust::TrustUse;

pub(super) static RULE: Rule = Rule {
    id: "private-key-in-bundle",
    summary: "the Secret that a gateway reads as CA holds a private key",
    why: "A gateway needs the CA's certificate alone. Who can read a private key beside it can issue client certificates, and ingress-nginx refuses a ca.crt that holds anything but certificates.",
    remedy: "Keep the signing key in a namespace of its own and give the gateway a Secret with ca.crt alone: `kubectl mtls create ca` makes both.",
    of_content: true,
    check,
};

fn check(subject: &Subject<'_>, findings: &mut Vec<Finding>) {
    let used = subject.host.iter().flat_map(|host| &host.trust);
    findings.extend(used.filter_map(finding));
}

fn finding(used: &TrustUse) -> Option<Finding> {
    let Lookup::Found(bundle) = &used.found else {
        return None;
    };
    let certificate_keys = bundle.keys.iter();
    let (key, _) = certificate_keys
        .filter_map(|(key, read)| Some((key, read.as_ref()?)))
        .find(|(_, read)| read.private_keys > 0)?;
    let secret = used.reference.target.as_ref().ok()?;
    let message = format!(
        "{key} of {} {secret} holds a private key, which a gateway never needs",
        secret.kind()
    );
    Some(RULE.finding(Severity::Error, &used.reference.site, message, RULE.remedy))
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;

    #[test]
    fn a_key_pasted_into_the_bundle() {
        let pem = format!(
            "{}-----BEGIN PRIVATE KEY-----\nMEE=\n-----END PRIVATE KEY-----\n",
            ca_pem()
        );
        let objects = [
            route("mtls"),
            tls_option("mtls", "", &["ca"]),
            secret("ca", &[("ca.crt", &pem)]),
        ];
        check(&objects, "private-key-in-bundle", "private key");
    }

    #[test]
    fn certificates_alone() {
        silent(
            &[route("mtls"), tls_option("mtls", "", &["ca"]), ca("ca")],
            "private-key-in-bundle",
        );
    }
}
