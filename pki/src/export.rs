//! The one module that turns a private key into bytes. Who calls it is listed in its test.

use zeroize::Zeroizing;

use crate::PrivateKey;

/// The key as PKCS#8 in PEM (RFC 5958), wiped when it goes.
pub fn key_pem(key: &PrivateKey) -> Zeroizing<String> {
    Zeroizing::new(key.0.serialize_pem())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::path::{Path, PathBuf};

    /// The files that may hold a key's bytes.
    const CALLERS: [&str; 5] = [
        "cli/src/command/create_ca.rs",
        "cli/src/command/curl.rs",
        "cli/src/command/issue.rs",
        "pki/src/authority.rs",
        "tests/src/keys.rs",
    ];

    #[test]
    fn nobody_else_exports_a_key() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let mut callers = Vec::new();
        for room in ["cli", "pki", "policy", "tests", "webhook", "x509", "xtask"] {
            collect(root, &root.join(room), &mut callers);
        }
        callers.sort();
        let strangers: Vec<_> = callers
            .iter()
            .filter(|file| !CALLERS.contains(&file.as_str()))
            .collect();
        assert!(strangers.is_empty(), "{strangers:?} call pki::export");
    }

    fn collect(root: &Path, folder: &Path, callers: &mut Vec<String>) {
        let Ok(entries) = std::fs::read_dir(folder) else {
            return;
        };
        for path in entries.map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                collect(root, &path, callers);
            } else if calls(&path) {
                callers.push(
                    path.strip_prefix(root)
                        .unwrap()
                        .to_str()
                        .unwrap()
                        .to_owned(),
                );
            }
        }
    }

    fn calls(path: &PathBuf) -> bool {
        let own = path.ends_with("pki/src/export.rs") || path.ends_with("pki/src/lib.rs");
        let rust = path.extension().is_some_and(|extension| extension == "rs");
        rust && !own && std::fs::read_to_string(path).unwrap().contains("export::")
    }
}
