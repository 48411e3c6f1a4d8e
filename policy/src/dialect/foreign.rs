//! Settings in the words of a gateway that does not serve the object.

use super::{DIALECTS, Dialect};
use crate::Object;
use crate::fact::{Harm, Remark, RemarkKind};
use crate::site::Site;

/// Settings in another gateway's words, which this one does not read.
pub(super) fn words(object: &Object, dialect: &Dialect) -> Vec<Remark> {
    let others = DIALECTS.iter().filter(|other| other.id != dialect.id);
    let prefixes: Vec<_> = others
        .map(|other| (other.client_auth_prefix, other.name))
        .collect();
    let foreign = object.annotations.keys().filter_map(|key| {
        let (_, name) = prefixes
            .iter()
            .find(|(prefix, _)| key.starts_with(prefix))?;
        Some((key, *name))
    });
    foreign
        .map(|(key, name)| word(object, dialect, key, name))
        .collect()
}

fn word(object: &Object, dialect: &Dialect, key: &str, name: &str) -> Remark {
    Remark {
        site: Site::new(&object.id, crate::object::annotation_pointer(key)),
        kind: RemarkKind::NoEffect,
        harm: Harm::Opens,
        message: format!(
            "{key} is an annotation of {name}; {} does not read it",
            dialect.name
        ),
        hint: format!(
            "say it in the words of {}: `kubectl mtls protect ingress/{} -n {} --trust SECRET`",
            dialect.name, object.id.name, object.id.namespace
        ),
        repair: None,
    }
}
