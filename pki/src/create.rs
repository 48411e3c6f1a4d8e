//! CAs made anew: roots, intermediates, successors.

use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyUsagePurpose, SerialNumber};
use time::OffsetDateTime;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::{Authority, BACKDATE, Error, KeyType, Permitted, PrivateKey, Subject};

/// What a new CA is to be.
pub struct CaParams {
    /// Its subject.
    pub subject: Subject,
    /// When it ends, Unix seconds; never after its parent.
    pub not_after: i64,
    /// Its key.
    pub key_type: KeyType,
    /// How many CAs may stand below it.
    pub path_len: u8,
    /// The names that it may speak for.
    pub permitted: Permitted,
}

impl CaParams {
    /// A CA that signs leaves, with a P-256 key.
    pub fn new(name: &str, not_after: i64) -> Self {
        Self {
            subject: Subject::common_name(name),
            not_after,
            key_type: KeyType::default(),
            path_len: 0,
            permitted: Permitted::default(),
        }
    }
}

/// Makes a root CA: path length, keyCertSign and cRLSign, all critical
/// (RFC 5280 sections 4.2.1.3 and 4.2.1.9).
///
/// # Errors
/// When the name, the constraints or the end cannot be put into a certificate.
pub fn create_root(params: &CaParams, now: i64) -> Result<Authority, Error> {
    let key = PrivateKey::generate(params.key_type)?;
    let signed = certificate(params, params.not_after, now)?
        .self_signed(&key.0)
        .map_err(Error::library)?;
    Authority::of(signed.pem(), signed.der(), key)
}

/// Makes a CA below another, which it never outlives.
///
/// # Errors
/// As [`create_root`], and when the parent may not have CAs below it.
pub fn create_intermediate(
    params: &CaParams,
    parent: &Authority,
    now: i64,
) -> Result<Authority, Error> {
    let above = parent.certificate();
    if above
        .path_len
        .is_some_and(|allowed| allowed <= u32::from(params.path_len))
    {
        return Err(Error::PathLength {
            parent: above.subject.clone(),
            allowed: above.path_len.unwrap_or_default(),
            wanted: params.path_len,
        });
    }
    create_below(params, parent, now)
}

/// Without a look at the parent's path length.
pub(crate) fn create_below(
    params: &CaParams,
    parent: &Authority,
    now: i64,
) -> Result<Authority, Error> {
    let key = PrivateKey::generate(params.key_type)?;
    let not_after = params.not_after.min(parent.certificate().not_after);
    let made = certificate(params, not_after, now)?;
    let signed = made
        .signed_by(&key.0, &parent.issuer()?)
        .map_err(Error::library)?;
    parent.check_issuer(signed.der())?;
    let chain_pem = format!("{}{}", signed.pem(), parent.chain_pem());
    Authority::of(chain_pem, signed.der(), key)
}

fn certificate(params: &CaParams, not_after: i64, now: i64) -> Result<CertificateParams, Error> {
    let mut certificate = base(&params.subject, now, not_after)?;
    certificate.is_ca = IsCa::Ca(BasicConstraints::Constrained(params.path_len));
    certificate.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    certificate.custom_extensions = params.permitted.extension()?.into_iter().collect();
    Ok(certificate)
}

impl Authority {
    /// A CA like this one with a new key: same subject, kind of key, path length, constraints and
    /// lifetime; below `parent`, or a root.
    ///
    /// # Errors
    /// As [`create_root`]; and when this CA stands below another and no parent is given.
    pub fn successor(&self, parent: Option<&Self>, now: i64) -> Result<Self, Error> {
        let own = self.certificate();
        let der = self.der()?;
        let (_, read) =
            X509Certificate::from_der(&der).map_err(|_| Error::NoCertificate(String::new()))?;
        let lifetime = own.not_after.saturating_sub(own.not_before + BACKDATE);
        let params = CaParams {
            subject: Subject::of(read.subject())?,
            not_after: now.saturating_add(lifetime),
            key_type: KeyType::of(&own.key),
            path_len: own
                .path_len
                .and_then(|length| u8::try_from(length).ok())
                .unwrap_or_default(),
            permitted: Permitted::of(own),
        };
        match parent {
            Some(parent) => create_intermediate(&params, parent, now),
            None if own.self_issued => create_root(&params, now),
            None => Err(Error::NoParent(own.subject.clone())),
        }
    }
}

/// What every certificate here has: a name, a validity, a random serial, key identifiers.
pub(crate) fn base(
    subject: &Subject,
    now: i64,
    not_after: i64,
) -> Result<CertificateParams, Error> {
    let mut params = CertificateParams::default();
    params.distinguished_name = subject.to_rcgen()?;
    params.not_before = moment(now - BACKDATE)?;
    params.not_after = moment(not_after)?;
    if not_after <= now {
        return Err(Error::Past(not_after));
    }
    params.serial_number = Some(serial()?);
    params.use_authority_key_identifier_extension = true;
    Ok(params)
}

