//! `--fix`: puts a finding's repair into its file, and touches nothing else of it.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use policy::Repair;
use saphyr_parser::ScalarStyle;
use serde_json::Value;

use crate::command::source::Judged;
use crate::files;
use crate::manifests::{self, Document, File, Index, Place};
use crate::problem::say;

/// What came of mending.
#[derive(Default)]
pub(super) struct Fixed {
    /// The files that are mended, with their new text.
    pub(super) files: Vec<(Arc<File>, String)>,
    /// How many repairs were left to the user.
    left: usize,
}

/// One repair where it stands.
struct Wanted<'a> {
    place: &'a Place,
    repair: &'a Repair,
}

/// What is to change in one document, in bytes of it, by where it begins.
type Edits = BTreeMap<usize, (Range<usize>, String)>;

/// Puts every repair into the text of its file; nothing is written yet.
pub(super) fn plan(judged: &Judged) -> Fixed {
    let places = judged.manifests.places();
    let mut wanted: Vec<_> = judged
        .report
        .findings
        .iter()
        .filter_map(|finding| {
            let place = places.get(&**finding.object())?;
            let repair = finding.repair.as_ref()?;
            Some(Wanted { place, repair })
        })
        .collect();
    let order = |wanted: &Wanted<'_>| {
        let document = wanted.place.document();
        (Arc::as_ptr(document.file()), document.start())
    };
    wanted.sort_by_key(order);
    let mut fixed = Fixed::default();
    for of_file in wanted.chunk_by(|a, b| order(a).0 == order(b).0) {
        fixed.file(of_file);
    }
    fixed.files.sort_by(|a, b| a.0.name().cmp(b.0.name()));
    fixed
}

impl Fixed {
    fn file(&mut self, wanted: &[Wanted<'_>]) {
        let file = wanted[0].place.document().file();
        let (mut after, mut at) = (String::new(), 0);
        for of_document in wanted.chunk_by(|a, b| same_document(a, b)) {
            let document = of_document[0].place.document();
            after.push_str(&file.text[at..document.start()]);
            after.push_str(&self.document(document, of_document));
            at = document.start() + document.text().len();
        }
        after.push_str(&file.text[at..]);
        if after != file.text {
            self.files.push((Arc::clone(file), after));
        }
    }

    /// The text of a document with its repairs. What would read otherwise than it should is left
    /// as it was.
    fn document(&mut self, document: &Document, wanted: &[Wanted<'_>]) -> String {
        let before = document.text();
        let index = document.index();
        let Ok(mut expected) = manifests::parse(before) else {
            return before.to_owned();
        };
        let mut edits = Edits::new();
        for wanted in wanted {
            let pointer = wanted.place.pointer(&wanted.repair.pointer);
            let edit = edit(before, &index, &pointer, &wanted.repair.value);
            match (edit, expected.pointer_mut(&pointer)) {
                (Ok((range, text)), Some(field)) => {
                    *field = wanted.repair.value.clone();
                    edits.insert(range.start, (range, text));
                }
                (Err(why), _) => self.leave(wanted, &index, why),
                (Ok(_), None) => self.leave(wanted, &index, "the field is put together elsewhere"),
            }
        }
        let after = apply(before, &edits);
        if manifests::parse(&after) == Ok(expected) {
            return after;
        }
        for wanted in wanted {
            self.leave(wanted, &index, "the file would read otherwise elsewhere");
        }
        before.to_owned()
    }

    fn leave(&mut self, wanted: &Wanted<'_>, index: &Index, why: &str) {
        let (line, column) = wanted.place.position(index, &wanted.repair.pointer);
        say(
            "warning",
            &format!(
                "{}:{line}:{column}: is left as it is, because {why}: write {} there",
                wanted.place.file(),
                wanted.repair.value
            ),
        );
        self.left += 1;
    }

    /// The changes as `patch -p0` reads them.
    pub(super) fn diff(&self) -> String {
        let mut text = String::new();
        for (file, after) in &self.files {
            let diff = similar::TextDiff::from_lines(file.text.as_str(), after.as_str());
            let mut unified = diff.unified_diff();
            unified.header(file.name(), file.name());
            text.push_str(&unified.to_string());
        }
        text
    }

    /// Writes every file that is still as it was read; whether all could be.
    pub(super) fn write(&mut self) -> bool {
        let before = self.files.len();
        self.files.retain(|(file, after)| {
            let Some(path) = &file.path else {
                return true;
            };
            match files::rewrite(path, file.text.as_bytes(), after.as_bytes()) {
                Ok(()) => {
                    say("fixed", file.name());
                    true
                }
                Err(error) => {
                    say("error", &format!("{error:#}"));
                    false
                }
            }
        });
        self.files.len() == before
    }

    /// The text of what came from stdin, mended or not.
    pub(super) fn stdin<'a>(&'a self, judged: &'a Judged) -> Option<&'a str> {
        let mended = self.files.iter().find(|(file, _)| file.path.is_none());
        let text = mended.map(|(_, text)| text.as_str());
        text.or_else(|| judged.manifests.stdin())
    }
}

fn same_document(a: &Wanted<'_>, b: &Wanted<'_>) -> bool {
    Arc::ptr_eq(a.place.document(), b.place.document())
}

/// The bytes to be replaced, and by what; or why that is not done.
fn edit(
    text: &str,
    index: &Index,
    pointer: &str,
    value: &Value,
) -> Result<(Range<usize>, String), &'static str> {
    if index.is_shared(pointer) {
        return Err("an alias repeats it in another place");
    }
    let scalar = index
        .scalar(pointer)
        .ok_or("the value comes from an alias, a merge or another place")?;
    let json = text.trim_start().starts_with('{');
    Ok((scalar.range.clone(), written(value, scalar.style, json)))
}

/// A value in the quotes that it had, where they can hold it.
fn written(value: &Value, style: ScalarStyle, json: bool) -> String {
    let Value::String(text) = value else {
        return value.to_string();
    };
    let printable = !text.chars().any(char::is_control);
    match style {
        ScalarStyle::SingleQuoted if printable => format!("'{}'", text.replace('\'', "''")),
        ScalarStyle::Plain if !json && manifests::is_plain_string(text) => text.clone(),
        // What is quoted in JSON is quoted in YAML.
        _ => value.to_string(),
    }
}

fn apply(text: &str, edits: &Edits) -> String {
    let mut after = String::new();
    let mut at = 0;
    for (range, value) in edits.values() {
        after.push_str(&text[at..range.start]);
        after.push_str(value);
        at = range.end;
    }
    after + &text[at..]
}
