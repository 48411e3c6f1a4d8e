//! What Linux can do with files.

use std::fs;
use std::path::Path;

use rustix::fs::{AtFlags, CWD, Mode, OFlags, linkat, open};

/// Whether a whole file system is written through to the disk at once.
pub(super) const SYNCS_ALL: bool = true;

/// A file without a name, for its owner alone.
pub(super) fn nameless(folder: &Path) -> std::io::Result<fs::File> {
    let mode = Mode::RUSR | Mode::WUSR;
    Ok(open(folder, OFlags::TMPFILE | OFlags::RDWR, mode)?.into())
}

/// Gives a nameless file a name that is free.
pub(super) fn name(file: &fs::File, path: &Path) -> std::io::Result<()> {
    use std::os::fd::AsRawFd as _;
    let own = format!("/proc/self/fd/{}", file.as_raw_fd());
    Ok(linkat(CWD, own, CWD, path, AtFlags::SYMLINK_FOLLOW)?)
}

/// Writes everything of the folder's file system through to the disk.
pub(super) fn sync(folder: &Path) -> std::io::Result<()> {
    Ok(rustix::fs::syncfs(fs::File::open(folder)?)?)
}
