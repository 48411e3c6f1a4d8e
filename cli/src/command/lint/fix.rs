//! `--fix`: puts a finding's repair into its file, and touches nothing else of it.

use std::collections::BTreeMap;
use std::fs;
use std::ops::Range;
use std::path::Path;

use anyhow::Context as _;
use serde_json::Value;

use crate::command::source::Judged;
use crate::files::{self, File};
use crate::manifests;
use crate::problem::say;

/// What is to change in one file.
struct Edits<'a> {
    text: &'a str,
    places: BTreeMap<usize, (Range<usize>, String)>,
}

/// Mends every file, or shows what would change; whether anything is to be mended.
pub(super) fn fix(judged: &Judged, dry_run: bool) -> anyhow::Result<bool> {
    let places = judged.manifests.places();
    let mut files: BTreeMap<&str, Edits<'_>> = BTreeMap::new();
    for finding in &judged.report.findings {
        let place = places.get(&**finding.object());
        let (Some(place), Some(repair)) = (place, &finding.repair) else {
            continue;
        };
        let (Some((range, text)), Value::String(value)) =
            (place.scalar(&repair.pointer), &repair.value)
        else {
            continue;
        };
        let edits = files.entry(place.file()).or_insert_with(|| Edits {
            text,
            places: BTreeMap::new(),
        });
        // What is quoted in JSON is quoted in YAML.
        let quoted = Value::from(value.as_str()).to_string();
        edits.places.insert(range.start, (range, quoted));
    }
    for (name, edits) in &files {
        mend(name, edits, dry_run)?;
    }
    Ok(!files.is_empty())
}

fn mend(name: &str, edits: &Edits<'_>, dry_run: bool) -> anyhow::Result<()> {
    let after = edits.apply();
    if dry_run || name == "<stdin>" {
        return crate::output::bytes(diff(name, edits.text, &after).as_bytes());
    }
    let path = Path::new(name);
    let now = fs::read_to_string(path).with_context(|| format!("reading {name}"))?;
    if now != edits.text {
        say(
            "warning",
            &format!("{name} was changed meanwhile, and is left as it is"),
        );
        return Ok(());
    }
    // A file that reads otherwise afterwards is not written.
    for document in after.split("\n---") {
        if let Err((line, _, reason)) = manifests::parse(document.trim_start_matches('-')) {
            say(
                "warning",
                &format!("{name} cannot be mended: line {line}: {reason}"),
            );
            return Ok(());
        }
    }
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let file = path
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or_default();
    files::write_all(
        folder.unwrap_or(Path::new(".")),
        &[File::public(file, &after)],
        true,
    )?;
    say("fixed", &format!("{name}: {} places", edits.places.len()));
    Ok(())
}

impl Edits<'_> {
    fn apply(&self) -> String {
        let mut after = String::new();
        let mut at = 0;
        for (range, value) in self.places.values() {
            after.push_str(&self.text[at..range.start]);
            after.push_str(value);
            at = range.end;
        }
        after + &self.text[at..]
    }
}

/// The lines that differ; a repair never adds or removes one.
fn diff(name: &str, before: &str, after: &str) -> String {
    let mut text = format!("--- {name}\n+++ {name}\n");
    for (number, (old, new)) in before.lines().zip(after.lines()).enumerate() {
        if old != new {
            let line = number + 1;
            text.push_str(&format!("@@ -{line} +{line} @@\n-{old}\n+{new}\n"));
        }
    }
    text
}
