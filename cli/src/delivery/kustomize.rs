//! A folder for Flux or Argo CD: a manifest, and its name among the resources of
//! `kustomization.yaml`, whose comments stay.

use std::fs;
use std::path::Path;

use anyhow::Context as _;
use serde_json::Value;

use crate::files::{self, File};
use crate::manifests;
use crate::output;
use crate::problem::{Problem, say};

const KUSTOMIZATION: &str = "kustomization.yaml";
const EMPTY: &str =
    "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:\n";

/// Writes a manifest and names it.
pub(super) fn write(folder: &Path, object: &Value, force: bool) -> anyhow::Result<()> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let kind = text(&object["kind"]).to_lowercase();
    let name = format!("{}-{kind}.yaml", text(&object["metadata"]["name"]));
    let manifest = output::yaml(object)?;
    let path = folder.join(KUSTOMIZATION);
    let before = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => EMPTY.to_owned(),
        Err(error) => return Err(error).with_context(|| format!("reading {}", path.display())),
    };
    let after = with_resource(&before, &name).map_err(|reason| {
        Problem::world(format!("{}: {reason}", path.display()))
            .hint(format!("add {name} to its resources by hand"))
    })?;
    let file = match kind.as_str() {
        "secret" => File::secret(&name, &manifest),
        _ => File::public(&name, &manifest),
    };
    files::write_all(folder, &[file], force)?;
    files::write_all(folder, &[File::public(KUSTOMIZATION, &after)], true)?;
    if kind == "secret" {
        let text = format!(
            "{} holds the key in plain: encrypt it before it is committed, or use --seal",
            folder.join(&name).display()
        );
        say("warning", &text);
    }
    output::bytes(format!("{}\n{}\n", folder.join(name).display(), path.display()).as_bytes())
}

/// The text with one more resource, checked by reading it back.
fn with_resource(text: &str, name: &str) -> Result<String, String> {
    const FLOW: &str = "its resources are written in a way that cannot be added to";
    let known = resources(text)?;
    if known.iter().any(|known| known == name) {
        return Ok(text.to_owned());
    }
    let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
    let start = lines
        .iter()
        .position(|line| line.trim_end().trim_end_matches("[]").trim_end() == "resources:");
    match start {
        Some(start) => {
            lines[start] = "resources:".to_owned();
            let items = lines[start + 1..].iter();
            let item = |line: &String| line.trim_start().starts_with("- ");
            let inside = |line: &&String| {
                let line = line.trim_start();
                line.starts_with('-') || line.starts_with('#') || line.is_empty()
            };
            let block: Vec<_> = items.take_while(inside).collect();
            let last = block.iter().rposition(|line| item(line));
            let indent = last.map_or("", |last| {
                let line = block[last];
                &line[..line.len() - line.trim_start().len()]
            });
            let line = format!("{indent}- {name}");
            lines.insert(start + 1 + last.map_or(0, |last| last + 1), line);
        }
        None if !known.is_empty() => return Err(FLOW.to_owned()),
        None => lines.extend(["resources:".to_owned(), format!("- {name}")]),
    }
    let after = format!("{}\n", lines.join("\n"));
    match resources(&after)?.iter().any(|known| known == name) {
        true => Ok(after),
        false => Err(FLOW.to_owned()),
    }
}

fn resources(text: &str) -> Result<Vec<String>, String> {
    let read =
        manifests::parse(text).map_err(|(line, _, reason)| format!("line {line}: {reason}"))?;
    let list = read["resources"].as_array().cloned().unwrap_or_default();
    Ok(list
        .iter()
        .filter_map(|name| Some(name.as_str()?.to_owned()))
        .collect())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn comments_stay_and_nothing_is_named_twice() {
        let before = "# mine\nkind: Kustomization\nresources:\n  # the app\n  - app.yaml # yes\n\nimages:\n  - name: x\n";
        let after = with_resource(before, "alice.yaml").unwrap();
        let expected = "# mine\nkind: Kustomization\nresources:\n  # the app\n  - app.yaml # yes\n  - alice.yaml\n\nimages:\n  - name: x\n";
        assert_eq!(after, expected);
        assert_eq!(with_resource(&after, "alice.yaml").unwrap(), after);
    }

    #[test]
    fn a_list_is_begun() {
        for before in [EMPTY, "kind: Kustomization\n", "resources: []\n"] {
            let after = with_resource(before, "a.yaml").unwrap();
            assert_eq!(resources(&after).unwrap(), ["a.yaml"]);
        }
        assert!(with_resource("resources: [b.yaml]\n", "a.yaml").is_err());
        assert!(with_resource("resources: {", "a.yaml").is_err());
    }
}
