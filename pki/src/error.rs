//! What can be wrong with a CA, a key or a request. No message holds key material.

/// Why a certificate cannot be made, or a CA not be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The PEM text has no certificate.
    #[error("the CA file holds no certificate{0}")]
    NoCertificate(String),
    /// The certificate may not sign.
    #[error("{subject} is not a CA: {reason}")]
    NotACa {
        /// The certificate's subject.
        subject: String,
        /// What it lacks.
        reason: &'static str,
    },
    /// The CA's time is over.
    #[error("the CA {0} has expired: nothing it signs now would be accepted")]
    Expired(String),
    /// The PEM text has no private key.
    #[error("there is no private key in the key file")]
    NoKey,
    /// The private key is encrypted.
    #[error(
        "the private key is encrypted; decrypt it with `openssl pkey -in KEY -out PLAIN` first"
    )]
    EncryptedKey,
    /// The private key cannot be read.
    #[error("the private key cannot be read: a PEM block of PKCS#8, SEC1 or PKCS#1 is expected")]
    UnreadableKey,
    /// Key and certificate are not of one pair.
    #[error("the private key does not belong to the certificate {0}")]
    KeyMismatch(String),
    /// A server certificate names no host.
    #[error("a server certificate needs a host name: {0:?} is none; add --san HOST")]
    NoServerName(String),
    /// A subject alternative name of no known type.
    #[error("{0:?} is no DNS name, IP address, e-mail address or URI")]
    BadSan(String),
    /// The name does not fit into a certificate.
    #[error(
        "{0:?} cannot be a common name: 1 to 64 characters are expected (RFC 5280, appendix A)"
    )]
    BadName(String),
    /// A lifetime of nothing, or one that no certificate can hold.
    #[error("a lifetime of {0} seconds cannot be put into a certificate")]
    BadLifetime(i64),
    /// The library refused.
    #[error("the certificate cannot be made: {0}")]
    Library(Box<dyn std::error::Error + Send + Sync>),
}

impl Error {
    pub(crate) fn library(error: rcgen::Error) -> Self {
        Self::Library(Box::new(error))
    }
}
