//! Another object of the same host decides, and this setting has no effect.

use super::{Rule, Subject};
use crate::fact::RemarkKind;
use crate::finding::Finding;

pub(super) static RULE: Rule = Rule {
    id: "overruled-setting",
    summary: "another object of the same host decides, and this setting has no effect",
    why: "A gateway makes one set of client-certificate settings of all the objects on a host. ingress-nginx takes those of the oldest Ingress that has a CA, whole: its mode, its CA, its pattern for the subject.",
    remedy: "Say the same in every object of the host, or say it in one and remove it from the others.",
    check,
};

fn check(subject: &Subject<'_>, findings: &mut Vec<Finding>) {
    RULE.remarked(subject, RemarkKind::Overruled, findings);
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use serde_json::json;

    #[test]
    fn two_options_with_one_id() {
        let place = |mut object: serde_json::Value, namespace: &str| {
            object["metadata"]["namespace"] = namespace.into();
            object
        };
        let objects = [
            place(route("b-c"), "a"),
            place(tls_option("b-c", "", &["ca"]), "a"),
            place(ca("ca"), "a"),
            place(tls_option("c", "NoClientCert", &[]), "a-b"),
        ];
        check(&objects, "overruled-setting", "not certain");
        let settings = traefik(
            "3.7.11",
            None,
            &["--providers.kubernetescrd.safeNaming=true"],
        );
        let found = told(&settings, NOW, &objects, "overruled-setting");
        assert!(found.is_empty(), "{found:?}");
    }

    #[test]
    fn an_entry_points_option_that_the_route_replaces() {
        let args = [
            "--entryPoints.websecure.address=:443",
            "--entryPoints.websecure.http.tls.options=shop-mtls@kubernetescrd",
        ];
        let objects = [route(""), tls_option("mtls", "", &["ca"]), ca("ca")];
        let settings = traefik("3.7.9", None, &args);
        let found = told(&settings, NOW, &objects, "overruled-setting");
        assert_eq!(found[0].site.pointer, "/spec/tls");
        assert_eq!(json!(found.len()), json!(1));
    }
}
