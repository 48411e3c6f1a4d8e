//! What the controller makes of a Secret: `getPemCertificate` of store/backend_ssl.go, and
//! internal/net/ssl/ssl.go below it.

use base64::Engine as _;
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};
use rustls::sign::CertifiedKey;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::manifest::Secret;

/// A file for nginx.
#[derive(Clone)]
pub struct File {
    /// Its name in the controller's folder for certificates.
    pub name: String,
    /// What it holds.
    pub content: Vec<u8>,
}

/// What clients are checked against.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authority {
    /// `ssl_client_certificate`.
    pub certificates: String,
    /// `ssl_crl`.
    pub crl: Option<String>,
}

/// `ingress.SSLCert`.
#[derive(Default)]
pub(super) struct Stored {
    pub(super) authority: Option<Authority>,
    pub(super) files: Vec<File>,
    /// The names of the server certificate; none where the Secret is no key pair.
    pub(super) names: Option<Vec<String>>,
}

/// # Errors
/// Why the Secret is of no use at all.
pub(super) fn store(secret: &Secret) -> Result<Stored, String> {
    let name = secret.key().replace('/', "-");
    let ca = secret.get("ca.crt").unwrap_or_default();
    let mut stored = Stored::default();
    match (secret.get("tls.crt"), secret.get("tls.key")) {
        (Some(certificate), Some(key)) => {
            stored.names = Some(key_pair(&certificate, &key)?);
            // Without a CA it is a server certificate, and no error.
            if !ca.is_empty() {
                // `ConfigureCACertWithCertAndKey`: what tls.crt holds becomes an anchor too.
                let content = [&certificate[..], b"\n", &key, b"\n", &ca].concat();
                stored.trust(format!("{name}.pem"), content, &ca)?;
            }
        }
        _ if !ca.is_empty() => stored.trust(format!("ca-{name}.pem"), ca.clone(), &ca)?,
        _ => {
            return Err(format!(
                "{} contains no keypair or CA certificate",
                secret.key()
            ));
        }
    }
    let crl = secret.get("ca.crl").unwrap_or_default();
    if let (Some(authority), false) = (&mut stored.authority, crl.is_empty()) {
        check_crl(&crl)?;
        let name = format!("crl-{name}.pem");
        authority.crl = Some(name.clone());
        stored.files.push(File { name, content: crl });
    }
    Ok(stored)
}

impl Stored {
    fn trust(&mut self, name: String, content: Vec<u8>, ca: &[u8]) -> Result<(), String> {
        check_ca(ca)?;
        self.authority = Some(Authority {
            certificates: name.clone(),
            crl: None,
        });
        self.files.push(File { name, content });
        Ok(())
    }
}

/// `CheckCACert`: every block must be a certificate, whatever it says it is, and one there must be.
fn check_ca(ca: &[u8]) -> Result<(), String> {
    let blocks = blocks(ca);
    if blocks.is_empty() {
        return Err("error decoding CA certificate/s".to_owned());
    }
    for block in blocks {
        X509Certificate::from_der(&block.content)
            .map_err(|error| format!("{} is no certificate: {error}", block.label))?;
    }
    Ok(())
}

/// `ConfigureCRL`: the first block decides.
fn check_crl(crl: &[u8]) -> Result<(), String> {
    let blocks = blocks(crl);
    let first = blocks
        .first()
        .ok_or("no valid PEM formatted block found in CRL")?;
    if first.label != "X509 CRL" {
        return Err("CRL file contains invalid data".to_owned());
    }
    x509_parser::parse_x509_crl(&first.content)
        .map(drop)
        .map_err(|error| error.to_string())
}

/// `CreateSSLCert`: the pair must match. The names are those of `SSLCert.CN`.
fn key_pair(certificate: &[u8], key: &[u8]) -> Result<Vec<String>, String> {
    let first = blocks(certificate).into_iter().next();
    let first = first.ok_or("no valid PEM formatted block found")?;
    let (_, parsed) =
        X509Certificate::from_der(&first.content).map_err(|error| error.to_string())?;
    let private = PrivateKeyDer::from_pem_slice(key).map_err(|error| error.to_string())?;
    let signer = any_supported_type(&private).map_err(|error| error.to_string())?;
    let chain = vec![CertificateDer::from(first.content.clone())];
    CertifiedKey::new(chain, signer)
        .keys_match()
        .map_err(|_| "certificate and private key does not have a matching public key")?;
    let mut names: Vec<String> = parsed
        .subject()
        .iter_common_name()
        .filter_map(|name| name.as_str().ok().map(str::to_owned))
        .collect();
    if let Ok(Some(alternatives)) = parsed.subject_alternative_name() {
        let names_of = alternatives.value.general_names.iter();
        names.extend(names_of.filter_map(|name| match name {
            GeneralName::DNSName(name) => Some((*name).to_owned()),
            _ => None,
        }));
    }
    Ok(names)
}

struct Block {
    label: String,
    content: Vec<u8>,
}

/// The blocks that Go's `pem.Decode` finds: it passes over what is none.
fn blocks(text: &[u8]) -> Vec<Block> {
    let text = String::from_utf8_lossy(text);
    let mut found = Vec::new();
    let mut rest = &*text;
    while let Some((_, after)) = rest.split_once("-----BEGIN ") {
        rest = after;
        let Some((label, body)) = after.split_once("-----") else {
            continue;
        };
        let Some((body, after)) = body.split_once(&format!("-----END {label}-----")) else {
            continue;
        };
        let body: String = body.split_whitespace().collect();
        if let Ok(content) = base64::engine::general_purpose::STANDARD.decode(body) {
            rest = after;
            found.push(Block {
                label: label.to_owned(),
                content,
            });
        }
    }
    found
}
