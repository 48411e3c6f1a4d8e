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

pub mod client_auth_policy;
pub mod dialect;
pub mod rule;
pub mod yaml;

mod bundle;
mod check;
mod fact;
mod finding;
mod gateway;
mod host;
mod lookup;
mod object;
mod secret_ref;
mod server;
pub mod settings;
mod shape;
mod site;
mod store;
mod subject;
mod trust;
mod view;
mod vouch;
mod weigh;
mod work;

pub use bundle::Bundle;
pub use check::{HostReport, Report, check_host, check_remarks, report};
pub use fact::{
    Credential, Demand, Depth, Filter, Harm, Malformed, Matching, Mode, ObjectFacts, OptionTarget,
    OptionUse, PlainHttp, Protocol, Remark, RemarkKind, Route, TlsOption, TrustRef,
};
pub use finding::{Finding, Severity};
pub use gateway::{Gateway, HostKey};
pub use host::{Admits, Because, Door, Fallback, Host, OptionState, Verdict};
pub use lookup::{Lookup, Seen};
pub use object::{Object, ObjectRef, SecretRef, Unreadable};
pub use settings::{GatewayConfig, Settings, assume};
pub use site::{Repair, Site, field};
pub use store::Facts;
pub use trust::{TrustState, TrustUse};
pub use view::View;
pub use vouch::{Library, Trusted, Useless, Worth};

/// The annotation that silences rules for an object, in `lint` alone.
pub const IGNORE: &str = "kubectl-mtls.github.io/ignore";

/// The label that marks what this project writes.
pub const MANAGED_BY: &str = "kubectl-mtls";
