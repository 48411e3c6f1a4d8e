//! A reference to what holds the client CAs.

use std::fmt;

use crate::object::ObjectRef;

/// The namespace and name of a Secret, or of a ConfigMap, that somebody refers to.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SecretRef {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Whether it is a ConfigMap.
    pub is_config_map: bool,
}

impl SecretRef {
    /// A reference from its two parts.
    pub fn new(namespace: &str, name: &str) -> Self {
        Self {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            is_config_map: false,
        }
    }

    /// A reference to a ConfigMap.
    pub fn config_map(namespace: &str, name: &str) -> Self {
        Self {
            is_config_map: true,
            ..Self::new(namespace, name)
        }
    }

    /// The kind that it refers to.
    pub fn kind(&self) -> &'static str {
        match self.is_config_map {
            true => "ConfigMap",
            false => "Secret",
        }
    }

    /// The resource name in URLs.
    pub fn plural(&self) -> &'static str {
        match self.is_config_map {
            true => "configmaps",
            false => "secrets",
        }
    }

    /// Whether an object is one that can be referred to like this.
    pub fn is_one(object: &ObjectRef) -> bool {
        object.api_version == "v1" && ["ConfigMap", "Secret"].contains(&object.kind.as_str())
    }

    /// The reference by which an object can be referred to.
    pub fn of(object: &ObjectRef) -> Self {
        Self {
            is_config_map: object.kind == "ConfigMap",
            ..Self::new(&object.namespace, &object.name)
        }
    }

    /// The object it refers to.
    pub fn object(&self) -> ObjectRef {
        ObjectRef {
            api_version: "v1".to_owned(),
            kind: self.kind().to_owned(),
            namespace: self.namespace.clone(),
            name: self.name.clone(),
        }
    }
}

impl fmt::Display for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}
