//! What is wrong with a policy or an exception: what the schema refuses in a cluster is said of
//! files too.

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::spec::{Action, ExceptionSpec, Operator, PolicySpec};
use super::{Kind, crd, schema};

/// What is wrong with an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The field as a JSON pointer.
    pub pointer: String,
    /// What is wrong, a sentence fragment.
    pub reason: String,
}

pub(super) fn fault(pointer: impl Into<String>, reason: impl Into<String>) -> Fault {
    Fault {
        pointer: pointer.into(),
        reason: reason.into(),
    }
}

/// Reads a `spec`, and checks it: by the schema, then by the rules that the CRD has in CEL.
pub(super) fn read<T: DeserializeOwned>(
    kind: &Kind,
    spec: &Value,
    check: fn(&T) -> Vec<Fault>,
) -> (Option<T>, Vec<Fault>) {
    let mut faults = Vec::new();
    schema::faults(crd::spec(kind), spec, "/spec", &mut faults);
    match serde_json::from_value::<T>(spec.clone()) {
        Ok(spec) => {
            faults.extend(check(&spec));
            (Some(spec), faults)
        }
        Err(error) => {
            if faults.is_empty() {
                faults.push(fault("/spec", format!("cannot be read: {error}")));
            }
            (None, faults)
        }
    }
}

pub(super) fn of_policy(spec: &PolicySpec) -> Vec<Fault> {
    let mut faults = Vec::new();
    let selector = spec.r#match.namespace_selector.iter();
    for (index, one) in selector.flat_map(|one| &one.match_expressions).enumerate() {
        let needs = matches!(one.operator, Operator::In | Operator::NotIn);
        if needs == one.values.is_empty() {
            faults.push(fault(
                format!("/spec/match/namespaceSelector/matchExpressions/{index}"),
                "is wrong: In and NotIn need values; Exists and DoesNotExist have none",
            ));
        }
    }
    for (index, gateway) in spec.r#match.gateways.iter().enumerate() {
        if gateway.dialect.is_empty() && gateway.instance.is_empty() {
            faults.push(fault(
                format!("/spec/match/gateways/{index}"),
                "names neither dialect nor instance",
            ));
        }
    }
    let silent = spec.trust.as_ref().is_some_and(|trust| {
        trust.secrets.is_empty() && trust.pins.is_empty() && trust.min_remaining_days.is_none()
    });
    if silent {
        faults.push(fault("/spec/trust", "says nothing"));
    }
    if spec.inject.is_some() && spec.action == Action::Audit {
        faults.push(fault(
            "/spec/inject",
            "stands in a policy that only audits, which puts nothing in",
        ));
    }
    faults
}

pub(super) fn of_exception(spec: &ExceptionSpec) -> Vec<Fault> {
    if spec.hosts.is_empty() && spec.namespaces.is_empty() {
        let reason = "does not say which hosts or namespaces are spared";
        return vec![fault("/spec", reason)];
    }
    Vec::new()
}

/// A time of RFC 3339 in Unix seconds.
pub(super) fn moment(text: &str) -> Option<i64> {
    let moment: jiff::Timestamp = text.parse().ok()?;
    Some(moment.as_second())
}

/// Unix seconds as RFC 3339.
pub(super) fn time(seconds: i64) -> String {
    let moment = jiff::Timestamp::from_second(seconds);
    moment.map_or_else(|_| seconds.to_string(), |moment| moment.to_string())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::super::{EXCEPTION, POLICY, Policies};
    use super::*;
    use crate::Object;

    fn pointers(spec: &Value) -> Vec<String> {
        let (_, faults) = read(&POLICY, spec, of_policy);
        faults.into_iter().map(|fault| fault.pointer).collect()
    }

    #[test]
    fn nonsense_in_a_policy_is_found_where_it_stands() {
        let none: [String; 0] = [];
        let good = json!({"match": {}, "demand": "required"});
        assert_eq!(pointers(&good), none);
        assert_eq!(
            pointers(&json!({"match": {"hosts": []}, "demand": "always"})),
            ["/spec/demand", "/spec/match/hosts"]
        );
        let wrong = json!({"match": {"hosts": ["a", "A"], "gateways": [{}, {"dialect": "none"}]},
            "demand": "optional", "action": "Audit", "trust": {"pins": ["x", "AB".repeat(32)]},
            "inject": {"trust": {"name": "ca"}},
            "rules": [{"rule": "no-such", "action": "Deny"}, {"rule": "missing-ca", "action": "Warn"},
                {"rule": "missing-ca", "action": "Deny"}]});
        assert_eq!(
            pointers(&wrong),
            [
                "/spec/match/gateways/1/dialect",
                "/spec/match/hosts/1",
                "/spec/rules/0/rule",
                "/spec/rules/2",
                "/spec/trust/pins/0",
                "/spec/trust/pins/1",
                "/spec/match/gateways/0",
                "/spec/inject"
            ]
        );
        let silent = json!({"match": {}, "demand": "required", "trust": {}});
        assert_eq!(pointers(&silent), ["/spec/trust"]);
    }

    #[test]
    fn nonsense_in_an_exception() {
        let spec = json!({"reason": " ", "end": "soon"});
        let (spec, faults) = read(&EXCEPTION, &spec, of_exception);
        let mut faults: Vec<_> = faults.iter().map(|fault| fault.pointer.as_str()).collect();
        faults.sort_unstable();
        assert_eq!(faults, ["/spec", "/spec/end", "/spec/reason"]);
        assert!(spec.is_some());
        assert_eq!(moment("1970-01-01T01:00:00+01:00"), Some(0));
        assert_eq!(time(0), "1970-01-01T00:00:00Z");
    }
    #[test]
    fn an_exception_that_is_refused_spares_nobody() {
        let learned = |spec: Value| {
            let exception = json!({"apiVersion": "kubectl-mtls.github.io/v1alpha1",
                "kind": "ClientAuthException", "metadata": {"name": "e"}, "spec": spec});
            let mut policies = Policies::default();
            policies.learn(&Object::from_value(&exception).unwrap());
            policies.exceptions().any(|one| one.spec.is_some())
        };
        let mut spec = json!({"hosts": ["a"], "reason": "r", "end": "2999-01-01T00:00:00Z"});
        assert!(learned(spec.clone()));
        // Read as absent, it would be every policy.
        spec["policies"] = json!([]);
        assert!(!learned(spec));
    }
}
