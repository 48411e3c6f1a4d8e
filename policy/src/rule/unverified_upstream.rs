//! The connection to the backend is not authenticated as the settings say.

use super::{Rule, Subject};
use crate::fact::RemarkKind;
use crate::finding::Finding;

pub(super) static RULE: Rule = Rule {
    id: "unverified-upstream",
    summary: "the connection to the backend is not authenticated as the settings say",
    why: "A gateway can show a certificate to the backend and verify the backend's. Where a part is missing it goes on without: no certificate is sent, or anything that answers is taken for the backend.",
    remedy: "Name a Secret with tls.crt, tls.key and ca.crt, switch verification on, and speak HTTPS to the backend.",
    of_content: false,
    check,
};

fn check(subject: &Subject<'_>, findings: &mut Vec<Finding>) {
    RULE.remarked(subject, RemarkKind::Upstream, findings);
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use serde_json::{Value, json};

    fn transport(spec: &Value) -> [Value; 4] {
        let mut route = route("mtls");
        route["spec"]["routes"][0]["services"] =
            json!([{"name": "a", "port": 443, "serversTransport": "a"}]);
        let transport = json!({"apiVersion": "traefik.io/v1alpha1", "kind": "ServersTransport",
            "metadata": {"name": "a", "namespace": "shop"}, "spec": spec});
        [route, transport, tls_option("mtls", "", &["ca"]), ca("ca")]
    }

    #[test]
    fn a_transport_that_lacks_what_it_names() {
        let rule = "unverified-upstream";
        let missing = transport(&json!({"certificatesSecrets": ["none"]}));
        check(&missing, rule, "shows the backend no certificate");
        let half = transport(&json!({"certificatesSecrets": ["ca"]}));
        check(&half, rule, "has no tls.crt");
        let root = transport(&json!({"rootCAs": [{"secret": "none"}]}));
        check(&root, rule, "every public CA");
        check(
            &transport(&json!({"minVersion": "VersionTLS12"})),
            rule,
            "maxVersion",
        );
        check(
            &transport(&json!({"insecureSkipVerify": true})),
            rule,
            "whatever answers",
        );
    }

    #[test]
    fn a_transport_that_has_everything() {
        let spec = json!({"rootCAs": [{"secret": "ca"}], "minVersion": "VersionTLS12",
            "maxVersion": "VersionTLS13"});
        silent(&transport(&spec), "unverified-upstream");
    }

    const RULE: &str = "unverified-upstream";
    const HTTPS: (&str, &str) = ("backend-protocol", "https");
    const SECRET: (&str, &str) = ("proxy-ssl-secret", "shop/backend");
    const VERIFY: (&str, &str) = ("proxy-ssl-verify", "on");
    const NAME: (&str, &str) = ("proxy-ssl-name", "backend.shop");

    fn pair() -> Value {
        let pair = [
            ("tls.crt", &*leaf_pem()),
            ("tls.key", "x"),
            ("ca.crt", &*ca_pem()),
        ];
        secret("backend", &pair)
    }

    #[test]
    fn everything_is_said() {
        silent(&[ingress(&[HTTPS, SECRET, VERIFY, NAME]), pair()], RULE);
        silent(&[ingress(&[HTTPS])], RULE);
    }

    #[test]
    fn a_part_is_missing() {
        let with = |annotations: &[(&str, &str)]| [ingress(annotations), pair()];
        check(&with(&[HTTPS, VERIFY]), RULE, "without proxy-ssl-secret");
        check(&with(&[HTTPS, SECRET]), RULE, "proxy-ssl-verify is off");
        check(&with(&[HTTPS, SECRET, VERIFY]), RULE, "502");
        check(
            &with(&[HTTPS, SECRET, ("proxy-ssl-verify", "yes"), NAME]),
            RULE,
            "neither on nor off",
        );
        check(
            &with(&[SECRET, VERIFY, NAME]),
            RULE,
            "backend-protocol HTTP",
        );
        check(
            &with(&[("backend-protocol", "grpcs"), SECRET, VERIFY, NAME]),
            RULE,
            "grpc_ssl",
        );
    }

    #[test]
    fn the_secret_is_of_no_use() {
        let object = || ingress(&[HTTPS, SECRET, VERIFY, NAME]);
        check(&[object()], RULE, "does not exist");
        let bare = [("tls.crt", &*leaf_pem()), ("tls.key", "x")];
        check(
            &[object(), secret("backend", &bare)],
            RULE,
            "no certificate is sent",
        );
        let foreign = ingress(&[HTTPS, ("proxy-ssl-secret", "pki/backend"), VERIFY, NAME]);
        check(&[foreign], RULE, "in another namespace");
    }

    #[test]
    fn the_certificate_is_lent_to_others_on_the_host() {
        let mut owner = ingress(&[HTTPS, SECRET, VERIFY, NAME]);
        owner["metadata"]["name"] = "web".into();
        check(
            &[owner.clone(), ingress(&[HTTPS]), pair()],
            RULE,
            "backends of ingress/api",
        );
        silent(&[owner, ingress(&[]), pair()], RULE);
    }
}
