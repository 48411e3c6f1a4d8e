//! Manifests from files, folders and stdin, to objects that know where they stand.

mod index;
mod place;
mod template;
mod text;
mod walk;

use std::collections::{BTreeMap, HashMap};
use std::io::{self, IsTerminal as _};
use std::num::NonZero;
use std::path::PathBuf;
use std::sync::Arc;
use std::{panic, thread};

use policy::yaml;
use policy::{Object, ObjectRef};
use serde_json::Value;

use crate::problem::{Problem, say};
use crate::progress::doing;
pub(crate) use index::Index;
use place::Position;
pub(crate) use place::{Document, File, Place};

/// So many of a kind of note are said one by one.
const FEW: usize = 5;
/// For fewer documents a thread is not worth its start.
const FEWEST: usize = 50;

/// One object, and where it came from.
pub(crate) struct Manifest {
    /// The object.
    pub(crate) object: Object,
    /// Its place.
    pub(crate) place: Place,
}

/// A file or document that could not be used.
pub(crate) struct Broken {
    /// Where it stands.
    pub(crate) place: Place,
    /// Its line and column.
    pub(crate) position: Position,
    /// What is wrong.
    pub(crate) reason: String,
    /// What to do.
    pub(crate) hint: &'static str,
    /// Whether it cannot be read at all, or is only no Kubernetes object.
    pub(crate) syntax: bool,
}

/// Everything that was read.
#[derive(Default)]
pub(crate) struct Manifests {
    /// The objects.
    pub(crate) objects: Vec<Manifest>,
    /// What could not be used.
    pub(crate) broken: Vec<Broken>,
    /// The files that could be read, and whether they were named themselves.
    files: Vec<(Arc<File>, bool)>,
    /// Places of templates, which are skipped.
    templates: Vec<String>,
    /// Files that hold something else.
    others: Vec<String>,
    /// What is odd and does not matter to a verdict.
    notes: Vec<String>,
}

impl Manifests {
    /// The places of the objects; of several of one name, that of the last.
    pub(crate) fn places(&self) -> HashMap<&ObjectRef, &Place> {
        self.objects
            .iter()
            .map(|manifest| (&*manifest.object.id, &manifest.place))
            .collect()
    }

    /// What came from stdin.
    pub(crate) fn stdin(&self) -> Option<&str> {
        let stdin = self.files.iter().find(|(file, _)| file.path.is_none());
        stdin.map(|(file, _)| file.text.as_str())
    }

    /// Says what was passed over, and what stands twice.
    pub(crate) fn say(&self) {
        for template in self.templates.iter().take(FEW) {
            say("note", template);
        }
        let more = self.templates.len().saturating_sub(FEW);
        if more > 0 {
            say("note", &format!("{more} more templates are skipped"));
        }
        if !self.others.is_empty() {
            let shown: Vec<_> = self.others.iter().take(FEW).map(String::as_str).collect();
            let more = if self.others.len() > FEW { ", ..." } else { "" };
            let text = format!(
                "passed over, because nothing in it is a Kubernetes object: {}{more} ({} in all)",
                shown.join(", "),
                self.others.len()
            );
            say("note", &text);
        }
        let twice = self.twice();
        for note in self.notes.iter().chain(&twice).take(FEW) {
            say("warning", note);
        }
        let more = (self.notes.len() + twice.len()).saturating_sub(FEW);
        if more > 0 {
            say(
                "warning",
                &format!("{more} more keys or objects stand twice"),
            );
        }
    }

    /// Objects that gateways read and that stand in several places.
    fn twice(&self) -> Vec<String> {
        let mut first: BTreeMap<&ObjectRef, &Place> = BTreeMap::new();
        let read = |manifest: &&Manifest| policy::dialect::kind_of(&manifest.object.id).is_some();
        let mut twice = Vec::new();
        for Manifest { object, place } in self.objects.iter().filter(read) {
            if let Some(before) = first.insert(&object.id, place) {
                twice.push(format!(
                    "{} stands in {} and in {}: the latter counts",
                    object.id,
                    before.first_line(),
                    place.first_line()
                ));
            }
        }
        twice
    }

    fn is_empty(&self) -> bool {
        self.objects.is_empty() && self.broken.is_empty() && self.templates.is_empty()
    }
}

