//! Subject alternative names (RFC 5280 section 4.2.1.6), recognised by their form.

use std::fmt;
use std::net::IpAddr;

use crate::Error;

/// A typed subject alternative name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum San {
    /// A host name, perhaps with a wildcard in front.
    Dns(String),
    /// An e-mail address.
    Email(String),
    /// An IP address.
    Ip(IpAddr),
    /// A URI, as `spiffe://…`.
    Uri(String),
}

impl San {
    /// Recognises an IP address, a URI, an e-mail address, and then a DNS name.
    ///
    /// # Errors
    /// When the text is none of them.
    pub fn parse(text: &str) -> Result<Self, Error> {
        if let Ok(address) = text.parse() {
            return Ok(Self::Ip(address));
        }
        let bad = || Error::BadSan(text.to_owned());
        if !text.is_ascii() || text.contains(char::is_whitespace) {
            return Err(bad());
        }
        if text.contains("://") {
            return Ok(Self::Uri(text.to_owned()));
        }
        match text.split_once('@') {
            Some((local, host)) if !local.is_empty() && is_dns(host) => {
                Ok(Self::Email(text.to_owned()))
            }
            None if is_dns(text) => Ok(Self::Dns(text.to_owned())),
            _ => Err(bad()),
        }
    }

    pub(crate) fn to_rcgen(&self) -> Result<rcgen::SanType, Error> {
        let bad = |text: &String| Error::BadSan(text.clone());
        Ok(match self {
            Self::Dns(name) => {
                rcgen::SanType::DnsName(name.as_str().try_into().map_err(|_| bad(name))?)
            }
            Self::Email(name) => {
                rcgen::SanType::Rfc822Name(name.as_str().try_into().map_err(|_| bad(name))?)
            }
            Self::Uri(name) => {
                rcgen::SanType::URI(name.as_str().try_into().map_err(|_| bad(name))?)
            }
            Self::Ip(address) => rcgen::SanType::IpAddress(*address),
        })
    }

    /// The kind, as certificates are printed.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Dns(_) => "DNS",
            Self::Email(_) => "email",
            Self::Uri(_) => "URI",
            Self::Ip(_) => "IP",
        }
    }

    /// Whether it lies in a subtree (RFC 5280 section 4.2.1.10); a network is `ADDRESS/MASK`.
    pub(crate) fn is_in(&self, tree: &str) -> bool {
        let below = |name: &str| name.ends_with(&format!(".{}", tree.trim_start_matches('.')));
        let host = |name: &str| match tree.starts_with('.') {
            true => below(name),
            false => name == tree,
        };
        match self {
            Self::Dns(name) => name == tree || below(name),
            Self::Email(name) if tree.contains('@') => name == tree,
            Self::Email(name) => name.rsplit('@').next().is_some_and(host),
            Self::Uri(uri) => uri_host(uri).is_some_and(host),
            Self::Ip(address) => is_in_network(*address, tree).unwrap_or_default(),
        }
    }
}

impl fmt::Display for San {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns(name) | Self::Email(name) | Self::Uri(name) => f.pad(name),
            Self::Ip(address) => f.pad(&address.to_string()),
        }
    }
}

fn uri_host(uri: &str) -> Option<&str> {
    let (_, rest) = uri.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = authority.rsplit('@').next()?;
    host.split(':').next()
}

fn is_in_network(address: IpAddr, tree: &str) -> Option<bool> {
    let (network, mask) = tree.split_once('/')?;
    let octets = |address| match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    };
    let (address, network) = (octets(address), octets(network.parse().ok()?));
    let mask = octets(mask.parse().ok()?);
    let same = |((a, b), mask): ((&u8, &u8), &u8)| a & mask == b & mask;
    let one_kind = address.len() == network.len();
    Some(one_kind && address.iter().zip(&network).zip(&mask).all(same))
}

/// Labels of letters, digits and dashes; a wildcard is the whole first label.
fn is_dns(name: &str) -> bool {
    let name = name.strip_prefix("*.").unwrap_or(name);
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    };
    name.len() <= 253 && name.split('.').all(label)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn forms_are_told_apart() {
        assert_eq!(
            San::parse("*.a.example").unwrap(),
            San::Dns("*.a.example".into())
        );
        assert_eq!(San::parse("::1").unwrap(), San::Ip("::1".parse().unwrap()));
        assert_eq!(
            San::parse("a@b.example").unwrap(),
            San::Email("a@b.example".into())
        );
        assert_eq!(
            San::parse("spiffe://x/y").unwrap(),
            San::Uri("spiffe://x/y".into())
        );
        for bad in ["", "a b", "-a", "@b", "a..b", "ä.example"] {
            assert!(San::parse(bad).is_err(), "{bad}");
        }
    }
}
