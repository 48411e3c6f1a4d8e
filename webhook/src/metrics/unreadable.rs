//! Objects that are there and cannot be read: what they say is unknown until somebody mends them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use policy::ObjectRef;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::registry::Registry;

use super::gauges;

/// Which they are, by kind. A kind of which anything was seen stays, so that its gauge can be zero.
#[derive(Default)]
pub(crate) struct Unreadable(Mutex<BTreeMap<&'static str, BTreeSet<ObjectRef>>>);

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct OfKind {
    kind: &'static str,
}

impl Unreadable {
    /// An object cannot be read. Whether that is news.
    pub(crate) fn insert(&self, kind: &'static str, id: &ObjectRef) -> bool {
        self.known().entry(kind).or_default().insert(id.clone())
    }

    /// An object is gone, or can be read.
    pub(crate) fn remove(&self, kind: &'static str, id: &ObjectRef) {
        self.known().entry(kind).or_default().remove(id);
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        let known = self.known();
        let counts = known.iter().map(|(kind, objects)| {
            let count = i64::try_from(objects.len()).unwrap_or(i64::MAX);
            (OfKind { kind }, count)
        });
        registry.register(
            "unreadable_objects",
            "Objects of the cluster that cannot be read and are passed over",
            gauges(counts),
        );
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<&'static str, BTreeSet<ObjectRef>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