/// Reads `-f`: files, folders (with `-R` all below), or `-` for stdin.
pub(crate) fn read(
    paths: &[PathBuf],
    recursive: bool,
    namespace: &str,
) -> anyhow::Result<Manifests> {
    let mut manifests = Manifests::default();
    let sources = walk::sources(paths, recursive)?;
    match sources.as_slice() {
        // Who types is not written over.
        [one] if one.path().is_none() && io::stdin().is_terminal() => {}
        [one] if one.path().is_none() => doing("reading standard input"),
        all => doing(format!("reading manifests, files: {}", all.len())),
    }
    for source in sources {
        match source.read() {
            Ok(text) => manifests.add_file(File::new(source.path(), text), source.named),
            Err(fault) => manifests.fail(&source, fault),
        }
    }
    manifests.read_files(namespace);
    if manifests.is_empty() {
        let names: Vec<_> = paths
            .iter()
            .map(|path| path.display().to_string())
            .collect();
        return Err(
            Problem::world(format!("no Kubernetes object in {}", names.join(", ")))
                .hint("an empty file, or one of comments only, holds nothing to judge"),
        );
    }
    Ok(manifests)
}

/// Reads one document that is no manifest; line and column from 1 with the reason.
pub(crate) fn parse(text: &str) -> Result<Value, (usize, usize, String)> {
    yaml::parse(text).map_err(|(line, column, reason)| (line + 1, column, reason))
}

/// Whether a plain scalar reads as the string that it is.
pub(crate) fn is_plain_string(text: &str) -> bool {
    let safe = |char: char| char.is_ascii_alphanumeric() || "-./_@".contains(char);
    text.starts_with(|char: char| char.is_ascii_alphanumeric())
        && text.chars().all(safe)
        && yaml::resolve(text).is_string()
}

impl Manifests {
    /// What a text holds.
    #[cfg(test)]
    pub(crate) fn of_text(text: &str) -> Self {
        let mut manifests = Self::default();
        manifests.add_file(File::new(None, text.to_owned()), true);
        manifests.read_files("shop");
        manifests
    }

    /// The same files, some of them with another text.
    pub(crate) fn with(self, changed: &[(Arc<File>, String)], namespace: &str) -> Self {
        let changed: HashMap<_, _> = changed
            .iter()
            .map(|(file, text)| (Arc::as_ptr(file), text))
            .collect();
        let unread = |broken: &Broken| broken.place.document().file().text.is_empty();
        let mut again = Self {
            broken: self.broken.into_iter().filter(unread).collect(),
            ..Self::default()
        };
        for (file, named) in &self.files {
            let text = changed.get(&Arc::as_ptr(file));
            let file = match text {
                Some(text) => File::new(file.path.as_deref(), (*text).clone()),
                None => Arc::clone(file),
            };
            again.add_file(file, *named);
        }
        again.read_files(namespace);
        again
    }

    fn fail(&mut self, source: &walk::Source, fault: text::Fault) {
        let file = File::new(source.path(), String::new());
        let document = Document {
            file,
            start: 0,
            end: 0,
            line: 0,
        };
        self.broken.push(Broken {
            place: Place::of(document),
            position: fault.position,
            reason: fault.reason,
            hint: fault.hint,
            syntax: true,
        });
    }

    /// `named`: the file itself was named, not a folder above it.
    fn add_file(&mut self, file: Arc<File>, named: bool) {
        self.files.push((file, named));
    }

    /// Reads the documents of all files, on every processor, and keeps them in order.
    fn read_files(&mut self, namespace: &str) {
        let documents: Vec<_> = self.files.iter().flat_map(documents).collect();
        let threads = thread::available_parallelism().map_or(1, NonZero::get);
        let part = documents.len().div_ceil(threads).max(FEWEST);
        thread::scope(|scope| {
            let parts = documents.chunks(part);
            let parts = parts.map(|part| scope.spawn(|| Self::of_documents(part, namespace)));
            for part in parts.collect::<Vec<_>>() {
                match part.join() {
                    Ok(read) => self.append(read),
                    Err(panicked) => panic::resume_unwind(panicked),
                }
            }
        });
    }

    fn of_documents(documents: &[(Place, bool)], namespace: &str) -> Self {
        let mut read = Self::default();
        for (place, named) in documents {
            read.add_document(place.clone(), *named, namespace);
        }
        read
    }

    fn append(&mut self, more: Self) {
        self.objects.extend(more.objects);
        self.broken.extend(more.broken);
        self.templates.extend(more.templates);
        self.others.extend(more.others);
        self.others.dedup();
        self.notes.extend(more.notes);
    }

