//! A private key: without Debug, Display, Clone or Serialize, and wiped when it goes.

use rcgen::{KeyPair, PublicKeyData as _};
use zeroize::Zeroize as _;

use crate::Error;

/// A private key.
pub struct PrivateKey(pub(crate) KeyPair);

impl PrivateKey {
    /// A new ECDSA P-256 key.
    ///
    /// # Errors
    /// When there is no randomness.
    pub fn generate() -> Result<Self, Error> {
        KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256)
            .map(Self)
            .map_err(Error::library)
    }

    /// Reads a key in PEM: PKCS#8, SEC1 or PKCS#1.
    ///
    /// # Errors
    /// When there is no key, it is encrypted, or of a kind that cannot sign.
    pub fn from_pem(pem: &[u8]) -> Result<Self, Error> {
        let text = std::str::from_utf8(pem).map_err(|_| Error::UnreadableKey)?;
        if text.contains("ENCRYPTED") {
            return Err(Error::EncryptedKey);
        }
        if !text.contains("PRIVATE KEY-----") {
            return Err(Error::NoKey);
        }
        KeyPair::from_pem(text)
            .map(Self)
            .map_err(|_| Error::UnreadableKey)
    }

    /// The public half, SubjectPublicKeyInfo in PEM.
    pub fn public_key_pem(&self) -> String {
        self.0.public_key_pem()
    }

    /// SHA-256 of the SubjectPublicKeyInfo, as [`x509::Certificate::spki`].
    pub(crate) fn spki(&self) -> [u8; 32] {
        let der = self.0.subject_public_key_info();
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &der);
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest.as_ref());
        bytes
    }
}

impl Drop for PrivateKey {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_key_is_said() {
        assert!(matches!(PrivateKey::from_pem(b"junk"), Err(Error::NoKey)));
        let encrypted =
            b"-----BEGIN ENCRYPTED PRIVATE KEY-----\nAA==\n-----END ENCRYPTED PRIVATE KEY-----";
        assert!(matches!(
            PrivateKey::from_pem(encrypted),
            Err(Error::EncryptedKey)
        ));
        let broken = b"-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----";
        assert!(matches!(
            PrivateKey::from_pem(broken),
            Err(Error::UnreadableKey)
        ));
    }
}
