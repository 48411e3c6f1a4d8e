//! What stands beside the archives: their checksums, and the manifest for krew.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, bail, ensure};
use sha2::{Digest as _, Sha256};

use super::{krew, version};
use crate::say;

/// Writes both; all: every platform of the manifest must be there.
pub(super) fn run(out: &Path, all: bool) -> anyhow::Result<()> {
    let sums = sums(out)?;
    ensure!(!sums.is_empty(), "{} holds no archive", out.display());
    let mut text = String::new();
    for (name, sum) in &sums {
        writeln!(text, "{sum}  {name}")?;
    }
    write(&out.join("checksums.txt"), &text)?;
    let template = fs::read_to_string(crate::root().join("krew/mtls.yaml"))?;
    let filled = krew::fill(&template, &version(), &sums)?;
    if all && let Some(name) = filled.missing.first() {
        bail!(
            "{name} is missing in {}: krew's manifest names it",
            out.display()
        );
    }
    write(&out.join("mtls.yaml"), &filled.manifest)
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    fs::write(path, text).with_context(|| format!("writing {}", path.display()))?;
    say(&format!("xtask: {}", path.display()));
    Ok(())
}

/// The checksums of archives and lists of parts, by name.
fn sums(out: &Path) -> anyhow::Result<BTreeMap<String, String>> {
    let mut sums = BTreeMap::new();
    for entry in fs::read_dir(out).with_context(|| format!("reading {}", out.display()))? {
        let path = entry?.path();
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let ours = [".tar.gz", ".zip", ".cdx.json"]
            .iter()
            .any(|end| name.ends_with(end));
        if ours {
            sums.insert(name, sum(&path)?);
        }
    }
    Ok(sums)
}

/// Lower case, as krew demands it.
fn sum(path: &Path) -> anyhow::Result<String> {
    let content = fs::read(path).with_context(|| format!("reading {}", path.display()))?;
    let mut text = String::new();
    for byte in Sha256::digest(content) {
        write!(text, "{byte:02x}")?;
    }
    Ok(text)
}
