//! The host is served beside a protected wildcard, whose demand does not reach it.

use super::{Rule, Subject};
use crate::fact::RemarkKind;
use crate::finding::Finding;

pub(super) static RULE: Rule = Rule {
    id: "uncovered-host",
    summary: "the host is served beside a protected wildcard, whose demand does not reach it",
    why: "Gateways look for the exact name first: an exact host beside *.example.com has settings of its own, and those of the wildcard say nothing about it.",
    remedy: "Demand certificates for the exact host too, or serve it under a name that the wildcard does not cover.",
    of_content: false,
    check,
};

fn check(subject: &Subject<'_>, findings: &mut Vec<Finding>) {
    RULE.remarked(subject, RemarkKind::Uncovered, findings);
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use serde_json::json;

    fn beside(wildcard: &str, exact: &str) -> [serde_json::Value; 4] {
        let mut wild = route("mtls");
        wild["metadata"]["name"] = "wild".into();
        wild["spec"]["routes"][0]["match"] = json!(wildcard);
        let mut object = route("");
        object["spec"]["routes"][0]["match"] = json!(exact);
        [wild, object, tls_option("mtls", "", &["ca"]), ca("ca")]
    }

    #[test]
    fn a_longer_rule_beside_a_wildcard() {
        let objects = beside("Host(`*.example.com`)", "Host(`api.example.com`)");
        check(&objects, "uncovered-host", "nobody is asked");
    }

    #[test]
    fn a_rule_that_the_wildcards_goes_before() {
        let longer = "Host(`*.example.com`) && PathPrefix(`/`)";
        let objects = beside(longer, "Host(`api.example.com`)");
        check(&objects, "uncovered-host", "421");
    }

    #[test]
    fn a_rule_as_long_as_the_wildcards() {
        let objects = beside("Host(`*.example.com`)", "Host(`a.example.com`)");
        check(&objects, "uncovered-host", "whenever Traefik loads");
    }

    #[test]
    fn a_wildcards_path_leaves_the_others_open() {
        let longer = "Host(`*.example.com`) && PathPrefix(`/admin`)";
        let objects = beside(longer, "Host(`api.example.com`)");
        check(&objects, "uncovered-host", "nobody is asked");
    }

    #[test]
    fn the_same_option_covers() {
        let mut objects = beside("Host(`*.example.com`)", "Host(`api.example.com`)");
        objects[1]["spec"]["tls"] = json!({"options": {"name": "mtls"}});
        silent(&objects, "uncovered-host");
    }

    #[test]
    fn an_exact_host_beside_a_wildcard() {
        let all = |annotations: &[(&str, &str)]| {
            let mut all = ingress(annotations);
            all["metadata"]["name"] = "all".into();
            all["spec"]["rules"][0]["host"] = "*.example.com".into();
            all
        };
        let demanding = all(&[("auth-tls-secret", "shop/ca")]);
        let findings = check(
            &[demanding.clone(), ingress(&[]), ca("ca")],
            "uncovered-host",
            "server of its own",
        );
        assert_eq!(findings[0].site.object.name, "api");
        assert_eq!(findings[0].severity, crate::Severity::Warning);
        let own = ingress(&[("auth-tls-secret", "shop/ca")]);
        silent(&[demanding, own, ca("ca")], "uncovered-host");
        let off = all(&[
            ("auth-tls-secret", "shop/ca"),
            ("auth-tls-verify-client", "off"),
        ]);
        silent(&[off, ingress(&[]), ca("ca")], "uncovered-host");
    }
}
