//! Reads certificates (RFC 5280) and PEM bundles (RFC 7468): names, validity, usages, key,
//! fingerprint. One reader for everybody, so that rules, commands and the webhook say the same
//! of the same bytes. It never fails, never panics, and keeps nothing of a private key.
#![warn(missing_docs)]

mod certificate;
mod pem;
mod public;

pub use certificate::{Certificate, Key, Usage, name, read_der, read_key};
pub use pem::{Bundle, Crl, MAX_BLOCKS, MAX_BYTES, blocks, der_blocks, read_bundle};
pub use public::public_root;
