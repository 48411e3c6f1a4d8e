//! A place in an object, and what may be put there.

use std::sync::Arc;

use serde_json::Value;

use crate::object::ObjectRef;

/// A place in an object.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Site {
    /// The object.
    pub object: Arc<ObjectRef>,
    /// A JSON pointer (RFC 6901) into it.
    pub pointer: String,
}

impl Site {
    /// A place in an object.
    pub fn new(object: &Arc<ObjectRef>, pointer: impl Into<String>) -> Self {
        Self {
            object: Arc::clone(object),
            pointer: pointer.into(),
        }
    }
}

/// A repair whose meaning cannot be in doubt and that never lets in anybody new: one value.
#[derive(Clone, Debug, PartialEq)]
pub struct Repair {
    /// The JSON pointer of the value.
    pub pointer: String,
    /// The new value.
    pub value: Value,
}
