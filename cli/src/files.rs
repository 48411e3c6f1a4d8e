//! Files that are written: whole or not at all, never over another, keys for the owner alone.

#[cfg_attr(target_os = "linux", path = "files/linux.rs")]
#[cfg_attr(not(target_os = "linux"), path = "files/elsewhere.rs")]
mod system;

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::problem::Problem;

/// A longer file is not read: nothing that is read here is that long.
const LONGEST: u64 = 5 * 1024 * 1024;

/// So many files are written through to the disk one by one; more, all at once.
const FEW: usize = 8;

/// One file to write.
pub(crate) struct File<'a> {
    /// Its name in the folder.
    pub(crate) name: String,
    /// Its content.
    pub(crate) content: &'a [u8],
    /// Who may do what with it.
    mode: u32,
}

impl<'a> File<'a> {
    /// A file that everybody may read.
    pub(crate) fn public(
        name: impl Into<String>,
        content: &'a (impl AsRef<[u8]> + ?Sized),
    ) -> Self {
        Self {
            name: name.into(),
            content: content.as_ref(),
            mode: 0o644,
        }
    }

    /// A program that everybody may run.
    pub(crate) fn program(
        name: impl Into<String>,
        content: &'a (impl AsRef<[u8]> + ?Sized),
    ) -> Self {
        Self {
            mode: 0o755,
            ..Self::public(name, content)
        }
    }

    /// A file for its owner alone.
    pub(crate) fn secret(
        name: impl Into<String>,
        content: &'a (impl AsRef<[u8]> + ?Sized),
    ) -> Self {
        Self {
            mode: 0o600,
            ..Self::public(name, content)
        }
    }
}

/// Writes all files into a folder, or none: what exists is found before anything is written, and
/// what was written goes again when a later one fails.
pub(crate) fn write_all(folder: &Path, files: &[File<'_>], force: bool) -> anyhow::Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("creating {}", folder.display()))?;
    check_free(folder, files.iter().map(|file| file.name.as_str()), force)?;
    let many = system::SYNCS_ALL && files.len() > FEW;
    let staged: Vec<_> = files
        .iter()
        .map(|file| {
            let permissions = permissions(file.mode);
            Staged::write(&folder.join(&file.name), file.content, permissions, !many)
        })
        .collect::<Result<_, _>>()?;
    if many {
        system::sync(folder).with_context(|| format!("writing {}", folder.display()))?;
    }
    let mut placed: Vec<PathBuf> = Vec::new();
    for (staged, file) in staged.into_iter().zip(files) {
        let path = folder.join(&file.name);
        if let Err(error) = staged.place(&path, force) {
            for path in placed {
                let _ = fs::remove_file(path);
            }
            return Err(error);
        }
        placed.push(path);
    }
    Ok(())
}

/// Who may do what with a file. Where there are no modes, the folder decides.
#[cfg(unix)]
#[allow(clippy::unnecessary_wraps)]
fn permissions(mode: u32) -> Option<fs::Permissions> {
    use std::os::unix::fs::PermissionsExt as _;
    Some(fs::Permissions::from_mode(mode))
}

#[cfg(not(unix))]
fn permissions(_: u32) -> Option<fs::Permissions> {
    None
}

/// Writes a report, which is made anew at every run. Links stay links, and what is no file, as
/// /dev/null, is written to and not replaced.
pub(crate) fn write_report(path: &Path, text: &str) -> anyhow::Result<()> {
    let real = fs::canonicalize(path);
    let path = real.as_deref().unwrap_or(path);
    let kind = fs::metadata(path).map(|found| found.file_type());
    if kind.is_ok_and(|kind| !kind.is_file() && !kind.is_dir()) {
        return fs::write(path, text).with_context(|| format!("writing {}", path.display()));
    }
    let name = path.file_name().and_then(|name| name.to_str());
    let name = name.ok_or_else(|| {
        Problem::usage(format!("{} names no file", path.display())).hint("name a file")
    })?;
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    write_all(folder, &[File::public(name, text)], true)
}

/// Refuses names that are taken.
pub(crate) fn check_free<'a>(
    folder: &Path,
    mut names: impl Iterator<Item = &'a str>,
    force: bool,
) -> anyhow::Result<()> {
    let taken = |name: &&str| folder.join(name).exists() && !force;
    let Some(name) = names.find(taken) else {
        return Ok(());
    };
    let path = folder.join(name);
    Err(
        Problem::world(format!("{} exists and is not overwritten", path.display()))
            .hint("choose another --out or name, or add --force to replace it"),
    )
}

