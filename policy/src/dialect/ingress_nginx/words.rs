//! Names that nothing in the controller reads or reports: misspelt ones, and wrong prefixes.

use super::PREFIX;
use crate::Object;
use crate::fact::{Harm, Remark, RemarkKind};
use crate::object::annotation_pointer;
use crate::site::Site;

/// The annotations about client certificates that the controller knows.
pub(super) const KNOWN: [&str; 6] = [
    "auth-tls-error-page",
    "auth-tls-match-cn",
    "auth-tls-pass-certificate-to-upstream",
    "auth-tls-secret",
    "auth-tls-verify-client",
    "auth-tls-verify-depth",
];

/// Prefixes that other controllers use, or that this one once used.
const WRONG_PREFIXES: [&str; 3] = ["ingress.kubernetes.io/", "nginx.org/", "nginx.com/"];

/// Unknown names and wrong prefixes among the annotations about client certificates.
pub(super) fn remarks(object: &Object) -> Vec<Remark> {
    let demand = object.annotation(&format!("{PREFIX}auth-tls-secret"));
    let harm = match demand.is_some_and(|value| !value.is_empty()) {
        true => Harm::Harmless,
        false => Harm::Opens,
    };
    let remark = |key: &String| {
        let (message, hint) = complaint(key)?;
        Some(Remark {
            site: Site::new(&object.id, annotation_pointer(key)),
            kind: RemarkKind::NoEffect,
            harm,
            message,
            hint,
            repair: None,
        })
    };
    object.annotations.keys().filter_map(remark).collect()
}

/// What is wrong with a name, and what to do.
fn complaint(key: &str) -> Option<(String, String)> {
    if let Some(suffix) = key.strip_prefix(PREFIX) {
        let unknown = suffix.starts_with("auth-tls") && !KNOWN.contains(&suffix);
        return unknown.then(|| {
            (
                format!("{suffix} is no annotation of ingress-nginx, which ignores it"),
                format!("did you mean {}?", nearest(suffix)),
            )
        });
    }
    let suffix = WRONG_PREFIXES
        .iter()
        .find_map(|prefix| key.strip_prefix(prefix));
    let suffix = suffix.filter(|suffix| suffix.starts_with("auth-tls"))?;
    Some((
        format!("{key} has the wrong prefix: ingress-nginx ignores it"),
        format!("write {PREFIX}{suffix}"),
    ))
}

/// The known name that shares most with a misspelt one.
fn nearest(suffix: &str) -> String {
    let words = |name: &str| name.split('-').map(str::to_owned).collect::<Vec<_>>();
    let wanted = words(suffix);
    let shared = |known: &&&str| {
        let common = words(known)
            .iter()
            .filter(|word| wanted.contains(word))
            .count();
        let prefix = known
            .chars()
            .zip(suffix.chars())
            .take_while(|(a, b)| a == b)
            .count();
        (common, prefix)
    };
    let best = KNOWN
        .iter()
        .max_by_key(shared)
        .copied()
        .unwrap_or("auth-tls-secret");
    format!("{PREFIX}{best}")
}
