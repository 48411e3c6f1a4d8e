//! A host trusts a CA that expires sooner than a policy of the cluster allows.

use super::Rule;
use crate::client_auth_policy::shortfall;

pub(super) static RULE: Rule = Rule {
    id: shortfall::VALIDITY,
    summary: "the client CA expires sooner than a ClientAuthPolicy allows",
    why: "A change of CA takes as long as the slowest client. A policy says how much time must be left; less than that, and some client will not have its new certificate in time.",
    remedy: "Begin the change of the CA: `kubectl mtls rotate ca NAME` adds the new one beside the old one.",
    of_content: true,
    check: |subject, findings| shortfall::report(&RULE, subject, findings),
};

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use serde_json::json;

    #[test]
    fn from_the_day_on_that_is_said() {
        let days = json!({"trust": {"minRemainingDays": 100}});
        let objects = [
            ingress(&[("auth-tls-secret", "shop/ca")]),
            ca("ca"),
            policy("p", days),
        ];
        silent(&objects, "policy-validity");
        let end = NOW + 10 * YEAR;
        let day = 24 * 3600;
        assert!(findings(end - 100 * day, &objects, "policy-validity").is_empty());
        at(
            end - 99 * day,
            &objects,
            "policy-validity",
            "expires in 99 days",
        );
        at(end + day, &objects, "policy-validity", "has expired");
    }
}
