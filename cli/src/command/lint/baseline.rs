//! Findings that are known, so that only new ones count. A finding is known by rule, object and
//! field, because lines move; where there is no object, by its file.

use std::collections::BTreeSet;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::row::Row;
use crate::files;
use crate::problem::{Problem, say};

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct File {
    schema_version: u32,
    items: BTreeSet<Known>,
}

#[derive(Clone, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
struct Known {
    rule: String,
    object: String,
    pointer: String,
}

/// What is known.
pub(super) struct Baseline(BTreeSet<Known>);

impl Baseline {
    /// Takes the findings out that are known, and says what is known and not there any more.
    pub(super) fn leave_out(&self, rows: &mut Vec<Row>, path: &Path) {
        let all = rows.len();
        let mut met = BTreeSet::new();
        rows.retain(|row| {
            let known = known(row);
            let new = !self.0.contains(&known);
            met.extend((!new).then_some(known));
            new
        });
        let (count, path) = (all - rows.len(), path.display());
        say("note", &format!("{count} findings are in {path}"));
        let gone = self.0.len() - met.len();
        if gone > 0 {
            say(
                "note",
                &format!(
                    "{gone} findings of {path} are not there any more: write it anew with --write-baseline"
                ),
            );
        }
    }
}

fn known(row: &Row) -> Known {
    Known {
        rule: row.rule.to_owned(),
        object: row
            .object
            .as_ref()
            .map(ToString::to_string)
            .or_else(|| row.file.clone())
            .unwrap_or_default(),
        pointer: row.pointer.clone(),
    }
}

/// Findings as a file.
pub(super) fn write(rows: &[Row]) -> String {
    let file = File {
        schema_version: 1,
        items: rows.iter().map(known).collect(),
    };
    // Text always serialises.
    format!(
        "{}\n",
        serde_json::to_string_pretty(&file).unwrap_or_default()
    )
}

/// Reads such a file.
pub(super) fn read(path: &Path) -> anyhow::Result<Baseline> {
    let bytes = files::read(path)?;
    let file: File = serde_json::from_slice(&bytes).map_err(|error| {
        Problem::world(format!("{} is no baseline: {error}", path.display()))
            .hint("write one with --write-baseline")
    })?;
    Ok(Baseline(file.items))
}
