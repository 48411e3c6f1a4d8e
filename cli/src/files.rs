//! Files that are written: whole or not at all, never over another, keys for the owner alone.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::problem::Problem;

/// One file to write.
pub(crate) struct File<'a> {
    /// Its name in the folder.
    pub(crate) name: String,
    /// Its content.
    pub(crate) content: &'a str,
    /// Whether only the owner may read it.
    pub(crate) secret: bool,
}

/// Writes all files into a folder, or none: what exists is found before anything is written.
pub(crate) fn write_all(folder: &Path, files: &[File<'_>], force: bool) -> anyhow::Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("creating {}", folder.display()))?;
    let exists = |path: &PathBuf| path.exists() && !force;
    if let Some(path) = files
        .iter()
        .map(|file| folder.join(&file.name))
        .find(exists)
    {
        return Err(
            Problem::world(format!("{} exists and is not overwritten", path.display()))
                .hint("choose another --out or name, or add --force to replace it"),
        );
    }
    let staged: Vec<_> = files
        .iter()
        .map(|file| stage(folder, file))
        .collect::<Result<_, _>>()?;
    for (temporary, path) in staged {
        let persisted = if force {
            temporary.persist(&path)
        } else {
            temporary.persist_noclobber(&path)
        };
        persisted.with_context(|| format!("writing {}", path.display()))?;
    }
    Ok(())
}

fn stage(folder: &Path, file: &File<'_>) -> anyhow::Result<(tempfile::NamedTempFile, PathBuf)> {
    let path = folder.join(&file.name);
    let context = || format!("writing {}", path.display());
    // Created with mode 0600, so a key is never readable by others, not even for a moment.
    let mut temporary = tempfile::NamedTempFile::new_in(folder).with_context(context)?;
    temporary
        .write_all(file.content.as_bytes())
        .with_context(context)?;
    let mode = if file.secret { 0o600 } else { 0o644 };
    temporary
        .as_file()
        .set_permissions(fs::Permissions::from_mode(mode))
        .with_context(context)?;
    temporary.as_file().sync_all().with_context(context)?;
    Ok((temporary, path))
}

/// Reads a file whole.
pub(crate) fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("reading {}", path.display()))
}
