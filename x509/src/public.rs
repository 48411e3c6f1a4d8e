//! The CAs whose certificates everybody can have: Mozilla's root programme, as the crate
//! `webpki-roots` lists it.

use std::collections::HashMap;
use std::sync::OnceLock;

use sha2::{Digest as _, Sha256};

use crate::{Certificate, name};

/// The public roots, by key and by name.
struct Roots {
    keys: HashMap<[u8; 32], usize>,
    names: HashMap<String, usize>,
    subjects: Vec<String>,
}

/// The public root that a certificate is, or that it names as its issuer.
pub fn public_root(certificate: &Certificate) -> Option<&'static str> {
    static ROOTS: OnceLock<Roots> = OnceLock::new();
    let roots = ROOTS.get_or_init(Roots::load);
    let root = roots.keys.get(&certificate.spki);
    let root = root.or_else(|| roots.names.get(&certificate.issuer))?;
    roots.subjects.get(*root).map(String::as_str)
}

impl Roots {
    fn load() -> Self {
        let anchors = webpki_roots::TLS_SERVER_ROOTS;
        let sequence = |content: &[u8]| sequence(content);
        let subjects: Vec<_> = anchors
            .iter()
            .map(|anchor| name(&sequence(&anchor.subject)))
            .collect();
        let keys = anchors.iter().enumerate().map(|(index, anchor)| {
            let key = sequence(&anchor.subject_public_key_info);
            (Sha256::digest(key).into(), index)
        });
        let names = subjects.iter().cloned().enumerate();
        Self {
            keys: keys.collect(),
            names: names.map(|(index, name)| (name, index)).collect(),
            subjects,
        }
    }
}

/// A trust anchor holds the content of its SEQUENCEs alone (X.690 section 8.1.3).
fn sequence(content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let length: Vec<_> = length.into_iter().skip_while(|byte| *byte == 0).collect();
    let mut der = vec![0x30];
    match (content.len(), u8::try_from(length.len())) {
        (short @ 0..=127, _) => der.extend(u8::try_from(short)),
        (_, Ok(octets)) => {
            der.push(0x80 | octets);
            der.extend(length);
        }
        (_, Err(_)) => {}
    }
    der.extend_from_slice(content);
    der
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_root_is_found_by_its_name_and_key() {
        let roots = Roots::load();
        assert!(roots.subjects.len() > 100);
        assert_eq!(roots.keys.len(), roots.subjects.len());
        assert!(
            roots
                .names
                .contains_key("C=US, O=Internet Security Research Group, CN=ISRG Root X1")
        );
        assert!(
            !roots
                .subjects
                .iter()
                .any(|name| name.starts_with("a name of"))
        );
        // SubjectPublicKeyInfo of ISRG Root X1, as Certificate Transparency logs name it.
        let key = "0b9fa5a59eed715c26c1020c711b4f6ec42d58b0015e14337a39dad301c5afc3";
        assert!(
            roots
                .keys
                .keys()
                .any(|known| crate::certificate::hex(known) == key)
        );
    }

    #[test]
    fn a_sequence_of_any_length() {
        assert_eq!(sequence(&[1, 2]), [0x30, 2, 1, 2]);
        assert_eq!(sequence(&[0; 200])[..3], [0x30, 0x81, 200]);
        assert_eq!(sequence(&[0; 300])[..4], [0x30, 0x82, 1, 44]);
    }
}
