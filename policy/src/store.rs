//! The facts that all fronts fill, found again by host, by option and by reference.
//!
//! A [`View`] lays a few changed objects over the store without touching it, so that the webhook
//! can ask what a host is before and after a change. Its cost grows with the facts on the hosts
//! asked for, not with the store.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use crate::fact::{Filter, ObjectFacts, OptionTarget, Route, TlsOption};
use crate::host::{Gateway, HostKey};
use crate::{Bundle, ObjectRef, SecretRef, Settings};

/// The answer when a named object is looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lookup<T> {
    /// It is there.
    Found(T),
    /// It is not there.
    Missing,
    /// It was not seen; the name of what was not seen, or why.
    Unknown(String),
}

/// How much of a kind was seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Seen {
    /// Everything: what was not seen does not exist.
    All,
    /// Some files: what is named and was not seen may exist.
    #[default]
    Some,
    /// Reading was refused, with the reason.
    Forbidden(String),
}

type OptionKey = (Arc<Gateway>, String);

/// The store.
#[derive(Debug, Default)]
pub struct Facts {
    /// What is known of the gateways themselves.
    pub settings: Settings,
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
            settings,
            seen_by_default: seen,
            ..Self::default()
        }
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

    /// The store as it is.
    pub fn view(&self) -> View<'_> {
        View {
            base: self,
            overlay: HashMap::new(),
            bundles: HashMap::new(),
        }
    }

    fn seen(&self, kind: &str) -> &Seen {
        self.seen.get(kind).unwrap_or(&self.seen_by_default)
    }
}

/// The store with some objects changed.
#[derive(Clone, Debug)]
pub struct View<'a> {
    base: &'a Facts,
    overlay: HashMap<Arc<ObjectRef>, Option<Arc<ObjectFacts>>>,
    bundles: HashMap<SecretRef, Lookup<Arc<Bundle>>>,
}

impl<'a> View<'a> {
    /// Lays an object's facts over the store; `None`: the object is gone.
    pub fn lay(&mut self, object: &Arc<ObjectRef>, facts: Option<Arc<ObjectFacts>>) {
        if object.kind == "Secret" {
            let found = facts.as_ref().and_then(|facts| facts.bundle.clone());
            let found = found.map_or(Lookup::Missing, Lookup::Found);
            self.bundles.insert(secret_of(object), found);
        }
        self.overlay.insert(Arc::clone(object), facts);
    }

    /// Lays what a look-up of a Secret gave over the store.
    pub fn lay_bundle(&mut self, secret: SecretRef, found: Lookup<Arc<Bundle>>) {
        self.bundles.insert(secret, found);
    }

