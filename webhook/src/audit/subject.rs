//! The object that something is said of: its uid is not in the index, and is asked for when there
//! is something to say.

use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind};
use policy::{ObjectRef, SecretRef, dialect};
use serde_json::{Value, json};

use crate::state::State;

/// What can be said something of: a namespaced object of a kind that is read.
fn api(state: &State, object: &ObjectRef) -> Option<Api<DynamicObject>> {
    if object.namespace.is_empty() {
        return None;
    }
    let (group, version) = object
        .api_version
        .split_once('/')
        .unwrap_or(("", &object.api_version));
    let gvk = GroupVersionKind::gvk(group, version, &object.kind);
    let plural = match dialect::kind_of(object) {
        Some(kind) => kind.plural,
        None if SecretRef::is_one(object) => SecretRef::of(object).plural(),
        None => return None,
    };
    let resource = ApiResource::from_gvk_with_plural(&gvk, plural);
    let client = state.client.clone();
    Some(Api::namespaced_with(client, &object.namespace, &resource))
}

/// The object's uid, of its metadata alone; `None` when it is gone or going.
///
/// # Errors
/// When it cannot be asked for.
pub(super) async fn uid(state: &State, object: &ObjectRef) -> kube::Result<Option<String>> {
    let Some(api) = api(state, object) else {
        return Ok(None);
    };
    let found = api.get_metadata_opt(&object.name).await?;
    let there = found.filter(|found| found.metadata.deletion_timestamp.is_none());
    Ok(there.and_then(|found| found.metadata.uid))
}

/// An ObjectReference.
pub(super) fn reference(object: &ObjectRef, uid: &str) -> Value {
    json!({"apiVersion": object.api_version, "kind": object.kind, "namespace": object.namespace,
        "name": object.name, "uid": uid})
}

/// A name for something that belongs to an object: short enough, and another one for every object.
pub(super) fn name(prefix: &str, object: &ObjectRef, more: &str) -> String {
    use sha2::Digest as _;
    let whole = format!("{}\n{object}\n{more}", object.api_version);
    let hash = sha2::Sha256::digest(whole.as_bytes());
    let hash: String = hash[..5].iter().map(|byte| format!("{byte:02x}")).collect();
    // Names of objects are ASCII; what is none is no name and is left out.
    let name: String = object
        .name
        .chars()
        .filter(char::is_ascii)
        .take(180)
        .collect();
    let name = name.trim_end_matches(['.', '-']);
    format!("{prefix}{name}.{hash}").to_lowercase()
}

/// A text cut at a number of bytes.
pub(super) fn cut(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    let mut end = most.saturating_sub('…'.len_utf8());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}…", &text[..end])
}

/// The API server says so when something is to be made in a namespace that goes.
pub(super) fn is_going(message: &str) -> bool {
    message.contains("because it is being terminated")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(kind: &str, name: &str) -> ObjectRef {
        ObjectRef {
            api_version: "traefik.io/v1alpha1".to_owned(),
            kind: kind.to_owned(),
            namespace: "shop".to_owned(),
            name: name.to_owned(),
        }
    }

    #[test]
    fn names_are_names_and_differ() {
        let long = "a".repeat(253);
        let own = |object: &ObjectRef| name("mtls-", object, "");
        assert!(own(&object("IngressRoute", &long)).len() < 253);
        let (route, tcp) = (
            object("IngressRoute", "api"),
            object("IngressRouteTCP", "api"),
        );
        assert_ne!(own(&route), own(&tcp));
        assert_eq!(own(&route), own(&route.clone()));
        let mut old = route.clone();
        old.api_version = "traefik.containo.us/v1alpha1".to_owned();
        assert_ne!(own(&route), own(&old));
        assert!(own(&route).starts_with("mtls-api."));
    }

    #[test]
    fn texts_are_cut_between_characters() {
        assert_eq!(cut("short", 10), "short");
        let cut = cut(&"é".repeat(100), 20);
        assert!(cut.len() <= 20 && cut.ends_with("é…"), "{cut}");
    }
}
