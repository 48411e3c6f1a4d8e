//! What the CRDs refuse.

use policy::Object;
use policy::client_auth_policy::{Fault, Policies};
use serde_json::{Value, json};

use super::{dry_run, object};

#[test]
fn the_schema_refuses_nonsense() {
    let policy = |more: Value| {
        let mut spec = json!({"match": {}, "demand": "required"});
        for (key, value) in more.as_object().unwrap().clone() {
            spec[key] = value;
        }
        object("ClientAuthPolicy", "nonsense", &spec)
    };
    let exception = |spec: Value| object("ClientAuthException", "nonsense", &spec);
    let rule = |rule: &str| json!({"rule": rule, "action": "Warn"});
    let table = [
        (
            object(
                "ClientAuthPolicy",
                "nonsense",
                &json!({"demand": "required"}),
            ),
            "spec.match: Required",
        ),
        (
            policy(json!({"demand": "always"})),
            "spec.demand: Unsupported value",
        ),
        (
            policy(json!({"action": "Refuse"})),
            "spec.action: Unsupported value",
        ),
        (
            policy(json!({"trust": {}})),
            "say at least one of secrets, pins and minRemainingDays",
        ),
        (
            policy(json!({"trust": {"minRemainingDays": 0}})),
            "spec.trust.minRemainingDays",
        ),
        (
            policy(json!({"trust": {"pins": ["abc"]}})),
            "spec.trust.pins[0]",
        ),
        (
            policy(json!({"trust": {"secrets": [{"name": "ca"}]}})),
            "namespace: Required",
        ),
        (
            policy(json!({"rules": [rule("missing-ca"), rule("missing-ca")]})),
            "Duplicate value",
        ),
        (
            policy(json!({"rules": [rule("no-such-rule")]})),
            "Unsupported value: \"no-such-rule\"",
        ),
        (
            policy(json!({"match": {"hosts": ["*.*.example.com"]}})),
            "spec.match.hosts[0]",
        ),
        (
            policy(json!({"match": {"hosts": ["https://example.com"]}})),
            "spec.match.hosts[0]",
        ),
        (
            policy(json!({"match": {"hosts": ["a", "a"]}})),
            "Duplicate value",
        ),
        (
            policy(json!({"match": {"gateways": [{}]}})),
            "say the dialect, the instance, or both",
        ),
        (
            policy(json!({"match": {"gateways": [{"dialect": "envoy"}]}})),
            "Unsupported value: \"envoy\"",
        ),
        (
            policy(json!({"match": {"namespaceSelector": {"matchExpressions": [
            {"key": "a", "operator": "In"}]}}})),
            "In and NotIn need values",
        ),
        (
            policy(json!({"match": {"namespaceSelector": {"matchExpressions": [
            {"key": "a", "operator": "Exists", "values": ["b"]}]}}})),
            "In and NotIn need values",
        ),
        (
            policy(json!({"action": "Audit", "inject": {"trust": {"name": "ca"}}})),
            "only audits puts nothing in",
        ),
        (policy(json!({"inject": {}})), "spec.inject.trust: Required"),
        (
            exception(json!({"hosts": ["a"], "end": "2999-01-01T00:00:00Z"})),
            "spec.reason: Required",
        ),
        (
            exception(json!({"hosts": ["a"], "reason": " ", "end": "2999-01-01T00:00:00Z"})),
            "spec.reason",
        ),
        (
            exception(json!({"hosts": ["a"], "reason": "r"})),
            "spec.end: Required",
        ),
        (
            exception(json!({"hosts": ["a"], "reason": "r", "end": "soon"})),
            "spec.end",
        ),
        (
            exception(json!({"reason": "r", "end": "2999-01-01T00:00:00Z"})),
            "say which hosts or namespaces",
        ),
        (
            exception(json!({"hosts": [], "reason": "r", "end": "2999-01-01T00:00:00Z"})),
            "spec.hosts",
        ),
        (policy(json!({"match": {"hosts": []}})), "spec.match.hosts"),
        (
            policy(json!({"trust": {"pins": ["AB".repeat(32)]}})),
            "spec.trust.pins[0]",
        ),
        (
            exception(
                json!({"hosts": ["a"], "policies": [], "reason": "r", "end": "2999-01-01T00:00:00Z"}),
            ),
            "spec.policies",
        ),
    ];
    for (manifest, words) in table {
        let said = dry_run(&manifest);
        assert!(
            !said.success && said.all().contains(words),
            "{words}: {}\n{manifest}",
            said.all()
        );
        assert!(!faults(&manifest).is_empty(), "as a file: {manifest}");
    }
    let good = policy(json!({"match": {"hosts": ["*.example.com"],
        "gateways": [{"dialect": "traefik"}], "namespaceSelector": {"matchExpressions": [
            {"key": "a.b/c", "operator": "NotIn", "values": ["d"]}]}},
        "trust": {"secrets": [{"namespace": "pki", "name": "ca"}], "pins": ["0a".repeat(32)],
            "minRemainingDays": 30},
        "rules": [rule("missing-ca")], "inject": {"trust": {"name": "ca"}, "option": {"name": "o"}}}));
    let spared = json!({"namespaces": ["a"], "reason": "r", "end": "2999-01-01T00:00:00+01:00"});
    for good in [good, exception(spared)] {
        let said = dry_run(&good);
        assert!(said.success, "{}", said.all());
        assert_eq!(faults(&good), []);
    }
}

/// What is said of the object where it stands in a file.
fn faults(manifest: &str) -> Vec<Fault> {
    let mut policies = Policies::default();
    policies.learn(&Object::from_json(manifest).unwrap());
    let of_policies = policies.policies().flat_map(|one| one.faults.clone());
    let of_exceptions = policies.exceptions().flat_map(|one| one.faults.clone());
    of_policies.chain(of_exceptions).collect()
}
