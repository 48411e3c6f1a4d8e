//! A CA: its certificates and the key that signs.

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyUsagePurpose,
    SerialNumber,
};
use time::OffsetDateTime;
use zeroize::Zeroizing;

use crate::{BACKDATE, Error, PrivateKey, export};

/// What a new root CA is to be.
pub struct CaParams {
    /// The common name.
    pub name: String,
    /// How long it lives, in seconds.
    pub lifetime: i64,
}

/// A CA that can sign.
pub struct Authority {
    chain_pem: String,
    certificate: x509::Certificate,
    key: PrivateKey,
}

/// Makes a root CA that signs leaves: path length 0, keyCertSign and cRLSign, both critical
/// (RFC 5280 sections 4.2.1.3 and 4.2.1.9).
///
/// # Errors
/// When the name or the lifetime cannot be put into a certificate.
pub fn create_root(params: &CaParams, now: i64) -> Result<Authority, Error> {
    let key = PrivateKey::generate()?;
    let mut certificate = base(&params.name, now, now.saturating_add(params.lifetime))?;
    certificate.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    certificate.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let signed = certificate.self_signed(&key.0).map_err(Error::library)?;
    let described = described(signed.der())?;
    Ok(Authority {
        chain_pem: signed.pem(),
        certificate: described,
        key,
    })
}

impl Authority {
    /// Reads a CA: its certificate first, then what is above it, and the key of the first.
    ///
    /// # Errors
    /// When there is no CA, it has expired, or the key is missing, encrypted or another one.
    pub fn load(cert_pem: &[u8], key_pem: &[u8], now: i64) -> Result<Self, Error> {
        let bundle = x509::read_bundle(cert_pem);
        let problem = bundle
            .problem
            .map(|problem| format!(": {problem}"))
            .unwrap_or_default();
        let mut certificates = bundle.certificates.into_iter();
        let certificate = certificates.next().ok_or(Error::NoCertificate(problem))?;
        check(&certificate, now)?;
        let key = PrivateKey::from_pem(key_pem)?;
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

    /// The CA's certificate and those above it, in PEM.
    pub fn chain_pem(&self) -> &str {
        &self.chain_pem
    }

    /// The last certificate of the chain, in PEM: what a gateway trusts.
    pub fn root_pem(&self) -> &str {
        let start = self.chain_pem.rfind(BEGIN).unwrap_or_default();
        &self.chain_pem[start..]
    }

    /// The certificates that a leaf must carry along: the chain without a self-signed root.
    pub(crate) fn intermediates_pem(&self) -> &str {
        if self.certificate.self_issued {
            ""
        } else {
            &self.chain_pem
        }
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

    pub(crate) fn issuer(&self) -> Result<Issuer<'static, &rcgen::KeyPair>, Error> {
        let end = self
            .chain_pem
            .find(END)
            .map_or(self.chain_pem.len(), |at| at + END.len());
        Issuer::from_ca_cert_pem(&self.chain_pem[..end], &self.key.0).map_err(Error::library)
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
    Ok(())
}

/// What every certificate here has: a name, a validity, a random serial, key identifiers.
pub(crate) fn base(name: &str, now: i64, not_after: i64) -> Result<CertificateParams, Error> {
    if name.trim().is_empty() || name.chars().count() > 64 || name.chars().any(char::is_control) {
        return Err(Error::BadName(name.to_owned()));
    }
    let mut params = CertificateParams::default();
    let mut subject = DistinguishedName::new();
    subject.push(DnType::CommonName, name);
    params.distinguished_name = subject;
    params.not_before = moment(now - BACKDATE)?;
    params.not_after = moment(not_after)?;
    if not_after <= now {
        return Err(Error::BadLifetime(not_after - now));
    }
    params.serial_number = Some(serial()?);
    params.use_authority_key_identifier_extension = true;
    Ok(params)
}

/// The year 9999 is the last that a certificate can name (RFC 5280 section 4.1.2.5).
fn moment(seconds: i64) -> Result<OffsetDateTime, Error> {
    let moment = OffsetDateTime::from_unix_timestamp(seconds).ok();
    moment
        .filter(|moment| moment.year() >= 1950)
        .ok_or(Error::BadLifetime(seconds))
}

/// 159 random bits: positive, at most 20 octets (RFC 5280 section 4.1.2.2).
fn serial() -> Result<SerialNumber, Error> {
    let mut bytes = [0; 20];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|error| Error::Library(Box::new(error)))?;
    bytes[0] = bytes[0] & 0x7f | 0x40;
    Ok(SerialNumber::from_slice(&bytes))
}

/// Reads back what was made, so that what is said of it is what others read.
pub(crate) fn described(der: &[u8]) -> Result<x509::Certificate, Error> {
    x509::read_der(der).map_err(|reason| Error::Library(reason.into()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::CA_LIFETIME;

    const NOW: i64 = 1_790_000_000;

    fn root() -> Authority {
        create_root(
            &CaParams {
                name: "partners".into(),
                lifetime: CA_LIFETIME,
            },
            NOW,
        )
        .unwrap()
    }

    #[test]
    fn a_root_reads_back_as_one() {
        let root = root();
        let certificate = root.certificate();
        assert!(certificate.is_ca && certificate.can_sign && certificate.self_issued);
        assert_eq!(certificate.path_len, Some(0));
        assert_eq!(certificate.not_before, NOW - BACKDATE);
        assert_eq!(certificate.key, x509::Key::EcdsaP256);
        let again = Authority::load(root.chain_pem().as_bytes(), root.key_pem().as_bytes(), NOW);
        assert_eq!(
            again.unwrap().certificate().fingerprint,
            certificate.fingerprint
        );
    }

    #[test]
    fn another_key_an_expired_ca_and_no_ca_are_refused() {
        let (one, two) = (root(), root());
        let load = |cert: &str, key: &str, now| {
            Authority::load(cert.as_bytes(), key.as_bytes(), now)
                .err()
                .unwrap()
        };
        let mismatch = load(one.chain_pem(), &two.key_pem(), NOW);
        assert!(matches!(mismatch, Error::KeyMismatch(_)));
        let expired = load(one.chain_pem(), &one.key_pem(), NOW + 2 * CA_LIFETIME);
        assert!(matches!(expired, Error::Expired(_)));
        assert!(matches!(
            load("", &one.key_pem(), NOW),
            Error::NoCertificate(_)
        ));
    }

    #[test]
    fn names_and_lifetimes_have_bounds() {
        let make = |name: &str, lifetime| {
            create_root(
                &CaParams {
                    name: name.into(),
                    lifetime,
                },
                NOW,
            )
            .err()
            .unwrap()
        };
        assert!(matches!(make("", CA_LIFETIME), Error::BadName(_)));
        assert!(matches!(make("a", -1), Error::BadLifetime(_)));
        assert!(matches!(make("a", i64::MAX), Error::BadLifetime(_)));
    }
}
