//! A private key: without Debug, Display, Clone or Serialize, and wiped when it goes.

use std::fmt;

use pkcs8::EncryptedPrivateKeyInfoRef;
use pkcs8::der::Decode as _;
use rcgen::{KeyPair, PublicKeyData as _, RsaKeySize, SignatureAlgorithm};
use zeroize::{Zeroize as _, Zeroizing};

use crate::Error;
use crate::pem;

/// The algorithm and size of a key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KeyType {
    /// ECDSA on P-256 with SHA-256.
    #[default]
    EcdsaP256,
    /// ECDSA on P-384 with SHA-384.
    EcdsaP384,
    /// Ed25519.
    Ed25519,
    /// RSA with 2048 bits and SHA-256.
    Rsa2048,
    /// RSA with 3072 bits and SHA-256.
    Rsa3072,
    /// RSA with 4096 bits and SHA-256.
    Rsa4096,
}

/// Every type with the name that users give it, and what does not accept it.
pub const KEY_TYPES: &[(&str, KeyType, Option<&str>)] = &[
    ("ecdsa-p256", KeyType::EcdsaP256, None),
    ("ecdsa-p384", KeyType::EcdsaP384, None),
    (
        "ed25519",
        KeyType::Ed25519,
        Some("browsers, Envoy's default settings and most smart cards refuse Ed25519 certificates"),
    ),
    ("rsa-2048", KeyType::Rsa2048, None),
    ("rsa-3072", KeyType::Rsa3072, None),
    ("rsa-4096", KeyType::Rsa4096, None),
];

impl KeyType {
    /// The type of a name, as `ecdsa-p256`.
    ///
    /// # Errors
    /// When there is no such type, with those that there are.
    pub fn parse(name: &str) -> Result<Self, Error> {
        let row = KEY_TYPES.iter().find(|(known, ..)| *known == name);
        row.map(|(_, key_type, _)| *key_type)
            .ok_or_else(|| Error::BadKeyType(name.to_owned()))
    }

    /// What refuses certificates with such a key, if anything in use does.
    pub fn refused_by(self) -> Option<&'static str> {
        let row = KEY_TYPES.iter().find(|(_, known, _)| *known == self);
        row.and_then(|(.., refused)| *refused)
    }

    /// The type of a public key; P-256 for one that is not made here.
    pub(crate) fn of(key: &x509::Key) -> Self {
        match key {
            x509::Key::EcdsaP384 | x509::Key::EcdsaP521 => Self::EcdsaP384,
            x509::Key::Ed25519 => Self::Ed25519,
            x509::Key::Rsa(bits) if *bits >= 4096 => Self::Rsa4096,
            x509::Key::Rsa(bits) if *bits >= 3072 => Self::Rsa3072,
            x509::Key::Rsa(_) => Self::Rsa2048,
            x509::Key::EcdsaP256 | x509::Key::Other(_) => Self::EcdsaP256,
        }
    }

    fn rsa(self) -> Option<RsaKeySize> {
        match self {
            Self::Rsa2048 => Some(RsaKeySize::_2048),
            Self::Rsa3072 => Some(RsaKeySize::_3072),
            Self::Rsa4096 => Some(RsaKeySize::_4096),
            Self::EcdsaP256 | Self::EcdsaP384 | Self::Ed25519 => None,
        }
    }

    fn algorithm(self) -> &'static SignatureAlgorithm {
        match self {
            Self::EcdsaP256 => &rcgen::PKCS_ECDSA_P256_SHA256,
            Self::EcdsaP384 => &rcgen::PKCS_ECDSA_P384_SHA384,
            Self::Ed25519 => &rcgen::PKCS_ED25519,
            Self::Rsa2048 | Self::Rsa3072 | Self::Rsa4096 => &rcgen::PKCS_RSA_SHA256,
        }
    }
}

impl fmt::Display for KeyType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let row = KEY_TYPES.iter().find(|(_, known, _)| known == self);
        f.pad(row.map_or("", |(name, ..)| name))
    }
}

/// A private key.
pub struct PrivateKey(pub(crate) KeyPair);

