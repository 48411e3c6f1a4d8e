//! A CA: its certificates and the key that signs.

use rcgen::{Issuer, KeyPair};
use x509_parser::prelude::{FromDer as _, X509Certificate};
use zeroize::Zeroizing;

use crate::{Error, PrivateKey, export, pem};

/// A CA that can sign.
pub struct Authority {
    chain_pem: String,
    certificate: x509::Certificate,
    key: PrivateKey,
}

impl Authority {
    /// Reads a CA: its certificate first, then what is above it, and the key of the first.
    ///
    /// # Errors
    /// When there is no CA, it has expired or is weak, a private key stands among the
    /// certificates, or the key is missing, locked or another one.
    pub fn load(
        cert_pem: &[u8],
        key_pem: &[u8],
        password: Option<&str>,
        now: i64,
    ) -> Result<Self, Error> {
        let bundle = x509::read_bundle(cert_pem);
        if bundle.private_keys > 0 {
            return Err(Error::KeyInBundle);
        }
        let problem = bundle
            .problem
            .map(|problem| format!(": {problem}"))
            .unwrap_or_default();
        let mut certificates = bundle.certificates.into_iter();
        let certificate = certificates.next().ok_or(Error::NoCertificate(problem))?;
        check(&certificate, now)?;
        let key = PrivateKey::from_pem(key_pem, password)?;
        if key.spki() != certificate.spki {
            return Err(Error::KeyMismatch(certificate.subject));
        }
        let chain_pem = certificates_only(&String::from_utf8_lossy(cert_pem));
        Ok(Self {
            chain_pem,
            certificate,
            key,
        })
    }

    /// A CA from its certificate and its own key.
    pub(crate) fn of(chain_pem: String, der: &[u8], key: PrivateKey) -> Result<Self, Error> {
        Ok(Self {
            chain_pem,
            certificate: described(der)?,
            key,
        })
    }

    /// The CA's certificate and those above it, in PEM.
    pub fn chain_pem(&self) -> &str {
        &self.chain_pem
    }

    /// The last certificate of the chain, in PEM: what a gateway trusts.
    pub fn root_pem(&self) -> &str {
        let start = self.chain_pem.rfind(BEGIN).unwrap_or_default();
        &self.chain_pem[start..]
    }

    /// The CA's certificate alone, in PEM.
    pub fn certificate_pem(&self) -> &str {
        let end = self.chain_pem.find(END);
        let end = end.map_or(self.chain_pem.len(), |at| at + END.len());
        self.chain_pem[..end].trim_end()
    }

    /// The certificates that a leaf must carry along: the chain without a self-signed root.
    pub(crate) fn intermediates_pem(&self) -> String {
        let blocks = self.chain_pem.split_inclusive(END).map(str::trim);
        let own = blocks.filter(|block| {
            let read = x509::read_bundle(block.as_bytes()).certificates;
            read.first()
                .is_some_and(|certificate| !certificate.self_issued)
        });
        own.map(|block| format!("{block}\n")).collect()
    }

    /// The CA's certificate, described.
    pub fn certificate(&self) -> &x509::Certificate {
        &self.certificate
    }

    /// The key that signs.
    pub fn key(&self) -> &PrivateKey {
        &self.key
    }

    /// The key in PEM.
    pub fn key_pem(&self) -> Zeroizing<String> {
        export::key_pem(&self.key)
    }

    /// The key in PEM, encrypted.
    ///
    /// # Errors
    /// When the password is empty.
    pub fn encrypted_key_pem(&self, password: &str) -> Result<String, Error> {
        export::encrypted_key_pem(&self.key, password)
    }

    pub(crate) fn issuer(&self) -> Result<Issuer<'static, &KeyPair>, Error> {
        Issuer::from_ca_cert_pem(self.certificate_pem(), &self.key.0).map_err(Error::library)
    }

    pub(crate) fn der(&self) -> Result<Vec<u8>, Error> {
        let der = pem::first(&self.chain_pem, "CERTIFICATE");
        der.ok_or_else(|| Error::NoCertificate(String::new()))
    }

    /// rcgen writes the issuer anew; a subject that it cannot write byte for byte (an attribute
    /// twice, as `DC=a,DC=b`) would break the chain (RFC 5280 section 4.1.2.4).
    pub(crate) fn check_issuer(&self, signed: &[u8]) -> Result<(), Error> {
        let own = self.der()?;
        let (own, signed) = (
            X509Certificate::from_der(&own),
            X509Certificate::from_der(signed),
        );
        match (own, signed) {
            (Ok((_, own)), Ok((_, signed)))
                if own.subject().as_raw() == signed.issuer().as_raw() =>
            {
                Ok(())
            }
            _ => Err(Error::UnwritableSubject(self.certificate.subject.clone())),
        }
    }
}

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

/// The certificate blocks of a text, without what stands between them.
fn certificates_only(text: &str) -> String {
    let mut out = String::new();
    for part in text.split(BEGIN).skip(1) {
        if let Some((body, _)) = part.split_once(END) {
            let body = body.trim().replace('\r', "");
            out.push_str(&format!("{BEGIN}\n{body}\n{END}\n"));
        }
    }
    out
}

fn check(certificate: &x509::Certificate, now: i64) -> Result<(), Error> {
    let not_a_ca = |reason| {
        Err(Error::NotACa {
            subject: certificate.subject.clone(),
            reason,
        })
    };
    if certificate.version < 3 {
        return not_a_ca("it is an X.509 version 1 certificate, which cannot say CA:TRUE");
    }
    if !certificate.is_ca {
        return not_a_ca("basicConstraints says CA:FALSE, or nothing");
    }
    if !certificate.can_sign {
        return not_a_ca("keyUsage lacks keyCertSign");
    }
    if certificate.expired(now) {
        return Err(Error::Expired(certificate.subject.clone()));
    }
    match certificate.key {
        x509::Key::Rsa(bits) if bits < 2048 => {
            let key = certificate.key.to_string();
            Err(Error::WeakKey(certificate.subject.clone(), key))
        }
        _ => Ok(()),
    }
}

/// Reads back what was made, so that what is said of it is what others read.
pub(crate) fn described(der: &[u8]) -> Result<x509::Certificate, Error> {
    x509::read_der(der).map_err(|reason| Error::Library(reason.into()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{CA_LIFETIME, CaParams, create_root};

    const NOW: i64 = 1_790_000_000;

    fn params(name: &str) -> CaParams {
        CaParams::new(name, NOW + CA_LIFETIME)
    }

    fn root() -> Authority {
        create_root(&params("partners"), NOW).unwrap()
    }

    #[test]
    fn another_key_an_expired_ca_and_no_ca_are_refused() {
        let (one, two) = (root(), root());
        let load = |cert: &str, key: &str, now| {
            let loaded = Authority::load(cert.as_bytes(), key.as_bytes(), None, now);
            loaded.err().unwrap()
        };
        let mismatch = load(one.chain_pem(), &two.key_pem(), NOW);
        assert!(matches!(mismatch, Error::KeyMismatch(_)));
        let expired = load(one.chain_pem(), &one.key_pem(), NOW + 2 * CA_LIFETIME);
        assert!(matches!(expired, Error::Expired(_)));
        let none = load("", &one.key_pem(), NOW);
        assert!(matches!(none, Error::NoCertificate(_)));
        let both = format!("{}{}", one.chain_pem(), &*one.key_pem());
        assert!(matches!(
            load(&both, &one.key_pem(), NOW),
            Error::KeyInBundle
        ));
    }
}
