//! The forms of a report. One row, one file.

use std::path::PathBuf;

use serde_json::json;

use super::row::Row;
use super::{github, human, junit, sarif};
use crate::output;

/// A form with its name.
#[derive(Clone, Copy)]
pub(super) struct Form {
    name: &'static str,
    write: fn(&[Row]) -> anyhow::Result<String>,
}

/// Every form.
const FORMS: &[Form] = &[
    Form {
        name: "human",
        write: human::write,
    },
    Form {
        name: "json",
        write: |rows| Ok(format!("{:#}\n", value(rows))),
    },
    Form {
        name: "yaml",
        write: |rows| output::yaml(&value(rows)),
    },
    Form {
        name: "sarif",
        write: sarif::write,
    },
    Form {
        name: "junit",
        write: junit::write,
    },
    Form {
        name: "github",
        write: github::write,
    },
];

impl Form {
    /// The report in this form.
    pub(super) fn write(self, rows: &[Row]) -> anyhow::Result<String> {
        (self.write)(rows)
    }

    /// Whether people read it.
    pub(super) fn is_human(self) -> bool {
        self.name == "human"
    }
}

fn value(rows: &[Row]) -> serde_json::Value {
    let items: Vec<_> = rows.iter().map(Row::json).collect();
    json!({"schemaVersion": 1, "items": items})
}

/// The form of a name.
pub(super) fn by_name(name: &str) -> Result<Form, String> {
    let form = FORMS.iter().find(|form| form.name == name);
    form.copied().ok_or_else(|| {
        let names: Vec<_> = names().collect();
        format!("one of {} is expected", names.join(", "))
    })
}

/// The names of all forms.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    FORMS.iter().map(|form| form.name)
}

/// `FORMAT=FILE`.
pub(super) fn to_file(text: &str) -> Result<(Form, PathBuf), String> {
    let (name, path) = text
        .split_once('=')
        .ok_or("FORMAT=FILE is expected, as sarif=lint.sarif")?;
    Ok((by_name(name)?, PathBuf::from(path)))
}
