//! CAs as decisions see them: without keys.

use pki::BACKDATE;

/// A CA certificate that the caBundle may hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ca {
    /// SHA-256 of the certificate.
    pub(crate) fingerprint: [u8; 32],
    /// When it was made, Unix seconds.
    pub(crate) begins: i64,
    /// When it ends, Unix seconds.
    pub(crate) ends: i64,
    /// The certificate in PEM.
    pub(crate) pem: String,
}

impl Ca {
    /// Reads a certificate in DER; `None` when it is none.
    pub(crate) fn read(der: &[u8]) -> Option<Self> {
        let certificate = x509::read_der(der).ok()?;
        Some(Self {
            fingerprint: certificate.fingerprint,
            begins: certificate.not_before + BACKDATE,
            ends: certificate.not_after,
            pem: pki::pem(der),
        })
    }

    /// Every certificate of a PEM text that can be read.
    pub(crate) fn all(pem: &[u8]) -> Vec<Self> {
        let blocks = x509::der_blocks(pem);
        blocks.iter().filter_map(|der| Self::read(der)).collect()
    }

    /// Whether it is time for a successor.
    pub(crate) fn is_due(&self, now: i64) -> bool {
        now >= two_thirds(self.begins, self.ends)
    }
}

/// When two thirds of a life are over.
pub(crate) fn two_thirds(begins: i64, ends: i64) -> i64 {
    begins.saturating_add(ends.saturating_sub(begins) / 3 * 2)
}
