//! Keys and certificates that the control plane itself needs.

use std::fs;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use pki::{CaParams, KeyType, PrivateKey, create_root};

/// Writes `sa.key` and `sa.pub` for service-account tokens, and `ca.crt` and `ca.key` for the
/// CSR signer.
///
/// # Errors
/// When the folder cannot be written.
pub fn write(folder: &Path) -> anyhow::Result<()> {
    let key = PrivateKey::generate(KeyType::default())?;
    secret(&folder.join("sa.key"), &pki::export::key_pem(&key))?;
    secret(&folder.join("sa.pub"), &key.public_key_pem())?;
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .context("the clock is before 1970")?;
    let now = i64::try_from(now.as_secs())?;
    let params = CaParams::new("test-cluster", now + pki::CA_LIFETIME);
    let ca = create_root(&params, now)?;
    secret(&folder.join("ca.crt"), ca.chain_pem())?;
    secret(&folder.join("ca.key"), &ca.key_pem())
}

/// A file that only its owner may read.
///
/// # Errors
/// When it cannot be written.
pub fn secret(path: &Path, content: &str) -> anyhow::Result<()> {
    use std::io::Write as _;
    let mut options = fs::OpenOptions::new();
    let options = options.create(true).truncate(true).write(true).mode(0o600);
    let file = options
        .open(path)
        .and_then(|mut file| file.write_all(content.as_bytes()));
    file.with_context(|| format!("writing {}", path.display()))
}

/// The key of an issued certificate.
///
/// # Errors
/// When it cannot be written.
pub fn issued(path: &Path, issued: &pki::Issued) -> anyhow::Result<()> {
    secret(path, &pki::export::key_pem(&issued.key))
}

/// The key of a CA.
///
/// # Errors
/// When it cannot be written.
pub fn authority(path: &Path, ca: &pki::Authority) -> anyhow::Result<()> {
    secret(path, &ca.key_pem())
}

/// The key as text, for what is judged and never used.
pub fn pem(issued: &pki::Issued) -> String {
    pki::export::key_pem(&issued.key).to_string()
}