/// The year 9999 is the last that a certificate can name (RFC 5280 section 4.1.2.5).
pub(crate) fn moment(seconds: i64) -> Result<OffsetDateTime, Error> {
    let moment = OffsetDateTime::from_unix_timestamp(seconds).ok();
    moment
        .filter(|moment| moment.year() >= 1950)
        .ok_or(Error::BadTime(seconds))
}

/// 159 random bits: positive, at most 20 octets (RFC 5280 section 4.1.2.2).
fn serial() -> Result<SerialNumber, Error> {
    let mut bytes = [0; 20];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|error| Error::Library(Box::new(error)))?;
    bytes[0] = bytes[0] & 0x7f | 0x40;
    Ok(SerialNumber::from_slice(&bytes))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::CA_LIFETIME;

    const NOW: i64 = 1_790_000_000;

    fn params(name: &str) -> CaParams {
        CaParams::new(name, NOW + CA_LIFETIME)
    }

    fn root() -> Authority {
        create_root(&params("partners"), NOW).unwrap()
    }

    #[test]
    fn a_root_reads_back_as_one() {
        let root = root();
        let certificate = root.certificate();
        assert!(certificate.is_ca && certificate.can_sign && certificate.self_issued);
        assert_eq!(certificate.path_len, Some(0));
        assert_eq!(certificate.not_before, NOW - BACKDATE);
        assert_eq!(certificate.key, x509::Key::EcdsaP256);
        let (chain, key) = (root.chain_pem().as_bytes(), root.key_pem());
        let again = Authority::load(chain, key.as_bytes(), None, NOW).unwrap();
        assert_eq!(again.certificate().fingerprint, certificate.fingerprint);
        let locked = root.encrypted_key_pem("secret").unwrap();
        assert!(Authority::load(chain, locked.as_bytes(), Some("secret"), NOW).is_ok());
    }

    #[test]
    fn an_intermediate_stands_below_its_root() {
        let mut above = params("root");
        above.path_len = 1;
        above.subject = above.subject.with("O", "Acme");
        let root = create_root(&above, NOW).unwrap();
        let mut below = params("edge");
        below.not_after = NOW + 2 * CA_LIFETIME;
        let edge = create_intermediate(&below, &root, NOW).unwrap();
        assert_eq!(edge.certificate().issuer, root.certificate().subject);
        assert_eq!(edge.certificate().not_after, root.certificate().not_after);
        assert_eq!(edge.root_pem(), root.chain_pem());
        assert_eq!(
            x509::read_bundle(edge.intermediates_pem().as_bytes())
                .certificates
                .len(),
            1
        );
        let refused = create_intermediate(&below, &edge, NOW).err().unwrap();
        assert!(matches!(refused, Error::PathLength { allowed: 0, .. }));
    }

    #[test]
    fn constraints_read_back() {
        let mut wanted = params("partners");
        wanted.permitted = Permitted {
            dns: vec!["example.com".into()],
            email: vec!["example.com".into()],
            uri: vec![".example.com".into()],
            ip: vec!["10.0.0.0/8".into()],
        };
        let root = create_root(&wanted, NOW).unwrap();
        assert_eq!(
            root.certificate().name_constraints,
            [
                "permitted email:example.com",
                "permitted DNS:example.com",
                "permitted URI:.example.com",
                "permitted IP:10.0.0.0/255.0.0.0",
            ]
        );
    }

    #[test]
    fn a_successor_is_alike_but_for_its_key() {
        let mut wanted = params("partners");
        wanted.subject = wanted.subject.with("O", "Acme, Inc.");
        wanted.key_type = KeyType::EcdsaP384;
        wanted.permitted = Permitted {
            dns: vec!["example.com".into()],
            ip: vec!["10.0.0.0/12".into()],
            ..Permitted::default()
        };
        let old = create_root(&wanted, NOW).unwrap();
        let new = old.successor(None, NOW + 100).unwrap();
        let (old, new) = (old.certificate(), new.certificate());
        assert_eq!(
            (&old.subject, &old.key, old.path_len),
            (&new.subject, &new.key, new.path_len)
        );
        assert_eq!(old.name_constraints, new.name_constraints);
        assert_eq!(new.not_after, old.not_after + 100);
        assert_ne!(old.spki, new.spki);
        let mut above = params("root");
        above.path_len = 1;
        let root = create_root(&above, NOW).unwrap();
        let edge = create_intermediate(&params("edge"), &root, NOW).unwrap();
        assert!(matches!(edge.successor(None, NOW), Err(Error::NoParent(_))));
        assert!(edge.successor(Some(&root), NOW).is_ok());
    }

    #[test]
    fn names_and_times_have_bounds() {
        let make = |params: &CaParams| create_root(params, NOW).err().unwrap();
        assert!(matches!(make(&params("")), Error::BadName(_)));
        assert!(matches!(make(&CaParams::new("a", NOW - 1)), Error::Past(_)));
        assert!(matches!(
            make(&CaParams::new("a", i64::MAX)),
            Error::BadTime(_)
        ));
    }
}
