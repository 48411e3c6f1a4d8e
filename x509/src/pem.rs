//! PEM texts as Go's `pem.Decode` and OpenSSL read them: text around blocks is passed over.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use x509_parser::prelude::FromDer as _;
use x509_parser::revocation_list::CertificateRevocationList;

use crate::{Certificate, read_der};

/// A longer text is not read: the API server refuses a Secret or ConfigMap with more data
/// (`MaxSecretSize` in `pkg/apis/core/types.go` of Kubernetes).
pub const MAX_BYTES: usize = 1024 * 1024;
/// Blocks after this many are not read.
pub const MAX_BLOCKS: usize = 10_000;

const BLANK: &str = "it is empty";
const JUNK: &str = "it holds no PEM block";

/// What a PEM text holds, block by block.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bundle {
    /// The certificates, in order.
    pub certificates: Vec<Certificate>,
    /// How many private keys stand among them.
    pub private_keys: usize,
    /// The certificate revocation lists, in order.
    pub crls: Vec<Crl>,
    /// `CERTIFICATE` blocks that cannot be read.
    pub unreadable: usize,
    /// The labels of other blocks.
    pub other: Vec<String>,
    /// Why the text was not read, or not to its end.
    pub problem: Option<String>,
    oversized: bool,
}

/// A revocation list (RFC 5280 section 5), as far as bundles are judged. Times are Unix seconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Crl {
    /// The CA's subject (RFC 4514).
    pub issuer: String,
    /// When it was made.
    pub this_update: i64,
    /// When the next one is due; the far future where it does not say.
    pub next_update: i64,
}

fn read_crl(der: &[u8]) -> Option<Crl> {
    let (_, list) = CertificateRevocationList::from_der(der).ok()?;
    let next = list.next_update().map(|next| next.timestamp());
    Some(Crl {
        issuer: list.issuer().to_string(),
        this_update: list.last_update().timestamp(),
        next_update: next.unwrap_or(i64::MAX),
    })
}

/// Reads a PEM text.
pub fn read_bundle(pem: &[u8]) -> Bundle {
    let mut bundle = Bundle::default();
    if pem.len() > MAX_BYTES {
        bundle.problem = Some(format!("it is larger than {} KiB", MAX_BYTES / 1024));
        bundle.oversized = true;
        return bundle;
    }
    let text = String::from_utf8_lossy(pem);
    for (index, block) in (Blocks { rest: &text }).enumerate() {
        if index == MAX_BLOCKS {
            bundle.problem = Some(format!("it has more than {MAX_BLOCKS} blocks"));
            return bundle;
        }
        bundle.add(&block);
    }
    let empty = bundle == Bundle::default();
    if empty {
        let problem = if pem.is_empty() { BLANK } else { JUNK };
        bundle.problem = Some(problem.to_owned());
    }
    bundle
}

/// Every block that has an end: its label and its content.
pub fn blocks(pem: &[u8]) -> Vec<(String, Vec<u8>)> {
    let text = String::from_utf8_lossy(pem);
    let blocks = Blocks { rest: &text }.take(MAX_BLOCKS);
    blocks
        .map(|block| (block.label.to_owned(), block.der().unwrap_or_default()))
        .collect()
}

/// The content of every certificate block, read or not.
pub fn der_blocks(pem: &[u8]) -> Vec<Vec<u8>> {
    let text = String::from_utf8_lossy(pem);
    let blocks = Blocks { rest: &text }.take(MAX_BLOCKS);
    blocks
        .filter(|block| block.label.ends_with("CERTIFICATE"))
        .filter_map(|block| block.der())
        .collect()
}

impl Bundle {
    /// Whether there was no text at all.
    pub fn is_blank(&self) -> bool {
        self.problem.as_deref() == Some(BLANK)
    }

    /// Whether there was a text without a PEM block.
    pub fn is_junk(&self) -> bool {
        self.problem.as_deref() == Some(JUNK)
    }

    /// Whether the text was longer than [`MAX_BYTES`], and was not read.
    pub fn is_oversized(&self) -> bool {
        self.oversized
    }

    fn add(&mut self, block: &Block<'_>) {
        match block.label {
            "CERTIFICATE" | "X509 CERTIFICATE" | "TRUSTED CERTIFICATE" => {
                match block.der().and_then(|der| read_der(&der).ok()) {
                    Some(certificate) => self.certificates.push(certificate),
                    None => self.unreadable += 1,
                }
            }
            "X509 CRL" => match block.der().and_then(|der| read_crl(&der)) {
                Some(list) => self.crls.push(list),
                None => self.other.push("X509 CRL that cannot be read".to_owned()),
            },
            label if label.ends_with("PRIVATE KEY") => self.private_keys += 1,
            label => self.other.push(label.to_owned()),
        }
    }
}

struct Block<'a> {
    label: &'a str,
    body: &'a str,
}

impl Block<'_> {
    fn der(&self) -> Option<Vec<u8>> {
        let packed: String = self.body.split_ascii_whitespace().collect();
        STANDARD.decode(packed).ok()
    }
}

struct Blocks<'a> {
    rest: &'a str,
}

impl<'a> Iterator for Blocks<'a> {
    type Item = Block<'a>;

    /// The next block that has an end; a beginning without one is passed over.
    fn next(&mut self) -> Option<Block<'a>> {
        const BEGIN: &str = "-----BEGIN ";
        loop {
            let (_, after) = self.rest.split_once(BEGIN)?;
            self.rest = after;
            let Some((label, rest)) = after.split_once("-----") else {
                continue;
            };
            let (body, rest) = rest.split_once("-----END ")?;
            if label.contains('\n') || body.contains(BEGIN) {
                continue;
            }
            self.rest = rest;
            return Some(Block { label, body });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_counted_and_not_kept() {
        let text = "junk\r\n-----BEGIN EC PRIVATE KEY-----\r\nc2VjcmV0\r\n-----END EC PRIVATE KEY-----\r\n\
            -----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n-----BEGIN X509 CRL-----\n-----END X509 CRL-----";
        let bundle = read_bundle(text.as_bytes());
        assert_eq!(
            (bundle.private_keys, bundle.unreadable, bundle.other.len()),
            (1, 1, 1)
        );
        assert!(!format!("{bundle:?}").contains("c2VjcmV0"));
    }

    #[test]
    fn junk_is_no_bundle() {
        assert!(read_bundle(b"").problem.is_some());
        assert!(
            read_bundle(b"\xff\xfe-----BEGIN CERTIFICATE-----")
                .certificates
                .is_empty()
        );
        assert!(read_bundle(&vec![b'-'; MAX_BYTES + 1]).problem.is_some());
    }

    #[test]
    fn blocks_are_bounded() {
        let block = "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n";
        let text = block.repeat(MAX_BLOCKS + 1);
        assert_eq!(der_blocks(text.as_bytes()).len(), MAX_BLOCKS);
        assert_eq!(blocks(text.as_bytes()).len(), MAX_BLOCKS);
        let bundle = read_bundle(text.as_bytes());
        assert_eq!(bundle.unreadable, MAX_BLOCKS);
        assert!(bundle.problem.is_some());
    }
}