/// A written file that has no name yet.
enum Staged {
    /// It goes by itself, whatever ends this program.
    Nameless(fs::File),
    /// Where the file system has no nameless files.
    Temporary(tempfile::NamedTempFile),
}

impl Staged {
    fn write(
        path: &Path,
        content: &[u8],
        permissions: Option<fs::Permissions>,
        sync: bool,
    ) -> anyhow::Result<Self> {
        let context = || format!("writing {}", path.display());
        let folder = path.parent().unwrap_or(Path::new("/"));
        let staged = Self::create(folder).with_context(context)?;
        let mut target = staged.file();
        target.write_all(content).with_context(context)?;
        if let Some(permissions) = permissions {
            target.set_permissions(permissions).with_context(context)?;
        }
        if sync {
            target.sync_data().with_context(context)?;
        }
        Ok(staged)
    }

    /// Created with mode 0600, so a key is never readable by others, not even for a moment.
    fn create(folder: &Path) -> std::io::Result<Self> {
        if let Ok(file) = system::nameless(folder) {
            return Ok(Self::Nameless(file));
        }
        tempfile::NamedTempFile::new_in(folder).map(Self::Temporary)
    }

    fn file(&self) -> &fs::File {
        match self {
            Self::Nameless(file) => file,
            Self::Temporary(file) => file.as_file(),
        }
    }

    fn place(self, path: &Path, force: bool) -> anyhow::Result<()> {
        let context = || format!("writing {}", path.display());
        match self {
            Self::Nameless(file) if force && path.exists() => {
                let beside = path.with_extension(format!("{}.new", std::process::id()));
                system::name(&file, &beside).with_context(context)?;
                let placed = fs::rename(&beside, path);
                if placed.is_err() {
                    let _ = fs::remove_file(&beside);
                }
                placed.with_context(context)
            }
            Self::Nameless(file) => system::name(&file, path).with_context(context),
            Self::Temporary(file) if force => file.persist(path).map(drop).with_context(context),
            Self::Temporary(file) => {
                let placed = file.persist_noclobber(path);
                placed.map(drop).with_context(context)
            }
        }
    }
}

/// Gives a file another content, if it still has the one that was read. Links stay links, and
/// who may read it stays as it was.
pub(crate) fn rewrite(path: &Path, before: &[u8], after: &[u8]) -> anyhow::Result<()> {
    let context = || format!("writing {}", path.display());
    let real = fs::canonicalize(path).with_context(context)?;
    let permissions = fs::metadata(&real).with_context(context)?.permissions();
    if permissions.readonly() {
        anyhow::bail!("{} is read-only, and is left as it is", path.display());
    }
    if fs::read(&real).with_context(context)? != before {
        anyhow::bail!(
            "{} was changed meanwhile, and is left as it is",
            path.display()
        );
    }
    Staged::write(&real, after, Some(permissions), true)?.place(&real, true)
}

fn open_file(path: &Path) -> anyhow::Result<fs::File> {
    fs::File::open(path).map_err(|error| {
        let hint = match error.kind() {
            std::io::ErrorKind::NotFound => "check the path; - is stdin".to_owned(),
            _ => format!(
                "`ls -ld {}` shows what it is and who may read it",
                path.display()
            ),
        };
        Problem::world(format!("{} cannot be read: {error}", path.display())).hint(hint)
    })
}

/// Reads a file whole; - is stdin.
pub(crate) fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    use std::io::Read as _;
    let context = || format!("reading {}", path.display());
    let mut content = Vec::new();
    let read = if path == Path::new("-") {
        std::io::stdin().take(LONGEST + 1).read_to_end(&mut content)
    } else {
        let file = open_file(path)?;
        file.take(LONGEST + 1).read_to_end(&mut content)
    };
    let read = read.with_context(context)?;
    if u64::try_from(read).unwrap_or(u64::MAX) > LONGEST {
        return Err(
            Problem::world(format!("{} is longer than 5 MiB", path.display()))
                .hint("name a file with certificates or keys"),
        );
    }
    Ok(content)
}
