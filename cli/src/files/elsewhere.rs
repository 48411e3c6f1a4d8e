//! What other systems cannot do with files.

use std::fs;
use std::io::{Error, ErrorKind};
use std::path::Path;

/// Whether a whole file system is written through to the disk at once.
pub(super) const SYNCS_ALL: bool = false;

/// A file without a name: there is none, and a temporary one takes its place.
pub(super) fn nameless(_: &Path) -> std::io::Result<fs::File> {
    Err(ErrorKind::Unsupported.into())
}

/// Gives a nameless file a name that is free.
pub(super) fn name(_: &fs::File, _: &Path) -> std::io::Result<()> {
    Err(Error::from(ErrorKind::Unsupported))
}

/// Writes everything of the folder's file system through to the disk.
pub(super) fn sync(_: &Path) -> std::io::Result<()> {
    Err(Error::from(ErrorKind::Unsupported))
}
