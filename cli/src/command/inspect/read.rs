//! Bytes of whatever kind to what they hold.

use pki::{Crl, PrivateKey, Request, import};

/// What was found.
pub(super) enum Item {
    /// A certificate.
    Certificate(Box<x509::Certificate>),
    /// A revocation list.
    Crl(Crl),
    /// A private key, of which only the public half is told; `None`: it is encrypted.
    Key(Option<(x509::Key, [u8; 32])>),
    /// A certificate request.
    Request(Box<Request>),
    /// How a host answered.
    Handshake(Handshake),
    /// Something that cannot be read, and why.
    Unreadable(String),
}

/// How a host answered.
pub(super) struct Handshake {
    /// TLS 1.2 or 1.3.
    pub(super) version: String,
    /// Whether it asks for a client certificate.
    pub(super) asks: bool,
    /// The CAs that it names, if it does.
    pub(super) acceptable: Vec<String>,
    /// What a client without a certificate gets.
    pub(super) without: String,
}

/// Everything in PEM or DER.
///
/// # Errors
/// When the password of a PKCS#12 file is missing or wrong.
pub(super) fn items(bytes: &[u8], password: Option<&str>) -> Result<Vec<Item>, pki::Error> {
    if bytes.first() == Some(&0x30) {
        return der(bytes, password);
    }
    let blocks = x509::blocks(bytes);
    let items = blocks
        .iter()
        .map(|(label, der)| block(label, der, bytes, password));
    Ok(items.flatten().collect())
}

fn block(label: &str, der: &[u8], whole: &[u8], password: Option<&str>) -> Vec<Item> {
    match label {
        "CERTIFICATE" | "X509 CERTIFICATE" | "TRUSTED CERTIFICATE" => vec![certificate(der)],
        "X509 CRL" => vec![pki::crl::read_der(der).map_or_else(unreadable, Item::Crl)],
        "CERTIFICATE REQUEST" | "NEW CERTIFICATE REQUEST" => {
            let request = Request::read(der);
            vec![request.map_or_else(unreadable, |request| Item::Request(Box::new(request)))]
        }
        "PKCS7" | "CMS" => match import::pkcs7(der) {
            Some(all) => all.iter().map(|der| certificate(der)).collect(),
            None => vec![Item::Unreadable(
                "a PKCS#7 block without certificates".to_owned(),
            )],
        },
        label if label.ends_with("PRIVATE KEY") => vec![key(whole, password)],
        label => vec![Item::Unreadable(format!("a block {label}"))],
    }
}

fn der(bytes: &[u8], password: Option<&str>) -> Result<Vec<Item>, pki::Error> {
    if let Ok(read) = x509::read_der(bytes) {
        return Ok(vec![Item::Certificate(Box::new(read))]);
    }
    if let Ok(list) = pki::crl::read_der(bytes) {
        return Ok(vec![Item::Crl(list)]);
    }
    if let Ok(request) = Request::read(bytes) {
        return Ok(vec![Item::Request(Box::new(request))]);
    }
    if let Some(all) = import::pkcs7(bytes) {
        return Ok(all.iter().map(|der| certificate(der)).collect());
    }
    if let Ok(key) = PrivateKey::from_der(bytes) {
        return Ok(vec![public(&key)]);
    }
    let store = import::pkcs12(bytes, password.unwrap_or_default())?;
    let mut items: Vec<_> = store
        .certificates
        .iter()
        .map(|der| certificate(der))
        .collect();
    items.extend(store.key.iter().map(public));
    Ok(items)
}

fn certificate(der: &[u8]) -> Item {
    match x509::read_der(der) {
        Ok(read) => Item::Certificate(Box::new(read)),
        Err(reason) => Item::Unreadable(format!("a certificate: {reason}")),
    }
}

fn key(whole: &[u8], password: Option<&str>) -> Item {
    match PrivateKey::from_pem(whole, password) {
        Ok(key) => public(&key),
        Err(pki::Error::EncryptedKey) => Item::Key(None),
        Err(error) => unreadable(error),
    }
}

fn public(key: &PrivateKey) -> Item {
    match key.kind() {
        Ok(kind) => Item::Key(Some((kind, key.spki()))),
        Err(error) => unreadable(error),
    }
}

fn unreadable(error: pki::Error) -> Item {
    Item::Unreadable(error.to_string())
}
