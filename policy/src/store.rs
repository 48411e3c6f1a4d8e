//! The facts that all fronts fill, found again by host, by option and by reference.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use crate::bundle::Bundle;
use crate::client_auth_policy::Policies;
use crate::fact::{Filter, ObjectFacts, OptionTarget, Route, TlsOption};
use crate::gateway::{Gateway, HostKey};
use crate::lookup::{Lookup, Seen};
use crate::object::{Object, ObjectRef, SecretRef};
use crate::settings::Settings;

/// A gateway instance and a name: an id, or a namespace.
pub(crate) type OptionKey = (Arc<Gateway>, String);

/// The store.
#[derive(Debug, Default)]
pub struct Facts {
    /// What is known of the gateways themselves.
    pub settings: Arc<Settings>,
    /// What the cluster demands of its hosts.
    pub policies: Arc<Policies>,
    objects: HashMap<Arc<ObjectRef>, Arc<ObjectFacts>>,
    routes: HashMap<HostKey, Vec<Arc<Route>>>,
    options: HashMap<OptionKey, Vec<Arc<TlsOption>>>,
    options_by_namespace: HashMap<OptionKey, Vec<Arc<TlsOption>>>,
    filters: HashMap<OptionKey, Vec<Arc<Filter>>>,
    option_users: HashMap<OptionKey, Vec<Arc<Route>>>,
    trust_users: HashMap<SecretRef, BTreeSet<Arc<ObjectRef>>>,
    bundles: HashMap<SecretRef, Lookup<Arc<Bundle>>>,
    promised: HashMap<SecretRef, usize>,
    seen: HashMap<String, Seen>,
    seen_by_default: Seen,
}

impl Facts {
    /// An empty store; `seen` says how much of every kind will be seen.
    pub fn new(settings: Settings, seen: Seen) -> Self {
        Self {
            settings: Arc::new(settings),
            seen_by_default: seen,
            ..Self::default()
        }
    }

    /// A store with what is known of Secrets, of what was seen, and nothing else.
    pub(crate) fn with_settings(&self, settings: Settings) -> Self {
        Self {
            settings: Arc::new(settings),
            bundles: self.bundles.clone(),
            promised: self.promised.clone(),
            seen: self.seen.clone(),
            seen_by_default: self.seen_by_default.clone(),
            ..Self::default()
        }
    }

    /// What is known of the gateways, to be changed.
    pub fn settings_mut(&mut self) -> &mut Settings {
        Arc::make_mut(&mut self.settings)
    }

    /// Takes note of a policy, an exception or a namespace; other objects say nothing here.
    pub fn learn(&mut self, object: &Object) {
        Arc::make_mut(&mut self.policies).learn(object);
    }

    /// Says how much of one kind was seen.
    pub fn set_seen(&mut self, kind: &str, seen: Seen) {
        self.seen.insert(kind.to_owned(), seen);
    }

    /// Puts an object's facts in the place of those it had.
    pub fn insert(&mut self, facts: ObjectFacts) {
        self.remove(&Arc::clone(&facts.object));
        let facts = Arc::new(facts);
        for route in &facts.routes {
            self.index_route(route);
        }
        for option in &facts.options {
            let key = (Arc::clone(&option.gateway), option.id.clone());
            self.options
                .entry(key)
                .or_default()
                .push(Arc::clone(option));
            let key = namespace_key(option);
            self.options_by_namespace
                .entry(key)
                .or_default()
                .push(Arc::clone(option));
        }
        for filter in &facts.filters {
            let key = (Arc::clone(&filter.gateway), filter.id.clone());
            self.filters
                .entry(key)
                .or_default()
                .push(Arc::clone(filter));
        }
        for target in facts.trust_targets() {
            self.trust_users
                .entry(target.clone())
                .or_default()
                .insert(Arc::clone(&facts.object));
        }
        for target in &facts.promises {
            *self.promised.entry(target.clone()).or_default() += 1;
        }
        if let Some(bundle) = &facts.bundle {
            self.set_bundle(secret_of(&facts.object), Lookup::Found(Arc::clone(bundle)));
        }
        self.objects.insert(Arc::clone(&facts.object), facts);
    }

    fn index_route(&mut self, route: &Arc<Route>) {
        for host in &route.hosts {
            let key = HostKey {
                gateway: Arc::clone(&route.gateway),
                host: host.clone(),
            };
            self.routes.entry(key).or_default().push(Arc::clone(route));
        }
        if let Some(key) = option_key(route) {
            self.option_users
                .entry(key)
                .or_default()
                .push(Arc::clone(route));
        }
    }

    /// Forgets an object.
    pub fn remove(&mut self, object: &ObjectRef) {
        let Some(facts) = self.objects.remove(object) else {
            return;
        };
        for route in &facts.routes {
            for host in &route.hosts {
                let key = HostKey {
                    gateway: Arc::clone(&route.gateway),
                    host: host.clone(),
                };
                forget(&mut self.routes, &key, |route| {
                    *route.site.object == *object
                });
            }
            if let Some(key) = option_key(route) {
                forget(&mut self.option_users, &key, |route| {
                    *route.site.object == *object
                });
            }
        }
        for option in &facts.options {
            let key = (Arc::clone(&option.gateway), option.id.clone());
            forget(&mut self.options, &key, |option| {
                *option.site.object == *object
            });
            let key = namespace_key(option);
            forget(&mut self.options_by_namespace, &key, |option| {
                *option.site.object == *object
            });
        }
        for filter in &facts.filters {
            let key = (Arc::clone(&filter.gateway), filter.id.clone());
            forget(&mut self.filters, &key, |other| Arc::ptr_eq(other, filter));
        }
        for target in facts.trust_targets() {
            if let Some(users) = self.trust_users.get_mut(target) {
                users.remove(object);
                if users.is_empty() {
                    self.trust_users.remove(target);
                }
            }
        }
        for target in &facts.promises {
            if let Some(count) = self.promised.get_mut(target) {
                *count -= 1;
            }
        }
        if facts.bundle.is_some() {
            self.bundles.remove(&secret_of(object));
        }
    }

