//! JSON schemas of single kinds, cut out of the description that Kubernetes' sources ship.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::Context as _;
use serde_json::{Map, Value, json};

const KINDS: [(&str, &str); 2] = [
    ("ingress", "io.k8s.api.networking.v1.Ingress"),
    ("secret", "io.k8s.api.core.v1.Secret"),
];

/// Writes `KIND.json` for each kind that is measured.
pub(super) fn write(folder: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(folder).context("making a folder")?;
    let path = tests::build::swagger()?;
    let text = fs::read(&path).with_context(|| format!("reading {}", path.display()))?;
    let description: Value = serde_json::from_slice(&text)?;
    let all = description["definitions"].as_object();
    let all = all.with_context(|| format!("{}: no definitions", path.display()))?;
    for (kind, name) in KINDS {
        let file = folder.join(format!("{kind}.json"));
        let schema = cut(all, name).to_string();
        fs::write(&file, schema).with_context(|| format!("writing {}", file.display()))?;
    }
    Ok(())
}

/// One definition with all that it refers to.
fn cut(all: &Map<String, Value>, name: &str) -> Value {
    let mut wanted = vec![name.to_owned()];
    let mut taken = BTreeMap::new();
    while let Some(name) = wanted.pop() {
        if let Some(definition) = all.get(&name).filter(|_| !taken.contains_key(&name)) {
            references(definition, &mut wanted);
            taken.insert(name, definition);
        }
    }
    json!({"$ref": format!("{PREFIX}{name}"), "definitions": taken})
}

const PREFIX: &str = "#/definitions/";

fn references(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            let reference = fields.get("$ref").and_then(Value::as_str);
            found.extend(
                reference
                    .and_then(|one| one.strip_prefix(PREFIX))
                    .map(ToOwned::to_owned),
            );
            fields.values().for_each(|value| references(value, found));
        }
        Value::Array(items) => items.iter().for_each(|value| references(value, found)),
        _ => {}
    }
}

#[cfg(test)]
mod test {
    use super::*;

    #[test]
    fn what_is_referred_to_comes_along_and_nothing_else() {
        let all = json!({
            "a": {"properties": {"b": {"items": {"$ref": "#/definitions/b"}}}},
            "b": {"properties": {"a": {"$ref": "#/definitions/a"}}},
            "c": {},
        });
        let schema = cut(all.as_object().unwrap(), "a");
        let names: Vec<_> = schema["definitions"].as_object().unwrap().keys().collect();
        assert_eq!(names, ["a", "b"]);
        assert_eq!(schema["$ref"], "#/definitions/a");
    }
}
