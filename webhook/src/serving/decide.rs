//! What to do next, as a calculation: from the Secret, the caBundles that were read back, the leaf
//! that is served and the time. Every replica asks it for itself; none leads.

use super::authority::{Ca, two_thirds};
use super::published::{Published, Settling};

/// What the Secret with the CA says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stored {
    /// It could not be read.
    Unknown,
    /// There is none.
    Missing,
    /// It holds no CA that can sign; why not.
    Useless(String),
    /// It holds one.
    Held(Held),
}

/// The CAs of the Secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Held {
    /// Signs.
    pub(crate) current: Ca,
    /// Signs once every API server trusts it.
    pub(crate) next: Option<Ca>,
    /// Signed before, and are trusted still.
    pub(crate) previous: Vec<Ca>,
    /// Until when the previous ones are trusted, Unix seconds.
    pub(crate) until: i64,
}

impl Held {
    /// What the caBundles are to hold.
    pub(crate) fn trusted(&self, now: i64) -> Vec<&Ca> {
        let previous = self
            .previous
            .iter()
            .filter(|ca| ca.ends > now && self.until > now);
        let all = std::iter::once(&self.current)
            .chain(&self.next)
            .chain(previous);
        let mut trusted: Vec<&Ca> = Vec::new();
        for ca in all {
            if !trusted
                .iter()
                .any(|known| known.fingerprint == ca.fingerprint)
            {
                trusted.push(ca);
            }
        }
        trusted
    }
}

/// The leaf that is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Leaf {
    /// The CA that signed it.
    pub(crate) issuer: [u8; 32],
    /// When, Unix seconds.
    pub(crate) begins: i64,
    /// When it ends, Unix seconds.
    pub(crate) ends: i64,
}

impl Leaf {
    /// Renewed before two thirds of its life, and when the clock was set back by more than a
    /// certificate is dated back.
    fn is_due(&self, now: i64) -> bool {
        now >= two_thirds(self.begins, self.ends) || now < self.begins.saturating_sub(pki::BACKDATE)
    }
}

/// What is known at one moment.
pub(crate) struct Situation<'a> {
    /// The Secret, read after the caBundles.
    pub(crate) stored: &'a Stored,
    /// The caBundles.
    pub(crate) published: &'a Published,
    /// Since when they hold what.
    pub(crate) settling: &'a Settling,
    /// What is served.
    pub(crate) leaf: Option<Leaf>,
    /// How long API servers may take to learn of a caBundle, in seconds.
    pub(crate) grace: i64,
    /// Unix seconds.
    pub(crate) now: i64,
}

/// The next step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Make the Secret, with a new CA. What the caBundles trust is trusted a while longer.
    Create(Vec<Ca>),
    /// Put a new CA into the Secret, likewise; why.
    Replace(String, Vec<Ca>),
    /// Sign a leaf by the CA of the Secret.
    Sign,
    /// Sign a leaf by the CA that signed the one that is served.
    Renew,
    /// Write the caBundles.
    Publish(Vec<Ca>),
    /// Put the next CA into the Secret.
    AddNext,
    /// Let the next CA sign.
    Promote,
    /// Take the previous CAs out of the Secret.
    Prune,
    /// Nothing.
    Rest,
}

impl Situation<'_> {
    /// What to do now. One step at a time: after it everything is read again.
    pub(crate) fn step(&self) -> Step {
        let held = match self.stored {
            Stored::Held(held) => held,
            Stored::Unknown => return self.keep(),
            // What is trusted must be known before it is replaced, unless there is nothing to lose.
            _ if *self.published == Published::Unknown && self.leaf.is_some() => {
                return self.keep();
            }
            Stored::Missing => return Step::Create(self.published.living(self.now)),
            Stored::Useless(reason) => {
                return Step::Replace(reason.clone(), self.published.living(self.now));
            }
        };
        if let Some(step) = self.sign(held) {
            return step;
        }
        let trusted = held.trusted(self.now);
        if self.published.differs(&trusted) {
            return Step::Publish(trusted.into_iter().cloned().collect());
        }
        self.rotate(held)
    }

    /// Without the Secret the leaf is renewed by the CA that is in memory.
    fn keep(&self) -> Step {
        match self.leaf {
            Some(leaf) if leaf.is_due(self.now) => Step::Renew,
            _ => Step::Rest,
        }
    }

    /// The CA of the Secret signs once it is trusted, or where the one before is not trusted
    /// either.
    fn sign(&self, held: &Held) -> Option<Step> {
        let Some(leaf) = self.leaf else {
            return Some(Step::Sign);
        };
        let current = &held.current.fingerprint;
        if leaf.issuer == *current {
            return leaf.is_due(self.now).then_some(Step::Sign);
        }
        let lost = self.published.lacks(&leaf.issuer) || leaf.ends <= self.now;
        if self.settled(current) || lost {
            return Some(Step::Sign);
        }
        leaf.is_due(self.now).then_some(Step::Renew)
    }

    fn rotate(&self, held: &Held) -> Step {
        match &held.next {
            Some(next) if self.settled(&next.fingerprint) => return Step::Promote,
            Some(_) => {}
            None if held.current.is_due(self.now) => return Step::AddNext,
            None => {}
        }
        let over = held.trusted(self.now);
        let gone = |ca: &Ca| !over.iter().any(|known| known.fingerprint == ca.fingerprint);
        if !held.previous.is_empty() && held.previous.iter().all(gone) {
            return Step::Prune;
        }
        Step::Rest
    }

    /// Whether every API server trusts a CA by now, or none asks yet.
    fn settled(&self, fingerprint: &[u8; 32]) -> bool {
        self.published.is_empty() || self.settling.is_over(fingerprint, self.grace, self.now)
    }
}

#[cfg(test)]
#[path = "decide/tests.rs"]
mod tests;
