//! Files of modules that are built with another text: `overlay/PACKAGE/FILE` in the folder of a recipe.
//! The go command lets nobody change what it keeps, so the module is copied.

use std::collections::BTreeMap;
use std::fs;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};

const FOLDER: &str = "overlay";

/// Makes what a recipe puts in the place of others part of its key.
pub(super) fn hash(recipe: &Path, hasher: &mut impl Hasher) -> anyhow::Result<()> {
    for file in files(&recipe.join(FOLDER))? {
        content(&file)?.hash(hasher);
    }
    Ok(())
}

/// Writes a go.mod for `-modfile` into a folder, by which the changed modules are built; none where
/// nothing is changed.
pub(super) fn modfile(recipe: &Path, into: &Path) -> anyhow::Result<Option<PathBuf>> {
    let root = recipe.join(FOLDER);
    let files = files(&root)?;
    if files.is_empty() {
        return Ok(None);
    }
    let mut copies: BTreeMap<String, PathBuf> = BTreeMap::new();
    for file in &files {
        let inside = file.strip_prefix(&root)?;
        let package = inside.parent().context("a file stands in a package")?;
        let (module, from) = module(recipe, package)?;
        let below = package.strip_prefix(&module)?;
        let copy = into.join(module.replace('/', "_"));
        if !copies.contains_key(&module) {
            copied(&from, &copy)?;
        }
        let name = inside.file_name().context("a file has a name")?;
        replaced(&copy.join(below).join(name), file)?;
        copies.insert(module, copy);
    }
    let mut text = String::from_utf8(content(&recipe.join("go.mod"))?)?;
    for (module, copy) in copies {
        text.push_str(&format!("\nreplace {module} => {}\n", copy.display()));
    }
    // The go command looks for the sums beside it.
    write(&into.join("overlay.sum"), &content(&recipe.join("go.sum"))?)?;
    let path = into.join("overlay.mod");
    write(&path, text.as_bytes())?;
    Ok(Some(path))
}

/// The module of a package, and where the go command keeps it; it is fetched if need be, and what
/// the package imports is not.
fn module(recipe: &Path, package: &Path) -> anyhow::Result<(String, PathBuf)> {
    let form = "{{.Module.Path}} {{.Module.Dir}}";
    let output = Command::new("go")
        .args(["list", "-find", "-mod=readonly", "-f", form])
        .arg(package)
        .current_dir(recipe)
        .env("GOTOOLCHAIN", "local")
        .output()
        .context("starting go")?;
    let said = String::from_utf8_lossy(&output.stderr);
    let found = output.status.success();
    ensure!(found, "go list {}: {said}", package.display());
    let text = String::from_utf8(output.stdout).context("the package's module")?;
    let (path, folder) = text.trim().split_once(' ').context("a path and a folder")?;
    Ok((path.to_owned(), PathBuf::from(folder)))
}

/// Copies a folder over what an earlier try left.
fn copied(from: &Path, to: &Path) -> anyhow::Result<()> {
    if to.exists() {
        fs::remove_dir_all(to).with_context(|| format!("removing {}", to.display()))?;
    }
    for file in files(from)? {
        let copy = to.join(file.strip_prefix(from)?);
        let folder = copy.parent().context("a file stands in a folder")?;
        fs::create_dir_all(folder).with_context(|| format!("creating {}", folder.display()))?;
        // Not `fs::copy`: what the go command keeps is read-only.
        write(&copy, &content(&file)?)?;
    }
    Ok(())
}

fn replaced(file: &Path, by: &Path) -> anyhow::Result<()> {
    ensure!(file.exists(), "there is no {}", file.display());
    write(file, &content(by)?)
}

/// Every file below a folder, sorted; none where there is no folder.
fn files(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop().filter(|folder| folder.exists()) {
        let entries = fs::read_dir(&folder);
        for entry in entries.with_context(|| format!("reading {}", folder.display()))? {
            let path = entry?.path();
            let list = if path.is_dir() {
                &mut folders
            } else {
                &mut found
            };
            list.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn content(path: &Path) -> anyhow::Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("reading {}", path.display()))
}

fn write(path: &Path, content: &[u8]) -> anyhow::Result<()> {
    fs::write(path, content).with_context(|| format!("writing {}", path.display()))
}
