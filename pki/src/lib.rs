//! Certificates and keys in three steps: parameters, signed by an issuer, serialised
//! (RFC 5280). Time is an argument, Unix seconds.
#![warn(missing_docs)]

mod authority;
pub mod case;
mod constraint;
mod create;
pub mod crl;
mod der;
mod error;
pub mod export;
pub mod import;
mod key;
mod leaf;
mod pem;
mod request;
mod san;
pub mod seal;
mod subject;
pub mod verify;

pub use authority::Authority;
pub use constraint::Permitted;
pub use create::{CaParams, create_intermediate, create_root};
pub use crl::Crl;
pub use error::Error;
pub use key::{KEY_TYPES, KeyType, PrivateKey};
pub use leaf::{Issued, LeafParams, Profile, Signed, issue, sign_request};
pub use request::{Request, new_request};
pub use san::San;
pub use subject::Subject;

/// A certificate in DER as PEM.
pub fn pem(certificate: &[u8]) -> String {
    pem::block("CERTIFICATE", certificate)
}

/// One day in seconds.
pub const DAY: i64 = 24 * 3600;
/// How long a root CA lives: 10 years.
pub const CA_LIFETIME: i64 = 10 * 365 * DAY;
/// How long an intermediate CA lives: 5 years.
pub const INTERMEDIATE_LIFETIME: i64 = 5 * 365 * DAY;
/// How long a leaf lives: 90 days.
pub const LEAF_LIFETIME: i64 = 90 * DAY;
/// How far "not before" lies in the past, because clocks differ: 5 minutes.
pub const BACKDATE: i64 = 300;
