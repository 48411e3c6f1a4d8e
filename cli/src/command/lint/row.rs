//! One finding with its place in a file.

use policy::{Finding, ObjectRef, Severity};
use serde_json::{Value, json};

use crate::command::source::Judged;
use crate::manifests::Broken;
use crate::output;

/// One finding with its place in a file.
pub(super) struct Row {
    /// The rule's id.
    pub(super) rule: &'static str,
    /// How bad it is.
    pub(super) severity: Severity,
    /// The object, where it could be read.
    pub(super) object: Option<ObjectRef>,
    /// A JSON pointer into it.
    pub(super) pointer: String,
    /// The file; `None`: it is in the cluster.
    pub(super) file: Option<String>,
    /// Line and column, from 1.
    pub(super) position: Option<(usize, usize)>,
    /// The line's text.
    pub(super) source: Option<String>,
    /// What is wrong.
    pub(super) message: String,
    /// What to do.
    pub(super) hint: String,
}

/// Every finding, in order of file and place.
pub(super) fn rows(judged: &Judged) -> Vec<Row> {
    let places = judged.manifests.places();
    let found = judged.report.findings.iter().map(|finding| {
        let place = places.get(&**finding.object());
        Row {
            file: place.map(|place| place.file().to_owned()),
            position: place.map(|place| place.position(&finding.site.pointer)),
            source: place.and_then(|place| {
                let (line, _) = place.position(&finding.site.pointer);
                place.line(line).map(str::to_owned)
            }),
            ..Row::new(finding)
        }
    });
    let unread = judged
        .manifests
        .broken
        .iter()
        .filter(|broken| !broken.syntax)
        .map(Row::unread);
    let mut rows: Vec<_> = found.chain(unread).collect();
    rows.sort_by(|a, b| (&a.file, a.position, a.rule).cmp(&(&b.file, b.position, b.rule)));
    rows
}

impl Row {
    fn new(finding: &Finding) -> Self {
        Self {
            rule: finding.rule,
            severity: finding.severity,
            object: Some((**finding.object()).clone()),
            pointer: finding.site.pointer.clone(),
            file: None,
            position: None,
            source: None,
            message: finding.message.clone(),
            hint: finding.hint.clone(),
        }
    }

    fn unread(broken: &Broken) -> Self {
        Self {
            rule: "unreadable-object",
            severity: Severity::Error,
            object: None,
            pointer: String::new(),
            file: Some(broken.place.file().to_owned()),
            position: Some(broken.position),
            source: broken.place.line(broken.position.0).map(str::to_owned),
            message: broken.reason.clone(),
            hint: "give it apiVersion, kind and metadata.name, or take it out of the folder"
                .to_owned(),
        }
    }

    /// As `-o json` has it.
    pub(super) fn json(&self) -> Value {
        json!({
            "rule": self.rule,
            "severity": self.severity.to_string(),
            "object": self.object.as_ref().map(output::object),
            "pointer": self.pointer,
            "file": self.file,
            "line": self.position.map(|(line, _)| line),
            "column": self.position.map(|(_, column)| column),
            "message": self.message,
            "hint": self.hint,
        })
    }
}
