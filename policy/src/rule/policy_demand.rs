//! A host lets in whom a policy of the cluster keeps out.

use super::Rule;
use crate::client_auth_policy::shortfall;

pub(super) static RULE: Rule = Rule {
    id: shortfall::DEMAND,
    summary: "a ClientAuthPolicy demands client certificates here, and they are not demanded",
    why: "Whoever runs the cluster decided that these hosts ask for client certificates. A host without a demand, with an optional one, or with a way around it falls short, whatever its own objects seem to say.",
    remedy: "Put it behind a CA: `kubectl mtls protect ROUTE --trust SECRET`; where that has to wait, whoever runs the cluster can make a ClientAuthException with a reason and an end.",
    of_content: false,
    check: |subject, findings| shortfall::report(&RULE, subject, findings),
};

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use crate::Severity;
    use serde_json::{Value, json};

    const RULE: &str = "policy-demand";

    fn open() -> Value {
        ingress(&[])
    }

    #[test]
    fn only_where_a_policy_is() {
        silent(&[open()], RULE);
        let found = check(&[open(), policy("p", json!({}))], RULE, "policy p demands");
        assert_eq!(found[0].severity, Severity::Error);
        assert!(
            found[0].hint.contains("protect ingress/api -n shop"),
            "{}",
            found[0].hint
        );
        silent(
            &[
                open(),
                policy("p", json!({"match": {"hosts": ["*.example.org"]}})),
            ],
            RULE,
        );
    }

    #[test]
    fn the_strictest_of_the_actions_holds() {
        let action = |name: &str, action: &str| policy(name, json!({"action": action}));
        let severity = |objects: &[Value]| findings(NOW, objects, RULE)[0].severity;
        assert_eq!(severity(&[open(), action("a", "Warn")]), Severity::Warning);
        assert_eq!(severity(&[open(), action("a", "Audit")]), Severity::Info);
        let both = [open(), action("a", "Audit"), action("b", "Deny")];
        assert_eq!(severity(&both), Severity::Error);
        assert!(
            findings(NOW, &both, RULE)[0]
                .message
                .contains("policy a demands")
        );
        let one = json!({"rules": [{"rule": RULE, "action": "Warn"}]});
        assert_eq!(severity(&[open(), policy("a", one)]), Severity::Warning);
    }

    #[test]
    fn what_is_demanded_is_enough() {
        let optional = ingress(&[
            ("auth-tls-secret", "shop/ca"),
            ("auth-tls-verify-client", "optional"),
        ]);
        let required = ingress(&[
            ("auth-tls-secret", "shop/ca"),
            ("force-ssl-redirect", "true"),
        ]);
        let demands = |demand: &str| policy("p", json!({"demand": demand}));
        silent(&[required, ca("ca"), demands("required")], RULE);
        silent(&[optional.clone(), ca("ca"), demands("optional")], RULE);
        check(&[open(), demands("optional")], RULE, "are verified");
        let found = check(
            &[optional, ca("ca"), demands("required")],
            RULE,
            "clients without a certificate",
        );
        assert_eq!(found.len(), 1);
    }

    #[test]
    fn an_exception_spares_until_its_end() {
        let objects = [
            open(),
            policy("p", json!({})),
            exception(json!({"hosts": ["api.example.com"]}), NOW + 10),
        ];
        assert!(findings(NOW, &objects, RULE).is_empty());
        at(NOW + 11, &objects, RULE, "the exception later ended at");
    }

    /// A broken host lets nobody in: no stranger gets past the policy.
    #[test]
    fn a_broken_host_does_not_fall_short() {
        let broken = ingress(&[
            ("auth-tls-secret", "shop/none"),
            ("force-ssl-redirect", "true"),
        ]);
        silent(&[broken, policy("p", json!({}))], RULE);
    }
}
