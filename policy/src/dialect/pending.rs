//! Objects that will make a Secret: a reference to it is pending, not missing.

use serde_json::Value;

use crate::Object;
use crate::object::SecretRef;

/// Kind, API group, and the field that names the Secret (`None`: the object's own name).
const MAKERS: &[(&str, &str, Option<&str>)] = &[
    ("Certificate", "cert-manager.io", Some("/secretName")),
    (
        "ExternalSecret",
        "external-secrets.io",
        Some("/target/name"),
    ),
    ("SealedSecret", "bitnami.com", None),
];

/// The Secrets that an object will make.
pub(super) fn promises(object: &Object) -> Vec<SecretRef> {
    let makes = |(kind, group, _): &&(&str, &str, Option<&str>)| {
        object.id.kind == *kind && object.id.group() == *group
    };
    let Some((_, _, field)) = MAKERS.iter().find(makes) else {
        return Vec::new();
    };
    let named = field
        .and_then(|field| object.spec.pointer(field))
        .and_then(Value::as_str);
    vec![SecretRef::new(
        &object.id.namespace,
        named.unwrap_or(&object.id.name),
    )]
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    #[test]
    fn a_certificate_promises_its_secret() {
        let object = Object::from_value(&json!({"apiVersion": "cert-manager.io/v1",
            "kind": "Certificate", "metadata": {"name": "a", "namespace": "n"},
            "spec": {"secretName": "s"}}));
        assert_eq!(promises(&object.unwrap()), [SecretRef::new("n", "s")]);
    }
}
