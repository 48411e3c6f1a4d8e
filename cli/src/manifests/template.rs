//! Text that another program fills in before it is a manifest: it cannot be judged as it stands.

use policy::Object;
use policy::dialect::{DIALECTS, kind_of};
use serde_json::Value;

/// What shows that a text is a template.
pub(super) struct Words {
    /// What it looks like.
    pub(super) shown: &'static str,
    /// How to judge what it becomes.
    pub(super) hint: &'static str,
}

const BRACES: Words = Words {
    shown: "{{ ... }}",
    hint: "judge what it becomes: `helm template . | kubectl mtls lint -f -`",
};

const VARIABLE: Words = Words {
    shown: "${...}",
    hint: "judge what it becomes: `flux build kustomization NAME --path . | kubectl mtls lint -f -`, or envsubst",
};

/// Of a document that is no YAML; `line` from 0 is where it stops to be.
pub(super) fn in_text(text: &str, line: usize) -> Option<Words> {
    if has_braces(text) || has_pair(text, "{%", "%}") {
        return Some(BRACES);
    }
    // The fault shows at the variable's line or at the one after it.
    let mut near = text.lines().skip(line.saturating_sub(1)).take(2);
    near.any(has_variable).then_some(VARIABLE)
}

/// Of an object that a gateway reads: expressions in quotes are YAML all the same.
pub(super) fn in_object(object: &Object) -> Option<Words> {
    kind_of(&object.id)?;
    let id = [&object.id.name, &object.id.namespace];
    let annotations = object.annotations.values();
    let braces = id
        .into_iter()
        .chain(annotations)
        .any(|text| has_braces(text))
        || any_string(&object.spec, &has_braces);
    if braces {
        return Some(BRACES);
    }
    let decides = |key: &str| {
        let mut dialects = DIALECTS.iter();
        dialects.any(|dialect| key.starts_with(dialect.client_auth_prefix))
    };
    let mut deciding = object.annotations.iter().filter(|(key, _)| decides(key));
    deciding
        .any(|(_, value)| has_variable(value))
        .then_some(VARIABLE)
}

fn any_string(value: &Value, test: &impl Fn(&str) -> bool) -> bool {
    match value {
        Value::String(text) => test(text),
        Value::Array(items) => items.iter().any(|item| any_string(item, test)),
        Value::Object(map) => map.values().any(|value| any_string(value, test)),
        _ => false,
    }
}

/// `{{ .Values.x }}`, `{{- if x }}`; not `{{"a", "b"}}`, which other languages have too.
fn has_braces(text: &str) -> bool {
    text.match_indices("{{").any(|(at, _)| {
        let inner = text[at + 2..].trim_start_matches('-').trim_start();
        inner.starts_with(|char: char| char.is_alphabetic() || ".$(/".contains(char))
            && inner.contains("}}")
    })
}

fn has_pair(text: &str, open: &str, close: &str) -> bool {
    let inner = text.split_once(open).map(|(_, inner)| inner);
    inner.is_some_and(|inner| inner.contains(close))
}

/// `${NAME}`, `${NAME:=default}`.
fn has_variable(text: &str) -> bool {
    text.match_indices("${").any(|(at, _)| {
        let inner = &text[at + 2..];
        inner.starts_with(|char: char| char.is_ascii_alphabetic() || char == '_')
            && inner.contains('}')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_are_told_from_other_braces() {
        for text in [
            "{{ .Values.a }}",
            "{{- if .x -}}",
            "{{include \"a\" .}}",
            "{{/* c */}}",
        ] {
            assert!(has_braces(text), "{text}");
        }
        for text in ["{{\"a\"}}", "{{ .open", "[a-z]{2}", "{{1, 2}}", "}} {{"] {
            assert!(!has_braces(text), "{text}");
        }
        assert!(has_variable("a-${DOMAIN:=x}") && !has_variable("$1 ${1} ${"));
    }
}
