//! Values of a SealedSecret, as kubeseal writes them (`pkg/crypto/crypto.go` of sealed-secrets): a
//! one-time AES-256-GCM key, itself under RSA-OAEP with SHA-256 and the scope as its label.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::rand;
use aws_lc_rs::rsa::{OAEP_SHA256_MGF1SHA256, OaepPublicEncryptingKey, PublicEncryptingKey};
use x509_parser::prelude::{FromDer as _, X509Certificate};
use zeroize::Zeroizing;

use crate::{Error, pem};

/// The certificate of a sealed-secrets controller.
pub struct Sealer {
    key: OaepPublicEncryptingKey,
    /// The certificate, described.
    pub certificate: x509::Certificate,
}

impl Sealer {
    /// Reads the first certificate of a PEM text.
    ///
    /// # Errors
    /// When there is none, it has expired, or its key is not RSA.
    pub fn read(text: &str, now: i64) -> Result<Self, Error> {
        let bad = |reason: &str| Error::BadSeal(reason.to_owned());
        let der = pem::first(text, "CERTIFICATE").ok_or_else(|| bad("there is none in it"))?;
        let certificate = x509::read_der(&der).map_err(Error::BadSeal)?;
        if certificate.expired(now) {
            return Err(bad("it has expired; fetch the controller's new one"));
        }
        let (_, read) = X509Certificate::from_der(&der).map_err(|_| bad("it cannot be read"))?;
        let key = PublicEncryptingKey::from_der(read.public_key().raw).ok();
        let key = key.and_then(|key| OaepPublicEncryptingKey::new(key).ok());
        let key = key.ok_or_else(|| bad("its key is not RSA"))?;
        Ok(Self { key, certificate })
    }

    /// Seals one value; the label is `NAMESPACE/NAME`, `NAMESPACE` or empty, as the scope says.
    ///
    /// # Errors
    /// When there is no randomness.
    pub fn seal(&self, label: &str, value: &[u8]) -> Result<Vec<u8>, Error> {
        let unspecified = |error: aws_lc_rs::error::Unspecified| Error::Library(Box::new(error));
        let mut once = Zeroizing::new([0; 32]);
        rand::fill(&mut *once).map_err(unspecified)?;
        let mut wrapped = vec![0; self.key.ciphertext_size()];
        let wrapped = self
            .key
            .encrypt(
                &OAEP_SHA256_MGF1SHA256,
                &*once,
                &mut wrapped,
                Some(label.as_bytes()),
            )
            .map_err(unspecified)?;
        let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &*once).map_err(unspecified)?);
        let mut sealed = value.to_vec();
        // The key is used once, so the nonce may be zero; the controller expects it.
        key.seal_in_place_append_tag(
            Nonce::assume_unique_for_key([0; 12]),
            Aad::empty(),
            &mut sealed,
        )
        .map_err(unspecified)?;
        let length = u16::try_from(wrapped.len()).unwrap_or(u16::MAX);
        Ok([&length.to_be_bytes()[..], wrapped, &sealed].concat())
    }
}
