//! What is printed on stdout, and in which form.

mod table;

use std::io::{self, BufWriter, Write as _};

use anyhow::Context as _;
use policy::ObjectRef;
use serde::Serialize;
use serde_json::{Value, json};

pub(crate) use table::{table, whole_table};

use crate::{progress, terminal};

/// What fails where the output cannot be written.
const STDOUT: &str = "writing to stdout";

/// The forms of output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Human,
    /// One JSON document.
    Json,
    /// `kind/name`, a line each.
    Name,
    /// For people, with more columns.
    Wide,
    /// YAML.
    Yaml,
}

/// Prints a value in a form; `human` writes it for people.
pub(crate) fn value(
    format: Format,
    value: &impl Serialize,
    human: impl FnOnce() -> String,
) -> anyhow::Result<()> {
    match format {
        Format::Json => json_lines(value),
        Format::Yaml => bytes(yaml(value)?.as_bytes()),
        Format::Human | Format::Name | Format::Wide => bytes(human().as_bytes()),
    }
}

/// The same where what is for people is text, whose lines may be long: they go on below, indented.
pub(crate) fn story(
    format: Format,
    value: &impl Serialize,
    indent: usize,
    human: impl FnOnce() -> String,
) -> anyhow::Result<()> {
    match format {
        Format::Json | Format::Yaml => self::value(format, value, human),
        Format::Human | Format::Name | Format::Wide => people(&human(), indent),
    }
}

/// Prints JSON as it comes, because it can be larger than everything else.
fn json_lines(value: &impl Serialize) -> anyhow::Result<()> {
    progress::clear();
    let mut stdout = BufWriter::new(io::stdout().lock());
    let written = serde_json::to_writer_pretty(&mut stdout, value).map_err(io::Error::from);
    let ended = written.and_then(|()| stdout.write_all(b"\n"));
    ended.and_then(|()| stdout.flush()).context(STDOUT)
}

/// Prints objects: YAML documents, a JSON List, names, or what happened to each.
pub(crate) fn objects(format: Format, objects: &[Value], done: &str) -> anyhow::Result<()> {
    let name = |object: &Value| {
        let kind = object["kind"].as_str().unwrap_or_default().to_lowercase();
        format!(
            "{kind}/{}",
            object["metadata"]["name"].as_str().unwrap_or_default()
        )
    };
    let lines = |suffix: &str| -> String {
        objects
            .iter()
            .map(|object| format!("{}{suffix}\n", name(object)))
            .collect()
    };
    let text = match format {
        Format::Yaml => {
            let documents: Result<Vec<_>, _> = objects.iter().map(yaml).collect();
            documents?.join("---\n")
        }
        Format::Json => format!(
            "{:#}\n",
            json!({"apiVersion": "v1", "kind": "List", "items": objects})
        ),
        Format::Name => lines(""),
        Format::Human | Format::Wide => lines(&format!(" {done}")),
    };
    bytes(text.as_bytes())
}

/// YAML that YAML 1.1 readers, kubectl among them, read back as it was.
pub(crate) fn yaml(value: &impl Serialize) -> anyhow::Result<String> {
    let text = serde_saphyr::to_string(value).context("writing YAML")?;
    Ok(if text.ends_with('\n') {
        text
    } else {
        format!("{text}\n")
    })
}

/// An object as JSON output names it.
pub(crate) fn object(object: &ObjectRef) -> Value {
    json!({"apiVersion": object.api_version, "kind": object.kind,
        "namespace": object.namespace, "name": object.name})
}

/// Text as XML writes it.
pub(crate) fn xml(text: &str) -> String {
    let mut out = String::new();
    for char in text.chars() {
        match char {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' | '\t' => out.push(' '),
            // XML 1.0 (section 2.2) has no other control characters, and not these two.
            char if char.is_control() || matches!(char, '\u{fffe}' | '\u{ffff}') => out.push('?'),
            char => out.push(char),
        }
    }
    out
}

/// Text from files goes to terminals and pages: it must neither steer them nor turn words around.
pub(crate) fn printable(text: &str) -> String {
    let steers = |char: char| {
        char.is_control()
            || matches!(char, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    let shown = |char: char| match char {
        '\t' => ' ',
        char if steers(char) => char::REPLACEMENT_CHARACTER,
        char => char,
    };
    text.chars().map(shown).collect()
}

/// Prints a report where stdout holds something else.
pub(crate) fn errors(text: &str) -> anyhow::Result<()> {
    progress::clear();
    Ok(io::stderr().lock().write_all(text.as_bytes())?)
}

/// Prints text for people; on a terminal, lines are broken between words.
pub(crate) fn people(text: &str, indent: usize) -> anyhow::Result<()> {
    match terminal::width() {
        Some(width) => bytes(format!("{}\n", terminal::fold(text, width, indent)).as_bytes()),
        None => bytes(text.as_bytes()),
    }
}

/// Prints bytes as they are.
pub(crate) fn bytes(bytes: &[u8]) -> anyhow::Result<()> {
    progress::clear();
    let mut stdout = io::stdout().lock();
    let written = stdout.write_all(bytes);
    written.and_then(|()| stdout.flush()).context(STDOUT)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn words_that_yaml_would_read_as_booleans_are_quoted() {
        let text = yaml(&json!({"a": "on", "b": "true", "c": "plain", "d": "1"})).unwrap();
        for quoted in ["on", "true", "1"] {
            assert!(
                text.contains(&format!("\"{quoted}\"")) || text.contains(&format!("'{quoted}'")),
                "{text}"
            );
        }
    }
}