    /// Forgets everything that was read from objects, and keeps settings and scope.
    pub fn clear(&mut self) {
        let settings = std::mem::take(&mut self.settings);
        let (seen, seen_by_default) =
            (std::mem::take(&mut self.seen), self.seen_by_default.clone());
        *self = Self {
            settings,
            seen,
            seen_by_default,
            ..Self::default()
        };
    }

    /// Says what a look-up of a Secret gave.
    pub fn set_bundle(&mut self, secret: SecretRef, found: Lookup<Arc<Bundle>>) {
        self.bundles.insert(secret, found);
    }

    /// The facts of one object.
    pub fn object(&self, object: &ObjectRef) -> Option<&Arc<ObjectFacts>> {
        self.objects.get(object)
    }

    /// All objects.
    pub fn objects(&self) -> impl Iterator<Item = &Arc<ObjectFacts>> {
        self.objects.values()
    }

    /// How many objects there are.
    pub fn len(&self) -> usize {
        self.objects.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }

    /// Every host, in order.
    pub fn hosts(&self) -> Vec<HostKey> {
        let mut hosts: Vec<_> = self.routes.keys().cloned().collect();
        hosts.sort();
        hosts
    }

    /// Every host of one gateway, in no order.
    pub fn hosts_of<'a>(&'a self, gateway: &'a Gateway) -> impl Iterator<Item = &'a HostKey> {
        self.routes
            .keys()
            .filter(move |key| *key.gateway == *gateway)
    }

    /// The objects that refer to a Secret as a CA.
    pub fn users_of_secret(&self, secret: &SecretRef) -> impl Iterator<Item = &Arc<ObjectFacts>> {
        let users = self.trust_users.get(secret).into_iter().flatten();
        users.filter_map(|object| self.objects.get(object))
    }

    /// The routes that name an option.
    pub fn users_of_option(&self, gateway: &Arc<Gateway>, id: &str) -> &[Arc<Route>] {
        let key = (Arc::clone(gateway), id.to_owned());
        self.option_users.get(&key).map_or(&[], Vec::as_slice)
    }

    /// The routes of a host.
    pub(crate) fn routes(&self, key: &HostKey) -> &[Arc<Route>] {
        self.routes.get(key).map_or(&[], Vec::as_slice)
    }

    /// The options with one id.
    pub(crate) fn options(&self, key: &OptionKey) -> &[Arc<TlsOption>] {
        self.options.get(key).map_or(&[], Vec::as_slice)
    }

    /// The options in a namespace.
    pub(crate) fn options_in(&self, key: &OptionKey) -> &[Arc<TlsOption>] {
        self.options_by_namespace
            .get(key)
            .map_or(&[], Vec::as_slice)
    }

    /// A middleware.
    pub(crate) fn filter(&self, key: &OptionKey) -> Option<&Arc<Filter>> {
        self.filters.get(key)?.first()
    }

    /// What a look-up of a Secret gave.
    pub(crate) fn bundle(&self, secret: &SecretRef) -> Option<&Lookup<Arc<Bundle>>> {
        self.bundles.get(secret)
    }

    /// Whether some object will make a Secret.
    pub(crate) fn is_promised(&self, secret: &SecretRef) -> bool {
        self.promised.get(secret).is_some_and(|count| *count > 0)
    }

    /// How much of a kind was seen.
    pub(crate) fn seen(&self, kind: &str) -> &Seen {
        self.seen.get(kind).unwrap_or(&self.seen_by_default)
    }
}

/// Options by the namespace that they stand in.
pub(crate) fn namespace_key(option: &TlsOption) -> OptionKey {
    (
        Arc::clone(&option.gateway),
        option.site.object.namespace.clone(),
    )
}

/// The key of the option that a route names.
pub(crate) fn option_key(route: &Route) -> Option<OptionKey> {
    match &route.option.as_ref()?.target {
        OptionTarget::Id(id) => Some((Arc::clone(&route.gateway), id.clone())),
        OptionTarget::Default | OptionTarget::Never(_) | OptionTarget::Elsewhere(_) => None,
    }
}

fn forget<K: std::hash::Hash + Eq, T>(
    map: &mut HashMap<K, Vec<Arc<T>>>,
    key: &K,
    gone: impl Fn(&Arc<T>) -> bool,
) {
    if let Some(facts) = map.get_mut(key) {
        facts.retain(|fact| !gone(fact));
        if facts.is_empty() {
            map.remove(key);
        }
    }
}

/// The Secret that an object is.
pub(crate) fn secret_of(object: &ObjectRef) -> SecretRef {
    SecretRef::of(object)
}
