//! Puts the manifests of the webhook into the program: every file of `manifests/` and of
//! `manifests/crds/`, by name, so that a new one needs no list.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let root =
        PathBuf::from(env::var("CARGO_MANIFEST_DIR").unwrap_or_default()).join("../manifests");
    let mut rows = String::new();
    for folder in ["", "crds/"] {
        let path = root.join(folder);
        // Where there is no such folder yet, its coming is noticed too.
        println!("cargo:rerun-if-changed={}", path.display());
        for file in files(&path)? {
            let name = file.file_name().unwrap_or_default().to_string_lossy();
            if name != "kustomization.yaml" {
                let path = file.canonicalize()?;
                let _ = writeln!(
                    rows,
                    "    ({:?}, include_str!({path:?})),",
                    format!("{folder}{name}")
                );
            }
        }
    }
    let out = PathBuf::from(env::var("OUT_DIR").unwrap_or_default()).join("manifests.rs");
    fs::write(out, format!("&[\n{rows}]\n"))
}

/// The YAML files of a folder, sorted by name.
fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let entries = fs::read_dir(folder)?;
    let mut files: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    files.retain(|file| {
        file.extension()
            .is_some_and(|extension| extension == "yaml")
    });
    files.sort();
    Ok(files)
}
