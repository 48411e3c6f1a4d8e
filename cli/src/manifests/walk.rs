//! Which files `-f` names.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::text::{self, Fault};
use crate::problem::Problem;

/// A file to be read.
pub(super) struct Source {
    path: PathBuf,
    /// Whether it was named itself, not a folder above it.
    pub(super) named: bool,
}

impl Source {
    /// Where it is; `None`: stdin.
    pub(super) fn path(&self) -> Option<&Path> {
        (self.path.as_os_str() != "-").then_some(&self.path)
    }

    /// Its text.
    pub(super) fn read(&self) -> Result<String, Fault> {
        match self.path() {
            Some(path) => text::read(fs::File::open(path).map_err(|error| Fault::io(&error))?),
            None => text::read(std::io::stdin()),
        }
    }
}

/// Every file once, those of a folder by name.
pub(super) fn sources(paths: &[PathBuf], recursive: bool) -> anyhow::Result<Vec<Source>> {
    let mut sources = Vec::new();
    for path in paths {
        if path.is_dir() {
            let files = in_folder(path, recursive)?;
            sources.extend(files.into_iter().map(|path| Source { path, named: false }));
        } else if path.as_os_str() == "-" || path.exists() || paths.len() > 1 {
            let path = path.clone();
            sources.push(Source { path, named: true });
        } else {
            let problem = Problem::world(format!("{} does not exist", path.display()));
            return Err(problem.hint("name a file or a folder with manifests, or - for stdin"));
        }
    }
    let mut seen = HashSet::new();
    sources.retain(|source| seen.insert(source.path.clone()));
    Ok(sources)
}

fn in_folder(folder: &Path, recursive: bool) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    collect(folder, recursive, &mut HashSet::new(), &mut files)?;
    files.sort();
    if files.is_empty() {
        return Err(
            Problem::world(format!("no manifests in {}", folder.display()))
                .hint("files ending in .yaml, .yml and .json are read; add -R for folders below"),
        );
    }
    Ok(files)
}

/// Links may lead in circles: no folder is read twice. Hidden ones (.git, .github) hold no
/// manifests.
fn collect(
    folder: &Path,
    recursive: bool,
    seen: &mut HashSet<PathBuf>,
    files: &mut Vec<PathBuf>,
) -> anyhow::Result<()> {
    let context = || format!("reading {}", folder.display());
    let real = fs::canonicalize(folder).with_context(context)?;
    if !seen.insert(real) {
        return Ok(());
    }
    for entry in fs::read_dir(folder).with_context(context)? {
        let entry = entry.with_context(context)?;
        let path = entry.path();
        let hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
        if hidden {
            continue;
        }
        if path.is_dir() {
            if recursive {
                collect(&path, recursive, seen, files)?;
            }
        } else if is_manifest(&path) && !is_special(&path) {
            files.push(path);
        }
    }
    Ok(())
}

fn is_manifest(path: &Path) -> bool {
    path.extension().is_some_and(|extension| {
        ["json", "yaml", "yml"]
            .iter()
            .any(|known| extension == *known)
    })
}

/// A pipe or a socket would be waited for; a dead link is said.
fn is_special(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| !metadata.is_file())
}
