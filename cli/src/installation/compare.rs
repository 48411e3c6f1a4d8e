//! How an object of the cluster differs from the one that would be applied, apart from what the API
//! server fills in by itself.

use serde_json::{Value, json};

use super::Selector;

/// What the API server fills in where nothing is said (`pkg/apis/admissionregistration/v1/defaults.go`
/// of Kubernetes).
fn default(field: &str, value: &Value) -> bool {
    let known = match field {
        "failurePolicy" => json!("Fail"),
        "matchPolicy" => json!("Equivalent"),
        "namespaceSelector" | "objectSelector" => json!({}),
        "port" => json!(443),
        "reinvocationPolicy" => json!("Never"),
        "scope" => json!("*"),
        "timeoutSeconds" => json!(10),
        _ => return value.is_null() || *value == json!([]) || *value == json!({}),
    };
    *value == known
}

/// Every field that differs, as `spec.failurePolicy is "Ignore", not "Fail"`.
pub(super) fn differences(path: &str, wanted: &Value, live: &Value) -> Vec<String> {
    let field = path.rsplit('.').next().unwrap_or_default();
    if field.ends_with("Selector") {
        return selectors(path, wanted, live);
    }
    match (wanted, live) {
        (Value::Object(wanted), Value::Object(live)) => {
            let below = |key: &str| match path {
                "" => key.to_owned(),
                path => format!("{path}.{key}"),
            };
            let mut found = Vec::new();
            for (key, value) in wanted {
                let other = live.get(key).unwrap_or(&Value::Null);
                found.extend(differences(&below(key), value, other));
            }
            let more = live.iter().filter(|(key, _)| !wanted.contains_key(*key));
            let more = more.filter(|(key, value)| !default(key, value));
            found.extend(more.map(|(key, value)| told(&below(key), &Value::Null, value)));
            found
        }
        (Value::Array(wanted), Value::Array(live)) if wanted.len() == live.len() => {
            let pairs = wanted.iter().zip(live).enumerate();
            pairs
                .flat_map(|(place, (wanted, live))| {
                    differences(&format!("{path}[{place}]"), wanted, live)
                })
                .collect()
        }
        _ if wanted == live || (live.is_null() && default(field, wanted)) => Vec::new(),
        _ => vec![told(path, wanted, live)],
    }
}

/// A selector may be spelled in several ways.
fn selectors(path: &str, wanted: &Value, live: &Value) -> Vec<String> {
    let spelled = |selector: &Value| {
        let Selector(parts) = Selector::stored(selector);
        let mut parts: Vec<_> = parts
            .into_iter()
            .map(|part| Selector(vec![part]).text())
            .collect();
        parts.sort();
        parts.join(",")
    };
    let (wanted, live) = (spelled(wanted), spelled(live));
    match wanted == live {
        true => Vec::new(),
        false => vec![format!("{path} is {live:?}, not {wanted:?}")],
    }
}

fn told(path: &str, wanted: &Value, live: &Value) -> String {
    match (wanted, live) {
        (Value::Null, _) => format!("{path} is {}, and is not shipped", short(live)),
        (_, Value::Null) => format!("{path} is missing, and should be {}", short(wanted)),
        _ => format!("{path} is {}, not {}", short(live), short(wanted)),
    }
}

/// So many characters of a value are shown.
const SHOWN: usize = 100;

fn short(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_api_server_fills_in_is_no_difference() {
        let wanted = json!({"name": "a", "namespaceSelector": {"matchExpressions": [
            {"key": "a", "operator": "In", "values": ["b"]},
            {"key": "c", "operator": "Exists", "values": []}]}});
        let mut live = json!({"name": "a", "matchPolicy": "Equivalent", "objectSelector": {},
            "failurePolicy": "Fail", "timeoutSeconds": 10, "namespaceSelector": {"matchLabels": {"a": "b"},
            "matchExpressions": [{"key": "c", "operator": "Exists"}]}});
        assert_eq!(differences("", &wanted, &live), Vec::<String>::new());
        live["timeoutSeconds"] = json!(1);
        live["objectSelector"] = json!({"matchLabels": {"x": "y"}});
        live["namespaceSelector"]["matchLabels"] = json!({"a": "other"});
        live["matchConditions"] = json!([{"name": "never", "expression": "false"}]);
        assert_eq!(
            differences("", &wanted, &live),
            [
                "namespaceSelector is \"a in (other),c\", not \"a in (b),c\"",
                "matchConditions is [{\"expression\":\"false\",\"name\":\"never\"}], and is not shipped",
                "objectSelector is {\"matchLabels\":{\"x\":\"y\"}}, and is not shipped",
                "timeoutSeconds is 1, and is not shipped",
            ]
        );
    }

    #[test]
    fn lists_are_compared_in_order() {
        let wanted = json!({"spec": {"validations": [{"expression": "a"}, {"expression": "b"}]}});
        let live = json!({"spec": {"validations": [{"expression": "a"}, {"expression": "true"}]}});
        assert_eq!(
            differences("", &wanted, &live),
            ["spec.validations[1].expression is \"true\", not \"b\""]
        );
        let fewer = json!({"spec": {"validations": [{"expression": "a"}]}});
        let found = differences("", &wanted, &fewer);
        assert!(
            found.len() == 1 && found[0].starts_with("spec.validations is [{"),
            "{found:?}"
        );
    }
}
