//! The connection to the backend is not authenticated as the settings say.

use super::{Rule, Subject};
use crate::fact::RemarkKind;
use crate::finding::Finding;

pub(super) static RULE: Rule = Rule {
    id: "unverified-upstream",
    summary: "the connection to the backend is not authenticated as the settings say",
    why: "A gateway can show a certificate to the backend and verify the backend's. Where a part is missing it goes on without: no certificate is sent, or anything that answers is taken for the backend.",
    remedy: "Name a Secret with tls.crt, tls.key and ca.crt, switch verification on, and speak HTTPS to the backend.",
    check,
};

fn check(subject: &Subject<'_>, findings: &mut Vec<Finding>) {
    RULE.remarked(subject, RemarkKind::Upstream, findings);
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use serde_json::json;

    fn transport(spec: &serde_json::Value) -> [serde_json::Value; 4] {
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
}
