//! `kubectl-mtls.github.io/ignore: "RULE until=2027-01-31: reason"` on an object silences a rule
//! for it, in `lint` alone. Several rules stand with commas between; several entries one a line,
//! or with semicolons between.

use std::collections::HashMap;

use policy::{IGNORE, ObjectRef, Severity};

use super::row::Row;
use crate::command::source::Judged;
use crate::manifests::Place;
use crate::problem::say;
use crate::validity::{moment, now};

/// What came of the annotations.
#[derive(Default)]
pub(super) struct Outcome {
    silenced: usize,
    /// Entries that silence nothing.
    unused: Vec<String>,
}

/// Takes silenced findings out, and adds one for each entry that cannot be honoured. An ignore on
/// an object of the cluster counts as one in a file does.
pub(super) fn apply(judged: &Judged, rows: &mut Vec<Row>) -> Outcome {
    let places = judged.manifests.places();
    let mut outcome = Outcome::default();
    // Of each object the rules to be silent about, and whether one was met.
    let mut ignored: HashMap<&ObjectRef, HashMap<String, bool>> = HashMap::new();
    let mut problems = Vec::new();
    for (object, text) in &judged.report.ignores {
        let rules = ignored.entry(object).or_default();
        for entry in entries(text) {
            match parse(&entry, now()) {
                Ok(names) => rules.extend(names.into_iter().map(|name| (name, false))),
                Err(reason) => {
                    problems.push(problem(places.get(&**object).copied(), object, &reason))
                }
            }
        }
    }
    rows.retain(|row| {
        let rules = row
            .object
            .as_ref()
            .and_then(|object| ignored.get_mut(object));
        let Some(used) = rules.and_then(|rules| rules.get_mut(row.rule)) else {
            return true;
        };
        *used = true;
        outcome.silenced += 1;
        false
    });
    for (object, rules) in &ignored {
        let unused = rules.iter().filter(|(_, used)| !**used);
        outcome
            .unused
            .extend(unused.map(|(rule, _)| format!("{object}: nothing to ignore of {rule}")));
    }
    outcome.unused.sort();
    rows.extend(problems);
    outcome
}

/// The entries of an annotation. A semicolon within a reason is no end of it.
fn entries(text: &str) -> Vec<String> {
    let mut entries: Vec<String> = Vec::new();
    for line in text.lines() {
        let mut begins = true;
        for part in line.split(';') {
            match entries.last_mut() {
                Some(entry) if !begins && !is_entry(part) => {
                    entry.push(';');
                    entry.push_str(part);
                }
                _ => entries.push(part.to_owned()),
            }
            begins = false;
        }
    }
    let entries = entries.into_iter().map(|entry| entry.trim().to_owned());
    entries.filter(|entry| !entry.is_empty()).collect()
}

/// Whether a text begins as `RULE:` or `RULE until=DATE:` does.
fn is_entry(text: &str) -> bool {
    let head = text.trim().split(':').next().unwrap_or_default();
    let mut words = head.split([' ', ',']).filter(|word| !word.is_empty());
    let id = |word: &str| {
        word.contains('-')
            && word
                .bytes()
                .all(|byte| byte == b'-' || byte.is_ascii_lowercase())
    };
    text.contains(':') && words.all(|word| id(word) || word.starts_with("until="))
}

/// The rules that an entry silences now.
fn parse(entry: &str, now: i64) -> Result<Vec<String>, String> {
    let (head, reason) = split_reason(entry);
    let (mut rules, mut until) = (Vec::new(), None);
    for word in head.split([' ', ',', '\t']).filter(|word| !word.is_empty()) {
        if let Some(date) = word.strip_prefix("until=") {
            until = Some(end(date)?);
        } else if policy::rule::by_id(word).is_some() {
            rules.push(word.to_owned());
        } else {
            return Err(format!(
                "{word:?} is no rule, so nothing is ignored; docs/rules.md and `kubectl mtls explain` list them"
            ));
        }
    }
    let names = rules.join(", ");
    if rules.is_empty() {
        return Err("no rule is named, so nothing is ignored".to_owned());
    }
    if reason.trim().is_empty() {
        return Err(format!("no reason is given, so {names} is not ignored"));
    }
    if until.is_some_and(|until| until < now) {
        return Err(format!("the time to ignore {names} is over"));
    }
    Ok(rules)
}

/// The colon before the reason is the first that a blank or the end follows: times have colons.
fn split_reason(entry: &str) -> (&str, &str) {
    match entry.split_once(": ") {
        Some(parts) => parts,
        None => (entry.trim_end_matches(':'), ""),
    }
}

/// A day is ignored to its end.
fn end(date: &str) -> Result<i64, String> {
    const DAY: i64 = 24 * 60 * 60;
    let end = moment(date)
        .map_err(|why| format!("until={date} is no date ({why}), so nothing is ignored"))?;
    Ok(if date.contains('T') {
        end
    } else {
        end.saturating_add(DAY - 1)
    })
}

fn problem(place: Option<&Place>, object: &ObjectRef, reason: &str) -> Row {
    let pointer = format!("/metadata/annotations/{}", IGNORE.replace('/', "~1"));
    let position = place.map(|place| place.position(&place.document().index(), &pointer));
    Row {
        rule: "setting-without-effect",
        severity: Severity::Warning,
        object: Some(object.clone()),
        file: place.map(|place| place.file().to_owned()),
        source: place.and_then(|place| place.line(position?.0).map(str::to_owned)),
        position,
        pointer,
        message: format!("{IGNORE}: {reason}"),
        hint: "write \"RULE until=2027-01-31: reason\", or take the annotation away".to_owned(),
    }
}

impl Outcome {
    /// How many findings are silenced.
    pub(super) fn silenced(&self) -> usize {
        self.silenced
    }

    /// For the summary.
    pub(super) fn say(&self) {
        if self.silenced > 0 {
            let text = format!("{} findings are ignored by annotation", self.silenced);
            say("note", &text);
        }
        for line in &self.unused {
            say("note", line);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn entries_end_where_the_next_begins() {
        let text =
            "missing-ca: old; moves in May; invalid-setting until=2999-01-01: known\nmissing-ca:";
        let expected = [
            "missing-ca: old; moves in May",
            "invalid-setting until=2999-01-01: known",
            "missing-ca:",
        ];
        assert_eq!(entries(text), expected);
    }

    #[test]
    fn several_rules_share_a_reason_to_the_end_of_a_day() {
        let both = "missing-ca, invalid-setting until=2026-01-31: why";
        let noon = moment("2026-01-31T12:00:00Z").unwrap();
        assert_eq!(
            parse(both, noon).unwrap(),
            ["missing-ca", "invalid-setting"]
        );
        assert!(parse(both, noon + 86_400).unwrap_err().contains("is over"));
        assert!(
            parse("until=2999-01-01: why", 0)
                .unwrap_err()
                .contains("no rule")
        );
    }
}
