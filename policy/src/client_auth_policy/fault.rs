//! What is wrong with a policy or an exception: what the schema refuses in a cluster is said of
//! files too.

use std::collections::BTreeSet;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::pattern::{is_host, pin};
use super::spec::{Action, ExceptionSpec, Operator, PolicySpec, Trust};
use crate::object::escape;

/// What is wrong with an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The field as a JSON pointer.
    pub pointer: String,
    /// What is wrong, a sentence fragment.
    pub reason: String,
}

fn fault(pointer: impl Into<String>, reason: impl Into<String>) -> Fault {
    Fault {
        pointer: pointer.into(),
        reason: reason.into(),
    }
}

/// Reads a `spec`, and checks it.
pub(super) fn read<T: DeserializeOwned>(
    spec: &Value,
    check: fn(&T) -> Vec<Fault>,
) -> (Option<T>, Vec<Fault>) {
    match serde_json::from_value::<T>(spec.clone()) {
        Ok(spec) => {
            let faults = check(&spec);
            (Some(spec), faults)
        }
        Err(error) => (
            None,
            vec![fault("/spec", format!("cannot be read: {error}"))],
        ),
    }
}

/// Fields that the schema has not: misspelt, or of a newer version. Nothing else is said of them,
/// and without them the object says something wider.
pub(super) fn unknown(schema: &Value, value: &Value, at: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                let below = format!("{at}/{}", escape(key));
                let known = schema["properties"].get(key);
                match known.or_else(|| schema.get("additionalProperties")) {
                    Some(schema) => unknown(schema, value, &below, found),
                    None => found.push(below),
                }
            }
        }
        Value::Array(items) => {
            for (number, item) in items.iter().enumerate() {
                unknown(&schema["items"], item, &format!("{at}/{number}"), found);
            }
        }
        _ => {}
    }
}

pub(super) fn of_policy(spec: &PolicySpec) -> Vec<Fault> {
    let mut faults = hosts("/spec/match/hosts", &spec.r#match.hosts);
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
        let known = match gateway.dialect.as_str() {
            "" => !gateway.instance.is_empty(),
            dialect => crate::dialect::by_id(dialect).is_some(),
        };
        if !known {
            faults.push(fault(
                format!("/spec/match/gateways/{index}"),
                "names no gateway that is known",
            ));
        }
    }
    faults.extend(spec.trust.iter().flat_map(of_trust));
    let mut seen = BTreeSet::new();
    for (index, stated) in spec.rules.iter().enumerate() {
        let pointer = format!("/spec/rules/{index}/rule");
        if crate::rule::by_id(&stated.rule).is_none() {
            faults.push(fault(pointer, format!("{:?} is no rule", stated.rule)));
        } else if !seen.insert(&stated.rule) {
            faults.push(fault(pointer, format!("{:?} stands twice", stated.rule)));
        }
    }
    if spec.inject.is_some() && spec.action == Action::Audit {
        faults.push(fault(
            "/spec/inject",
            "stands in a policy that only audits, which puts nothing in",
        ));
    }
    faults
}

fn of_trust(trust: &Trust) -> Vec<Fault> {
    let mut faults = Vec::new();
    let silent = trust.secrets.is_empty() && trust.pins.is_empty();
    if silent && trust.min_remaining_days.is_none() {
        faults.push(fault("/spec/trust", "says nothing"));
    }
    if trust.min_remaining_days == Some(0) {
        faults.push(fault("/spec/trust/minRemainingDays", "must be at least 1"));
    }
    let wrong = trust.pins.iter().enumerate();
    let wrong = wrong.filter(|(_, text)| pin(text).is_none());
    faults.extend(wrong.map(|(index, _)| {
        let reason = "is no SHA-256 in hexadecimal: `kubectl mtls inspect -o json` shows it";
        fault(format!("/spec/trust/pins/{index}"), reason)
    }));
    faults
}

pub(super) fn of_exception(spec: &ExceptionSpec) -> Vec<Fault> {
    let mut faults = hosts("/spec/hosts", &spec.hosts);
    if spec.hosts.is_empty() && spec.namespaces.is_empty() {
        faults.push(fault(
            "/spec",
            "does not say which hosts or namespaces are spared",
        ));
    }
    if spec.reason.trim().is_empty() {
        faults.push(fault("/spec/reason", "is empty"));
    }
    if moment(&spec.end).is_none() {
        let reason = "is no time, as 2027-01-31T00:00:00Z";
        faults.push(fault("/spec/end", reason));
    }
    faults
}

fn hosts(pointer: &str, hosts: &[String]) -> Vec<Fault> {
    let wrong = hosts.iter().enumerate().filter(|(_, host)| !is_host(host));
    wrong
        .map(|(index, host)| {
            let reason = format!("{host:?} is no host: a name in lower case, or one after *.");
            fault(format!("{pointer}/{index}"), reason)
        })
        .collect()
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
    use serde_json::json;

    use super::*;

    fn pointers(spec: &Value) -> Vec<String> {
        let (_, faults) = read(spec, of_policy);
        faults.into_iter().map(|fault| fault.pointer).collect()
    }

    #[test]
    fn nonsense_in_a_policy_is_found_where_it_stands() {
        let none: [String; 0] = [];
        let good = json!({"match": {}, "demand": "required"});
        assert_eq!(pointers(&good), none);
        assert_eq!(
            pointers(&json!({"match": {}, "demand": "always"})),
            ["/spec"]
        );
        let wrong = json!({"match": {"hosts": ["a", "A"], "gateways": [{}]}, "demand": "optional",
            "action": "Audit", "trust": {"pins": ["x"]}, "inject": {"trust": {"name": "ca"}},
            "rules": [{"rule": "no-such", "action": "Deny"}, {"rule": "missing-ca", "action": "Warn"},
                {"rule": "missing-ca", "action": "Deny"}]});
        assert_eq!(
            pointers(&wrong),
            [
                "/spec/match/hosts/1",
                "/spec/match/gateways/0",
                "/spec/trust/pins/0",
                "/spec/rules/0/rule",
                "/spec/rules/2/rule",
                "/spec/inject"
            ]
        );
    }

    #[test]
    fn nonsense_in_an_exception() {
        let (spec, faults) = read(&json!({"reason": " ", "end": "soon"}), of_exception);
        let faults: Vec<_> = faults.iter().map(|fault| fault.pointer.as_str()).collect();
        assert_eq!(faults, ["/spec", "/spec/reason", "/spec/end"]);
        assert!(spec.is_some());
        assert_eq!(moment("1970-01-01T01:00:00+01:00"), Some(0));
        assert_eq!(time(0), "1970-01-01T00:00:00Z");
    }
}
