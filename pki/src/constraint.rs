//! Name constraints of a CA (RFC 5280 section 4.2.1.10): which names it may speak for.

use std::net::IpAddr;

use rcgen::CustomExtension;

use crate::der::{element, sequence};
use crate::{Error, San};

/// Which names a CA may speak for; of a kind that is not named here, all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Permitted {
    /// Domains with all below them, as `example.com`.
    pub dns: Vec<String>,
    /// Mailboxes, or domains, as `example.com`.
    pub email: Vec<String>,
    /// Hosts in URIs, as `example.com`, or with a dot before for all below.
    pub uri: Vec<String>,
    /// Networks, as `10.0.0.0/8`.
    pub ip: Vec<String>,
}

impl Permitted {
    /// Whether nothing is constrained.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// What a CA may speak for.
    pub(crate) fn of(ca: &x509::Certificate) -> Self {
        let of_kind = |kind: &str| {
            let prefix = format!("permitted {kind}:");
            let trees = ca.name_constraints.iter();
            let names = trees.filter_map(|tree| tree.strip_prefix(prefix.as_str()));
            names.map(str::to_owned).collect::<Vec<_>>()
        };
        let networks = of_kind("IP");
        Self {
            dns: of_kind("DNS"),
            email: of_kind("email"),
            uri: of_kind("URI"),
            ip: networks
                .iter()
                .filter_map(|network| prefixed(network))
                .collect(),
        }
    }

    /// What cannot verify certificates under such a CA.
    pub fn warning(&self) -> Option<&'static str> {
        let names = !self.email.is_empty() || !self.uri.is_empty();
        names.then_some(
            "rustls refuses every e-mail address and URI in certificates below a CA with name constraints",
        )
    }

    /// The extension, critical; `None` where nothing is constrained. rcgen has no URI subtree.
    pub(crate) fn extension(&self) -> Result<Option<CustomExtension>, Error> {
        if self.is_empty() {
            return Ok(None);
        }
        let mut subtrees = Vec::new();
        for (tag, names) in [(0x81, &self.email), (0x82, &self.dns), (0x86, &self.uri)] {
            for name in names {
                subtrees.push(sequence(&[element(tag, text(name)?.as_bytes())]));
            }
        }
        for network in &self.ip {
            subtrees.push(sequence(&[element(0x87, &address(network)?)]));
        }
        let content = subtrees.concat();
        let permitted = element(0xa0, &content);
        let mut extension =
            CustomExtension::from_oid_content(&[2, 5, 29, 30], sequence(&[permitted]));
        extension.set_criticality(true);
        Ok(Some(extension))
    }
}

/// `10.0.0.0/255.0.0.0` as `10.0.0.0/8`.
fn prefixed(network: &str) -> Option<String> {
    let (address, mask) = network.split_once('/')?;
    let bits = match mask.parse().ok()? {
        IpAddr::V4(mask) => mask.to_bits().count_ones(),
        IpAddr::V6(mask) => mask.to_bits().count_ones(),
    };
    Some(format!("{address}/{bits}"))
}

/// A name of visible ASCII.
fn text(name: &str) -> Result<&str, Error> {
    let fits = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic());
    let plain = !name.contains("://") && !name.contains('*');
    match fits && plain {
        true => Ok(name),
        false => Err(Error::BadConstraint(name.to_owned())),
    }
}

/// Address and mask, 8 or 32 octets.
fn address(network: &str) -> Result<Vec<u8>, Error> {
    let bad = || Error::BadConstraint(network.to_owned());
    let (address, prefix) = network.split_once('/').ok_or_else(bad)?;
    let prefix: usize = prefix.parse().map_err(|_| bad())?;
    let octets = match address.parse().map_err(|_| bad())? {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    };
    if prefix > octets.len() * 8 {
        return Err(bad());
    }
    let mask = (0..octets.len()).map(|index| {
        let bits = prefix.saturating_sub(index * 8).min(8);
        u8::try_from(0xff00_u16 >> bits & 0xff).unwrap_or(u8::MAX)
    });
    let mask: Vec<_> = mask.collect();
    let network = octets.iter().zip(&mask).map(|(octet, mask)| octet & mask);
    Ok(network.chain(mask.iter().copied()).collect())
}

/// Refuses names that a CA may not speak for: programs would refuse the certificate.
pub(crate) fn check(ca: &x509::Certificate, sans: &[San]) -> Result<(), Error> {
    for san in sans {
        let kind = format!("{} ", san.kind());
        let of_kind = |side: &str| {
            let prefix = format!("{side} {}:", san.kind());
            let trees = ca.name_constraints.iter();
            let trees = trees.filter_map(move |tree| tree.strip_prefix(prefix.as_str()));
            trees.collect::<Vec<_>>()
        };
        let (permitted, excluded) = (of_kind("permitted"), of_kind("excluded"));
        let inside = |trees: &[&str]| trees.iter().any(|tree| san.is_in(tree));
        if inside(&excluded) || !(permitted.is_empty() || inside(&permitted)) {
            return Err(Error::Constrained {
                ca: ca.subject.clone(),
                name: format!("{kind}{san}"),
                permitted: ca.name_constraints.join(", "),
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn networks_are_masked() {
        assert_eq!(address("10.1.2.3/8").unwrap(), [10, 0, 0, 0, 255, 0, 0, 0]);
        assert_eq!(
            address("10.1.2.3/12").unwrap(),
            [10, 0, 0, 0, 255, 240, 0, 0]
        );
        assert_eq!(address("::1/128").unwrap().len(), 32);
        for bad in ["10.0.0.0", "10.0.0.0/33", "x/8", ""] {
            assert!(address(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn names_are_plain() {
        for bad in ["", "https://a", "*.a", "a b", "ä"] {
            assert!(text(bad).is_err(), "{bad}");
        }
    }
}
