//! PEM blocks (RFC 7468), for what is no certificate.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The content of the first block with a label.
pub(crate) fn first(text: &str, label: &str) -> Option<Vec<u8>> {
    let (_, rest) = text.split_once(&format!("-----BEGIN {label}-----"))?;
    let (body, _) = rest.split_once("-----END ")?;
    let packed: String = body.split_ascii_whitespace().collect();
    STANDARD.decode(packed).ok()
}

/// A block, 64 characters a line.
pub(crate) fn block(label: &str, der: &[u8]) -> String {
    let packed = STANDARD.encode(der);
    let lines: Vec<_> = packed
        .as_bytes()
        .chunks(64)
        .map(String::from_utf8_lossy)
        .collect();
    format!(
        "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
        lines.join("\n")
    )
}
