//! The workflows that make a release.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tests::build::judges;

use crate::{ok, run};

fn workflows() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.github/workflows");
    let files = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let files: Vec<_> = files.collect();
    assert!(files.len() >= 2, "{files:?}");
    files
}

#[test]
fn they_are_well_formed() {
    let actionlint = judges().unwrap().actionlint;
    ok(Command::new(actionlint).args(workflows()));
}

#[test]
fn they_are_safe() {
    let zizmor = judges().unwrap().zizmor;
    ok(Command::new(&zizmor).arg("--offline").args(workflows()));
    // It sees what is not.
    let folder = tempfile::tempdir().unwrap();
    let text = fs::read_to_string(&workflows()[0]).unwrap();
    let at = text.find("actions/checkout@").unwrap();
    let pinned = text[at..].split(' ').next().unwrap();
    let path = folder.path().join("ci.yml");
    fs::write(&path, text.replace(pinned, "actions/checkout@main")).unwrap();
    let output = run(Command::new(&zizmor).arg("--offline").arg(&path));
    assert!(
        !output.success && output.all().contains("unpinned-uses"),
        "{}",
        output.all()
    );
}
