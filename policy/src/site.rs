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

/// A JSON pointer as people write a field, `spec.rules[0].host`; of an annotation the name alone.
pub fn field(pointer: &str) -> String {
    let mut text = String::new();
    let pointer = pointer
        .strip_prefix("/metadata/annotations")
        .filter(|rest| rest.len() > 1)
        .unwrap_or(pointer);
    for token in pointer.split('/').skip(1) {
        if token.bytes().all(|byte| byte.is_ascii_digit()) {
            text.push_str(&format!("[{token}]"));
            continue;
        }
        if !text.is_empty() {
            text.push('.');
        }
        text.push_str(&token.replace("~1", "/").replace("~0", "~"));
    }
    text
}

/// A repair whose meaning cannot be in doubt and that never lets in anybody new: one value.
#[derive(Clone, Debug, PartialEq)]
pub struct Repair {
    /// The JSON pointer of the value.
    pub pointer: String,
    /// The new value.
    pub value: Value,
}

#[cfg(test)]
mod tests {
    use super::field;

    #[test]
    fn fields_as_people_write_them() {
        assert_eq!(field("/spec/rules/0/host"), "spec.rules[0].host");
        assert_eq!(field("/metadata/annotations/a.b~1c"), "a.b/c");
        assert_eq!(field("/metadata/annotations"), "metadata.annotations");
        assert_eq!(field(""), "");
    }
}
