//! Watches the kinds that the dialects read, and keeps their facts. A kind that the cluster does
//! not serve has no objects; it is asked for again, because a CRD may come later.

mod sent;
mod shelf;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use kube::api::{Api, ApiResource, GroupVersionKind};
use kube::runtime::watcher::{self, Event};
use policy::ObjectRef;
use policy::dialect::Kind;
use tokio::sync::watch;
use tokio::time::sleep;

use crate::caught::{caught, caught_now};
use crate::state::State;
use sent::Sent;
use shelf::{SHELVES, Shelf};

/// How long to wait before a kind that is not served is asked for again.
const RETRY: Duration = Duration::from_secs(5);

/// Starts all watches.
pub(crate) fn spawn(state: &Arc<State>) {
    let (classes, _) = watch::channel(());
    for shelf in SHELVES {
        for kind in shelf.kinds() {
            state.wait_for(&key(&kind));
            let follower = Follower {
                state: Arc::clone(state),
                kind,
                shelf,
                classes: classes.clone(),
                known: HashSet::new(),
                listed: None,
            };
            tokio::spawn(follower.run());
        }
    }
    state.synced("start");
}

fn key(kind: &Kind) -> String {
    format!("{}.{}", kind.plural, kind.group)
}

/// Keeps the objects of one kind where they belong.
struct Follower {
    state: Arc<State>,
    kind: Kind,
    shelf: Shelf,
    /// Who serves which class has changed.
    classes: watch::Sender<()>,
    /// Every object that the index was told of.
    known: HashSet<Arc<ObjectRef>>,
    /// Those of a list that is not whole yet.
    listed: Option<HashSet<Arc<ObjectRef>>>,
}

impl Follower {
    /// Follows for ever.
    async fn run(mut self) {
        let mut changes = self.classes.subscribe();
        if self.shelf == Shelf::Facts {
            self.classes_are_known().await;
        }
        loop {
            changes.mark_unchanged();
            // A list that a bug cut short is begun anew.
            if caught(self.once(&mut changes)).await != Ok(false) {
                self.listed = None;
                sleep(RETRY).await;
            }
        }
    }

    /// Classes come first, because they say who serves an Ingress or a Gateway.
    async fn classes_are_known(&self) {
        let unknown = |kind: &Kind| self.state.waiting().contains(&key(kind));
        while Shelf::Classes.kinds().iter().any(unknown) {
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// Follows until the watch fails (`true`), or until objects are to be read anew because other
    /// classes are there. Classes that change all the time do not keep a list from its end.
    async fn once(&mut self, classes: &mut watch::Receiver<()>) -> bool {
        let mut events = watcher::watcher(self.api(), watcher::Config::default()).boxed();
        let mut whole = false;
        loop {
            let event = tokio::select! {
                event = events.next() => event,
                _ = classes.changed(), if whole && self.shelf == Shelf::Facts => return false,
            };
            match event {
                Some(Ok(event)) => whole |= self.take(event),
                Some(Err(error)) => {
                    self.failed(&error);
                    return true;
                }
                None => return true,
            }
        }
    }

    fn api(&self) -> Api<Sent> {
        let kind = &self.kind;
        let gvk = GroupVersionKind::gvk(kind.group, kind.version, kind.kind);
        let resource = ApiResource::from_gvk_with_plural(&gvk, kind.plural);
        Api::all_with(self.state.client.clone(), &resource)
    }

    /// Whether a list came to its end with it.
    fn take(&mut self, event: Event<Sent>) -> bool {
        match event {
            Event::Init => self.listed = Some(HashSet::new()),
            Event::InitApply(sent) | Event::Apply(sent) => self.put(&sent),
            Event::Delete(sent) => self.forget(&sent.id(&self.kind)),
            Event::InitDone => {
                self.keep_listed();
                self.state.synced(&key(&self.kind));
                return true;
            }
        }
        false
    }

    fn put(&mut self, sent: &Sent) {
        let unreadable = &self.state.metrics.unreadable;
        let id = match caught_now(|| self.shelve(sent))
            .map_err(str::to_owned)
            .flatten()
        {
            Ok((id, changed)) => {
                unreadable.remove(self.kind.kind, &id);
                self.tell(changed);
                id
            }
            Err(reason) => {
                let id = Arc::new(sent.id(&self.kind));
                if unreadable.insert(self.kind.kind, &id) {
                    tracing::warn!(object = %id, "cannot be read, and is passed over: {reason}");
                }
                // What it said before is no longer so.
                self.tell(self.shelf.forget(&self.state, &id));
                id
            }
        };
        self.known.insert(Arc::clone(&id));
        if let Some(listed) = &mut self.listed {
            listed.insert(id);
        }
    }

    /// Reads an object and puts it where it belongs: which it is, and whether the index changed.
    fn shelve(&self, sent: &Sent) -> Result<(Arc<ObjectRef>, bool), String> {
        let object = sent.read(&self.kind)?;
        let changed = self.shelf.put(&self.state, &object);
        Ok((object.id, changed))
    }

    fn forget(&mut self, id: &ObjectRef) {
        self.state.metrics.unreadable.remove(self.kind.kind, id);
        if self.known.remove(id) {
            self.tell(self.shelf.forget(&self.state, id));
        }
    }

    /// Objects that a new list no longer has went while nobody watched.
    fn keep_listed(&mut self) {
        let listed = self.listed.take().unwrap_or_default();
        let gone = self.known.iter().filter(|known| !listed.contains(*known));
        for id in gone.cloned().collect::<Vec<_>>() {
            self.forget(&id);
        }
    }

    /// Tells the other followers where classes changed.
    fn tell(&self, changed: bool) {
        if changed && self.shelf == Shelf::Classes {
            self.classes.send_replace(());
        }
    }

    /// A kind that is not served is synced: there is nothing of it.
    fn failed(&mut self, error: &watcher::Error) {
        self.listed = None;
        if is_not_served(error) {
            self.keep_listed();
            self.state.synced(&key(&self.kind));
        } else {
            tracing::warn!(kind = key(&self.kind), "cannot be watched: {error}");
        }
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

#[cfg(test)]
mod tests;
