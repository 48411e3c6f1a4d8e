//! What a Secret or ConfigMap with client CAs holds, and what a gateway makes of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::fact::TrustRef;
use crate::{Lookup, Object, ObjectRef};

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

/// What a gateway makes of a CA reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TrustState {
    /// It uses the certificates under this key.
    Usable {
        /// The data key that it reads.
        key: &'static str,
    },
    /// It finds no CA in the Secret and asks nobody for a certificate.
    NoDemand(String),
    /// It cannot use the Secret, and refuses everybody.
    Unusable(String),
    /// It skips the reference.
    Skipped(String),
}

/// A CA reference and what it came to.
#[derive(Clone, Debug)]
pub struct TrustUse {
    /// The reference.
    pub reference: TrustRef,
    /// The Secret.
    pub found: Lookup<Arc<Bundle>>,
    /// What the gateway makes of it; `None` where it was not found or not looked up.
    pub state: Option<TrustState>,
    /// What follows when the Secret is missing or of no use, for messages.
    pub consequence: &'static str,
}

impl TrustUse {
    /// The certificates that the gateway trusts through this reference.
    pub fn anchors(&self) -> &[x509::Certificate] {
        let (Lookup::Found(bundle), Some(TrustState::Usable { key })) = (&self.found, &self.state)
        else {
            return &[];
        };
        bundle
            .certificates(key)
            .map_or(&[], |bundle| &bundle.certificates)
    }
}
