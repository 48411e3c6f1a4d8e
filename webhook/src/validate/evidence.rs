//! What was read live for one request.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures_util::stream::{self, StreamExt as _};
use policy::client_auth_policy::Policies;
use policy::{Bundle, Lookup, ObjectFacts, ObjectRef, SecretRef, View, dialect};

use crate::live::Live;

/// Reads that run at once for one request.
const AT_ONCE: usize = 16;

/// What was read live for a request.
#[derive(Default)]
pub(super) struct Evidence {
    objects: Vec<(Arc<ObjectRef>, Option<Arc<ObjectFacts>>)>,
    bundles: Vec<(SecretRef, Lookup<Arc<Bundle>>)>,
    /// The Secrets among them that were not read for this request.
    remembered: BTreeSet<SecretRef>,
    /// Policies that are newer than those of the index.
    policies: Option<Arc<Policies>>,
    /// The namespaces whose labels were read with them; `None`: they were not read.
    namespaces: Option<BTreeSet<String>>,
    /// Why the policies could not be read.
    pub(super) unread_policies: Option<String>,
    /// What could not be read, and why.
    pub(super) unread: BTreeMap<Arc<ObjectRef>, String>,
}

impl Evidence {
    /// Reads what denials rest on, but for what was read already: objects, and the policies if the
    /// denials are theirs. `false`: there was nothing left to read.
    pub(super) async fn complete(
        &mut self,
        live: &Live<'_>,
        mut objects: BTreeSet<Arc<ObjectRef>>,
        governed: Option<BTreeSet<Arc<ObjectRef>>>,
    ) -> bool {
        objects.retain(|object| !self.knows(object));
        let namespaces = governed.map(|objects| namespaces(&objects));
        let policies = namespaces.filter(|names| {
            let known = self.namespaces.as_ref();
            known.is_none_or(|known| !names.is_subset(known))
        });
        if objects.is_empty() && policies.is_none() {
            return false;
        }
        self.read(live, objects).await;
        if let Some(names) = policies {
            let all = self.namespaces.take().into_iter().flatten();
            self.read_policies(live, all.chain(names).collect()).await;
        }
        true
    }

    fn knows(&self, object: &Arc<ObjectRef>) -> bool {
        self.unread.contains_key(object) || self.objects.iter().any(|(known, _)| known == object)
    }

    /// Reads routes and options; those that are going, or whose namespace is, count as gone.
    async fn read(&mut self, live: &Live<'_>, objects: BTreeSet<Arc<ObjectRef>>) {
        let going = going(live, &objects).await;
        let reads = stream::iter(objects).map(|object| async {
            let found = live.object(&object).await;
            (object, found)
        });
        let found: Vec<_> = reads.buffer_unordered(AT_ONCE).collect().await;
        for (object, found) in found {
            let facts = match found {
                Lookup::Found(read) if !read.deleting && !going.contains(&object.namespace) => {
                    Some(Arc::new(dialect::read(&read, &live.state.settings())))
                }
                Lookup::Found(_) | Lookup::Missing => None,
                Lookup::Unknown(why) => {
                    self.unread.insert(object, why);
                    continue;
                }
            };
            self.objects.push((object, facts));
        }
    }

    /// A namespace may be younger than what the index knows: policies select it by its labels.
    pub(super) async fn meet(&mut self, live: &Live<'_>, namespace: &str) {
        let known = Arc::clone(&live.state.facts().policies);
        if known.knows(namespace) {
            return;
        }
        if let Lookup::Found(object) = live.namespace(namespace).await {
            let mut policies = (*known).clone();
            policies.learn(&object);
            self.policies = Some(Arc::new(policies));
        }
    }

    /// Reads the policies and exceptions, and the labels of the namespaces.
    async fn read_policies(&mut self, live: &Live<'_>, namespaces: BTreeSet<String>) {
        match live.policies(&namespaces).await {
            Ok(policies) => self.policies = Some(Arc::new(policies)),
            Err(why) => self.unread_policies = Some(why),
        }
        self.namespaces = Some(namespaces);
    }

    /// What Secrets say, or said a moment ago.
    pub(super) async fn fetch(&mut self, live: &Live<'_>, mut secrets: BTreeSet<SecretRef>) {
        secrets.retain(|secret| match live.state.remembered.get(secret) {
            Some(bundle) => {
                self.bundles.push((secret.clone(), Lookup::Found(bundle)));
                self.remembered.insert(secret.clone());
                false
            }
            None => true,
        });
        self.read_secrets(live, secrets).await;
    }

    /// Reads the Secrets that are only remembered. `false`: there is none.
    pub(super) async fn renew(&mut self, live: &Live<'_>) -> bool {
        let secrets = std::mem::take(&mut self.remembered);
        let any = !secrets.is_empty();
        self.bundles.retain(|(secret, _)| !secrets.contains(secret));
        self.read_secrets(live, secrets).await;
        any
    }

    async fn read_secrets(&mut self, live: &Live<'_>, secrets: BTreeSet<SecretRef>) {
        let reads = stream::iter(secrets).map(|secret| async {
            let found = live.bundle(&secret).await;
            live.state.remembered.keep(&secret, &found);
            (secret, found)
        });
        self.bundles
            .extend(reads.buffer_unordered(AT_ONCE).collect::<Vec<_>>().await);
    }

    /// Whether a Secret was read, whatever came of it.
    pub(super) fn has(&self, secret: &SecretRef) -> bool {
        self.bundles.iter().any(|(read, _)| read == secret)
    }

    /// Lays what was read over a view.
    pub(super) fn lay(&self, view: &mut View<'_>) {
        if let Some(policies) = &self.policies {
            view.lay_policies(Arc::clone(policies));
        }
        for (secret, found) in &self.bundles {
            view.lay_bundle(secret.clone(), found.clone());
        }
        for (object, found) in &self.objects {
            view.lay(object, found.clone());
        }
    }
}

/// The namespaces among those of the objects that are about to go.
async fn going(live: &Live<'_>, objects: &BTreeSet<Arc<ObjectRef>>) -> BTreeSet<String> {
    let asked = stream::iter(namespaces(objects)).map(|namespace| async {
        let going = live.is_terminating(&namespace).await;
        going.then_some(namespace)
    });
    let answers: Vec<_> = asked.buffer_unordered(AT_ONCE).collect().await;
    answers.into_iter().flatten().collect()
}

fn namespaces(objects: &BTreeSet<Arc<ObjectRef>>) -> BTreeSet<String> {
    let names = objects.iter().map(|object| object.namespace.clone());
    names.filter(|name| !name.is_empty()).collect()
}
