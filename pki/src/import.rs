//! What others packed: PKCS#12 and PKCS#7.

use p12_keystore::{KeyStore, KeyStoreEntry, Pkcs12ImportPolicy};
use zeroize::Zeroizing;

use crate::der::{elements, split};
use crate::{Error, PrivateKey};

/// `pkcs7-signedData` (RFC 2315 section 14).
const SIGNED_DATA: [u8; 11] = [6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 2];

/// What a PKCS#12 file holds.
pub struct Pkcs12 {
    /// Its certificates in DER, that of the key first.
    pub certificates: Vec<Vec<u8>>,
    /// Its key.
    pub key: Option<PrivateKey>,
}

/// Opens a PKCS#12 file (RFC 7292).
///
/// # Errors
/// When it is none, or the password is wrong: the format cannot tell the two apart for sure.
pub fn pkcs12(der: &[u8], password: &str) -> Result<Pkcs12, Error> {
    let bad = |error: p12_keystore::error::Error| Error::BadP12(error.to_string());
    let store = KeyStore::from_pkcs12(der, password, Pkcs12ImportPolicy::Relaxed).map_err(bad)?;
    let mut read = Pkcs12 {
        certificates: Vec::new(),
        key: None,
    };
    for (_, entry) in store.entries() {
        match entry {
            KeyStoreEntry::PrivateKeyChain(chain) => {
                let key = Zeroizing::new(chain.key().as_der().to_vec());
                read.key = Some(PrivateKey::from_der(&key)?);
                let own = chain.certs().iter().map(|one| one.as_der().to_vec());
                read.certificates.splice(0..0, own);
            }
            KeyStoreEntry::Certificate(one) => read.certificates.push(one.as_der().to_vec()),
            _ => {}
        }
    }
    Ok(read)
}

/// The certificates of a PKCS#7 bundle (RFC 5652 section 5.1) in DER; `None` where it is none.
pub fn pkcs7(der: &[u8]) -> Option<Vec<Vec<u8>>> {
    let outer = elements(split(der)?.content);
    let [kind, content] = outer.as_slice() else {
        return None;
    };
    if kind.whole != SIGNED_DATA {
        return None;
    }
    let signed = elements(split(content.content)?.content);
    let certificates = signed.iter().find(|field| field.tag == 0xa0)?;
    let all = elements(certificates.content);
    Some(all.iter().map(|one| one.whole.to_vec()).collect())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::export::{P12Profile, pkcs12 as write};
    use crate::{CaParams, LeafParams, create_root, issue};
    use std::process::Command;

    fn now() -> i64 {
        let since = std::time::UNIX_EPOCH.elapsed().unwrap();
        i64::try_from(since.as_secs()).unwrap()
    }

    #[test]
    fn both_profiles_read_back_here_and_in_openssl() {
        let ca = create_root(&CaParams::new("partners", now() + 9999), now()).unwrap();
        let issued = issue(&ca, &LeafParams::new("alice", now() + 999), now()).unwrap();
        let chain = x509::der_blocks(issued.signed.chain_pem.as_bytes());
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("alice.p12");
        for profile in [P12Profile::Compat, P12Profile::Modern] {
            let file = write(&issued.key, &chain, "alice", "geheim", profile).unwrap();
            let read = pkcs12(&file, "geheim").unwrap();
            assert_eq!(read.key.unwrap().spki(), issued.key.spki());
            assert_eq!(read.certificates, chain);
            assert!(matches!(pkcs12(&file, "falsch"), Err(Error::BadP12(_))));
            std::fs::write(&path, &file).unwrap();
            let mut openssl = Command::new("openssl");
            openssl.args(["pkcs12", "-info", "-nodes", "-passin", "pass:geheim", "-in"]);
            let said = openssl.arg(&path).output().unwrap();
            assert!(said.status.success(), "{profile:?}: {said:?}");
        }
        let empty = write(&issued.key, &chain, "alice", "", P12Profile::Compat);
        assert!(matches!(empty, Err(Error::EmptyPassword)));
    }

    #[test]
    fn bundles_of_openssl_are_read() {
        let ca = create_root(&CaParams::new("partners", now() + 9999), now()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let (pem, p7) = (folder.path().join("ca.crt"), folder.path().join("ca.p7b"));
        std::fs::write(&pem, ca.chain_pem()).unwrap();
        let mut openssl = Command::new("openssl");
        openssl.args(["crl2pkcs7", "-nocrl", "-outform", "DER", "-certfile"]);
        let said = openssl.arg(&pem).arg("-out").arg(&p7).output().unwrap();
        assert!(said.status.success(), "{said:?}");
        let read = pkcs7(&std::fs::read(&p7).unwrap()).unwrap();
        assert_eq!(read, x509::der_blocks(ca.chain_pem().as_bytes()));
        assert!(pkcs7(b"junk").is_none() && pkcs7(&[0x30, 0]).is_none());
    }
}
