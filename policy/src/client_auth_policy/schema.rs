//! What a schema refuses: the words of structural schemas that ours use, as the API server reads
//! them (`k8s.io/apiextensions-apiserver`, `pkg/apiserver/validation` and `schema/listtype`).

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::fault::{Fault, fault, moment};
use super::pattern::form;
use crate::object::escape;

/// Every value below `at` that the schema refuses, in the order of the object.
pub(super) fn faults(schema: &Value, value: &Value, at: &str, found: &mut Vec<Fault>) {
    if !is_of_type(schema, value) {
        let kind = schema["type"].as_str().unwrap_or_default();
        found.push(fault(at, format!("must be of type {kind}")));
        return;
    }
    found.extend(own(schema, value).map(|reason| fault(at, reason)));
    match value {
        Value::Object(map) => of_object(schema, map, at, found),
        Value::Array(items) => of_array(schema, items, at, found),
        _ => {}
    }
}

fn is_of_type(schema: &Value, value: &Value) -> bool {
    match schema["type"].as_str() {
        Some("object") => value.is_object(),
        Some("array") => value.is_array(),
        Some("string") => value.is_string(),
        Some("boolean") => value.is_boolean(),
        Some("integer") => value.is_i64() || value.is_u64(),
        _ => true,
    }
}

/// What is wrong with a value by itself, a sentence fragment.
fn own(schema: &Value, value: &Value) -> Option<String> {
    let (size, words) = match value {
        Value::String(text) => (text.chars().count() as u64, ["minLength", "maxLength"]),
        Value::Array(items) => (items.len() as u64, ["minItems", "maxItems"]),
        Value::Object(map) => (map.len() as u64, ["minProperties", "maxProperties"]),
        // A number below zero is below every least number that ours have.
        Value::Number(number) => (number.as_u64().unwrap_or_default(), ["minimum", "maximum"]),
        _ => return None,
    };
    bounds(schema, size, words).or_else(|| match value {
        Value::String(text) => of_text(schema, text),
        _ => None,
    })
}

fn bounds(schema: &Value, size: u64, [least, most]: [&str; 2]) -> Option<String> {
    let what = match least {
        "minLength" => "characters",
        "minItems" => "items",
        "minProperties" => "fields",
        _ => "",
    };
    let said = |bound: &str, limit: &Value| format!("must be {bound} {limit} {what}");
    let wrong = match (number(&schema[least]), number(&schema[most])) {
        (Some(limit), _) if size < limit => said("at least", &limit.into()),
        (_, Some(limit)) if size > limit => said("at most", &limit.into()),
        _ => return None,
    };
    Some(
        wrong
            .trim_end()
            .replace("must be at least 1 items", "must not be empty"),
    )
}

/// A bound; schemars writes some of them as `1.0`.
fn number(bound: &Value) -> Option<u64> {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let whole = |number: f64| number as u64;
    bound.as_u64().or_else(|| bound.as_f64().map(whole))
}

fn of_text(schema: &Value, text: &str) -> Option<String> {
    if let Some(values) = schema["enum"].as_array() {
        return (!values.iter().any(|value| value == text)).then(|| none_of(values, text));
    }
    if schema["format"] == "date-time" && moment(text).is_none() {
        return Some("is no time, as 2027-01-31T00:00:00Z".to_owned());
    }
    let form = form(schema["pattern"].as_str()?);
    match form {
        Some((regex, _)) if regex.is_match(text) => None,
        Some((_, words)) => Some(format!("{text:?} is {words}")),
        None => None,
    }
}

fn none_of(values: &[Value], text: &str) -> String {
    let names: Vec<_> = values.iter().filter_map(Value::as_str).collect();
    // A long list is better looked up.
    match names.len() {
        0..=8 => format!("{text:?} is none of {}", names.join(", ")),
        _ => format!("{text:?} is not known"),
    }
}

fn of_object(schema: &Value, map: &Map<String, Value>, at: &str, found: &mut Vec<Fault>) {
    let required = schema["required"].as_array().into_iter().flatten();
    for name in required.filter_map(Value::as_str) {
        if !map.contains_key(name) {
            found.push(fault(format!("{at}/{}", escape(name)), "is missing"));
        }
    }
    for (key, value) in map {
        let known = schema["properties"].get(key);
        if let Some(below) = known.or_else(|| schema.get("additionalProperties")) {
            faults(below, value, &format!("{at}/{}", escape(key)), found);
        }
    }
}

