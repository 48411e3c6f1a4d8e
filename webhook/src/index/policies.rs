//! Watches policies, exceptions, and the namespaces by whose labels policies select.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures_util::StreamExt as _;
use kube::runtime::watcher::{self, Event};
use policy::client_auth_policy::KINDS;
use policy::dialect::Kind;

use super::{RETRY, api, is_not_served, key, read};
use crate::state::State;

/// Starts the watches, and has the webhook wait for them.
pub(super) fn spawn(state: &Arc<State>) {
    for kind in KINDS {
        state.wait_for(&key(&kind));
        let state = Arc::clone(state);
        tokio::spawn(async move {
            loop {
                follow(&state, &kind).await;
                tokio::time::sleep(RETRY).await;
            }
        });
    }
}

/// Follows one kind until the watch fails.
async fn follow(state: &State, kind: &Kind) {
    let mut events = watcher::watcher(api(state, kind), watcher::Config::default()).boxed();
    let mut listed = BTreeSet::new();
    while let Some(event) = events.next().await {
        match event {
            Ok(Event::Init) => listed.clear(),
            Ok(Event::InitApply(object) | Event::Apply(object)) => {
                if let Some(object) = read(&object, kind) {
                    listed.insert(object.id.name.clone());
                    state.facts_mut().learn(&object);
                }
            }
            Ok(Event::InitDone) => {
                keep(state, kind, &listed);
                state.synced(&key(kind));
            }
            Ok(Event::Delete(object)) => {
                if let Some(object) = read(&object, kind) {
                    let mut facts = state.facts_mut();
                    Arc::make_mut(&mut facts.policies).forget(&object.id);
                }
            }
            Err(error) if is_not_served(&error) => {
                keep(state, kind, &BTreeSet::new());
                return state.synced(&key(kind));
            }
            Err(error) => {
                return tracing::warn!(kind = key(kind), "cannot be watched: {error}");
            }
        }
    }
}

fn keep(state: &State, kind: &Kind, names: &BTreeSet<String>) {
    let mut policies = Arc::clone(&state.facts().policies);
    Arc::make_mut(&mut policies).retain(kind, names);
    // Whoever takes the index to change it wakes the audit.
    if *policies != *state.facts().policies {
        state.facts_mut().policies = policies;
    }
}
