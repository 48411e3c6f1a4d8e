//! Manifests from files, folders and stdin, to objects that know where they stand.

mod yaml;

use std::collections::HashMap;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use policy::{Object, ObjectRef};
use serde_json::Value;

use crate::problem::Problem;

/// One object, and where it came from.
pub(crate) struct Manifest {
    /// The object.
    pub(crate) object: Object,
    /// Its place.
    pub(crate) place: Place,
}

/// Where a document stands: enough to find a field's line again when it is asked for.
#[derive(Clone)]
pub(crate) struct Place {
    file: Arc<File>,
    start: usize,
    end: usize,
    line: usize,
    /// Pointer of the object inside the document, for items of a List.
    prefix: String,
}

struct File {
    name: String,
    text: String,
}

/// A line and a column, both from 1.
pub(crate) type Position = (usize, usize);

impl Place {
    /// The file's name as it was given.
    pub(crate) fn file(&self) -> &str {
        &self.file.name
    }

    /// The text of a line, counted from 1.
    pub(crate) fn line(&self, line: usize) -> Option<&str> {
        self.file.text.lines().nth(line.checked_sub(1)?)
    }

    /// Where the scalar under a pointer stands in the file, in bytes, and the file's text.
    pub(crate) fn scalar(&self, pointer: &str) -> Option<(std::ops::Range<usize>, &str)> {
        let pointer = format!("{}{pointer}", self.prefix);
        let found = yaml::scalar(&self.file.text[self.start..self.end], &pointer)?;
        let range = found.start + self.start..found.end + self.start;
        Some((range, &self.file.text))
    }

    /// The position of a field, or of the nearest field above it that exists.
    pub(crate) fn position(&self, pointer: &str) -> Position {
        let pointer = format!("{}{pointer}", self.prefix);
        let (line, column) = yaml::locate(&self.file.text[self.start..self.end], &pointer);
        (self.line + line, column)
    }
}

/// A document that could not be used.
pub(crate) struct Broken {
    /// Where it stands.
    pub(crate) place: Place,
    /// Its line and column.
    pub(crate) position: Position,
    /// What is wrong.
    pub(crate) reason: String,
    /// Whether it is no YAML at all, or only no Kubernetes object.
    pub(crate) syntax: bool,
}

/// Everything that was read.
#[derive(Default)]
pub(crate) struct Manifests {
    /// The objects.
    pub(crate) objects: Vec<Manifest>,
    /// Documents that could not be used.
    pub(crate) broken: Vec<Broken>,
}

impl Manifests {
    /// The places of the objects.
    pub(crate) fn places(&self) -> HashMap<&ObjectRef, &Place> {
        self.objects
            .iter()
            .map(|manifest| (&*manifest.object.id, &manifest.place))
            .collect()
    }
}

/// Reads `-f`: files, folders (with `-R` all below), or `-` for stdin.
pub(crate) fn read(
    paths: &[PathBuf],
    recursive: bool,
    namespace: &str,
) -> anyhow::Result<Manifests> {
    let mut manifests = Manifests::default();
    for path in paths {
        if path.as_os_str() == "-" {
            let mut bytes = Vec::new();
            std::io::stdin()
                .read_to_end(&mut bytes)
                .context("reading stdin")?;
            add("<stdin>", bytes, namespace, &mut manifests);
            continue;
        }
        let files = if path.is_dir() {
            in_folder(path, recursive)?
        } else {
            vec![path.clone()]
        };
        for file in files {
            let bytes = fs::read(&file).with_context(|| format!("reading {}", file.display()))?;
            add(
                &file.display().to_string(),
                bytes,
                namespace,
                &mut manifests,
            );
        }
    }
    if manifests.objects.is_empty() && manifests.broken.is_empty() {
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
    policy::yaml::parse(text).map_err(|(line, column, reason)| (line + 1, column, reason))
}

fn in_folder(folder: &Path, recursive: bool) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    collect(folder, recursive, &mut files)?;
    files.sort();
    if files.is_empty() {
        return Err(
            Problem::world(format!("no manifests in {}", folder.display()))
                .hint("files ending in .yaml, .yml and .json are read; add -R for folders below"),
        );
    }
    Ok(files)
}

