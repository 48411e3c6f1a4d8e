//! A host trusts a CA that a policy of the cluster does not allow.

use super::Rule;
use crate::client_auth_policy::shortfall;

pub(super) static RULE: Rule = Rule {
    id: shortfall::TRUST,
    summary: "the host trusts a CA that a ClientAuthPolicy does not allow",
    why: "Whoever holds the key of a trusted CA makes clients that get in. A policy that names Secrets or public keys limits this to CAs that are known; a Secret with another CA, or with one more, opens the host to others.",
    remedy: "Refer to a Secret with the CAs that the policy allows; `kubectl mtls inspect` shows what a Secret holds, spec.trust of the ClientAuthPolicy what is allowed.",
    of_content: true,
    check: |subject, findings| shortfall::report(&RULE, subject, findings),
};

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use serde_json::{Value, json};

    const RULE: &str = "policy-trust";

    fn objects(pem: &str, trust: Value) -> [Value; 3] {
        [
            ingress(&[("auth-tls-secret", "shop/ca")]),
            secret("ca", &[("ca.crt", pem)]),
            policy("p", json!({"trust": trust})),
        ]
    }

    fn pin(pem: &str) -> String {
        let bundle = x509::read_bundle(pem.as_bytes());
        let octets = bundle.certificates[0].spki.iter();
        octets.map(|octet| format!("{octet:02x}")).collect()
    }

    #[test]
    fn pins() {
        let (own, other) = (ca_pem(), other_ca_pem());
        silent(&objects(&own, json!({"pins": [pin(&own)]})), RULE);
        let pins = json!({"pins": [pin(&own)]});
        check(
            &objects(&other, pins.clone()),
            RULE,
            "does not allow the CA CN=another",
        );
        check(&objects(&format!("{own}{other}"), pins), RULE, "CN=another");
    }

    #[test]
    fn secrets_and_copies_of_them() {
        let own = ca_pem();
        let allowed = json!({"secrets": [{"namespace": "shop", "name": "allowed"}]});
        let mut all = objects(&own, allowed.clone()).to_vec();
        all.push(secret("allowed", &[("ca.crt", &own)]));
        silent(&all, RULE);
        let mut all = objects(&other_ca_pem(), allowed.clone()).to_vec();
        all.push(secret("allowed", &[("ca.crt", &own)]));
        check(&all, RULE, "CN=another");
        // What the policy allows is not known.
        silent(&objects(&own, allowed), RULE);
    }

    /// OpenSSL follows every chain to a root; Go stops at whatever is trusted.
    #[test]
    fn a_ca_below_an_allowed_root() {
        let [root, middle, _] = chain_pems();
        let pins = json!({"pins": [pin(&root)]});
        let both = format!("{middle}{root}");
        silent(&objects(&both, pins.clone()), RULE);
        let go = [
            route("mtls"),
            tls_option("mtls", "", &["ca"]),
            secret("ca", &[("ca.crt", &both)]),
            policy("p", json!({"trust": pins})),
        ];
        check(&go, RULE, "CN=middle");
    }
}
