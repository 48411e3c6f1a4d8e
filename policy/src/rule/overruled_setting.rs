//! Another object of the same host decides, and this setting has no effect.

use super::{Rule, Subject};
use crate::fact::RemarkKind;
use crate::finding::Finding;

pub(super) static RULE: Rule = Rule {
    id: "overruled-setting",
    summary: "another object of the same host decides, and this setting has no effect",
    why: "A gateway makes one set of client-certificate settings of all the objects on a host. ingress-nginx takes those of the oldest Ingress that has a CA, whole: its mode, its CA, its pattern for the subject.",
    remedy: "Say the same in every object of the host, or say it in one and remove it from the others.",
    of_content: false,
    check,
};

fn check(subject: &Subject<'_>, findings: &mut Vec<Finding>) {
    RULE.remarked(subject, RemarkKind::Overruled, findings);
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use serde_json::{Value, json};

    #[test]
    fn two_options_with_one_id() {
        let place = |mut object: Value, namespace: &str| {
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

    const RULE: &str = "overruled-setting";

    /// Of the same age the last name comes first.
    fn first(annotations: &[(&str, &str)]) -> Value {
        let mut object = ingress(annotations);
        object["metadata"]["name"] = "web".into();
        object
    }

    #[test]
    fn the_first_ingress_decides() {
        let off = [
            ("auth-tls-secret", "shop/ca"),
            ("auth-tls-verify-client", "off"),
        ];
        let on = [("auth-tls-secret", "shop/ca")];
        let objects = [first(&off), ingress(&on), ca("ca")];
        let findings = check(&objects, RULE, "not asked for, not demanded");
        assert_eq!(findings[0].site.object.name, "api");
        assert_eq!(findings[0].severity, crate::Severity::Error);
        let findings = check(
            &[first(&on), ingress(&off), ca("ca")],
            RULE,
            "demanded, not not asked for",
        );
        assert_eq!(findings[0].severity, crate::Severity::Warning);
    }

    #[test]
    fn creation_goes_before_names() {
        let mut old = ingress(&[
            ("auth-tls-secret", "shop/ca"),
            ("auth-tls-verify-client", "optional"),
        ]);
        let mut new = first(&[("auth-tls-secret", "shop/ca")]);
        old["metadata"]["creationTimestamp"] = "2026-01-01T00:00:00Z".into();
        new["metadata"]["creationTimestamp"] = "2026-01-02T00:00:00Z".into();
        let findings = check(&[new, old, ca("ca")], RULE, "optional, not demanded");
        assert_eq!(findings[0].site.object.name, "web");
    }

    #[test]
    fn another_ca_another_subject_another_depth() {
        let plain = [("auth-tls-secret", "shop/ca")];
        let with =
            |annotation: (&str, &str)| [first(&plain), ingress(&[plain[0], annotation]), ca("ca")];
        check(
            &with(("auth-tls-match-cn", "CN=alice(,|$)")),
            RULE,
            "pattern",
        );
        check(&with(("auth-tls-verify-depth", "3")), RULE, "depth");
        silent(&with(("auth-tls-verify-client", "on")), RULE);
        let other = secret("other", &[("ca.crt", &other_ca_pem())]);
        let objects = [
            first(&plain),
            ingress(&[("auth-tls-secret", "shop/other")]),
            ca("ca"),
            other,
        ];
        check(&objects, RULE, "the CA in shop/other is not read");
    }

    #[test]
    fn the_same_ca_in_two_secrets() {
        let pem = ca_pem();
        let objects = [
            first(&[("auth-tls-secret", "shop/one")]),
            ingress(&[("auth-tls-secret", "shop/two")]),
            secret("one", &[("ca.crt", &pem)]),
            secret("two", &[("ca.crt", &pem)]),
        ];
        silent(&objects, RULE);
    }

    #[test]
    fn a_broken_reference_closes_the_host_for_the_others() {
        let objects = [
            first(&[("auth-tls-secret", "shop/none")]),
            ingress(&[("auth-tls-secret", "shop/ca")]),
            ca("ca"),
        ];
        let findings = check(&objects, RULE, "broken reference of ingress/web");
        assert_eq!(findings[0].site.object.name, "api");
    }

    #[test]
    fn the_default_server_has_another_ca() {
        let mut all = first(&[("auth-tls-secret", "shop/other")]);
        all["spec"]["rules"][0] = json!({"http": {"paths": []}});
        let other = secret("other", &[("ca.crt", &other_ca_pem())]);
        let api = ingress(&[("auth-tls-secret", "shop/ca")]);
        check(
            &[all.clone(), api.clone(), ca("ca"), other],
            RULE,
            "names no host in TLS",
        );
        silent(&[all, api.clone(), ca("ca"), ca("unused")], RULE);
        silent(&[api, ca("ca")], RULE);
    }
}
