//! A header with the client's identity reaches the backend as the client sent it.

use super::{Rule, Subject};
use crate::fact::RemarkKind;
use crate::finding::Finding;

pub(super) static RULE: Rule = Rule {
    id: "spoofable-header",
    summary: "a header with the client's identity reaches the backend as the client sent it",
    why: "Backends read the identity of a client from headers that the gateway sets. Where the gateway does not set them, it does not remove them either: whoever sends them is believed.",
    remedy: "Have the gateway set the header (pass the certificate to the backend), remove it on the way in, or do not trust it in the backend.",
    of_content: false,
    check,
};

fn check(subject: &Subject<'_>, findings: &mut Vec<Finding>) {
    RULE.remarked(subject, RemarkKind::Spoofable, findings);
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use serde_json::json;

    #[test]
    fn headers_that_traefik_does_not_set_in_place_of_ingress_nginx() {
        let settings = traefik(
            "3.7.9",
            Some("nginx"),
            &["--providers.kubernetesIngressNGINX=true"],
        );
        let mut object = ingress(&[("auth-tls-secret", "shop/ca")]);
        object["spec"]["rules"][0]["http"]["paths"] = json!([{"path": "/"}]);
        let found = told(&settings, NOW, &[object, ca("ca")], "spoofable-header");
        assert!(found[0].message.contains("ssl-client-*"), "{found:?}");
    }

    #[test]
    fn an_identity_that_traefik_did_not_verify() {
        let mut tells = route("mtls");
        tells["spec"]["routes"][0]["middlewares"] = json!([{"name": "identity"}]);
        let identity = json!({"apiVersion": "traefik.io/v1alpha1", "kind": "Middleware",
            "metadata": {"name": "identity", "namespace": "shop"},
            "spec": {"passTLSClientCert": {"pem": true}}});
        let objects = |mode| {
            [
                tells.clone(),
                identity.clone(),
                tls_option("mtls", mode, &["ca"]),
                ca("ca"),
            ]
        };
        let lax = objects("RequireAnyClientCert");
        check(&lax, "spoofable-header", "nobody verified");
        silent(&objects("RequireAndVerifyClientCert"), "spoofable-header");
    }

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
