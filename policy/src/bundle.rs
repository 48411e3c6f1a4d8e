//! What a Secret or ConfigMap with client CAs holds.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::object::{Object, ObjectRef};

/// The certificates in a Secret or ConfigMap, key by key. Never a private key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bundle {
    /// The Secret or ConfigMap.
    pub object: Arc<ObjectRef>,
    /// Every data key; those that hold certificates with what was read of them.
    pub keys: BTreeMap<String, Option<x509::Bundle>>,
}

impl Bundle {
    /// Reads the data of a Secret or ConfigMap.
    pub fn read(object: &Object) -> Self {
        let read = |value: &Option<Vec<u8>>| value.as_deref().map(x509::read_bundle);
        let keys = object
            .data
            .iter()
            .map(|(key, value)| (key.clone(), read(value)))
            .collect();
        Self {
            object: Arc::clone(&object.id),
            keys,
        }
    }

    /// Whether a data key exists, whatever it holds.
    pub fn has(&self, key: &str) -> bool {
        self.keys.contains_key(key)
    }

    /// What stands under a certificate key; `None` where the key is absent.
    pub fn certificates(&self, key: &str) -> Option<&x509::Bundle> {
        self.keys.get(key)?.as_ref()
    }
}
