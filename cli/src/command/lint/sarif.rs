//! SARIF 2.1.0, which code scanning services read.

use policy::Severity;
use policy::rule::RULES;
use serde_json::{Value, json};

use super::row::Row;

const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";
const RULE_DOCS: &str = "https://github.com/kubectl-mtls/kubectl-mtls/blob/main/docs/rules.md";

/// The report, with the text of every rule.
pub(super) fn write(rows: &[Row]) -> anyhow::Result<String> {
    let rules: Vec<_> = RULES
        .iter()
        .map(|rule| {
            json!({"id": rule.id, "name": name(rule.id), "properties": {"tags": ["security"]},
                "shortDescription": {"text": rule.summary},
                "fullDescription": {"text": rule.why}, "help": {"text": rule.remedy},
                "helpUri": format!("{RULE_DOCS}#{}", rule.id)})
        })
        .collect();
    let results: Vec<_> = rows.iter().map(result).collect();
    let log = json!({"$schema": SCHEMA, "version": "2.1.0", "runs": [{
        "tool": {"driver": {"name": "kubectl-mtls", "version": env!("CARGO_PKG_VERSION"),
            "semanticVersion": env!("CARGO_PKG_VERSION"),
            "informationUri": "https://github.com/kubectl-mtls/kubectl-mtls", "rules": rules}},
        "columnKind": "unicodeCodePoints", "results": results}]});
    Ok(format!("{log:#}\n"))
}

/// Viewers expect names in Pascal case beside the ids.
fn name(id: &str) -> String {
    let words = id.split('-').map(|word| {
        let (first, rest) = word.split_at(word.len().min(1));
        first.to_uppercase() + rest
    });
    words.collect()
}

fn result(row: &Row) -> Value {
    let level = match row.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "note",
    };
    let object = row
        .object
        .as_ref()
        .map(ToString::to_string)
        .unwrap_or_default();
    let name = format!("{object}{}", row.pointer);
    let mut location =
        json!({"logicalLocations": [{"fullyQualifiedName": name, "kind": "object"}]});
    // A finding without a file is one in a cluster.
    if let (Some(file), Some((line, column))) = (&row.file, row.position) {
        location["physicalLocation"] = json!({"artifactLocation": {"uri": uri(file)},
            "region": {"startLine": line, "startColumn": column}});
    }
    let index = RULES.iter().position(|rule| rule.id == row.rule);
    let mut result = json!({"ruleId": row.rule, "level": level,
        "message": {"text": format!("{}: {}. {}", object, row.message, row.hint)},
        "locations": [location],
        "partialFingerprints": {"objectAndField/v1": format!("{}:{name}", row.rule)}});
    if let Some(index) = index {
        result["ruleIndex"] = index.into();
    }
    result
}

/// A relative reference (RFC 3986).
fn uri(file: &str) -> String {
    let file = file.strip_prefix("./").unwrap_or(file);
    let mut out = String::new();
    for byte in file.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                out.push(char::from(byte));
            }
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
}
