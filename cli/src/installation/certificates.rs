//! What the API server checks the webhook's certificate against: the caBundle.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::problem::Problem;
use crate::validity::{day, time};

/// A CA that the API server trusts for the webhook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Trusted {
    /// Its subject.
    pub(crate) subject: String,
    /// Its end in Unix seconds.
    pub(crate) ends: i64,
    /// SHA-256 of it: there may be several of one subject.
    fingerprint: [u8; 32],
}

impl Trusted {
    /// The CAs of a caBundle as it is stored; one that cannot be read has none.
    pub(crate) fn stored(bundle: &Value) -> Vec<Self> {
        let read = x509::read_bundle(&pem(bundle));
        let found = read.certificates.iter();
        found
            .map(|certificate| Self {
                subject: certificate.subject.to_string(),
                ends: certificate.not_after,
                fingerprint: certificate.fingerprint,
            })
            .collect()
    }

    /// The certificates themselves.
    pub(super) fn ders(bundle: &Value) -> Vec<Vec<u8>> {
        x509::der_blocks(&pem(bundle))
    }

    /// For people.
    pub(crate) fn text(&self) -> String {
        format!("{} until {}", self.subject, day(self.ends))
    }

    /// For programs.
    pub(crate) fn json(&self) -> Value {
        json!({"subject": self.subject, "notAfter": time(self.ends)})
    }
}

fn pem(bundle: &Value) -> Vec<u8> {
    let decoded = STANDARD.decode(bundle.as_str().unwrap_or_default());
    decoded.unwrap_or_default()
}

/// Reads a file of certificates that everybody may see; what its CA does is told where it holds none.
///
/// # Errors
/// When it cannot be read, holds no certificate, or more than certificates.
pub(super) fn read(path: &Path, does: &str) -> anyhow::Result<Vec<u8>> {
    let pem = crate::files::read(path)?;
    let path = path.display();
    if pem.windows(11).any(|window| window == b"PRIVATE KEY") {
        return Err(Problem::world(format!(
            "{path} holds a private key, and it would be for everybody to read"
        ))
        .hint("name a file with the CA's certificate alone, as ca.crt"));
    }
    if x509::read_bundle(&pem).certificates.is_empty() {
        return Err(Problem::world(format!("{path} holds no certificate"))
            .hint(format!("name the PEM file with the CA that {does}")));
    }
    Ok(pem)
}
