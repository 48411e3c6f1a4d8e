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
    /// Whether a name is an exact one that this wildcard covers; `*` covers every host.
    pub fn covers(&self, host: &str) -> bool {
        let Some(parent) = self.host.strip_prefix('*') else {
            return false;
        };
        let label = host.strip_suffix(parent);
        !host.starts_with('*')
            && label.is_some_and(|label| parent.is_empty() || !label.contains('.'))
    }

    /// The wildcard that covers an exact name, `*.parent`.
    pub fn wildcard(&self) -> Option<Self> {
        let (_, parent) = self.host.split_once('.')?;
        (!self.host.starts_with('*')).then(|| Self {
            gateway: Arc::clone(&self.gateway),
            host: format!("*.{parent}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wildcard_covers_one_label() {
        let key = |host: &str| HostKey {
            gateway: Arc::new(Gateway {
                dialect: "apisix",
                instance: String::new(),
            }),
            host: host.to_owned(),
        };
        assert!(key("*.example.com").covers("api.example.com"));
        assert!(!key("*.example.com").covers("a.b.example.com"));
        assert!(!key("*.example.com").covers("example.com"));
        assert!(key("*").covers("api.example.com") && !key("*").covers("*.example.com"));
        assert!(!key("api.example.com").covers("api.example.com"));
    }
}
