//! What Secrets said a moment ago: facts about certificates, never keys. A change may be allowed by
//! them, so that many changes under one CA read it once; before a denial everything is read anew.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use policy::{Bundle, Lookup, SecretRef};
use tokio::time::Instant;

/// So long a Secret may be another one already: no longer than anybody takes to see a change of it
/// in effect.
const FRESH: Duration = Duration::from_secs(5);
/// More are not kept.
const MOST: usize = 500;

/// What was found, and when.
#[derive(Default)]
pub(crate) struct Remembered(Mutex<HashMap<SecretRef, (Instant, Arc<Bundle>)>>);

impl Remembered {
    /// What it said, if that was a moment ago.
    pub(crate) fn get(&self, secret: &SecretRef) -> Option<Arc<Bundle>> {
        let known = self.known();
        let (when, bundle) = known.get(secret)?;
        (when.elapsed() < FRESH).then(|| Arc::clone(bundle))
    }

    /// Keeps what was found; that something is missing or could not be read is not kept.
    pub(crate) fn keep(&self, secret: &SecretRef, found: &Lookup<Arc<Bundle>>) {
        let mut known = self.known();
        let Lookup::Found(bundle) = found else {
            known.remove(secret);
            return;
        };
        if known.len() >= MOST {
            known.retain(|_, (when, _)| when.elapsed() < FRESH);
        }
        if known.len() < MOST {
            known.insert(secret.clone(), (Instant::now(), Arc::clone(bundle)));
        }
    }

    /// Somebody is about to change it.
    pub(crate) fn forget(&self, secret: &SecretRef) {
        self.known().remove(secret);
    }

    fn known(&self) -> MutexGuard<'_, HashMap<SecretRef, (Instant, Arc<Bundle>)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