impl PrivateKey {
    /// A new key.
    ///
    /// # Errors
    /// When there is no randomness.
    pub fn generate(key_type: KeyType) -> Result<Self, Error> {
        let algorithm = key_type.algorithm();
        let made = match key_type.rsa() {
            Some(bits) => KeyPair::generate_rsa_for(algorithm, bits),
            None => KeyPair::generate_for(algorithm),
        };
        made.map(Self).map_err(Error::library)
    }

    /// Reads a key in PEM: PKCS#8, encrypted or not, SEC1 or PKCS#1.
    ///
    /// # Errors
    /// When there is no key, the password is missing or wrong, or the key is of a kind that cannot
    /// sign.
    pub fn from_pem(text: &[u8], password: Option<&str>) -> Result<Self, Error> {
        let text = std::str::from_utf8(text).map_err(|_| Error::UnreadableKey)?;
        if text.contains("Proc-Type: 4,ENCRYPTED") {
            return Err(Error::LegacyEncryption);
        }
        if let Some(der) = pem::first(text, "ENCRYPTED PRIVATE KEY") {
            return Self::decrypted(&der, password);
        }
        if !text.contains("PRIVATE KEY-----") {
            return Err(Error::NoKey);
        }
        KeyPair::from_pem(text)
            .map(Self)
            .map_err(|_| Error::UnreadableKey)
    }

    /// PKCS#8 with PBES2 (RFC 8018 section 6.2), PBKDF2 or scrypt.
    fn decrypted(der: &[u8], password: Option<&str>) -> Result<Self, Error> {
        let password = password.ok_or(Error::EncryptedKey)?;
        let encrypted =
            EncryptedPrivateKeyInfoRef::from_der(der).map_err(|_| Error::UnreadableKey)?;
        let plain = encrypted
            .decrypt(password)
            .map_err(|_| Error::WrongPassword)?;
        Self::from_der(plain.as_bytes()).map_err(|_| Error::WrongPassword)
    }

    /// Reads a key in PKCS#8, SEC1 or PKCS#1 without PEM around it.
    ///
    /// # Errors
    /// When it is none.
    pub fn from_der(der: &[u8]) -> Result<Self, Error> {
        let key = Zeroizing::new(der.to_vec());
        KeyPair::try_from(key.as_slice())
            .map(Self)
            .map_err(|_| Error::UnreadableKey)
    }

    /// Its algorithm and size, as [`x509::Certificate::key`].
    pub fn kind(&self) -> Result<x509::Key, Error> {
        let der = self.0.subject_public_key_info();
        x509::read_key(&der).map_err(|_| Error::UnreadableKey)
    }

    /// The public half, SubjectPublicKeyInfo in PEM.
    pub fn public_key_pem(&self) -> String {
        self.0.public_key_pem()
    }

    /// SHA-256 of the SubjectPublicKeyInfo, as [`x509::Certificate::spki`].
    pub fn spki(&self) -> [u8; 32] {
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
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::export;

    #[test]
    fn what_is_no_key_is_said() {
        let error = |text: &[u8]| PrivateKey::from_pem(text, None).err().unwrap();
        assert!(matches!(error(b"junk"), Error::NoKey));
        let cut = b"-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----";
        assert!(matches!(error(cut), Error::UnreadableKey));
        let old = b"-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n";
        assert!(matches!(error(old), Error::LegacyEncryption));
    }

    #[test]
    fn every_type_reads_back() {
        for (name, key_type, _) in KEY_TYPES {
            assert_eq!(KeyType::parse(name).unwrap(), *key_type);
            let key = PrivateKey::generate(*key_type).unwrap();
            let again = PrivateKey::from_pem(export::key_pem(&key).as_bytes(), None).unwrap();
            assert_eq!(again.spki(), key.spki(), "{name}");
        }
        assert!(matches!(KeyType::parse("dsa"), Err(Error::BadKeyType(_))));
    }

    #[test]
    fn an_encrypted_key_wants_its_password() {
        let key = PrivateKey::generate(KeyType::default()).unwrap();
        let pem = export::encrypted_key_pem(&key, "käse").unwrap();
        let read = |password| PrivateKey::from_pem(pem.as_bytes(), password);
        assert_eq!(read(Some("käse")).unwrap().spki(), key.spki());
        assert!(matches!(read(None), Err(Error::EncryptedKey)));
        assert!(matches!(read(Some("kaese")), Err(Error::WrongPassword)));
        assert!(matches!(read(Some("")), Err(Error::WrongPassword)));
    }
}
