//! The findings by rule, the worst first, and below each what to do.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use policy::{Severity, field};

use crate::command::lint::row::Row;
use crate::output::printable;

/// More places than these are shut until one looks.
const SHOWN: usize = 10;

/// The findings of one rule.
pub(super) struct Group {
    pub(super) rule: &'static str,
    pub(super) severity: String,
    pub(super) summary: &'static str,
    pub(super) why: &'static str,
    pub(super) remedy: &'static str,
    /// The first ones.
    pub(super) shown: Vec<Found>,
    /// Those that are shut.
    pub(super) more: Vec<Found>,
}

/// One finding.
pub(super) struct Found {
    pub(super) severity: String,
    pub(super) object: String,
    pub(super) place: String,
    pub(super) message: String,
    /// What to do; nothing where it is what the group says already.
    pub(super) hint: String,
}

/// The groups.
pub(super) fn groups(rows: &[Row]) -> Vec<Group> {
    let mut by_rule: BTreeMap<&'static str, Vec<&Row>> = BTreeMap::new();
    for row in rows {
        by_rule.entry(row.rule).or_default().push(row);
    }
    let mut groups: Vec<(Severity, Group)> = by_rule
        .into_iter()
        .map(|(rule, mut rows)| {
            rows.sort_by_key(|row| Reverse(row.severity));
            (rows[0].severity, group(rule, &rows))
        })
        .collect();
    groups.sort_by_key(|(severity, _)| Reverse(*severity));
    groups.into_iter().map(|(_, group)| group).collect()
}

fn group(id: &'static str, rows: &[&Row]) -> Group {
    let rule = policy::rule::by_id(id);
    let remedy = rule.map_or("", |rule| rule.remedy);
    let (few, more) = rows.split_at(rows.len().min(SHOWN));
    Group {
        rule: id,
        severity: rows[0].severity.to_string(),
        summary: rule.map_or("", |rule| rule.summary),
        why: rule.map_or("", |rule| rule.why),
        remedy,
        shown: few.iter().map(|row| found(row, remedy)).collect(),
        more: more.iter().map(|row| found(row, remedy)).collect(),
    }
}

fn found(row: &Row, remedy: &str) -> Found {
    let object = row.object.as_ref().map(ToString::to_string);
    let field = field(&row.pointer);
    let place = match (&row.file, row.position) {
        (Some(file), Some((line, column))) => format!("{file}:{line}:{column}"),
        _ => String::new(),
    };
    let parts = [place, field].into_iter().filter(|part| !part.is_empty());
    let parts: Vec<_> = parts.collect();
    Found {
        severity: row.severity.to_string(),
        object: printable(&object.unwrap_or_default()),
        place: printable(&parts.join(" ")),
        message: printable(&row.message),
        hint: match row.hint.as_str() {
            known if known == remedy => String::new(),
            hint => printable(hint),
        },
    }
}
