//! Archives with the same bytes from the same content: sorted, of one time, of nobody.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::Context as _;
use flate2::write::GzEncoder;
use flate2::{Compression, GzBuilder};

/// One file of an archive.
pub(super) struct Entry {
    name: String,
    content: Vec<u8>,
    mode: u32,
}

impl Entry {
    /// A file that is run.
    pub(super) fn program(name: &str, path: &Path) -> anyhow::Result<Self> {
        Ok(Self {
            mode: 0o755,
            ..Self::file(name, path)?
        })
    }

    /// A file that is read.
    pub(super) fn file(name: &str, path: &Path) -> anyhow::Result<Self> {
        let content = fs::read(path).with_context(|| format!("reading {}", path.display()))?;
        Ok(Self::text(name, content))
    }

    /// A file of that content.
    pub(super) fn text(name: &str, content: Vec<u8>) -> Self {
        Self {
            name: name.to_owned(),
            content,
            mode: 0o644,
        }
    }
}

/// Writes an archive; its name tells the format.
pub(super) fn write(path: &Path, mut entries: Vec<Entry>, epoch: u64) -> anyhow::Result<()> {
    entries.sort_by(|one, other| one.name.cmp(&other.name));
    let context = || format!("writing {}", path.display());
    let file = BufWriter::new(File::create(path).with_context(context)?);
    if path.extension().is_some_and(|extension| extension == "zip") {
        zipped(file, &entries).with_context(context)
    } else {
        tarred(file, &entries, epoch).with_context(context)
    }
}

fn tarred(file: impl Write, entries: &[Entry], epoch: u64) -> anyhow::Result<()> {
    // 255: made on a system that is not told; the header's time stays 0.
    let gzip: GzEncoder<_> = GzBuilder::new()
        .operating_system(255)
        .write(file, Compression::default());
    let mut tar = tar::Builder::new(gzip);
    for entry in entries {
        let mut header = tar::Header::new_ustar();
        header.set_size(u64::try_from(entry.content.len())?);
        header.set_mode(entry.mode);
        header.set_mtime(epoch);
        header.set_uid(0);
        header.set_gid(0);
        tar.append_data(&mut header, &entry.name, entry.content.as_slice())?;
    }
    Ok(tar.into_inner()?.finish()?.flush()?)
}

/// A zip file's times are local times of nowhere; all are its first, the start of 1980.
fn zipped(file: impl Write + std::io::Seek, entries: &[Entry]) -> anyhow::Result<()> {
    let mut zip = zip::ZipWriter::new(file);
    for entry in entries {
        let options = zip::write::SimpleFileOptions::default()
            .compression_method(zip::CompressionMethod::Deflated)
            .last_modified_time(zip::DateTime::default())
            .unix_permissions(entry.mode);
        zip.start_file(&entry.name, options)?;
        zip.write_all(&entry.content)?;
    }
    Ok(zip.finish()?.flush()?)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{Entry, write};

    fn written(name: &str, order: [&str; 2]) -> Vec<u8> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        let entries = order.map(|name| Entry::text(name, name.as_bytes().to_vec()));
        write(&path, entries.into(), 1_700_000_000).unwrap();
        std::fs::read(path).unwrap()
    }

    #[test]
    fn the_same_content_is_the_same_archive() {
        for name in ["a.tar.gz", "a.zip"] {
            let once = written(name, ["LICENSE", "kubectl-mtls"]);
            assert_eq!(once, written(name, ["kubectl-mtls", "LICENSE"]), "{name}");
            assert_ne!(once, written(name, ["kubectl-mtls", "LICENCE"]), "{name}");
        }
    }

    #[test]
    fn files_are_of_nobody_and_of_the_time_told() {
        let gzip = written("a.tar.gz", ["b", "a"]);
        let mut tar = tar::Archive::new(flate2::read::GzDecoder::new(gzip.as_slice()));
        let mut names = Vec::new();
        for entry in tar.entries().unwrap() {
            let entry = entry.unwrap();
            let header = entry.header();
            let of = (
                header.mtime().unwrap(),
                header.uid().unwrap(),
                header.gid().unwrap(),
            );
            assert_eq!(of, (1_700_000_000, 0, 0));
            names.push(entry.path().unwrap().display().to_string());
        }
        assert_eq!(names, ["a", "b"]);
    }
}
