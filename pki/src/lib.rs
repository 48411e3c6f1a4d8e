//! Certificates and keys in three steps: parameters, signed by an issuer, serialised
//! (RFC 5280). ECDSA P-256 throughout; time is an argument, Unix seconds.
#![warn(missing_docs)]

mod authority;
mod error;
pub mod export;
mod key;
mod leaf;
mod san;

pub use authority::{Authority, CaParams, create_root};
pub use error::Error;
pub use key::PrivateKey;
pub use leaf::{Issued, LeafParams, Profile, issue};
pub use san::San;

/// One day in seconds.
pub const DAY: i64 = 24 * 3600;
/// How long a root CA lives: 10 years.
pub const CA_LIFETIME: i64 = 10 * 365 * DAY;
/// How long a leaf lives: 90 days.
pub const LEAF_LIFETIME: i64 = 90 * DAY;
/// How far "not before" lies in the past, because clocks differ: 5 minutes.
pub const BACKDATE: i64 = 300;
