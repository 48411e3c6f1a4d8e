//! Certificate revocation lists (RFC 5280 section 5).

use rcgen::{CertificateRevocationListParams, KeyIdMethod, RevokedCertParams, SerialNumber};
use x509_parser::extensions::ParsedExtension;
use x509_parser::prelude::{FromDer as _, X509Certificate};
use x509_parser::revocation_list::CertificateRevocationList;

use crate::create::moment;
use crate::{Authority, BACKDATE, DAY, Error, pem};

/// How long a list is valid: 90 days.
pub const CRL_LIFETIME: i64 = 90 * DAY;

/// A certificate that is revoked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revoked {
    /// Its serial number, big-endian.
    pub serial: Vec<u8>,
    /// Since when, Unix seconds.
    pub since: i64,
}

/// A revocation list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Crl {
    /// The CA's subject (RFC 4514).
    pub issuer: String,
    /// The CA's key id in hexadecimal; empty where the list does not say.
    pub authority: String,
    /// Its number.
    pub number: u64,
    /// When it was made, Unix seconds.
    pub this_update: i64,
    /// After this it is not to be used; with it everybody below the CA is locked out of nginx.
    pub next_update: i64,
    /// What it lists.
    pub revoked: Vec<Revoked>,
    /// In PEM.
    pub pem: String,
    issuer_der: Vec<u8>,
}

/// Makes the CA's next list, valid until a time: the certificates of the last one and more.
///
/// # Errors
/// When the CA may not sign lists.
pub fn next(
    ca: &Authority,
    last: Option<&Crl>,
    more: &[Revoked],
    now: i64,
    until: i64,
) -> Result<Crl, Error> {
    let mut revoked = last.map_or_else(Vec::new, |last| last.revoked.clone());
    for one in more {
        if !revoked.iter().any(|known| known.serial == one.serial) {
            revoked.push(one.clone());
        }
    }
    let number = last.map_or(1, |last| last.number + 1);
    let entries = revoked.iter().map(entry).collect::<Result<_, _>>()?;
    let params = CertificateRevocationListParams {
        this_update: moment(now - BACKDATE)?,
        next_update: moment(until.min(ca.certificate().not_after))?,
        crl_number: SerialNumber::from(number),
        issuing_distribution_point: None,
        revoked_certs: entries,
        key_identifier_method: key_id(ca),
    };
    let signed = params.signed_by(&ca.issuer()?).map_err(Error::library)?;
    read_der(signed.der())
}

/// A CA's first list, which revokes one certificate.
///
/// # Errors
/// When the CA may not sign lists.
pub fn revoking(ca: &Authority, certificate: &x509::Certificate, now: i64) -> Result<Crl, Error> {
    let revoked = Revoked {
        serial: unhex(&certificate.serial).unwrap_or_default(),
        since: now,
    };
    next(ca, None, &[revoked], now, now + CRL_LIFETIME)
}

fn entry(revoked: &Revoked) -> Result<RevokedCertParams, Error> {
    Ok(RevokedCertParams {
        serial_number: SerialNumber::from_slice(&revoked.serial),
        revocation_time: moment(revoked.since)?,
        reason_code: None,
        invalidity_date: None,
    })
}

/// The CA's own key id, which need not be rcgen's digest of the key.
fn key_id(ca: &Authority) -> KeyIdMethod {
    let id = ca.certificate().subject_key_id.as_deref();
    match id.and_then(unhex) {
        Some(id) => KeyIdMethod::PreSpecified(id),
        None => KeyIdMethod::Sha256,
    }
}

/// Bytes from hexadecimal digits; colons between them are passed over.
pub fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<_> = text.chars().filter(|char| *char != ':').collect();
    let pairs = digits.chunks(2).map(|pair| {
        let text: String = pair.iter().collect();
        (pair.len() == 2).then(|| u8::from_str_radix(&text, 16).ok())?
    });
    pairs
        .collect::<Option<Vec<_>>>()
        .filter(|bytes| !bytes.is_empty())
}

