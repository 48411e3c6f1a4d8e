//! One certificate, described.

use std::fmt;

use sha1::Sha1;
use sha2::{Digest as _, Sha256};
use x509_parser::extensions::{GeneralName, KeyUsage, ParsedExtension};
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::public_key::PublicKey;
use x509_parser::x509::{SubjectPublicKeyInfo, X509Name};

/// What an extended key usage says of one purpose (RFC 5280 section 4.2.1.12).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Usage {
    /// The extension names it.
    Allowed,
    /// There is no such extension: every purpose is allowed.
    Unrestricted,
    /// The extension names others only.
    Refused,
}

/// A public key's algorithm and size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Key {
    /// ECDSA on P-256.
    EcdsaP256,
    /// ECDSA on P-384.
    EcdsaP384,
    /// ECDSA on P-521.
    EcdsaP521,
    /// Ed25519.
    Ed25519,
    /// RSA with so many bits.
    Rsa(u32),
    /// Another, by the object identifier of its algorithm, or of its curve.
    Other(String),
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EcdsaP256 => f.write_str("ECDSA P-256"),
            Self::EcdsaP384 => f.write_str("ECDSA P-384"),
            Self::EcdsaP521 => f.write_str("ECDSA P-521"),
            Self::Ed25519 => f.write_str("Ed25519"),
            Self::Rsa(bits) => write!(f, "RSA {bits}"),
            Self::Other(oid) => f.write_str(oid),
        }
    }
}

/// One certificate, described. Times are Unix seconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// The subject (RFC 4514).
    pub subject: String,
    /// The issuer (RFC 4514).
    pub issuer: String,
    /// The first common name of the subject.
    pub common_name: Option<String>,
    /// The serial number in lower-case hexadecimal.
    pub serial: String,
    /// Valid from.
    pub not_before: i64,
    /// Valid until.
    pub not_after: i64,
    /// X.509 version, 1 to 3.
    pub version: u8,
    /// basicConstraints CA:TRUE.
    pub is_ca: bool,
    /// Whether there is a basicConstraints extension at all.
    pub constrained: bool,
    /// How many CAs may stand below it.
    pub path_len: Option<u32>,
    /// keyUsage is absent or has keyCertSign.
    pub can_sign: bool,
    /// Subject and issuer are the same.
    pub self_issued: bool,
    /// Octets of the subject in DER: what a server that names its CAs sends for this one.
    pub subject_size: usize,
    /// The public key.
    pub key: Key,
    /// The signature's algorithm, by object identifier.
    pub signature: String,
    /// Whether it may stand for a client.
    pub client_auth: Usage,
    /// Whether it may stand for a server.
    pub server_auth: Usage,
    /// Subject alternative names: `DNS:…`, `IP:…`, `email:…`, `URI:…`.
    pub sans: Vec<String>,
    /// keyUsage, in the words of RFC 5280 section 4.2.1.3; empty where there is none.
    pub key_usages: Vec<&'static str>,
    /// extendedKeyUsage, in the words of RFC 5280 section 4.2.1.12 or as object identifiers.
    pub extended_usages: Vec<String>,
    /// Name constraints: `permitted DNS:…`, `excluded email:…`.
    pub name_constraints: Vec<String>,
    /// subjectKeyIdentifier in lower-case hexadecimal.
    pub subject_key_id: Option<String>,
    /// The key id of authorityKeyIdentifier in lower-case hexadecimal.
    pub authority_key_id: Option<String>,
    /// SHA-1 of the DER: a name that other programs show, no protection.
    pub sha1: [u8; 20],
    /// SHA-256 of the DER.
    pub fingerprint: [u8; 32],
    /// SHA-256 of the SubjectPublicKeyInfo.
    pub spki: [u8; 32],
}

impl Certificate {
    /// Whether it is no longer valid.
    pub fn expired(&self, now: i64) -> bool {
        now > self.not_after
    }

    /// Seconds until it expires; negative when it has.
    pub fn remaining(&self, now: i64) -> i64 {
        self.not_after.saturating_sub(now)
    }

    /// The fingerprint as browsers print it, `AA:BB:…`.
    pub fn fingerprint_hex(&self) -> String {
        colons(&self.fingerprint)
    }

    /// Whether this certificate names another as its issuer: by subject, and by key id where both
    /// have one.
    pub fn names_as_issuer(&self, issuer: &Self) -> bool {
        let ids = self
            .authority_key_id
            .as_ref()
            .zip(issuer.subject_key_id.as_ref());
        self.issuer == issuer.subject && ids.is_none_or(|(own, other)| own == other)
    }

