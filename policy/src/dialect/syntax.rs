//! The form that single fields must have, as data: what can be told from one object, whatever else
//! is there. The admission policies of the API server are generated from these tables; their lists
//! of words are those by which a dialect reads, and a test holds the forms against what it reads.

use std::collections::HashSet;

use serde_json::Value;

use super::Kind;
use crate::fact::Harm;
use crate::settings::class_of;
use crate::{Object, ObjectRef};

/// A form that a field must have.
pub struct Syntax {
    /// Names it within its dialect.
    pub id: &'static str,
    /// The rule that says the same.
    pub rule: &'static str,
    /// What follows where it is not kept: refused, or only warned of.
    pub harm: Harm,
    /// The kinds of objects; those without an API group of their own belong to the class.
    pub kinds: &'static [Kind],
    /// Where it must be kept, beside what `place` says.
    pub when: &'static [When],
    /// The field.
    pub place: Place,
    /// What it must be.
    pub form: Form,
    /// What is wrong otherwise.
    pub message: &'static str,
}

/// Where a value stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The annotation with this name; an empty one counts as none.
    Annotation(&'static str),
    /// The names of all annotations that begin so; what follows is the value.
    Names(&'static str),
    /// A text below `spec`.
    Text(&'static [&'static str]),
    /// A number below `spec`.
    Number(&'static [&'static str]),
    /// A list of texts below `spec`.
    List(&'static [&'static str]),
    /// A section below `spec`.
    Section(&'static [&'static str]),
}

/// What a value must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// One of these words, blanks around it aside.
    OneOf(&'static [&'static str]),
    /// Up to the first dot or bracket one of these words, in any case.
    Headed(&'static [&'static str]),
    /// The word `true`, in any case.
    True,
    /// It begins so.
    Begins(&'static str),
    /// `namespace/name`, blanks around it aside.
    Reference,
    /// Unless it is no reference at all: one to the object's own namespace.
    OwnNamespace,
    /// More than blanks.
    NotBlank,
    /// No number below 0; words are no numbers.
    NotNegative,
    /// Each item once.
    Distinct,
    /// It is there.
    Present,
    /// It is not there.
    Absent,
    /// `name@provider` or the word `default`; with this provider the name is of one part, and not
    /// `default`.
    Qualified(&'static str),
}

/// Where a form must be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// An annotation says more than blanks.
    Says(&'static str),
    /// There is no such annotation.
    Lacks(&'static str),
    /// Some rule of an Ingress has paths.
    Serves,
    /// An annotation is none of these words.
    Not(&'static str, &'static [&'static str]),
    /// A field below `spec` is there.
    Has(&'static [&'static str]),
    /// A field below `spec` is one of these words.
    Is(&'static [&'static str], &'static [&'static str]),
}

impl Syntax {
    /// Whether it is about objects that belong to a class, as those of a kind that gateways share.
    pub fn is_of_class(&self) -> bool {
        self.kinds.contains(&super::INGRESS)
    }

    /// Whether the object breaks it; `serves` tells whether a class is this gateway's.
    pub fn is_broken_by(&self, object: &Object, serves: impl Fn(&str) -> bool) -> bool {
        let ours = || !self.is_of_class() || class_of(object).is_some_and(serves);
        self.is_about(&object.id)
            && ours()
            && self.when.iter().all(|when| when.holds(object))
            && self.place.is_broken(self.form, object)
    }

    fn is_about(&self, object: &ObjectRef) -> bool {
        self.kinds.iter().any(|kind| kind.is(object))
    }
}

impl Place {
    fn is_broken(self, form: Form, object: &Object) -> bool {
        let broken = |text: &str| !form.accepts(text, &object.id.namespace);
        match self {
            Self::Annotation(name) if form == Form::NotBlank => {
                object.annotation(name).is_some_and(broken)
            }
            Self::Annotation(name) => match object.annotation(name).filter(|text| said(text)) {
                Some(text) => form == Form::Absent || broken(text),
                None => form == Form::Present,
            },
            Self::Names(prefix) => {
                let mut names = object.annotations.keys();
                names.any(|name| name.strip_prefix(prefix).is_some_and(broken))
            }
            Self::Text(path) | Self::Number(path) | Self::List(path) | Self::Section(path) => {
                !form.accepts_value(field(object, path))
            }
        }
    }
}

impl Form {
    /// Whether a text is of the form, in an object of a namespace.
    pub(super) fn accepts(self, text: &str, namespace: &str) -> bool {
        let trimmed = text.trim();
        match self {
            Self::OneOf(words) => words.contains(&trimmed),
            Self::Headed(words) => words.contains(&&*head(text).to_lowercase()),
            Self::True => text.eq_ignore_ascii_case("true"),
            Self::Begins(beginning) => text.starts_with(beginning),
            Self::Reference => parts(trimmed).is_some(),
            Self::OwnNamespace => parts(trimmed).is_none_or(|(of, _)| of == namespace),
            Self::NotBlank => !trimmed.is_empty(),
            Self::NotNegative => !text.parse::<i64>().is_ok_and(|number| number < 0),
            Self::Qualified(provider) => is_qualified(text, provider),
            Self::Distinct | Self::Present | Self::Absent => true,
        }
    }

    /// Whether a field is of the form; of a list each item must be.
    pub(super) fn accepts_value(self, value: &Value) -> bool {
        match value {
            Value::Null => self != Self::Present,
            Value::Array(items) if self == Self::Distinct => {
                let mut seen = HashSet::new();
                items.iter().all(|item| seen.insert(item))
            }
            Value::Array(items) if self == Self::Present => !items.is_empty(),
            Value::Array(items) => items.iter().all(|item| self.accepts_value(item)),
            Value::String(text) if text.is_empty() => self != Self::Present,
            Value::String(text) => self.accepts(text, ""),
            Value::Number(number) => self.accepts(&number.to_string(), ""),
            Value::Bool(_) | Value::Object(_) => true,
        }
    }
}

impl When {
    fn holds(self, object: &Object) -> bool {
        match self {
            Self::Says(name) => object.annotation(name).is_some_and(said),
            Self::Lacks(name) => object.annotation(name).is_none(),
            Self::Serves => {
                let rules = object.spec["rules"].as_array().into_iter().flatten();
                rules
                    .into_iter()
                    .any(|rule| rule["http"]["paths"].is_array())
            }
            Self::Not(name, words) => {
                let word = object.annotation(name);
                word.is_none_or(|word| !words.contains(&word))
            }
            Self::Has(path) => !field(object, path).is_null(),
            Self::Is(path, words) => {
                let word = field(object, path).as_str();
                word.is_some_and(|word| words.contains(&word))
            }
        }
    }
}

fn said(text: &str) -> bool {
    !text.trim().is_empty()
}

fn field<'a>(object: &'a Object, path: &[&str]) -> &'a Value {
    path.iter().fold(&object.spec, |value, name| &value[*name])
}

/// Exactly two parts, neither of them empty.
pub(super) fn parts(text: &str) -> Option<(&str, &str)> {
    let (namespace, name) = text.split_once('/')?;
    let whole = !namespace.is_empty() && !name.is_empty() && !name.contains('/');
    whole.then_some((namespace, name))
}

/// A name up to its first dot or bracket.
pub(super) fn head(name: &str) -> &str {
    name.split(['.', '[']).next().unwrap_or(name)
}

fn is_qualified(text: &str, own: &str) -> bool {
    match text.split_once('@') {
        None => text == "default",
        Some((name, provider)) if provider == own => {
            name != "default" && !name.contains(['/', ' '])
        }
        Some(_) => true,
    }
}
