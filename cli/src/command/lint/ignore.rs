//! `kubectl-mtls.github.io/ignore: "RULE until=2027-01-31: reason"` on an object silences a rule
//! for it, in `lint` alone. Several stand one a line, or with a semicolon between.

use policy::{IGNORE, ObjectRef, Severity};

use super::row::Row;
use crate::command::source::Judged;
use crate::problem::say;
use crate::validity::{moment, now};

/// One rule to be silent about.
struct Ignore<'a> {
    rule: &'a str,
    used: bool,
}

/// Takes silenced findings out; adds one for each entry that cannot be honoured. How many were
/// silenced, and the entries that silence nothing.
pub(super) fn apply(judged: &Judged, rows: &mut Vec<Row>) -> (usize, Vec<String>) {
    let (mut silenced, mut unused, mut problems) = (0, Vec::new(), Vec::new());
    for (object, text) in &judged.report.ignores {
        for entry in text
            .split(['\n', ';'])
            .map(str::trim)
            .filter(|entry| !entry.is_empty())
        {
            match parse(entry, now()) {
                Ok(mut ignore) => {
                    rows.retain(|row| {
                        let hit = row.rule == ignore.rule && row.object.as_ref() == Some(&**object);
                        silenced += usize::from(hit);
                        ignore.used |= hit;
                        !hit
                    });
                    if !ignore.used {
                        unused.push(format!("{object}: nothing to ignore of {}", ignore.rule));
                    }
                }
                Err(reason) => problems.push(problem(judged, object, &reason)),
            }
        }
    }
    rows.extend(problems);
    (silenced, unused)
}

fn parse(entry: &str, now: i64) -> Result<Ignore<'_>, String> {
    let (head, reason) = entry
        .split_once(": ")
        .unwrap_or((entry.trim_end_matches(':'), ""));
    let mut words = head.split_whitespace();
    let rule = words.next().unwrap_or_default();
    if policy::rule::by_id(rule).is_none() {
        return Err(format!("{rule:?} is no rule, so nothing is ignored"));
    }
    let mut until = None;
    for word in words {
        let date = word.strip_prefix("until=");
        let date =
            date.ok_or_else(|| format!("{word:?} is not understood, so {rule} is not ignored"))?;
        let end = moment(date).map_err(|why| format!("until={date} is no date ({why})"))?;
        until = Some(end);
    }
    if reason.trim().is_empty() {
        return Err(format!("no reason is given, so {rule} is not ignored"));
    }
    if until.is_some_and(|until| until < now) {
        return Err(format!("the time to ignore {rule} is over"));
    }
    Ok(Ignore { rule, used: false })
}

fn problem(judged: &Judged, object: &ObjectRef, reason: &str) -> Row {
    let pointer = format!("/metadata/annotations/{}", IGNORE.replace('/', "~1"));
    let places = judged.manifests.places();
    let place = places.get(object);
    let position = place.map(|place| place.position(&pointer));
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

/// For the summary.
pub(super) fn say_about(silenced: usize, unused: &[String]) {
    if silenced > 0 {
        say(
            "note",
            &format!("{silenced} findings are ignored by annotation"),
        );
    }
    for line in unused {
        say("note", line);
    }
}
