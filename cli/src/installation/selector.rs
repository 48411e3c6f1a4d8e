//! Label selectors: as kubectl's `-l` spells them, as Kubernetes stores them, and what they select.

use serde_json::{Value, json};

/// Requirements that all have to hold, each as a `matchExpressions` item.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Selector(pub(crate) Vec<Value>);

impl Selector {
    /// Reads `a=b,c!=d,e in (f,g),h,!i`.
    ///
    /// # Errors
    /// When a part is none of these.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let parts = split(text);
        let parts = parts.iter().map(|part| part.trim());
        let parts = parts.filter(|part| !part.is_empty());
        parts.map(requirement).collect::<Result<_, _>>().map(Self)
    }

    /// A selector as it is stored.
    pub(crate) fn stored(value: &Value) -> Self {
        let labels = value["matchLabels"].as_object().into_iter().flatten();
        let mut all: Vec<_> = labels
            .map(|(key, value)| item(key, "In", &[text(value)]))
            .collect();
        all.extend(
            value["matchExpressions"]
                .as_array()
                .into_iter()
                .flatten()
                .cloned(),
        );
        Self(all)
    }

    /// Whether it selects what has these labels.
    pub(crate) fn selects(&self, labels: &Value) -> bool {
        self.0.iter().all(|requirement| holds(requirement, labels))
    }

    /// As kubectl spells it.
    pub(crate) fn text(&self) -> String {
        let spelt = |item: &Value| {
            let key = text(&item["key"]);
            let values: Vec<_> = values(item).collect();
            match text(&item["operator"]) {
                "In" => format!("{key} in ({})", values.join(",")),
                "NotIn" => format!("{key} notin ({})", values.join(",")),
                "Exists" => key.to_owned(),
                _ => format!("!{key}"),
            }
        };
        self.0.iter().map(spelt).collect::<Vec<_>>().join(",")
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn values(item: &Value) -> impl Iterator<Item = &str> {
    item["values"].as_array().into_iter().flatten().map(text)
}

fn holds(item: &Value, labels: &Value) -> bool {
    let label = labels.get(text(&item["key"])).and_then(Value::as_str);
    let listed = |label: &str| values(item).any(|value| value == label);
    match text(&item["operator"]) {
        "In" => label.is_some_and(listed),
        "NotIn" => !label.is_some_and(listed),
        "Exists" => label.is_some(),
        _ => label.is_none(),
    }
}

/// At the commas outside brackets.
fn split(text: &str) -> Vec<String> {
    let mut depth = 0_i32;
    let mut parts = vec![String::new()];
    for char in text.chars() {
        match char {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        if char == ',' && depth == 0 {
            parts.push(String::new());
        } else if let Some(part) = parts.last_mut() {
            part.push(char);
        }
    }
    parts
}

fn requirement(part: &str) -> Result<Value, String> {
    for (sign, operator) in [("!=", "NotIn"), ("==", "In"), ("=", "In")] {
        if let Some((key, value)) = part.split_once(sign) {
            return Ok(item(label(key)?, operator, &[word(value)?]));
        }
    }
    for (sign, operator) in [(" notin ", "NotIn"), (" in ", "In")] {
        if let Some((key, list)) = part.split_once(sign) {
            let list = list
                .trim()
                .strip_prefix('(')
                .and_then(|list| list.strip_suffix(')'));
            let list = list.ok_or_else(|| format!("{part:?}: a list as (a,b) is expected"))?;
            let values: Vec<_> = list.split(',').map(word).collect::<Result<_, _>>()?;
            return Ok(item(label(key)?, operator, &values));
        }
    }
    match part.strip_prefix('!') {
        Some(key) => Ok(json!({"key": label(key)?, "operator": "DoesNotExist"})),
        None => Ok(json!({"key": label(part)?, "operator": "Exists"})),
    }
}

fn item(key: &str, operator: &str, values: &[&str]) -> Value {
    json!({"key": key, "operator": operator, "values": values})
}

fn label(text: &str) -> Result<&str, String> {
    let text = text.trim();
    let allowed = |char: char| char.is_ascii_alphanumeric() || "-_./".contains(char);
    let good = !text.is_empty() && text.chars().all(allowed);
    good.then_some(text)
        .ok_or_else(|| format!("{text:?} is no label's key"))
}

fn word(text: &str) -> Result<&str, String> {
    let text = text.trim();
    let allowed = |char: char| char.is_ascii_alphanumeric() || "-_.".contains(char);
    let good = text.len() <= 63 && text.chars().all(allowed);
    good.then_some(text)
        .ok_or_else(|| format!("{text:?} is no label's value"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[track_caller]
    fn selects(selector: &str, labels: &Value) -> bool {
        let selector = Selector::parse(selector).unwrap();
        assert_eq!(Selector::parse(&selector.text()).unwrap(), selector);
        selector.selects(labels)
    }

    #[test]
    fn every_operator() {
        let labels = json!({"env": "prod", "team": "a"});
        for yes in [
            "",
            "env=prod",
            "env==prod,team",
            "env in (prod, test)",
            "env!=test",
            "!x",
            "x!=a",
            "env notin (test),team=a",
        ] {
            assert!(selects(yes, &labels), "{yes}");
        }
        for no in [
            "env=test",
            "x",
            "!env",
            "env notin (prod)",
            "env in (test),team",
            "x in (a)",
        ] {
            assert!(!selects(no, &labels), "{no}");
        }
    }

    #[test]
    fn what_is_no_selector() {
        for wrong in ["env=a b", "env in prod", "=x", "!", "env in (a", "a=b=c"] {
            assert!(Selector::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn labels_and_expressions_are_stored_apart() {
        let stored = json!({"matchLabels": {"a": "b"}, "matchExpressions": [
            {"key": "c", "operator": "Exists"}]});
        let selector = Selector::stored(&stored);
        assert!(selector.selects(&json!({"a": "b", "c": ""})));
        assert!(!selector.selects(&json!({"a": "b"})));
    }
}
