//! `docs/reference/api.md`: every field of policies and exceptions, from their schema.

use std::fmt::Write as _;

use policy::client_auth_policy::definitions;
use serde_json::Value;

const INTRODUCTION: &str = "# ClientAuthPolicy and ClientAuthException

Generated from the schema that the API server checks. What the fields are for is in [policies](../policies.md). Both kinds are
cluster-scoped, of `kubectl-mtls.github.io/v1alpha1`.
";

pub(super) fn text() -> String {
    let mut text = INTRODUCTION.to_owned();
    for definition in definitions() {
        let spec = &definition["spec"];
        let kind = spec["names"]["kind"].as_str().unwrap_or_default();
        let schema = &spec["versions"][0]["schema"]["openAPIV3Schema"];
        let _ = write!(text, "\n## {kind}\n\n{}\n", described(schema));
        text.push_str("\n| field | type | |\n|---|---|---|\n");
        for part in ["spec", "status"] {
            fields(&schema["properties"][part], part, false, &mut text);
        }
    }
    text
}

fn described(schema: &Value) -> &str {
    schema["description"].as_str().unwrap_or_default()
}

/// A row for a field, and one for each field below.
pub(super) fn fields(schema: &Value, path: &str, required: bool, text: &mut String) {
    let array = schema["type"] == "array";
    let item = if array { &schema["items"] } else { schema };
    let _ = writeln!(
        text,
        "| `{path}` | {} | {} |",
        typed(item, array, required),
        told(schema, item).replace('|', "\\|")
    );
    let below = item["properties"].as_object().into_iter().flatten();
    for (name, field) in below {
        let names = item["required"].as_array().into_iter().flatten();
        let required = names.into_iter().any(|other| other == name.as_str());
        let list = if array { "[]" } else { "" };
        fields(field, &format!("{path}{list}.{name}"), required, text);
    }
}

fn typed(item: &Value, array: bool, required: bool) -> String {
    let kind = item["type"].as_str().unwrap_or("object");
    let kind = match item["additionalProperties"]["type"].as_str() {
        Some(value) => format!("map of {value}"),
        None => kind.to_owned(),
    };
    let list = if array { "list of " } else { "" };
    let must = if required { ", required" } else { "" };
    format!("{list}{kind}{must}")
}

/// What it says, which values there are, and which holds if it is absent.
fn told(schema: &Value, item: &Value) -> String {
    let mut told = described(schema).to_owned();
    let values: Vec<_> = item["enum"].as_array().into_iter().flatten().collect();
    let values: Vec<_> = values.iter().filter_map(|value| value.as_str()).collect();
    if !values.is_empty() {
        let _ = write!(told, " One of {}.", values.join(", "));
    }
    if let Some(default) = schema.get("default").filter(|value| !value.is_null()) {
        let _ = write!(told, " By default `{default}`.");
    }
    told
}
