//! One Ingress and its annotations, as the controller's parsers read single values.

use std::ops::Bound;

use super::controller::Controller;
use super::syntax::BOOLEANS;
use crate::Object;
use crate::dialect::syntax::parts;
use crate::fact::{Harm, Malformed, Remark, RemarkKind, TrustRef};
use crate::object::{SecretRef, annotation_pointer};
use crate::site::{Repair, Site};

/// An Ingress before the controller that reads it.
pub(super) struct Ingress<'a> {
    pub(super) object: &'a Object,
    pub(super) controller: &'a Controller,
}

impl Ingress<'_> {
    fn name(&self, suffix: &str) -> String {
        format!("{}{suffix}", self.controller.prefix)
    }

    /// An annotation of the controller's, without its name being written out.
    fn annotation(&self, suffix: &str) -> Option<&str> {
        let prefix = self.controller.prefix.as_str();
        let from = (Bound::Included(prefix), Bound::Unbounded);
        let own = self.object.annotations.range::<str, _>(from);
        let mut own = own.map_while(|(name, value)| Some((name.strip_prefix(prefix)?, value)));
        let (_, value) = own.find(|(name, _)| *name == suffix)?;
        Some(value)
    }

    /// An annotation as it stands; an empty one is never validated (`validators.go:241`).
    pub(super) fn raw(&self, suffix: &str) -> Option<&str> {
        self.annotation(suffix).filter(|value| !value.is_empty())
    }

    /// An annotation as the controller reads it: lines trimmed; an empty value is none at all
    /// (`parser/main.go:117-128`).
    pub(super) fn value(&self, suffix: &str) -> Option<&str> {
        let value = self.raw(suffix)?.trim();
        (!value.is_empty()).then_some(value)
    }

    /// Whether an annotation is there at all.
    pub(super) fn has(&self, suffix: &str) -> bool {
        self.annotation(suffix).is_some()
    }

    pub(super) fn site(&self, suffix: &str) -> Site {
        self.at(&annotation_pointer(&self.name(suffix)))
    }

    pub(super) fn at(&self, pointer: &str) -> Site {
        Site::new(&self.object.id, pointer)
    }

    /// `strconv.ParseBool` of the value as it stands; anything else is an error there.
    pub(super) fn boolean(&self, suffix: &str) -> Option<Result<bool, &str>> {
        let value = self.raw(suffix)?;
        Some(parse_bool(value).ok_or(value))
    }

    /// A boolean whose invalid values the controller passes over.
    pub(super) fn switch(&self, suffix: &str) -> Option<bool> {
        self.boolean(suffix).and_then(Result::ok)
    }

    /// Whether it passes the validator, where the controller has them on; `valid` is given the
    /// value without blanks (`ValidateRegex` with `removeSpace`).
    pub(super) fn passes(&self, suffix: &str, valid: impl Fn(&str) -> bool) -> bool {
        let value = self.raw(suffix).filter(|_| self.controller.validates());
        value.is_none_or(|value| valid(&value.replace(' ', "")))
    }

    /// Whether anything here speaks of client certificates, in this or a mistaken spelling.
    pub(super) fn mentions(&self) -> bool {
        let speaks = |key: &String| {
            let suffix = key.rsplit('/').next().unwrap_or(key);
            suffix.starts_with("auth-tls")
        };
        self.object.annotations.keys().any(speaks)
    }

    /// A reference to a Secret in `suffix`, unless it is empty.
    pub(super) fn secret(&self, suffix: &str) -> Option<TrustRef> {
        let spelt = self.value(suffix)?;
        let target = reference(spelt);
        let own = self.object.id.namespace.as_str();
        let foreign = target
            .as_ref()
            .is_ok_and(|target| target.namespace != own && !self.controller.crosses_namespaces());
        let repair = self.repaired(spelt).map(|value| Repair {
            pointer: self.site(suffix).pointer,
            value: value.into(),
        });
        Some(TrustRef {
            site: self.site(suffix),
            spelt: self.raw(suffix).unwrap_or_default().to_owned(),
            target,
            foreign,
            repair,
        })
    }

    /// A bare name can only mean the Ingress' own namespace, a stray blank nothing at all.
    fn repaired(&self, spelt: &str) -> Option<String> {
        let compact: String = spelt.split_whitespace().collect();
        let namespace = self.object.id.namespace.as_str();
        let repaired = match reference(&compact) {
            Ok(_) => compact,
            Err(Malformed::NoNamespace) if !namespace.is_empty() => {
                format!("{namespace}/{compact}")
            }
            Err(_) => return None,
        };
        let plain = |char: char| is_basic(char) && char != ':' && char != '~';
        (repaired != spelt && repaired.chars().all(plain)).then_some(repaired)
    }

    pub(super) fn remark(
        &self,
        suffix: &str,
        kind: RemarkKind,
        harm: Harm,
        message: &str,
        hint: &str,
    ) -> Remark {
        remark(self.site(suffix), kind, harm, message, hint)
    }
}

pub(super) fn remark(
    site: Site,
    kind: RemarkKind,
    harm: Harm,
    message: &str,
    hint: &str,
) -> Remark {
    Remark {
        site,
        kind,
        harm,
        message: message.to_owned(),
        hint: hint.to_owned(),
        repair: None,
    }
}

/// `k8s.ParseNameNS`: exactly two parts (`internal/k8s/main.go:36-43`). An empty part is never
/// found, because the look-up key is the value as it stands.
fn reference(spelt: &str) -> Result<SecretRef, Malformed> {
    match parts(spelt) {
        Some((namespace, name)) => Ok(SecretRef::new(namespace, name)),
        None if spelt.contains('/') => Err(Malformed::WrongParts),
        None => Err(Malformed::NoNamespace),
    }
}

/// `BasicCharsRegex` (`parser/validators.go`).
pub(super) fn is_basic(char: char) -> bool {
    char.is_ascii_alphanumeric() || "-._~/:".contains(char)
}

/// `IsValidRegex`: what server names and regular expressions of paths may hold.
pub(super) fn is_server_name(text: &str) -> bool {
    let fine = |char: char| is_basic(char) || r"^$[](){}*+?|&=\".contains(char);
    text.trim().chars().all(fine)
}

pub(super) fn parse_bool(value: &str) -> Option<bool> {
    let at = BOOLEANS.iter().position(|word| *word == value)?;
    Some(at < BOOLEANS.len() / 2)
}

/// A value for messages, in quotes; of a long one the beginning.
pub(super) fn shown(value: &str) -> String {
    const LONGEST: usize = 80;
    match value.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{:?}…", &value[..end]),
        None => format!("{value:?}"),
    }
}
