//! A header with the client's identity reaches the backend as the client sent it.

use super::{Rule, Subject};
use crate::fact::RemarkKind;
use crate::finding::Finding;

pub(super) static RULE: Rule = Rule {
    id: "spoofable-header",
    summary: "a header with the client's identity reaches the backend as the client sent it",
    why: "Backends read the identity of a client from headers that the gateway sets. Where the gateway does not set them, it does not remove them either: whoever sends them is believed.",
    remedy: "Have the gateway set the header (pass the certificate to the backend), remove it on the way in, or do not trust it in the backend.",
    check,
};

fn check(subject: &Subject<'_>, findings: &mut Vec<Finding>) {
    RULE.remarked(subject, RemarkKind::Spoofable, findings);
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;

    const PASSES: (&str, &str) = ("auth-tls-pass-certificate-to-upstream", "true");

    #[test]
    fn the_backend_is_promised_a_header_that_nobody_sets() {
        check(
            &[ingress(&[PASSES])],
            "spoofable-header",
            "no client CA is in force",
        );
        let pair = secret("ca", &[("tls.crt", &leaf_pem()), ("tls.key", "x")]);
        let objects = [ingress(&[("auth-tls-secret", "shop/ca"), PASSES]), pair];
        check(&objects, "spoofable-header", "no client CA is in force");
    }

    #[test]
    fn the_ingress_that_decides_does_not_set_it() {
        let plain = ("auth-tls-secret", "shop/ca");
        let mut first = ingress(&[plain]);
        first["metadata"]["name"] = "web".into();
        let objects = [first.clone(), ingress(&[plain, PASSES]), ca("ca")];
        check(&objects, "spoofable-header", "another Ingress decides");
        silent(&[first, ca("ca")], "spoofable-header");
    }

    #[test]
    fn what_the_gateway_sets_cannot_be_spoofed() {
        silent(
            &[ingress(&[("auth-tls-secret", "shop/ca"), PASSES]), ca("ca")],
            "spoofable-header",
        );
        silent(
            &[ingress(&[("auth-tls-secret", "shop/none"), PASSES])],
            "spoofable-header",
        );
    }
}
