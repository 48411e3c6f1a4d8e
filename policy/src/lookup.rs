//! What is known of a named object, and how much was seen of its kind.

/// The answer when a named object is looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lookup<T> {
    /// It is there.
    Found(T),
    /// It is not there.
    Missing,
    /// It was not seen; the name of what was not seen, or why.
    Unknown(String),
}

/// How much of a kind was seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Seen {
    /// Everything: what was not seen does not exist.
    All,
    /// Some files: what is named and was not seen may exist.
    #[default]
    Some,
    /// Reading was refused, with the reason.
    Forbidden(String),
}
