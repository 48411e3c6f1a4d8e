//! Kinds that may not be listed, told once and together.

use std::collections::BTreeSet;

use crate::problem::say;

/// What was refused.
#[derive(Default)]
pub(super) struct Unlisted {
    /// In every namespace.
    pub(super) everywhere: BTreeSet<&'static str>,
    /// In all namespaces but one.
    pub(super) elsewhere: BTreeSet<&'static str>,
}

impl Unlisted {
    /// Says so, and what follows from it.
    pub(super) fn say(&self, namespace: Option<&str>) {
        let names = |kinds: &BTreeSet<&str>| {
            let names: Vec<_> = kinds.iter().copied().collect();
            names.join(", ")
        };
        let first = self.everywhere.first().or(self.elsewhere.first());
        if let Some(namespace) = namespace.filter(|_| !self.elsewhere.is_empty()) {
            let text = format!(
                "of other namespaces than {namespace} these may not be listed, and can open its hosts too: {}",
                names(&self.elsewhere)
            );
            say("warning", &text);
        }
        if !self.everywhere.is_empty() {
            let text = format!(
                "forbidden, and what rests on it stays unknown: {} cannot be listed",
                names(&self.everywhere)
            );
            say("warning", &text);
        }
        if let Some(plural) = first {
            say(
                "hint",
                &format!("`kubectl auth can-i list {plural} -A` asks what you may do"),
            );
        }
    }
}
