//! The CAs that hosts trust, the first to end first.

use std::collections::{BTreeMap, BTreeSet};

use policy::HostReport;

use crate::output::printable;
use crate::validity::{day, left};

/// A CA that ends within this many seconds needs somebody, as the rule `expiring-ca` has it.
const SOON: i64 = 30 * 24 * 3600;

/// A CA.
pub(super) struct Authority {
    pub(super) subject: String,
    pub(super) key: String,
    pub(super) until: String,
    pub(super) left: String,
    /// `ended`, `soon` or nothing.
    pub(super) state: &'static str,
    /// Where it stands.
    pub(super) places: String,
    /// How many hosts trust it.
    pub(super) hosts: usize,
    pub(super) fingerprint: String,
}

/// One certificate, and who trusts it from where.
struct Use<'a> {
    certificate: &'a x509::Certificate,
    places: BTreeSet<&'a str>,
    hosts: usize,
}

/// Every CA once, whichever Secrets hold it.
pub(super) fn authorities(hosts: &[HostReport], now: i64) -> Vec<Authority> {
    let mut uses: BTreeMap<(i64, String), Use<'_>> = BTreeMap::new();
    for host in hosts {
        let mut of_host = BTreeSet::new();
        for used in &host.host.trust {
            for certificate in used.anchors() {
                let key = (certificate.not_after, certificate.fingerprint_hex());
                let one = uses.entry(key.clone()).or_insert_with(|| Use {
                    certificate,
                    places: BTreeSet::new(),
                    hosts: 0,
                });
                one.places.insert(&used.reference.spelt);
                one.hosts += usize::from(of_host.insert(key));
            }
        }
    }
    uses.into_iter()
        .map(|((end, fingerprint), used)| authority(&used, end, fingerprint, now))
        .collect()
}

fn authority(used: &Use<'_>, end: i64, fingerprint: String, now: i64) -> Authority {
    let places: Vec<_> = used.places.iter().copied().collect();
    Authority {
        subject: printable(&used.certificate.subject),
        key: used.certificate.key.to_string(),
        until: day(end),
        left: left(now, end),
        state: match end.saturating_sub(now) {
            left if left <= 0 => "ended",
            left if left < SOON => "soon",
            _ => "",
        },
        places: printable(&places.join(", ")),
        hosts: used.hosts,
        fingerprint,
    }
}
