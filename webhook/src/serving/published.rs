//! What the API server trusts: the caBundles of the webhook configurations, read back.

use std::collections::HashMap;

use super::authority::Ca;

/// The caBundles of every webhook of the named configurations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Published {
    /// They could not be read.
    Unknown,
    /// One for each webhook; empty while there is no configuration.
    Known(Vec<Bundle>),
}

/// A caBundle.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Bundle {
    /// Its certificates.
    pub(crate) cas: Vec<Ca>,
    /// Whether it holds what is no certificate.
    pub(crate) junk: bool,
}

impl Bundle {
    /// Reads the PEM text of a caBundle.
    pub(crate) fn read(pem: &[u8]) -> Self {
        let text = x509::read_bundle(pem);
        let whole = text.problem.is_none() || text.is_blank();
        Self {
            cas: Ca::all(pem),
            junk: !whole || text.unreadable > 0 || !text.other.is_empty() || text.private_keys > 0,
        }
    }

    fn holds(&self, fingerprint: &[u8; 32]) -> bool {
        self.cas.iter().any(|ca| ca.fingerprint == *fingerprint)
    }

    pub(super) fn is(&self, wanted: &[&Ca]) -> bool {
        !self.junk
            && self.cas.len() == wanted.len()
            && wanted.iter().all(|ca| self.holds(&ca.fingerprint))
    }
}

impl Published {
    /// Whether nobody asks this webhook yet.
    pub(crate) fn is_empty(&self) -> bool {
        matches!(self, Self::Known(bundles) if bundles.is_empty())
    }

    /// Whether every webhook is known to trust a CA.
    pub(crate) fn holds(&self, fingerprint: &[u8; 32]) -> bool {
        self.bundles()
            .is_some_and(|bundles| bundles.iter().all(|one| one.holds(fingerprint)))
    }

    /// Whether some webhook is known not to trust a CA.
    pub(crate) fn lacks(&self, fingerprint: &[u8; 32]) -> bool {
        self.bundles()
            .is_some_and(|bundles| !bundles.iter().all(|one| one.holds(fingerprint)))
    }

    /// Whether some webhook is known to have another caBundle than the wanted one.
    pub(crate) fn differs(&self, wanted: &[&Ca]) -> bool {
        self.bundles()
            .is_some_and(|bundles| !bundles.iter().all(|one| one.is(wanted)))
    }

    /// Every CA that some webhook trusts and that lives, each once.
    pub(crate) fn living(&self, now: i64) -> Vec<Ca> {
        let all = self
            .bundles()
            .unwrap_or_default()
            .iter()
            .flat_map(|bundle| &bundle.cas);
        let mut living: Vec<Ca> = Vec::new();
        for ca in all.filter(|ca| ca.ends > now) {
            if !living
                .iter()
                .any(|known| known.fingerprint == ca.fingerprint)
            {
                living.push(ca.clone());
            }
        }
        living
    }

    fn bundles(&self) -> Option<&[Bundle]> {
        match self {
            Self::Known(bundles) if !bundles.is_empty() => Some(bundles),
            Self::Known(_) | Self::Unknown => None,
        }
    }
}

/// Since when every webhook trusts a CA, by its fingerprint. An API server learns of a changed
/// caBundle a moment after the change is stored, and each of several at another moment.
#[derive(Debug, Default)]
pub(crate) struct Settling(HashMap<[u8; 32], i64>);

impl Settling {
    /// Remembers what was read back.
    pub(crate) fn update(&mut self, published: &Published, now: i64) {
        if *published == Published::Unknown {
            return;
        }
        self.0.retain(|fingerprint, _| published.holds(fingerprint));
        for ca in published.living(now) {
            if published.holds(&ca.fingerprint) {
                let since = self.0.entry(ca.fingerprint).or_insert(now);
                // The clock may have been set back.
                *since = now.min(*since);
            }
        }
    }

    /// Whether some CA is trusted everywhere, but not for long yet.
    pub(crate) fn is_new(&self, grace: i64, now: i64) -> bool {
        self.0.is_empty()
            || self
                .0
                .keys()
                .any(|fingerprint| !self.is_over(fingerprint, grace, now))
    }

    /// Whether a CA has been trusted everywhere for some seconds.
    pub(crate) fn is_over(&self, fingerprint: &[u8; 32], grace: i64, now: i64) -> bool {
        let since = self.0.get(fingerprint);
        since.is_some_and(|since| now >= since.saturating_add(grace))
    }
}
