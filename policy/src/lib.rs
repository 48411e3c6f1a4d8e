//! What is right: how each gateway reads client-certificate settings, what a stranger then meets
//! at a host, and which settings are sins.
//!
//! The crate is a calculation. It has no clock, file, network, log, environment or async; time and
//! objects are arguments. Bad input is data: reading an object never fails half-way, what cannot
//! be read becomes a [`Remark`] at its place.
//!
//! ```text
//! Object ─ dialect::read ─► ObjectFacts ─► Facts ─ dialect::settle ─► Host ─ rule ─► Finding
//! ```
#![warn(missing_docs)]

pub mod dialect;
pub mod rule;

mod check;
mod fact;
mod finding;
mod host;
mod object;
mod settings;
mod store;
mod trust;

pub use check::{HostReport, Report, check_host, check_remarks, report};
pub use fact::{
    Demand, Filter, Harm, Malformed, Mode, ObjectFacts, OptionTarget, OptionUse, PlainHttp,
    Protocol, Remark, RemarkKind, Route, Site, TlsOption, TrustRef,
};
pub use finding::{Finding, Repair, Severity};
pub use host::{Admits, Because, Door, Fallback, Gateway, Host, HostKey, OptionState, Verdict};
pub use object::{Object, ObjectRef, SecretRef, Unreadable};
pub use settings::{GatewayConfig, Settings};
pub use store::{Facts, Lookup, Seen, View};
pub use trust::{Bundle, TrustState, TrustUse};

/// The label that marks what this project writes.
pub const MANAGED_BY: &str = "kubectl-mtls";
