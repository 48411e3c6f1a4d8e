//! Names that nothing in the controller reads or reports: misspelt ones, and wrong prefixes.

use super::PREFIX;
use super::syntax::KNOWN;
use super::values::{self, Ingress};
use crate::fact::{Harm, Remark, RemarkKind};
use crate::object::annotation_pointer;

/// Prefixes that other controllers use, or that this one once used.
const WRONG_PREFIXES: [&str; 3] = ["ingress.kubernetes.io/", "nginx.org/", "nginx.com/"];

impl Ingress<'_> {
    /// Unknown names and wrong prefixes among the annotations about client certificates.
    pub(super) fn misspelt(&self) -> Vec<Remark> {
        let harm = match self.value("auth-tls-secret") {
            Some(_) => Harm::Harmless,
            None => Harm::Opens,
        };
        let remark = |key: &String| {
            let (message, hint) = self.complaint(key)?;
            let site = self.at(&annotation_pointer(key));
            Some(values::remark(
                site,
                RemarkKind::NoEffect,
                harm,
                &message,
                &hint,
            ))
        };
        self.object.annotations.keys().filter_map(remark).collect()
    }

    /// What is wrong with a name, and what to do.
    fn complaint(&self, key: &str) -> Option<(String, String)> {
        let prefix = &self.controller.prefix;
        if let Some(suffix) = key.strip_prefix(prefix.as_str()) {
            let unknown = suffix.starts_with("auth-tls") && !KNOWN.contains(&suffix);
            return unknown.then(|| {
                (
                    format!("{suffix} is no annotation of ingress-nginx, which ignores it"),
                    format!("did you mean {prefix}{}?", nearest(suffix)),
                )
            });
        }
        let wrong = WRONG_PREFIXES
            .iter()
            .find_map(|prefix| key.strip_prefix(prefix));
        let usual = || {
            key.strip_prefix(PREFIX)
                .filter(|_| !self.controller.has_usual_prefix())
        };
        let suffix = wrong
            .or_else(usual)
            .filter(|suffix| suffix.starts_with("auth-tls"))?;
        Some((
            format!("{key} has the wrong prefix: ingress-nginx ignores it"),
            format!("write {prefix}{suffix}"),
        ))
    }
}

/// The known name that shares most with a misspelt one.
fn nearest(suffix: &str) -> &'static str {
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
    KNOWN
        .iter()
        .max_by_key(shared)
        .copied()
        .unwrap_or("auth-tls-secret")
}