    /// The SHA-1 fingerprint as browsers print it.
    pub fn sha1_hex(&self) -> String {
        colons(&self.sha1)
    }
}

fn colons(bytes: &[u8]) -> String {
    let bytes: Vec<_> = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
    bytes.join(":")
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Reads a certificate in DER.
///
/// # Errors
/// When it is no certificate, with the parser's reason.
pub fn read_der(der: &[u8]) -> Result<Certificate, String> {
    let (_, certificate) = X509Certificate::from_der(der).map_err(|error| error.to_string())?;
    let constraints = certificate.basic_constraints().ok().flatten();
    let usage = certificate.key_usage().ok().flatten();
    let common_name = certificate.subject().iter_common_name().next();
    let subject = certificate.subject().to_string();
    let issuer = certificate.issuer().to_string();
    Ok(Certificate {
        common_name: common_name
            .and_then(|name| name.as_str().ok())
            .map(str::to_owned),
        serial: hex(certificate.raw_serial()),
        not_before: certificate.validity().not_before.timestamp(),
        not_after: certificate.validity().not_after.timestamp(),
        version: u8::try_from(certificate.version().0 + 1).unwrap_or(u8::MAX),
        is_ca: constraints
            .as_ref()
            .is_some_and(|extension| extension.value.ca),
        constrained: constraints.is_some(),
        path_len: constraints.and_then(|extension| extension.value.path_len_constraint),
        can_sign: usage
            .as_ref()
            .is_none_or(|extension| extension.value.key_cert_sign()),
        self_issued: subject == issuer,
        subject_size: certificate.subject().as_raw().len(),
        key: key(certificate.public_key()),
        signature: certificate.signature_algorithm.algorithm.to_id_string(),
        client_auth: extended_usage(&certificate, |usage| usage.client_auth),
        server_auth: extended_usage(&certificate, |usage| usage.server_auth),
        sans: sans(&certificate),
        key_usages: usage.map_or_else(Vec::new, |extension| key_usages(extension.value)),
        extended_usages: extended_usages(&certificate),
        name_constraints: name_constraints(&certificate),
        subject_key_id: subject_key_id(&certificate),
        authority_key_id: authority_key_id(&certificate),
        sha1: Sha1::digest(der).into(),
        fingerprint: Sha256::digest(der).into(),
        spki: Sha256::digest(certificate.public_key().raw).into(),
        subject,
        issuer,
    })
}

fn extended_usage(
    certificate: &X509Certificate<'_>,
    named: impl Fn(&x509_parser::extensions::ExtendedKeyUsage<'_>) -> bool,
) -> Usage {
    match certificate.extended_key_usage().ok().flatten() {
        None => Usage::Unrestricted,
        Some(extension) if extension.value.any || named(extension.value) => Usage::Allowed,
        Some(_) => Usage::Refused,
    }
}

/// A distinguished name in DER as text (RFC 4514); its length where it cannot be read.
pub fn name(der: &[u8]) -> String {
    match X509Name::from_der(der) {
        Ok((_, name)) => name.to_string(),
        Err(_) => format!("a name of {} octets", der.len()),
    }
}

/// Describes a SubjectPublicKeyInfo in DER.
///
/// # Errors
/// When it is none, with the parser's reason.
pub fn read_key(der: &[u8]) -> Result<Key, String> {
    let (_, info) = SubjectPublicKeyInfo::from_der(der).map_err(|error| error.to_string())?;
    Ok(key(&info))
}

fn key(info: &SubjectPublicKeyInfo<'_>) -> Key {
    let oid = info.algorithm.algorithm.to_id_string();
    match info.parsed() {
        Ok(PublicKey::RSA(rsa)) => Key::Rsa(u32::try_from(rsa.key_size()).unwrap_or(u32::MAX)),
        // Two curves may be of one size: only the parameters tell (RFC 5480 section 2.1.1).
        Ok(PublicKey::EC(_)) => match curve(info).as_deref() {
            Some("1.2.840.10045.3.1.7") => Key::EcdsaP256,
            Some("1.3.132.0.34") => Key::EcdsaP384,
            Some("1.3.132.0.35") => Key::EcdsaP521,
            Some(curve) => Key::Other(curve.to_owned()),
            None => Key::Other(oid),
        },
        _ if oid == "1.3.101.112" => Key::Ed25519,
        _ => Key::Other(oid),
    }
}

fn curve(info: &SubjectPublicKeyInfo<'_>) -> Option<String> {
    let parameters = info.algorithm.parameters.as_ref()?;
    Some(parameters.as_oid().ok()?.to_id_string())
}

fn sans(certificate: &X509Certificate<'_>) -> Vec<String> {
    let extension = certificate.subject_alternative_name().ok().flatten();
    let names = extension.map(|extension| &extension.value.general_names);
    names.into_iter().flatten().filter_map(san).collect()
}

fn key_usages(usage: &KeyUsage) -> Vec<&'static str> {
    let bits = [
        (usage.digital_signature(), "digitalSignature"),
        (usage.non_repudiation(), "contentCommitment"),
        (usage.key_encipherment(), "keyEncipherment"),
        (usage.data_encipherment(), "dataEncipherment"),
        (usage.key_agreement(), "keyAgreement"),
        (usage.key_cert_sign(), "keyCertSign"),
        (usage.crl_sign(), "cRLSign"),
    ];
    let set = bits.into_iter().filter(|(set, _)| *set);
    set.map(|(_, name)| name).collect()
}

fn extended_usages(certificate: &X509Certificate<'_>) -> Vec<String> {
    let Some(extension) = certificate.extended_key_usage().ok().flatten() else {
        return Vec::new();
    };
    let usage = extension.value;
    let known = [
        (usage.any, "anyExtendedKeyUsage"),
        (usage.server_auth, "serverAuth"),
        (usage.client_auth, "clientAuth"),
        (usage.code_signing, "codeSigning"),
        (usage.email_protection, "emailProtection"),
        (usage.time_stamping, "timeStamping"),
        (usage.ocsp_signing, "OCSPSigning"),
    ];
    let known = known.into_iter().filter(|(set, _)| *set);
    let known = known.map(|(_, name)| name.to_owned());
    known
        .chain(usage.other.iter().map(ToString::to_string))
        .collect()
}

fn name_constraints(certificate: &X509Certificate<'_>) -> Vec<String> {
    let Some(extension) = certificate.name_constraints().ok().flatten() else {
        return Vec::new();
    };
    let sides = [
        ("permitted", &extension.value.permitted_subtrees),
        ("excluded", &extension.value.excluded_subtrees),
    ];
    let trees = sides
        .into_iter()
        .flat_map(|(side, trees)| trees.iter().flatten().map(move |tree| (side, &tree.base)));
    trees
        .map(|(side, name)| format!("{side} {}", constraint(name)))
        .collect()
}

/// An address in a constraint is followed by its mask.
fn constraint(name: &GeneralName<'_>) -> String {
    if let GeneralName::IPAddress(bytes) = name {
        let (address, mask) = bytes.split_at(bytes.len() / 2);
        let text = |bytes| address_of(bytes).map_or_else(|| hex(bytes), |name| name.to_string());
        return format!("IP:{}/{}", text(address), text(mask));
    }
    san(name).unwrap_or_else(|| name.to_string())
}

fn subject_key_id(certificate: &X509Certificate<'_>) -> Option<String> {
    let ids = certificate.iter_extensions();
    ids.filter_map(|extension| match extension.parsed_extension() {
        ParsedExtension::SubjectKeyIdentifier(id) => Some(hex(id.0)),
        _ => None,
    })
    .next()
}

fn authority_key_id(certificate: &X509Certificate<'_>) -> Option<String> {
    let ids = certificate.iter_extensions();
    ids.filter_map(|extension| match extension.parsed_extension() {
        ParsedExtension::AuthorityKeyIdentifier(id) => {
            id.key_identifier.as_ref().map(|id| hex(id.0))
        }
        _ => None,
    })
    .next()
}

fn san(name: &GeneralName<'_>) -> Option<String> {
    Some(match name {
        GeneralName::DNSName(name) => format!("DNS:{name}"),
        GeneralName::RFC822Name(name) => format!("email:{name}"),
        GeneralName::URI(name) => format!("URI:{name}"),
        GeneralName::IPAddress(bytes) => format!("IP:{}", address_of(bytes)?),
        _ => return None,
    })
}

fn address_of(bytes: &[u8]) -> Option<std::net::IpAddr> {
    let v4 = <[u8; 4]>::try_from(bytes).map(std::net::IpAddr::from).ok();
    v4.or_else(|| <[u8; 16]>::try_from(bytes).map(std::net::IpAddr::from).ok())
}
