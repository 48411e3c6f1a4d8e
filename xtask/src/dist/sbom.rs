//! What a program is made of, as a CycloneDX document.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Command;

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

/// The document of a program, which a package of the workspace makes for a target.
pub(super) fn of(program: &str, package: &str, target: &str) -> anyhow::Result<String> {
    let lock =
        fs::read_to_string(crate::root().join("Cargo.lock")).context("reading Cargo.lock")?;
    let parts = Parts::read(&tree(package, target)?)?;
    let mut text = serde_json::to_string_pretty(&parts.document(program, &checksums(&lock)))?;
    text.push('\n');
    Ok(text)
}

/// Every crate that is linked in: neither build scripts nor macros.
fn tree(package: &str, target: &str) -> anyhow::Result<String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args([
            "tree",
            "--locked",
            "--color",
            "never",
            "--edges",
            "normal,no-proc-macro",
            "--prefix",
            "depth",
        ])
        .args([
            "--format",
            "|{p}|{l}",
            "--package",
            package,
            "--target",
            target,
        ])
        .current_dir(crate::root())
        .output()
        .context("starting cargo tree")?;
    let messages = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "cargo tree failed: {messages}");
    Ok(String::from_utf8(output.stdout)?)
}

/// Name and version.
type Id = (String, String);

#[derive(Default)]
struct Parts {
    root: Id,
    /// With their licences.
    crates: BTreeMap<Id, String>,
    needs: BTreeMap<Id, BTreeSet<Id>>,
}

impl Parts {
    /// Reads lines `DEPTH|NAME vVERSION ...|LICENCE`; what a crate needs follows it, a level deeper.
    fn read(tree: &str) -> anyhow::Result<Self> {
        let mut parts = Self::default();
        let mut above: Vec<Id> = Vec::new();
        for line in tree.lines() {
            let (depth, id, licence) = row(line).with_context(|| format!("cargo tree: {line}"))?;
            above.truncate(depth);
            match above.last() {
                Some(parent) => {
                    let needs = parts.needs.entry(parent.clone()).or_default();
                    needs.insert(id.clone());
                    parts.crates.insert(id.clone(), licence);
                }
                None => parts.root = id.clone(),
            }
            above.push(id);
        }
        Ok(parts)
    }

    fn document(&self, program: &str, checksums: &BTreeMap<Id, String>) -> Value {
        let components = self.crates.iter().map(|(id, licence)| {
            let mut component = component("library", id, &id.0);
            // An older way to write OR.
            let licence = licence.replace('/', " OR ");
            insert(
                &mut component,
                "licenses",
                json!([{ "expression": licence }]),
            );
            if let Some(sum) = checksums.get(id) {
                insert(
                    &mut component,
                    "hashes",
                    json!([{ "alg": "SHA-256", "content": sum }]),
                );
            }
            component
        });
        let needs = self.needs.iter().map(|(id, needs)| {
            json!({ "ref": purl(id), "dependsOn": needs.iter().map(purl).collect::<Vec<_>>() })
        });
        json!({
            "bomFormat": "CycloneDX",
            "specVersion": "1.5",
            "version": 1,
            "metadata": { "component": component("application", &self.root, program) },
            "components": components.collect::<Vec<_>>(),
            "dependencies": needs.collect::<Vec<_>>(),
        })
    }
}

fn component(kind: &str, id: &Id, name: &str) -> Value {
    json!({ "type": kind, "bom-ref": purl(id), "purl": purl(id), "name": name, "version": id.1 })
}

fn insert(object: &mut Value, key: &str, value: Value) {
    if let Some(object) = object.as_object_mut() {
        object.insert(key.to_owned(), value);
    }
}

fn purl((name, version): &Id) -> String {
    format!("pkg:cargo/{name}@{version}")
}

fn row(line: &str) -> Option<(usize, Id, String)> {
    let mut columns = line.split('|');
    let depth = columns.next()?.parse().ok()?;
    let mut words = columns.next()?.split(' ');
    let name = words.next()?.to_owned();
    let version = words.next()?.strip_prefix('v')?.to_owned();
    // A crate that was shown before ends with (*).
    let licence = columns.next()?.trim_end_matches(" (*)").to_owned();
    Some((depth, (name, version), licence))
}

/// The checksums of crates that Cargo.lock tells.
fn checksums(lock: &str) -> BTreeMap<Id, String> {
    let value = |part: &str, key: &str| {
        let start = format!("{key} = \"");
        let line = part.lines().find_map(|line| line.strip_prefix(&start))?;
        Some(line.trim_end_matches('"').to_owned())
    };
    let crates = lock.split("[[package]]").filter_map(|part| {
        let id = (value(part, "name")?, value(part, "version")?);
        Some((id, value(part, "checksum")?))
    });
    crates.collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{Parts, checksums};

    const TREE: &str = "0|cli v0.1.0 (/src/cli)|Apache-2.0
1|a v1.2.3|MIT/Apache-2.0
2|b v0.1.0|MIT
1|b v0.1.0|MIT (*)
";
    const LOCK: &str = "[[package]]\nname = \"a\"\nversion = \"1.2.3\"\nchecksum = \"00ff\"\n";

    #[test]
    fn crates_with_licence_checksum_and_needs() {
        let document = Parts::read(TREE).unwrap().document("a", &checksums(LOCK));
        let components = document["components"].as_array().unwrap();
        assert_eq!(components.len(), 2);
        assert_eq!(components[0]["purl"], "pkg:cargo/a@1.2.3");
        assert_eq!(
            components[0]["licenses"][0]["expression"],
            "MIT OR Apache-2.0"
        );
        assert_eq!(components[0]["hashes"][0]["content"], "00ff");
        assert_eq!(components[1].get("hashes"), None);
        let needs = document["dependencies"].as_array().unwrap();
        assert_eq!(needs[0]["dependsOn"][0], "pkg:cargo/b@0.1.0");
        let root = serde_json::json!(["pkg:cargo/a@1.2.3", "pkg:cargo/b@0.1.0"]);
        assert_eq!(needs[1]["dependsOn"], root);
        assert_eq!(document["metadata"]["component"]["name"], "a");
    }

    #[test]
    fn a_line_that_is_no_crate_is_said() {
        assert!(Parts::read("warning: something").is_err());
    }
}
