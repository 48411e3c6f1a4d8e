//! What the fuzz targets found worth keeping, replayed without a fuzzer: `fuzz/corpus/TARGET`.
#![allow(clippy::unwrap_used)]

// The targets are a library of a workspace of their own, and public there.
#[allow(unreachable_pub)]
#[path = "../../fuzz/src/lib.rs"]
mod fuzz;

use std::fs;
use std::path::Path;

/// So much may be kept, in bytes.
const LARGEST: u64 = 300 * 1024;

#[test]
fn what_must_hold_of_any_bytes_holds_of_what_is_kept() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus");
    let mut size = 0;
    for (name, target) in fuzz::TARGETS {
        let folder = fs::read_dir(corpus.join(name)).unwrap();
        let mut count = 0;
        for file in folder.map(|entry| entry.unwrap().path()) {
            let bytes = fs::read(&file).unwrap();
            size += u64::try_from(bytes.len()).unwrap();
            // A panic tells the place, this the file.
            let held = std::panic::catch_unwind(|| target(&bytes));
            assert!(held.is_ok(), "{}", file.display());
            count += 1;
        }
        assert!(count >= 2, "{name}: {count} files");
    }
    assert!(size <= LARGEST, "{size} bytes");
}

#[test]
fn every_target_has_a_file_and_every_file_a_target() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/fuzz_targets");
    let files = fs::read_dir(folder).unwrap();
    let stem = |path: std::path::PathBuf| path.file_stem().unwrap().to_str().unwrap().to_owned();
    let mut stems: Vec<_> = files.map(|entry| stem(entry.unwrap().path())).collect();
    stems.sort();
    let names: Vec<_> = fuzz::TARGETS.iter().map(|(name, _)| *name).collect();
    assert_eq!(stems, names);
}
