//! What a signing Secret holds: the CA that signs, perhaps the next and the previous one, and the
//! revocation lists of all of them.

use std::collections::BTreeSet;

use pki::crl::{CRL_LIFETIME, Revoked};
use pki::{Authority, Crl};
use zeroize::Zeroizing;

use super::{Change, Stored};

/// Where a CA stands in its signing Secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Slot {
    /// Signs.
    Current,
    /// Is trusted already, and signs next.
    Next,
    /// Signed before, and is trusted still.
    Previous,
}

/// In the order in which trust bundles are written.
const SLOTS: [(Slot, &str); 3] = [
    (Slot::Current, "tls"),
    (Slot::Next, "next"),
    (Slot::Previous, "previous"),
];

/// A signing Secret, read.
pub(crate) struct Signing {
    cas: Vec<(Slot, Authority)>,
    lists: Vec<Crl>,
    root_list: String,
}

impl Signing {
    /// Reads the CAs and lists of a signing Secret.
    pub(crate) fn read(stored: &Stored, now: i64) -> anyhow::Result<Self> {
        let mut cas = Vec::new();
        for (slot, prefix) in SLOTS {
            let there = stored.keys().any(|key| key == format!("{prefix}.crt"));
            // A previous CA may have expired; it signs nothing more.
            match stored.authority(prefix, now) {
                Ok(ca) => cas.push((slot, ca)),
                Err(error) if slot == Slot::Current || there && slot == Slot::Next => {
                    return Err(error);
                }
                Err(_) => {}
            }
        }
        let text = |key: &str| stored.text(key).map(|text| text.to_string());
        Ok(Self {
            cas,
            lists: pki::crl::read(&text("ca.crl").unwrap_or_default())?,
            root_list: text("root.crl").unwrap_or_default(),
        })
    }

    /// The CA of a slot.
    pub(crate) fn ca(&self, slot: Slot) -> Option<&Authority> {
        let found = self.cas.iter().find(|(known, _)| *known == slot);
        found.map(|(_, ca)| ca)
    }

    /// Whether revocation lists are published.
    pub(crate) fn has_lists(&self) -> bool {
        !self.lists.is_empty()
    }

    /// What gateways are to trust: the root of each CA but those left out, each once.
    pub(crate) fn anchors(&self, without: Option<Slot>) -> String {
        let mut seen = BTreeSet::new();
        let kept = self.cas.iter().filter(|(slot, _)| Some(*slot) != without);
        let roots = kept.map(|(_, ca)| ca.root_pem());
        roots.filter(|root| seen.insert(root.trim())).collect()
    }

    /// The current list of every CA in PEM, with more certificates revoked: a gateway that is
    /// given one list asks for one of every CA in the chain, and refuses everybody without it.
    pub(crate) fn lists(
        &self,
        more: impl Fn(&Authority) -> Vec<Revoked>,
        without: Option<Slot>,
        now: i64,
    ) -> anyhow::Result<String> {
        let mut text = String::new();
        for (slot, ca) in &self.cas {
            if Some(*slot) == without {
                continue;
            }
            let last = self.lists.iter().filter(|list| list.is_of(ca));
            let last = last.max_by_key(|list| list.number);
            let next = pki::crl::next(ca, last, &more(ca), now, now + CRL_LIFETIME)?;
            text.push_str(&next.pem);
        }
        text.push_str(&self.root_list);
        Ok(text)
    }
}

/// What is to be written where gateways read lists; nothing where somebody else has written newer
/// ones meanwhile.
pub(crate) fn newer_lists(stored: &Stored, lists: &str) -> anyhow::Result<Change> {
    let known = stored.text("ca.crl").unwrap_or_default();
    // What cannot be read is replaced.
    let known = pki::crl::read(&known).unwrap_or_default();
    let overtaken = pki::crl::read(lists)?.iter().any(|ours| {
        known
            .iter()
            .any(|known| known.authority == ours.authority && known.number > ours.number)
    });
    Ok(match overtaken {
        true => Change::new(),
        false => vec![("ca.crl", Some(Zeroizing::new(lists.to_owned())))],
    })
}

/// Puts a CA into a slot.
pub(crate) fn put(change: &mut Change, slot: Slot, ca: &Authority) {
    let (crt, key) = keys(slot);
    change.push((crt, Some(Zeroizing::new(ca.chain_pem().to_owned()))));
    change.push((key, Some(ca.key_pem())));
}

/// Empties a slot.
pub(crate) fn clear(change: &mut Change, slot: Slot) {
    let (crt, key) = keys(slot);
    change.extend([(crt, None), (key, None)]);
}

fn keys(slot: Slot) -> (&'static str, &'static str) {
    match slot {
        Slot::Current => ("tls.crt", "tls.key"),
        Slot::Next => ("next.crt", "next.key"),
        Slot::Previous => ("previous.crt", "previous.key"),
    }
}