/// Reads every list of a PEM text.
///
/// # Errors
/// When one of them cannot be read.
pub fn read(text: &str) -> Result<Vec<Crl>, Error> {
    const BEGIN: &str = "-----BEGIN X509 CRL-----";
    let blocks = text.match_indices(BEGIN).map(|(at, _)| &text[at..]);
    let lists = blocks.map(|block| match pem::first(block, "X509 CRL") {
        Some(der) => read_der(&der),
        None => Err(Error::BadCrl("a block is cut off".to_owned())),
    });
    lists.collect()
}

/// Reads a list in DER.
///
/// # Errors
/// When it is none.
pub fn read_der(der: &[u8]) -> Result<Crl, Error> {
    let bad = |reason: &str| Error::BadCrl(reason.to_owned());
    let (_, list) = CertificateRevocationList::from_der(der).map_err(|_| bad("it is no list"))?;
    let number = list
        .crl_number()
        .and_then(|number| u64::try_from(number).ok());
    let next = list
        .next_update()
        .ok_or_else(|| bad("it names no next update"))?;
    let revoked = list.iter_revoked_certificates().map(|entry| Revoked {
        serial: entry.raw_serial().to_vec(),
        since: entry.revocation_date.timestamp(),
    });
    Ok(Crl {
        issuer: list.issuer().to_string(),
        authority: authority(&list),
        number: number.unwrap_or_default(),
        this_update: list.last_update().timestamp(),
        next_update: next.timestamp(),
        revoked: revoked.collect(),
        pem: pem::block("X509 CRL", der),
        issuer_der: list.issuer().as_raw().to_vec(),
    })
}

fn authority(list: &CertificateRevocationList<'_>) -> String {
    let ids = list
        .extensions()
        .iter()
        .filter_map(|one| match one.parsed_extension() {
            ParsedExtension::AuthorityKeyIdentifier(id) => id.key_identifier.as_ref(),
            _ => None,
        });
    let id = ids.map(|id| id.0).next().unwrap_or_default();
    id.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Crl {
    /// Whether a CA signed it.
    pub fn is_of(&self, ca: &Authority) -> bool {
        let (Ok(own), Some(der)) = (ca.der(), pem::first(&self.pem, "X509 CRL")) else {
            return false;
        };
        let (Ok((_, own)), Ok((_, list))) = (
            X509Certificate::from_der(&own),
            CertificateRevocationList::from_der(&der),
        ) else {
            return false;
        };
        self.issuer_der == own.subject().as_raw() && list.verify_signature(own.public_key()).is_ok()
    }

    /// Whether it is valid at a time.
    pub fn is_current(&self, now: i64) -> bool {
        now <= self.next_update
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{CaParams, create_root};

    const NOW: i64 = 1_790_000_000;

    fn ca() -> Authority {
        create_root(&CaParams::new("partners", NOW + 999 * DAY), NOW).unwrap()
    }

    #[test]
    fn a_list_goes_on_from_the_last() {
        let ca = ca();
        let one = |serial: u8| Revoked {
            serial: vec![0x40, serial],
            since: NOW,
        };
        let first = next(&ca, None, &[], NOW, NOW + CRL_LIFETIME).unwrap();
        assert_eq!((first.number, first.revoked.len()), (1, 0));
        let second = next(&ca, Some(&first), &[one(1)], NOW, NOW + 2).unwrap();
        let third = next(
            &ca,
            Some(&second),
            &[one(2), one(1)],
            NOW + 9,
            NOW + CRL_LIFETIME,
        )
        .unwrap();
        assert_eq!(
            (third.number, third.revoked.as_slice()),
            (3, &[one(1), one(2)][..])
        );
        assert_eq!(third.next_update, NOW + CRL_LIFETIME);
        assert!(third.is_of(&ca) && !third.is_of(&self::ca()));
        let text = format!("{}{}", second.pem, third.pem);
        assert_eq!(read(&text).unwrap(), [second, third]);
    }

    #[test]
    fn junk_is_no_list() {
        assert!(read("").unwrap().is_empty());
        assert!(read("-----BEGIN X509 CRL-----\nAAAA").is_err());
        assert!(read("-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----").is_err());
        assert_eq!(unhex("0a:FF"), Some(vec![10, 255]));
        assert_eq!((unhex("0"), unhex("zz"), unhex("")), (None, None, None));
    }
}
