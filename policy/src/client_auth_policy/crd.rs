//! The CustomResourceDefinitions, made from the types.

use std::sync::LazyLock;

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};
use serde_json::{Map, Value, json};

use super::spec::{ExceptionSpec, PolicySpec};
use super::status::{ExceptionStatus, PolicyStatus};
use super::{EXCEPTION, GROUP, Kind, POLICY, VERSION};

/// What may stand in the `spec` of one of the kinds.
pub(super) fn spec(kind: &Kind) -> &'static Value {
    static DEFINITIONS: LazyLock<[Value; 2]> = LazyLock::new(definitions);
    let [policy, exception] = &*DEFINITIONS;
    let definition = if *kind == POLICY { policy } else { exception };
    &definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
}

/// The definitions of both kinds, policies first.
pub fn definitions() -> [Value; 2] {
    let policy = schema::<PolicySpec, PolicyStatus>(
        "What a cluster demands of the hosts at its gateways: client certificates, of which CAs, and \
         what happens to a change that falls short.",
    );
    let exception = schema::<ExceptionSpec, ExceptionStatus>(
        "Spares hosts or namespaces from policies until its end.",
    );
    [
        definition(
            &POLICY,
            "cap",
            "clientauthpolicy",
            policy,
            &policy_columns(),
        ),
        definition(
            &EXCEPTION,
            "cae",
            "clientauthexception",
            exception,
            &exception_columns(),
        ),
    ]
}

fn policy_columns() -> Value {
    json!([
        column("Demand", "string", ".spec.demand"),
        column("Action", "string", ".spec.action"),
        column("Hosts", "integer", ".status.matchedHosts"),
        column("Short", "integer", ".status.shortHosts"),
        column(
            "Compliant",
            "string",
            ".status.conditions[?(@.type==\"Compliant\")].status"
        ),
        wide("Names", "string", ".spec.match.hosts"),
        wide(
            "Conflicting",
            "string",
            ".status.conditions[?(@.type==\"Conflicting\")].status"
        ),
        column("Age", "date", ".metadata.creationTimestamp"),
    ])
}

fn exception_columns() -> Value {
    json!([
        column("End", "string", ".spec.end"),
        column(
            "Active",
            "string",
            ".status.conditions[?(@.type==\"Active\")].status"
        ),
        column("Spared", "integer", ".status.sparedHosts"),
        column("Reason", "string", ".spec.reason"),
        column("Age", "date", ".metadata.creationTimestamp"),
    ])
}

fn column(name: &str, kind: &str, path: &str) -> Value {
    json!({"name": name, "type": kind, "jsonPath": path})
}

/// One that `kubectl get -o wide` shows.
fn wide(name: &str, kind: &str, path: &str) -> Value {
    let mut column = column(name, kind, path);
    column["priority"] = 1.into();
    column
}

fn definition(kind: &Kind, short: &str, singular: &str, schema: Value, columns: &Value) -> Value {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": format!("{}.{GROUP}", kind.plural),
            "labels": {"app.kubernetes.io/name": "mtls-webhook"},
        },
        "spec": {
            "group": GROUP,
            "names": {"kind": kind.kind, "listKind": format!("{}List", kind.kind),
                "plural": kind.plural, "singular": singular, "shortNames": [short],
                "categories": ["mtls"]},
            "scope": "Cluster",
            "versions": [{"name": VERSION, "served": true, "storage": true,
                "subresources": {"status": {}},
                "additionalPrinterColumns": columns,
                "schema": {"openAPIV3Schema": schema}}],
        },
    })
}

fn schema<Spec: JsonSchema, Status: JsonSchema>(description: &str) -> Value {
    json!({
        "type": "object",
        "description": description,
        "required": ["spec"],
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {"type": "object"},
            "spec": structural(of::<Spec>(), true),
            "status": structural(of::<Status>(), false),
        },
    })
}

fn of<T: JsonSchema>() -> Schema {
    let settings = SchemaSettings::openapi3().with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    });
    settings.into_generator().into_root_schema_for::<T>()
}

fn structural(schema: Schema, is_spec: bool) -> Value {
    let mut value = schema.to_value();
    tidy(&mut value, is_spec);
    value
}

/// What schemars says beyond a structural schema, and formats that the API server does not know.
fn tidy(value: &mut Value, is_spec: bool) {
    match value {
        Value::Object(map) => {
            tidy_object(map, is_spec);
            map.values_mut().for_each(|value| tidy(value, is_spec));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| tidy(item, is_spec)),
        _ => {}
    }
}

fn tidy_object(map: &mut Map<String, Value>, is_spec: bool) {
    let is_schema = |map: &Map<String, Value>| map.get("type").is_some_and(Value::is_string);
    if !is_schema(map) && !map.contains_key("oneOf") && !map.contains_key("enum") {
        return;
    }
    map.remove("title");
    if map.get("format").is_some_and(|format| format == "uint32") {
        map.insert("format".to_owned(), "int32".into());
    }
    // An empty default would be stored in every object; nobody defaults a status.
    let keeps = |default: &Value| is_spec && default.is_string() && default != "";
    if map.get("default").is_some_and(|default| !keeps(default)) {
        map.remove("default");
    }
    // Variants with comments of their own are told apart by schemars, and one list for us.
    if let Some(Value::Array(variants)) = map.remove("oneOf") {
        let values = variants.iter().flat_map(|variant| match &variant["enum"] {
            Value::Array(values) => values.clone(),
            _ => vec![variant["const"].clone()],
        });
        map.insert("enum".to_owned(), values.collect());
        map.insert("type".to_owned(), "string".into());
    }
    if let Some(Value::String(text)) = map.get_mut("description") {
        *text = text.replace('\n', " ");
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// What a structural schema must not have (`apiextensions/v1`, structural schemas).
    fn check(path: &str, value: &Value) {
        let Value::Object(map) = value else { return };
        let is_schema = map.get("type").is_some_and(Value::is_string);
        for word in [
            "oneOf",
            "anyOf",
            "$ref",
            "definitions",
            "title",
            "$schema",
            "const",
        ] {
            assert!(!is_schema || !map.contains_key(word), "{word} at {path}");
        }
        for (key, value) in map {
            check(&format!("{path}/{key}"), value);
        }
    }

    #[test]
    fn the_schemas_are_structural() {
        for definition in definitions() {
            let schema = &definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
            check("", schema);
            let properties = &schema["properties"]["spec"]["properties"];
            assert!(properties.as_object().unwrap().len() >= 5, "{properties}");
        }
        let [policy, _] = definitions();
        let schema = &policy["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
        let spec = &schema["properties"]["spec"];
        assert_eq!(spec["required"], json!(["match", "demand"]));
        assert_eq!(spec["properties"]["action"]["default"], "Deny");
        let demand = &spec["properties"]["demand"];
        assert_eq!(demand["enum"], json!(["optional", "required"]));
    }
}
