//! A certificate request (PKCS#10, RFC 2986): its names and its key. Anything else that it asks for
//! is not given.

use rcgen::{CertificateParams, SubjectPublicKeyInfo};
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::prelude::FromDer as _;

use crate::{Error, KeyType, PrivateKey, San, Subject, pem};

/// A request whose signature was checked.
pub struct Request {
    /// The subject asked for.
    pub subject: Subject,
    /// The alternative names asked for.
    pub sans: Vec<San>,
    /// What it asks for and does not get, by name or object identifier.
    pub ignored: Vec<String>,
    pub(crate) key: SubjectPublicKeyInfo,
}

impl Request {
    /// Reads a request in PEM or DER.
    ///
    /// # Errors
    /// When it is none, its signature is wrong, or it asks to be a CA.
    pub fn read(bytes: &[u8]) -> Result<Self, Error> {
        let bad = |reason: &str| Error::BadRequest(reason.to_owned());
        let text = String::from_utf8_lossy(bytes);
        let block = pem::first(&text, "CERTIFICATE REQUEST")
            .or_else(|| pem::first(&text, "NEW CERTIFICATE REQUEST"));
        let der = block.unwrap_or_else(|| bytes.to_vec());
        let (_, request) = X509CertificationRequest::from_der(&der)
            .map_err(|_| bad("it is neither PEM nor DER of one"))?;
        request
            .verify_signature()
            .map_err(|_| bad("its signature does not fit its key"))?;
        let info = &request.certification_request_info;
        let key = SubjectPublicKeyInfo::from_der(info.subject_pki.raw)
            .map_err(|_| bad("its key is of a kind that cannot be certified"))?;
        let mut read = Self {
            subject: Subject::of(&info.subject)?,
            sans: Vec::new(),
            ignored: Vec::new(),
            key,
        };
        for extension in request.requested_extensions().into_iter().flatten() {
            read.take(extension)?;
        }
        Ok(read)
    }

    fn take(&mut self, extension: &ParsedExtension<'_>) -> Result<(), Error> {
        match extension {
            ParsedExtension::BasicConstraints(constraints) if constraints.ca => {
                Err(Error::BadRequest("it asks to be a CA".to_owned()))
            }
            ParsedExtension::SubjectAlternativeName(names) => {
                for name in &names.general_names {
                    let san = san(name)?;
                    self.sans.push(san);
                }
                Ok(())
            }
            // What the profile says anyway.
            ParsedExtension::BasicConstraints(_) | ParsedExtension::KeyUsage(_) => Ok(()),
            ParsedExtension::ExtendedKeyUsage(_) => {
                self.ignored.push("extendedKeyUsage".to_owned());
                Ok(())
            }
            ParsedExtension::UnsupportedExtension { oid } => {
                self.ignored.push(oid.to_string());
                Ok(())
            }
            _ => {
                self.ignored.push("an extension".to_owned());
                Ok(())
            }
        }
    }
}

/// Makes a key and a request for it, for others to sign. It names no usages: who signs says them.
///
/// # Errors
/// When a name cannot be put into a request.
pub fn new_request(
    subject: &Subject,
    sans: &[San],
    key_type: KeyType,
) -> Result<(PrivateKey, String), Error> {
    let key = PrivateKey::generate(key_type)?;
    let mut params = CertificateParams::default();
    params.distinguished_name = subject.to_rcgen()?;
    params.subject_alt_names = sans.iter().map(San::to_rcgen).collect::<Result<_, _>>()?;
    let request = params.serialize_request(&key.0).map_err(Error::library)?;
    let pem = request.pem().map_err(Error::library)?;
    Ok((key, pem))
}

fn san(name: &GeneralName<'_>) -> Result<San, Error> {
    let text = match name {
        GeneralName::DNSName(text) | GeneralName::RFC822Name(text) | GeneralName::URI(text) => {
            (*text).to_owned()
        }
        GeneralName::IPAddress(bytes) => {
            let v4 = <[u8; 4]>::try_from(*bytes).map(std::net::IpAddr::from);
            let any = v4.or_else(|_| <[u8; 16]>::try_from(*bytes).map(std::net::IpAddr::from));
            any.map(|address| address.to_string()).unwrap_or_default()
        }
        other => other.to_string(),
    };
    San::parse(&text)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{CaParams, LeafParams, create_root, sign_request};
    use rcgen::{BasicConstraints, IsCa};

    const NOW: i64 = 1_790_000_000;

    fn request(change: impl Fn(&mut CertificateParams)) -> (PrivateKey, String) {
        let key = PrivateKey::generate(KeyType::default()).unwrap();
        let mut params = CertificateParams::default();
        params.distinguished_name = Subject::parse(r"CN=eve,O=Acme\, Inc.")
            .unwrap()
            .to_rcgen()
            .unwrap();
        params.subject_alt_names = vec![San::parse("eve@example.com").unwrap().to_rcgen().unwrap()];
        change(&mut params);
        let pem = params.serialize_request(&key.0).unwrap().pem().unwrap();
        (key, pem)
    }

    #[test]
    fn names_and_key_are_taken() {
        let (key, pem) = request(|_| ());
        let read = Request::read(pem.as_bytes()).unwrap();
        let ca = create_root(&CaParams::new("ca", NOW + 9999), NOW).unwrap();
        let mut params = LeafParams::new("", NOW + 999);
        params.subject = read.subject.clone();
        params.sans = read.sans.clone();
        let signed = sign_request(&ca, &read, &params, NOW).unwrap();
        assert_eq!(signed.certificate.spki, key.spki());
        assert_eq!(signed.certificate.sans, ["email:eve@example.com"]);
        assert_eq!(signed.certificate.common_name.as_deref(), Some("eve"));
    }

    #[test]
    fn a_request_to_be_a_ca_or_with_a_wrong_signature_is_refused() {
        let (_, pem) = request(|params| params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained));
        let said = Request::read(pem.as_bytes()).err().unwrap().to_string();
        assert!(said.contains("to be a CA"), "{said}");
        let (_, pem) = request(|_| ());
        let mut der = pem::first(&pem, "CERTIFICATE REQUEST").unwrap();
        let last = der.len() - 1;
        der[last] ^= 1;
        let said = Request::read(&der).err().unwrap().to_string();
        assert!(said.contains("signature"), "{said}");
        assert!(Request::read(b"junk").is_err());
    }
}
