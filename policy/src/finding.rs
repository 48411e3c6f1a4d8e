//! What a rule has to say about a place.

use std::fmt;
use std::sync::Arc;

use crate::object::ObjectRef;
use crate::site::{Repair, Site};

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Good to know.
    Info,
    /// Probably not meant.
    Warning,
    /// A host is open or out of service, or a secret is at risk.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

/// One sin at one place.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// The rule's id.
    pub rule: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// The object and the field.
    pub site: Site,
    /// What is wrong, one sentence without a full stop.
    pub message: String,
    /// What to do.
    pub hint: String,
    /// A repair, where there is one beyond doubt.
    pub repair: Option<Repair>,
}

impl Finding {
    /// The object at fault.
    pub fn object(&self) -> &Arc<ObjectRef> {
        &self.site.object
    }

    /// What makes two findings the same sin: rule and place.
    pub fn key(&self) -> (&'static str, &Site) {
        (self.rule, &self.site)
    }
}