fn of_array(schema: &Value, items: &[Value], at: &str, found: &mut Vec<Fault>) {
    let mut seen = BTreeSet::new();
    for (number, item) in items.iter().enumerate() {
        let below = format!("{at}/{number}");
        if identity(schema, item).is_some_and(|key| !seen.insert(key)) {
            found.push(fault(&below, "stands twice"));
        }
        faults(&schema["items"], item, &below, found);
    }
}

/// By what an item is told from the others; `None`: it may stand twice.
fn identity(schema: &Value, item: &Value) -> Option<String> {
    match schema["x-kubernetes-list-type"].as_str()? {
        "set" => Some(item.to_string()),
        "map" => {
            let keys = schema["x-kubernetes-list-map-keys"].as_array()?;
            let values = keys.iter().filter_map(Value::as_str);
            Some(
                values
                    .map(|key| item[key].to_string())
                    .collect::<Vec<_>>()
                    .join("/"),
            )
        }
        _ => None,
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::super::{EXCEPTION, POLICY, crd};
    use super::*;

    fn found(schema: &Value, value: &Value) -> Vec<String> {
        let mut found = Vec::new();
        faults(schema, value, "", &mut found);
        let said = found
            .iter()
            .map(|one| format!("{} {}", one.pointer, one.reason));
        said.collect()
    }

    #[test]
    fn each_word_of_a_schema_refuses() {
        let table = [
            (
                json!({"type": "object"}),
                json!([]),
                " must be of type object",
            ),
            (
                json!({"type": "integer"}),
                json!(1.5),
                " must be of type integer",
            ),
            (json!({"minimum": 1}), json!(-3), " must be at least 1"),
            (json!({"maximum": 2}), json!(3), " must be at most 2"),
            (json!({"minItems": 1}), json!([]), " must not be empty"),
            (
                json!({"maxItems": 1}),
                json!([1, 2]),
                " must be at most 1 items",
            ),
            (
                json!({"maxLength": 2}),
                json!("äöü"),
                " must be at most 2 characters",
            ),
            (
                json!({"maxProperties": 0}),
                json!({"a": 1}),
                " must be at most 0 fields",
            ),
            (
                json!({"enum": ["a", "b"]}),
                json!("c"),
                " \"c\" is none of a, b",
            ),
            (json!({"required": ["a"]}), json!({}), "/a is missing"),
            (
                json!({"additionalProperties": {"type": "string"}}),
                json!({"a/b": 1}),
                "/a~1b must be of type string",
            ),
            (
                json!({"x-kubernetes-list-type": "set"}),
                json!(["a", "b", "a"]),
                "/2 stands twice",
            ),
            (
                json!({"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["k"]}),
                json!([{"k": 1, "v": 1}, {"k": 1, "v": 2}]),
                "/1 stands twice",
            ),
        ];
        for (schema, value, expected) in table {
            assert_eq!(found(&schema, &value), [expected], "{schema} {value}");
        }
        let set = json!({"x-kubernetes-list-type": "atomic", "maxItems": 2, "maxLength": 3});
        assert!(found(&set, &json!([1, 1])).is_empty() && found(&set, &json!("äöü")).is_empty());
    }

    /// Every word that a schema of ours has, so that none is passed over.
    fn words(schema: &Value, found: &mut BTreeSet<String>) {
        for (word, value) in schema.as_object().unwrap() {
            found.insert(word.clone());
            match word.as_str() {
                "properties" => value
                    .as_object()
                    .unwrap()
                    .values()
                    .for_each(|one| words(one, found)),
                "items" | "additionalProperties" => words(value, found),
                "pattern" => assert!(form(value.as_str().unwrap()).is_some(), "{value}"),
                "format" => assert!(value == "date-time" || value == "int32", "{value}"),
                _ => {}
            }
        }
    }

    #[test]
    fn no_word_of_our_schemas_is_passed_over() {
        let mut found = BTreeSet::new();
        words(crd::spec(&POLICY), &mut found);
        words(crd::spec(&EXCEPTION), &mut found);
        let known = [
            "additionalProperties",
            "default",
            "description",
            "enum",
            "format",
            "items",
            "maxItems",
            "maxLength",
            "maxProperties",
            "maximum",
            "minItems",
            "minLength",
            "minimum",
            "pattern",
            "properties",
            "required",
            "type",
            "x-kubernetes-list-map-keys",
            "x-kubernetes-list-type",
            "x-kubernetes-validations",
        ];
        assert_eq!(found.into_iter().collect::<Vec<_>>(), known);
    }
}
