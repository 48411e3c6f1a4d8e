//! Findings that are known, so that only new ones count. A finding is known by rule, object and
//! field: lines move.

use std::collections::BTreeSet;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::row::Row;
use crate::files;
use crate::problem::Problem;

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
    /// Whether a finding is known.
    pub(super) fn holds(&self, row: &Row) -> bool {
        self.0.contains(&known(row))
    }
}

fn known(row: &Row) -> Known {
    Known {
        rule: row.rule.to_owned(),
        object: row
            .object
            .as_ref()
            .map(ToString::to_string)
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
