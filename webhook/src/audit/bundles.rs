//! What the Secrets and ConfigMaps that hosts refer to said when they were read last: facts about
//! certificates, never keys. Nothing else reads it: an admission that would be denied reads anew.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use policy::{Bundle, Lookup, SecretRef, View};
use tokio::time::{Instant, sleep};

use crate::live::Live;
use crate::state::State;

/// Reads that run at once.
const AT_ONCE: usize = 8;
/// After so long a Secret counts as not read.
const PATIENCE: Duration = Duration::from_secs(5);
/// The longest pause between two flocks of reads.
const PAUSE: Duration = Duration::from_millis(100);

/// What was read, and when it is asked for.
struct Entry {
    found: Lookup<Arc<Bundle>>,
    /// Whether a host wanted it since the last time that everything was read anew.
    used: bool,
}

/// What was read, by reference.
#[derive(Default)]
pub(super) struct Bundles {
    known: HashMap<SecretRef, Entry>,
    reads: usize,
}

impl Bundles {
    /// A round begins: what was hinted at is forgotten.
    pub(super) fn begin(&mut self, hints: HashSet<SecretRef>) {
        self.reads = 0;
        self.known.retain(|secret, _| !hints.contains(secret));
    }

    /// Reads since the round began.
    pub(super) fn reads(&self) -> usize {
        self.reads
    }

    /// Reads everything anew that hosts still want, spread over a quarter of the interval at most.
    pub(super) async fn refresh(&mut self, state: &State, interval: Duration) {
        self.known.retain(|_, entry| entry.used);
        let mut secrets: Vec<_> = self.known.keys().cloned().collect();
        secrets.sort();
        let flocks = secrets.len().div_ceil(AT_ONCE);
        let pause = interval / 4 / u32::try_from(flocks.max(1)).unwrap_or(u32::MAX);
        for flock in secrets.chunks(AT_ONCE) {
            self.read(state, flock).await;
            sleep(pause.min(PAUSE)).await;
        }
        for entry in self.known.values_mut() {
            entry.used = false;
        }
    }

    /// Reads those that are not known yet.
    pub(super) async fn fetch(&mut self, state: &State, wanted: &BTreeSet<SecretRef>) {
        let unknown = wanted
            .iter()
            .filter(|secret| !self.known.contains_key(secret));
        let unknown: Vec<_> = unknown.cloned().collect();
        for flock in unknown.chunks(AT_ONCE) {
            self.read(state, flock).await;
        }
        for secret in wanted {
            if let Some(entry) = self.known.get_mut(secret) {
                entry.used = true;
            }
        }
    }

    async fn read(&mut self, state: &State, secrets: &[SecretRef]) {
        let live = Live {
            state,
            deadline: Instant::now() + PATIENCE,
        };
        let found = join_all(secrets.iter().map(|secret| live.bundle(secret))).await;
        self.reads += secrets.len();
        for (secret, found) in secrets.iter().zip(found) {
            let entry = Entry { found, used: true };
            self.known.insert(secret.clone(), entry);
        }
    }

    /// Lays what is known of some over a view.
    pub(super) fn lay(&self, wanted: &BTreeSet<SecretRef>, view: &mut View<'_>) {
        for secret in wanted {
            if let Some(entry) = self.known.get(secret) {
                view.lay_bundle(secret.clone(), entry.found.clone());
            }
        }
    }
}
