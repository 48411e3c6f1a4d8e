//! A subject (RFC 5280 section 4.1.2.6): a common name, and perhaps an organisation.

use std::fmt;

use rcgen::{DistinguishedName, DnType};

use x509_parser::objects::{oid_registry, oid2abbrev};
use x509_parser::x509::X509Name;

use crate::Error;

/// The attributes that can be given, each once, in the order in which they are written.
const ATTRIBUTES: [(&str, DnType); 6] = [
    ("C", DnType::CountryName),
    ("ST", DnType::StateOrProvinceName),
    ("L", DnType::LocalityName),
    ("O", DnType::OrganizationName),
    ("OU", DnType::OrganizationalUnitName),
    ("CN", DnType::CommonName),
];

/// Upper bound of each value (RFC 5280, appendix A: ub-common-name and its like).
const LONGEST: usize = 64;

/// A subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject(Vec<(usize, String)>);

impl Subject {
    /// A common name alone.
    pub fn common_name(name: &str) -> Self {
        Self(vec![(ATTRIBUTES.len() - 1, name.to_owned())])
    }

    /// `CN=alice,O=Acme,OU=Sales`; a comma in a value is written `\,`.
    ///
    /// # Errors
    /// When an attribute is unknown, stands twice, or has no value.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let bad = |reason: String| Error::BadSubject(text.to_owned(), reason);
        let mut found: Vec<(usize, String)> = Vec::new();
        for part in split(text) {
            let (key, value) = part
                .split_once('=')
                .ok_or_else(|| bad(format!("{part:?} has no =")))?;
            let key = key.trim();
            let index = ATTRIBUTES
                .iter()
                .position(|(known, _)| known.eq_ignore_ascii_case(key))
                .ok_or_else(|| bad(format!("{key:?} is none of C, ST, L, O, OU and CN")))?;
            if found.iter().any(|(known, _)| *known == index) {
                return Err(bad(format!("{key} stands twice")));
            }
            found.push((index, value.trim().to_owned()));
        }
        found.sort();
        Ok(Self(found))
    }

    /// The subject that a certificate or a request names.
    ///
    /// # Errors
    /// When it is empty, or has an attribute twice or one that is not known.
    pub(crate) fn of(name: &X509Name<'_>) -> Result<Self, Error> {
        let bad = |reason: &str| Error::BadSubject(name.to_string(), reason.to_owned());
        let mut found = Vec::new();
        for attribute in name.iter_attributes() {
            let key = oid2abbrev(attribute.attr_type(), oid_registry());
            let key = key.map_err(|_| bad("an attribute is not known"))?;
            let index = ATTRIBUTES.iter().position(|(known, _)| *known == key);
            let index =
                index.ok_or_else(|| bad(&format!("{key} is none of C, ST, L, O, OU and CN")))?;
            if found.iter().any(|(known, _)| *known == index) {
                return Err(bad(&format!("{key} stands twice")));
            }
            let value = attribute.as_str().map_err(|_| bad("a value is no text"))?;
            found.push((index, value.to_owned()));
        }
        match found.is_empty() {
            true => Err(bad("it is empty")),
            false => Ok(Self(found)),
        }
    }

    /// The same with another value of an attribute, as `O`.
    #[must_use]
    pub fn with(mut self, attribute: &str, value: &str) -> Self {
        let index = ATTRIBUTES.iter().position(|(known, _)| *known == attribute);
        if let Some(index) = index {
            self.0.retain(|(known, _)| *known != index);
            self.0.push((index, value.to_owned()));
            self.0.sort();
        }
        self
    }

    /// The common name; empty where there is none.
    pub fn name(&self) -> &str {
        let last = self
            .0
            .iter()
            .find(|(index, _)| *index == ATTRIBUTES.len() - 1);
        last.map_or("", |(_, name)| name)
    }

    pub(crate) fn to_rcgen(&self) -> Result<DistinguishedName, Error> {
        let mut subject = DistinguishedName::new();
        for (index, value) in &self.0 {
            let length = value.chars().count();
            let country = ATTRIBUTES[*index].0 == "C";
            let fits = if country {
                length == 2
            } else {
                (1..=LONGEST).contains(&length)
            };
            if !fits || value.trim().is_empty() || value.chars().any(char::is_control) {
                return Err(Error::BadName(value.clone()));
            }
            subject.push(ATTRIBUTES[*index].1.clone(), value.as_str());
        }
        Ok(subject)
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = self.0.iter().map(|(index, value)| {
            let value = value.replace('\\', "\\\\").replace(',', "\\,");
            format!("{}={value}", ATTRIBUTES[*index].0)
        });
        f.pad(&parts.collect::<Vec<_>>().join(","))
    }
}

/// Parts between commas that have no backslash before them.
fn split(text: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        match char {
            ',' => parts.push(String::new()),
            '\\' => parts
                .last_mut()
                .into_iter()
                .for_each(|part| part.extend(chars.next())),
            char => parts
                .last_mut()
                .into_iter()
                .for_each(|part| part.push(char)),
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn attributes_have_one_order() {
        let one = Subject::parse(r"CN=alice, O=Acme\, Inc.,OU=Sales").unwrap();
        let two = Subject::common_name("alice")
            .with("OU", "Sales")
            .with("O", "Acme, Inc.");
        assert_eq!(one, two);
        assert_eq!(one.name(), "alice");
    }

    #[test]
    fn mistakes_are_named() {
        for (text, words) in [
            ("alice", "has no ="),
            ("X=1", "none of"),
            ("O=a,O=b", "twice"),
        ] {
            let said = Subject::parse(text).unwrap_err().to_string();
            assert!(said.contains(words), "{said}");
        }
        for bad in ["", " ", "a\nb", &"x".repeat(65)] {
            assert!(Subject::common_name(bad).to_rcgen().is_err(), "{bad:?}");
        }
        assert!(Subject::parse("C=Germany").unwrap().to_rcgen().is_err());
    }
}
