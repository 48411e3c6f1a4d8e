//! One finding with its place in a file.

use std::sync::Arc;

use policy::{Finding, ObjectRef, Severity};
use serde_json::{Value, json};

use crate::command::source::Judged;
use crate::manifests::{Broken, Place};
use crate::output;

/// One finding with its place in a file.
pub(in crate::command) struct Row {
    /// The rule's id.
    pub(in crate::command) rule: &'static str,
    /// How bad it is.
    pub(in crate::command) severity: Severity,
    /// The object, where it could be read.
    pub(in crate::command) object: Option<ObjectRef>,
    /// A JSON pointer into it.
    pub(in crate::command) pointer: String,
    /// The file; `None`: it is in the cluster.
    pub(in crate::command) file: Option<String>,
    /// Line and column, from 1.
    pub(in crate::command) position: Option<(usize, usize)>,
    /// The line's text.
    pub(in crate::command) source: Option<String>,
    /// What is wrong.
    pub(in crate::command) message: String,
    /// What to do.
    pub(in crate::command) hint: String,
}

/// Every finding, in order of file and place.
pub(super) fn rows(judged: &Judged) -> Vec<Row> {
    let places = judged.manifests.places();
    let mut rows: Vec<Row> = Vec::new();
    let mut in_files: Vec<(&Place, &Finding)> = Vec::new();
    for finding in &judged.report.findings {
        match places.get(&**finding.object()) {
            Some(place) => in_files.push((place, finding)),
            None => rows.push(Row::new(finding)),
        }
    }
    locate(&mut in_files, &mut rows);
    let broken = judged.manifests.broken.iter();
    rows.extend(broken.filter(|broken| !broken.syntax).map(Row::unread));
    rows.sort_by(|a, b| (&a.file, a.position, a.rule).cmp(&(&b.file, b.position, b.rule)));
    rows
}

/// Walks over each document once, however many findings it has.
fn locate(findings: &mut [(&Place, &Finding)], rows: &mut Vec<Row>) {
    let document = |place: &Place| Arc::as_ptr(place.document());
    findings.sort_by_key(|(place, _)| document(place));
    for group in findings.chunk_by(|a, b| document(a.0) == document(b.0)) {
        let index = group[0].0.document().index();
        rows.extend(group.iter().map(|(place, finding)| {
            let position = place.position(&index, &finding.site.pointer);
            Row {
                file: Some(place.file().to_owned()),
                source: place.line(position.0).map(str::to_owned),
                position: Some(position),
                ..Row::new(finding)
            }
        }));
    }
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
            hint: broken.hint.to_owned(),
        }
    }

    /// As `-o json` has it.
    pub(in crate::command) fn json(&self) -> Value {
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
