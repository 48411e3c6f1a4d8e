//! The pages in docs/ that say what the program says of itself. Tests compare; with
//! `KUBECTL_MTLS_CODEGEN` in the environment, as `cargo xtask codegen` sets it, they write.
#![allow(clippy::unwrap_used)]

use std::path::Path;

/// Compares a page of docs/reference/ with what it is to be, or writes it.
pub(crate) fn settle(name: &str, text: &str) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let path = root.join("docs/reference").join(name);
    if std::env::var_os("KUBECTL_MTLS_CODEGEN").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    let current = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        current == text,
        "docs/reference/{name} is not current: run `cargo xtask codegen`"
    );
}
