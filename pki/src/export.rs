//! The one module that turns a private key into bytes. Who calls it is listed in its test.

use aws_lc_rs::rand;
use p12_keystore::{
    Certificate, EncryptionAlgorithm, KeyStore, KeyStoreEntry, MacAlgorithm, PrivateKeyChain,
};
use pkcs8::PrivateKeyInfoRef;
use pkcs8::der::Decode as _;
use pkcs8::pkcs5::pbes2::Parameters;
use zeroize::Zeroizing;

use crate::{Error, PrivateKey, pem};

/// What OWASP asks of PBKDF2 with HMAC-SHA-256.
const KDF_ITERATIONS: u32 = 600_000;
/// As OpenSSL writes PKCS#12.
const P12_ITERATIONS: u32 = 2048;

/// Who is to read a PKCS#12 file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum P12Profile {
    /// Everybody: 3DES and SHA-1, which old devices and new programs read. The file is for
    /// transport; its password is what protects it.
    #[default]
    Compat,
    /// Programs of today: AES-256 and SHA-256.
    Modern,
}

/// The key as PKCS#8 in PEM (RFC 5958), wiped when it goes.
pub fn key_pem(key: &PrivateKey) -> Zeroizing<String> {
    Zeroizing::new(key.0.serialize_pem())
}

/// The key as PKCS#8 in DER, wiped when it goes.
pub fn key_der(key: &PrivateKey) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(key.0.serialize_der())
}

/// The key as encrypted PKCS#8 in PEM: PBES2 with PBKDF2-HMAC-SHA-256 and AES-256-CBC
/// (RFC 8018).
///
/// # Errors
/// When the password is empty, or there is no randomness.
pub fn encrypted_key_pem(key: &PrivateKey, password: &str) -> Result<String, Error> {
    if password.is_empty() {
        return Err(Error::EmptyPassword);
    }
    let (mut salt, mut iv) = ([0; 16], [0; 16]);
    let library = |error: pkcs8::Error| Error::Library(error.to_string().into());
    rand::fill(&mut salt).map_err(|error| Error::Library(Box::new(error)))?;
    rand::fill(&mut iv).map_err(|error| Error::Library(Box::new(error)))?;
    let parameters = Parameters::generate_pbkdf2_sha256_aes256cbc(KDF_ITERATIONS, &salt, iv)
        .map_err(|error| Error::Library(error.to_string().into()))?;
    let der = key_der(key);
    let info = PrivateKeyInfoRef::from_der(&der).map_err(|error| library(error.into()))?;
    let encrypted = info
        .encrypt_with_params(parameters, password)
        .map_err(library)?;
    Ok(pem::block("ENCRYPTED PRIVATE KEY", encrypted.as_bytes()))
}

/// A PKCS#12 file (RFC 7292) with the key, its certificate and those above it.
///
/// # Errors
/// When the password is empty: the two encodings of an empty one are each read by others only.
pub fn pkcs12(
    key: &PrivateKey,
    chain: &[Vec<u8>],
    name: &str,
    password: &str,
    profile: P12Profile,
) -> Result<Vec<u8>, Error> {
    if password.is_empty() {
        return Err(Error::EmptyPassword);
    }
    let library = |error: p12_keystore::error::Error| Error::Library(error.to_string().into());
    let certificates: Result<Vec<_>, _> =
        chain.iter().map(|der| Certificate::from_der(der)).collect();
    let private = p12_keystore::PrivateKey::from_der(&key_der(key)).map_err(library)?;
    let id = key.spki()[..20].to_vec();
    let entry = PrivateKeyChain::new(id, private, certificates.map_err(library)?);
    let mut store = KeyStore::new();
    store.add_entry(name, KeyStoreEntry::PrivateKeyChain(entry));
    let (encryption, mac) = match profile {
        P12Profile::Compat => (
            EncryptionAlgorithm::PbeWithShaAnd3KeyTripleDesCbc,
            MacAlgorithm::HmacSha1,
        ),
        P12Profile::Modern => (
            EncryptionAlgorithm::PbeWithHmacSha256AndAes256,
            MacAlgorithm::HmacSha256,
        ),
    };
    let writer = store.writer(password);
    let writer = writer.encryption_algorithm(encryption).mac_algorithm(mac);
    let writer = writer
        .encryption_iterations(P12_ITERATIONS)
        .mac_iterations(P12_ITERATIONS);
    writer.write().map_err(library)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::path::{Path, PathBuf};

    /// The files that may hold a key's bytes.
    const CALLERS: [&str; 11] = [
        "cli/src/command/create_ca.rs",
        "cli/src/command/create_fixtures.rs",
        "cli/src/command/curl/identity.rs",
        "cli/src/command/issue/batch.rs",
        "cli/src/delivery.rs",
        "cli/src/probe/trust.rs",
        "pki/src/authority.rs",
        "pki/src/import.rs",
        "pki/src/key.rs",
        "tests/src/keys.rs",
        "webhook/src/serving/leaf.rs",
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
                let path = path.strip_prefix(root).unwrap();
                callers.push(path.to_str().unwrap().to_owned());
            }
        }
    }

    fn calls(path: &PathBuf) -> bool {
        let own = path.ends_with("pki/src/export.rs") || path.ends_with("pki/src/lib.rs");
        let rust = path.extension().is_some_and(|extension| extension == "rs");
        rust && !own && std::fs::read_to_string(path).unwrap().contains("export::")
    }
}