    fn add_document(&mut self, place: Place, named: bool, namespace: &str) {
        match yaml::read(place.document().text()) {
            Ok(document) if document.value.is_null() => {}
            Ok(document) => {
                self.note_twice(&document, &place);
                self.add_value(document.value, place, named, namespace);
            }
            Err(error) => self.add_unread(place, error),
        }
    }

    fn note_twice(&mut self, document: &yaml::Document, place: &Place) {
        for (line, column, key) in &document.twice {
            let line = place.line_at(*line);
            self.notes.push(format!(
                "{}:{line}:{column}: {key:?} stands twice in one mapping: the last one counts",
                place.file()
            ));
        }
    }

    fn add_unread(&mut self, place: Place, (row, column, reason): yaml::Error) {
        let line = place.line_at(row);
        let words = template::in_text(place.document().text(), row);
        if let Some(words) = words {
            self.skip(&place, line, words);
            return;
        }
        self.broken.push(Broken {
            place,
            position: (line, column),
            reason: format!("cannot be read as YAML: {reason}"),
            hint: "correct the file: nothing of this document was judged",
            syntax: true,
        });
    }

    fn skip(&mut self, place: &Place, line: usize, words: template::Words) {
        self.templates.push(format!(
            "{}:{line}: is a template ({}), and is skipped: {}",
            place.file(),
            words.shown,
            words.hint
        ));
    }

    /// A List stands for its items, as for kubectl.
    fn add_value(&mut self, mut value: Value, place: Place, named: bool, namespace: &str) {
        let is_list = value["kind"]
            .as_str()
            .is_some_and(|kind| kind.ends_with("List"));
        let items = value.get_mut("items").filter(|_| is_list).map(Value::take);
        if let Some(Value::Array(items)) = items {
            for (number, item) in items.into_iter().enumerate() {
                self.add_value(item, place.item(number), true, namespace);
            }
            return;
        }
        match Object::from_value(&value) {
            Ok(object) => match template::in_object(&object) {
                Some(words) => self.skip(&place, place.line_at(0), words),
                None => {
                    let object = object.in_namespace(namespace);
                    self.objects.push(Manifest { object, place });
                }
            },
            Err(_) if is_something_else(&value, &place, named) => {
                let file = place.file().to_owned();
                if self.others.last() != Some(&file) {
                    self.others.push(file);
                }
            }
            Err(unreadable) => self.broken.push(Broken {
                position: place.position(&place.document().index(), &unreadable.pointer),
                place,
                reason: format!(
                    "{} {}",
                    policy::field(&unreadable.pointer),
                    unreadable.reason
                )
                .trim()
                .to_owned(),
                hint: "give it apiVersion, kind and metadata.name, or take it out of the folder",
                syntax: false,
            }),
        }
    }
}

/// The documents of a file, each with whether the file itself was named.
fn documents((file, named): &(Arc<File>, bool)) -> impl Iterator<Item = (Place, bool)> {
    let found = text::documents(&file.text).into_iter();
    found.map(|(start, end, line)| {
        let document = Document {
            file: Arc::clone(file),
            start,
            end,
            line,
        };
        (Place::of(document), *named)
    })
}

/// Files of other programs lie beside manifests: those without `apiVersion` and `kind`, charts,
/// and configurations, which have both and no name.
fn is_something_else(value: &Value, place: &Place, named: bool) -> bool {
    let (version, kind) = (value.get("apiVersion"), value.get("kind"));
    if let (Some(Value::String(version)), Some(Value::String(kind))) = (version, kind) {
        let id = ObjectRef {
            api_version: version.clone(),
            kind: kind.clone(),
            namespace: String::new(),
            name: String::new(),
        };
        let nameless = value["metadata"]["name"].is_null();
        return nameless && kind != "Secret" && policy::dialect::kind_of(&id).is_none();
    }
    let path = place.document().file().path.as_deref();
    let chart = path.is_some_and(|path| path.ends_with("Chart.yaml"));
    !named && (chart || version.is_none() && kind.is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_found_again_in_its_file() {
        let text = "# x\n---\napiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Secret\n  metadata:\n    name: a\n";
        let manifests = Manifests::of_text(text);
        let manifest = &manifests.objects[0];
        assert_eq!(manifest.object.id.namespace, "shop");
        let index = manifest.place.document().index();
        assert_eq!(manifest.place.position(&index, "/metadata/name"), (9, 5));
    }
}