fn collect(folder: &Path, recursive: bool, files: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    let context = || format!("reading {}", folder.display());
    for entry in fs::read_dir(folder).with_context(context)? {
        let path = entry.with_context(context)?.path();
        let manifest = path.extension().is_some_and(|extension| {
            ["json", "yaml", "yml"]
                .iter()
                .any(|known| extension == *known)
        });
        if path.is_dir() && recursive {
            collect(&path, recursive, files)?;
        } else if path.is_file() && manifest {
            files.push(path);
        }
    }
    Ok(())
}

fn add(name: &str, bytes: Vec<u8>, namespace: &str, manifests: &mut Manifests) {
    let text = match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
    };
    let file = Arc::new(File {
        name: name.to_owned(),
        text,
    });
    for (start, end, line) in documents(&file.text) {
        let place = Place {
            file: Arc::clone(&file),
            start,
            end,
            line,
            prefix: String::new(),
        };
        match policy::yaml::parse(&file.text[start..end]) {
            Ok(Value::Null) => {}
            Ok(value) => add_value(value, place, namespace, manifests),
            Err((row, column, reason)) => manifests.broken.push(Broken {
                position: (line + row + 1, column),
                place,
                reason,
                syntax: true,
            }),
        }
    }
}

/// A List stands for its items, as for kubectl.
fn add_value(mut value: Value, place: Place, namespace: &str, manifests: &mut Manifests) {
    let is_list = value["kind"]
        .as_str()
        .is_some_and(|kind| kind.ends_with("List"));
    let items = value.get_mut("items").filter(|_| is_list).map(Value::take);
    if let Some(Value::Array(items)) = items {
        for (index, item) in items.into_iter().enumerate() {
            let prefix = format!("{}/items/{index}", place.prefix);
            add_value(
                item,
                Place {
                    prefix,
                    ..place.clone()
                },
                namespace,
                manifests,
            );
        }
        return;
    }
    match Object::from_value(&value) {
        Ok(object) => {
            let object = object.in_namespace(namespace);
            manifests.objects.push(Manifest { object, place });
        }
        Err(unreadable) => manifests.broken.push(Broken {
            position: place.position(&unreadable.pointer),
            place,
            reason: format!("{} {}", unreadable.pointer, unreadable.reason)
                .trim()
                .to_owned(),
            syntax: false,
        }),
    }
}

/// Splits at lines of `---`, as kubectl does: start, end, and line (from 0) of each document.
fn documents(text: &str) -> Vec<(usize, usize, usize)> {
    let mut documents = Vec::new();
    let (mut start, mut first_line, mut at) = (0, 0, 0);
    for (number, line) in text.split_inclusive('\n').enumerate() {
        let separator = line.strip_prefix("---").map(str::trim);
        if separator.is_some_and(|rest| rest.is_empty() || rest.starts_with('#')) {
            documents.push((start, at, first_line));
            start = at + line.len();
            first_line = number + 1;
        }
        at += line.len();
    }
    documents.push((start, text.len(), first_line));
    documents
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_split_as_kubectl_does() {
        let text = "a: 1\n---\nb: 2\n--- # c\nc: |\n  ---\n";
        let lines: Vec<_> = documents(text).iter().map(|(_, _, line)| *line).collect();
        assert_eq!(lines, [0, 2, 4]);
    }

    #[test]
    fn a_field_is_found_again_in_its_file() {
        let mut manifests = Manifests::default();
        let text = "# x\n---\napiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Secret\n  metadata:\n    name: a\n";
        add("f", text.as_bytes().to_vec(), "n", &mut manifests);
        let manifest = &manifests.objects[0];
        assert_eq!(manifest.object.id.namespace, "n");
        assert_eq!(manifest.place.position("/metadata/name"), (9, 5));
    }
}
