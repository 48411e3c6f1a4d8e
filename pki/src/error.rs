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
    /// A private key stands among the certificates.
    #[error("a private key stands among the CA's certificates: keep it in a file of its own")]
    KeyInBundle,
    /// The private key is encrypted.
    #[error("the private key is encrypted, and no password is given")]
    EncryptedKey,
    /// The encryption of OpenSSL's old PEM format (RFC 1423), which protects little.
    #[error(
        "the private key is encrypted in the old format of RFC 1423; \
        write it anew: `openssl pkcs8 -topk8 -in KEY -out NEW`"
    )]
    LegacyEncryption,
    /// The password does not open it.
    #[error("the password is wrong")]
    WrongPassword,
    /// An empty password protects nothing, and programs disagree about it.
    #[error("the password is empty")]
    EmptyPassword,
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
    /// A subject that cannot be read.
    #[error("the subject {0:?} cannot be read: {1}")]
    BadSubject(String, String),
    /// A constraint that cannot be written.
    #[error(
        "{0:?} cannot be a name constraint: a bare domain, a mailbox, a host, or a network as \
        10.0.0.0/8 is expected (RFC 5280 section 4.2.1.10)"
    )]
    BadConstraint(String),
    /// No such type of key.
    #[error(
        "{0:?} is no key type: one of ecdsa-p256, ecdsa-p384, ed25519, rsa-2048, rsa-3072 and \
        rsa-4096 is expected"
    )]
    BadKeyType(String),
    /// A CA whose subject cannot be written byte for byte.
    #[error(
        "the CA {0} has a subject that cannot be written again as it is (an attribute stands \
        twice): a certificate signed with it would not chain to it"
    )]
    UnwritableSubject(String),
    /// A CA that may not have CAs below it.
    #[error(
        "the CA {parent} allows {allowed} CAs below it, and one with path length {wanted} is asked for"
    )]
    PathLength {
        /// The CA above.
        parent: String,
        /// Its path length.
        allowed: u32,
        /// That of the CA below.
        wanted: u8,
    },
    /// A CA below another, whose successor needs that other.
    #[error("the CA {0} stands below another, which must sign its successor")]
    NoParent(String),
    /// A key that can be broken.
    #[error("the CA {0} has a weak key: {1}")]
    WeakKey(String, String),
    /// An end that has passed.
    #[error("not after {time} is in the past", time = date(*.0))]
    Past(i64),
    /// A moment that no certificate can hold.
    #[error("the time {0} cannot be put into a certificate")]
    BadTime(i64),
    /// A request that cannot be read, or is not signed with its own key.
    #[error("the certificate request cannot be used: {0}")]
    BadRequest(String),
    /// A name that the CA may not speak for.
    #[error("the CA {ca} may not sign for {name}: its name constraints say {permitted}")]
    Constrained {
        /// The CA's subject.
        ca: String,
        /// The name asked for.
        name: String,
        /// What it permits.
        permitted: String,
    },
    /// A revocation list that cannot be read.
    #[error("the revocation list cannot be read: {0}")]
    BadCrl(String),
    /// A PKCS#12 file that cannot be read.
    #[error("the PKCS#12 file cannot be read: {0}")]
    BadP12(String),
    /// A certificate that cannot be sealed with.
    #[error("the sealing certificate cannot be used: {0}")]
    BadSeal(String),
    /// No such case.
    #[error("{0:?} is no case: one of {1} is expected")]
    BadCase(String, String),
    /// A check of a certificate failed.
    #[error("{0}")]
    Refused(String),
    /// The library refused.
    #[error("the certificate cannot be made: {0}")]
    Library(Box<dyn std::error::Error + Send + Sync>),
}

impl Error {
    pub(crate) fn library(error: rcgen::Error) -> Self {
        Self::Library(Box::new(error))
    }
}

/// `2026-11-24`.
fn date(seconds: i64) -> String {
    match time::OffsetDateTime::from_unix_timestamp(seconds) {
        Ok(moment) => moment.date().to_string(),
        Err(_) => seconds.to_string(),
    }
}