    /// What is known of the gateways themselves.
    pub fn settings(&self) -> &'a Settings {
        &self.base.settings
    }

    /// The store below.
    pub fn base(&self) -> &'a Facts {
        self.base
    }

    /// The routes of one host.
    pub fn routes(&self, key: &HostKey) -> Vec<Arc<Route>> {
        let base = self.base.routes.get(key).into_iter().flatten();
        let laid = self
            .laid()
            .flat_map(|facts| &facts.routes)
            .filter(|route| route.gateway == key.gateway && route.hosts.contains(&key.host));
        self.visible(base, |route| &route.site.object)
            .chain(laid.cloned())
            .collect()
    }

    /// The options with one id. More than one is possible, and gateways differ in what follows.
    pub fn options(&self, gateway: &Arc<Gateway>, id: &str) -> Vec<Arc<TlsOption>> {
        let key = (Arc::clone(gateway), id.to_owned());
        let base = self.base.options.get(&key).into_iter().flatten();
        let laid = self.laid().flat_map(|facts| &facts.options);
        let laid = laid.filter(|option| option.gateway == *gateway && option.id == id);
        self.visible(base, |option| &option.site.object)
            .chain(laid.cloned())
            .collect()
    }

    /// The options in a namespace that say something about client certificates.
    pub fn options_in(&self, gateway: &Arc<Gateway>, namespace: &str) -> Vec<Arc<TlsOption>> {
        let key = (Arc::clone(gateway), namespace.to_owned());
        let base = self
            .base
            .options_by_namespace
            .get(&key)
            .into_iter()
            .flatten();
        let laid = self.laid().flat_map(|facts| &facts.options);
        let laid = laid.filter(|option| namespace_key(option) == key);
        self.visible(base, |option| &option.site.object)
            .chain(laid.cloned())
            .filter(|option| option.mentions())
            .collect()
    }

    /// Whether any route names an option.
    pub fn is_used(&self, gateway: &Arc<Gateway>, id: &str) -> bool {
        let base = self.base.users_of_option(gateway, id).iter();
        let wanted = Some((Arc::clone(gateway), id.to_owned()));
        let laid = self.laid().flat_map(|facts| &facts.routes);
        self.visible(base, |route| &route.site.object)
            .next()
            .is_some()
            || laid.into_iter().any(|route| option_key(route) == wanted)
    }

    /// Looks for a middleware.
    pub fn filter(&self, gateway: &Arc<Gateway>, id: &str) -> Lookup<Arc<Filter>> {
        let key = (Arc::clone(gateway), id.to_owned());
        let laid = self.laid().flat_map(|facts| &facts.filters);
        let mut laid = laid.filter(|filter| filter.gateway == *gateway && filter.id == id);
        let base = self
            .base
            .filters
            .get(&key)
            .and_then(|filters| filters.first());
        match laid.next().or(base) {
            Some(filter) => Lookup::Found(Arc::clone(filter)),
            None => self.absent("Middleware", id),
        }
    }

    /// Looks for a Secret. A Secret of which nothing is known is to be fetched: it is `None`
    /// where everything of the kind is to be asked for one by one.
    pub fn bundle(&self, secret: &SecretRef) -> Option<Lookup<Arc<Bundle>>> {
        let known = self
            .bundles
            .get(secret)
            .or_else(|| self.base.bundles.get(secret));
        if let Some(found) = known {
            return Some(match found {
                Lookup::Missing if self.is_promised(secret) => pending(secret),
                found => found.clone(),
            });
        }
        if self.is_promised(secret) {
            return Some(pending(secret));
        }
        match self.base.seen("Secret") {
            Seen::All => Some(Lookup::Missing),
            Seen::Some => None,
            Seen::Forbidden(why) => Some(Lookup::Unknown(format!("Secret {secret}: {why}"))),
        }
    }

    /// What it means that a named object of a kind was not found.
    pub fn absent<T>(&self, kind: &str, name: &str) -> Lookup<T> {
        match self.base.seen(kind) {
            Seen::All => Lookup::Missing,
            Seen::Some => Lookup::Unknown(format!("{kind} {name}")),
            Seen::Forbidden(why) => Lookup::Unknown(format!("{kind} {name}: {why}")),
        }
    }

    /// Why objects of a kind could not be read at all.
    pub fn forbidden(&self, kind: &str) -> Option<String> {
        match self.base.seen(kind) {
            Seen::Forbidden(why) => Some(format!("objects of kind {kind}: {why}")),
            Seen::All | Seen::Some => None,
        }
    }

    /// The facts of one object, laid over or below.
    pub fn object(&self, object: &ObjectRef) -> Option<&Arc<ObjectFacts>> {
        match self.overlay.get(object) {
            Some(laid) => laid.as_ref(),
            None => self.base.object(object),
        }
    }

    fn is_promised(&self, secret: &SecretRef) -> bool {
        self.base
            .promised
            .get(secret)
            .is_some_and(|count| *count > 0)
            || self.laid().any(|facts| facts.promises.contains(secret))
    }

    fn laid(&self) -> impl Iterator<Item = &Arc<ObjectFacts>> {
        self.overlay.values().flatten()
    }

    fn visible<'b, T: 'b>(
        &'b self,
        base: impl Iterator<Item = &'b Arc<T>> + 'b,
        object: impl Fn(&T) -> &Arc<ObjectRef> + 'b,
    ) -> impl Iterator<Item = Arc<T>> + 'b {
        base.filter(move |fact| !self.overlay.contains_key(object(fact)))
            .cloned()
    }
}

/// Options by the namespace that they stand in.
fn namespace_key(option: &TlsOption) -> OptionKey {
    (
        Arc::clone(&option.gateway),
        option.site.object.namespace.clone(),
    )
}

/// The key of the option that a route names.
fn option_key(route: &Route) -> Option<OptionKey> {
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

fn pending(secret: &SecretRef) -> Lookup<Arc<Bundle>> {
    Lookup::Unknown(format!("Secret {secret}, which another object will make"))
}

fn secret_of(object: &ObjectRef) -> SecretRef {
    SecretRef::new(&object.namespace, &object.name)
}
