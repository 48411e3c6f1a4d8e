//! Who serves, and under which name.

use std::sync::Arc;

/// One gateway instance.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Gateway {
    /// The dialect's id.
    pub dialect: &'static str,
    /// The class or controller.
    pub instance: String,
}

/// One host of one gateway instance.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HostKey {
    /// Who serves it.
    pub gateway: Arc<Gateway>,
    /// The name in lower case, `*.x`, or `*`.
    pub host: String,
}

impl HostKey {
    /// The wildcard that covers an exact name, `*.parent`.
    pub fn wildcard(&self) -> Option<Self> {
        let (_, parent) = self.host.split_once('.')?;
        (!self.host.starts_with('*')).then(|| Self {
            gateway: Arc::clone(&self.gateway),
            host: format!("*.{parent}"),
        })
    }
}
