//! Where objects stand: files, their documents, and objects in them.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use super::Index;

/// Where an object stands: enough to find a field's line again when it is asked for.
#[derive(Clone)]
pub(crate) struct Place {
    document: Arc<Document>,
    /// Pointer of the object inside the document, for items of a List.
    prefix: String,
}

/// A part of a file that is read by itself.
pub(crate) struct Document {
    pub(super) file: Arc<File>,
    pub(super) start: usize,
    pub(super) end: usize,
    /// Its first line, from 0.
    pub(super) line: usize,
}

/// A file as it was read.
pub(crate) struct File {
    /// Where it is; `None`: it came from stdin.
    pub(crate) path: Option<PathBuf>,
    /// Its text.
    pub(crate) text: String,
    name: String,
    lines: OnceLock<Vec<usize>>,
}

/// A line and a column, both from 1.
pub(crate) type Position = (usize, usize);

impl File {
    pub(super) fn new(path: Option<&Path>, text: String) -> Arc<Self> {
        let name = path.map_or("<stdin>".to_owned(), |path| path.display().to_string());
        Arc::new(Self {
            path: path.map(Path::to_owned),
            text,
            name,
            lines: OnceLock::new(),
        })
    }

    /// The file's name as it was given.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The text of a line, counted from 1.
    fn line(&self, line: usize) -> Option<&str> {
        let starts = self.lines.get_or_init(|| {
            let ends = self.text.match_indices('\n').map(|(at, _)| at + 1);
            std::iter::once(0).chain(ends).collect()
        });
        let start = *starts.get(line.checked_sub(1)?)?;
        self.text.get(start..)?.lines().next()
    }
}

impl Document {
    /// Its text.
    pub(crate) fn text(&self) -> &str {
        &self.file.text[self.start..self.end]
    }

    /// Where it begins in its file, in bytes.
    pub(crate) fn start(&self) -> usize {
        self.start
    }

    /// The file that it stands in.
    pub(crate) fn file(&self) -> &Arc<File> {
        &self.file
    }

    /// Where its fields stand.
    pub(crate) fn index(&self) -> Index {
        Index::new(self.text())
    }
}

impl Place {
    /// The file's name as it was given.
    pub(crate) fn file(&self) -> &str {
        self.document.file.name()
    }

    /// The document that the object stands in.
    pub(crate) fn document(&self) -> &Arc<Document> {
        &self.document
    }

    /// The text of a line, counted from 1.
    pub(crate) fn line(&self, line: usize) -> Option<&str> {
        self.document.file.line(line)
    }

    /// A pointer into the object as one into its document.
    pub(crate) fn pointer(&self, pointer: &str) -> String {
        format!("{}{pointer}", self.prefix)
    }

    /// The position of a field, or of the nearest field above it that exists.
    pub(crate) fn position(&self, index: &Index, pointer: &str) -> Position {
        let (line, column) = index.locate(&self.pointer(pointer));
        (self.document.line + line, column)
    }

    /// Where its document begins, for people.
    pub(super) fn first_line(&self) -> String {
        format!("{}:{}", self.file(), self.document.line + 1)
    }

    /// The place of a whole document.
    pub(super) fn of(document: Document) -> Self {
        Self {
            document: Arc::new(document),
            prefix: String::new(),
        }
    }

    /// The line of the file at a line of the document, from 0.
    pub(super) fn line_at(&self, line: usize) -> usize {
        self.document.line + line + 1
    }

    /// The place of an item of a List.
    pub(super) fn item(&self, number: usize) -> Self {
        Self {
            document: Arc::clone(&self.document),
            prefix: format!("{}/items/{number}", self.prefix),
        }
    }
}
