//! Watches the kinds that the dialects read, and keeps their facts. A kind that the cluster does
//! not serve has no objects; it is asked for again, because a CRD may come later.

mod policies;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind};
use kube::runtime::watcher::{self, Event};
use policy::dialect::{self, CLASSES, Kind};
use policy::{Object, ObjectRef};
use tokio::sync::watch;

use crate::state::State;

/// How long to wait before a kind that is not served is asked for again.
const RETRY: Duration = Duration::from_secs(5);

/// Starts all watches. Classes come first, because they say who serves an Ingress or a Gateway.
pub(crate) fn spawn(state: &Arc<State>) {
    for kind in dialect::kinds() {
        state.wait_for(&key(&kind));
    }
    for kind in &CLASSES {
        state.wait_for(&key(kind));
    }
    policies::spawn(state);
    state.synced("start");
    let (classes, changed) = watch::channel(0);
    for kind in &CLASSES {
        let (shared, classes) = (Arc::clone(state), classes.clone());
        tokio::spawn(async move {
            loop {
                follow_classes(&shared, kind, &classes).await;
                tokio::time::sleep(RETRY).await;
            }
        });
    }
    for kind in dialect::kinds() {
        tokio::spawn(follow(Arc::clone(state), kind, changed.clone()));
    }
}

fn key(kind: &Kind) -> String {
    format!("{}.{}", kind.plural, kind.group)
}

fn api(state: &State, kind: &Kind) -> Api<DynamicObject> {
    let gvk = GroupVersionKind::gvk(kind.group, kind.version, kind.kind);
    Api::all_with(
        state.client.clone(),
        &ApiResource::from_gvk_with_plural(&gvk, kind.plural),
    )
}

fn read(object: &DynamicObject, kind: &Kind) -> Option<Object> {
    let text = serde_json::to_string(object).ok()?;
    Object::from_list_item(&kind.api_version(), kind.kind, &text).ok()
}

/// Learns which controller serves which class; every change starts the other watches anew.
async fn follow_classes(state: &State, kind: &Kind, classes: &watch::Sender<u64>) {
    let mut events = watcher::watcher(api(state, kind), watcher::Config::default()).boxed();
    while let Some(event) = events.next().await {
        match event {
            Ok(Event::Apply(object) | Event::InitApply(object)) => {
                let Some(object) = read(&object, kind) else {
                    continue;
                };
                let mut facts = state.facts_mut();
                let before = facts.settings.clone();
                facts.settings.learn(&object);
                if facts.settings != before {
                    classes.send_modify(|generation| *generation += 1);
                }
            }
            Ok(Event::Delete(object)) => {
                if let Some(object) = read(&object, kind) {
                    state.facts_mut().settings.forget(&object.id);
                }
                classes.send_modify(|generation| *generation += 1);
            }
            Ok(Event::Init) => {}
            Ok(Event::InitDone) => state.synced(&key(kind)),
            Err(error) => {
                return failed(state, kind, &error);
            }
        }
    }
}

/// Follows one kind for ever.
async fn follow(state: Arc<State>, kind: Kind, mut classes: watch::Receiver<u64>) {
    while CLASSES
        .iter()
        .any(|class| state.waiting().contains(&key(class)))
    {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    loop {
        classes.mark_unchanged();
        tokio::select! {
            () = follow_once(&state, &kind) => tokio::time::sleep(RETRY).await,
            _ = classes.changed() => {}
        }
    }
}

/// Follows one kind until the watch fails.
async fn follow_once(state: &State, kind: &Kind) {
    let mut events = watcher::watcher(api(state, kind), watcher::Config::default()).boxed();
    let mut listed = HashSet::new();
    while let Some(event) = events.next().await {
        match event {
            Ok(Event::Init) => listed.clear(),
            Ok(Event::InitApply(object)) => {
                if let Some(object) = read(&object, kind) {
                    listed.insert(Arc::clone(&object.id));
                    insert(state, &object);
                }
            }
            Ok(Event::InitDone) => {
                forget_others(state, kind, &listed);
                listed.clear();
                state.synced(&key(kind));
            }
            Ok(Event::Apply(object)) => {
                if let Some(object) = read(&object, kind) {
                    insert(state, &object);
                }
            }
            Ok(Event::Delete(object)) => {
                if let Some(object) = read(&object, kind) {
                    state.facts_mut().remove(&object.id);
                }
            }
            Err(error) => return failed(state, kind, &error),
        }
    }
}

fn insert(state: &State, object: &Object) {
    let read = dialect::read(object, &state.facts().settings);
    state.facts_mut().insert(read);
}

/// Objects of the kind that a new list no longer has.
fn forget_others(state: &State, kind: &Kind, listed: &HashSet<Arc<ObjectRef>>) {
    let gone: Vec<_> = state
        .facts()
        .objects()
        .map(|known| Arc::clone(&known.object))
        .filter(|object| kind.is(object) && !listed.contains(object))
        .collect();
    // Whoever takes the index to change it wakes the audit.
    if gone.is_empty() {
        return;
    }
    let mut facts = state.facts_mut();
    for object in gone {
        facts.remove(&object);
    }
}

/// A kind that is not served is synced: there is nothing of it.
fn failed(state: &State, kind: &Kind, error: &watcher::Error) {
    if is_not_served(error) {
        forget_others(state, kind, &HashSet::new());
        state.synced(&key(kind));
    } else {
        tracing::warn!(kind = key(kind), "cannot be watched: {error}");
    }
}

fn is_not_served(error: &watcher::Error) -> bool {
    match error {
        watcher::Error::InitialListFailed(kube::Error::Api(status))
        | watcher::Error::WatchStartFailed(kube::Error::Api(status)) => {
            crate::live::is_not_there(status)
        }
        _ => false,
    }
}
