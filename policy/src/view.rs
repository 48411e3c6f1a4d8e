//! The store with a few changed objects laid over it, so that a host can be asked for before and
//! after a change. The cost grows with the facts on the hosts asked for, not with the store.

use std::any::{Any, TypeId};
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use crate::bundle::Bundle;
use crate::client_auth_policy::Policies;
use crate::dialect::pending::covering;
use crate::fact::{Filter, ObjectFacts, Route, TlsOption};
use crate::gateway::{Gateway, HostKey};
use crate::lookup::{Lookup, Seen};
use crate::object::{ObjectRef, SecretRef};
use crate::settings::Settings;
use crate::store::{Facts, namespace_key, option_key, secret_of};
use crate::work;

/// The store with some objects changed.
#[derive(Clone, Debug)]
pub struct View<'a> {
    base: &'a Facts,
    overlay: HashMap<Arc<ObjectRef>, Option<Arc<ObjectFacts>>>,
    laid: Laid,
    bundles: HashMap<SecretRef, Lookup<Arc<Bundle>>>,
    memos: Memos,
    policies: Arc<Policies>,
    now: Option<i64>,
    settings: &'a Settings,
}

/// The routes that are laid over, by host and by the option that they name: one object may have
/// thousands.
#[derive(Clone, Debug, Default)]
struct Laid {
    by_host: HashMap<HostKey, Vec<Arc<Route>>>,
    options: HashSet<(Arc<Gateway>, String)>,
}

impl Laid {
    fn add(&mut self, facts: &ObjectFacts) {
        for route in &facts.routes {
            self.options.extend(option_key(route));
            for host in &route.hosts {
                let key = HostKey {
                    gateway: Arc::clone(&route.gateway),
                    host: host.clone(),
                };
                let routes = self.by_host.entry(key).or_default();
                // A route may name a host twice.
                if !routes.last().is_some_and(|last| Arc::ptr_eq(last, route)) {
                    routes.push(Arc::clone(route));
                }
            }
        }
    }
}

/// What dialects found out about the view as a whole, one value of a type each.
type Memos = Arc<Mutex<HashMap<TypeId, Arc<dyn Any + Send + Sync>>>>;

impl<'a> View<'a> {
    /// Lays an object's facts over the store; `None`: the object is gone.
    pub fn lay(&mut self, object: &Arc<ObjectRef>, facts: Option<Arc<ObjectFacts>>) {
        if SecretRef::is_one(object) {
            let found = facts.as_ref().and_then(|facts| facts.bundle.clone());
            let found = found.map_or(Lookup::Missing, Lookup::Found);
            self.bundles.insert(secret_of(object), found);
        }
        let before = self.overlay.insert(Arc::clone(object), facts);
        match before {
            Some(Some(_)) => {
                self.laid = Laid::default();
                self.overlay
                    .values()
                    .flatten()
                    .for_each(|facts| self.laid.add(facts));
            }
            Some(None) | None => {
                let laid = self.overlay.get(object).into_iter().flatten();
                laid.for_each(|facts| self.laid.add(facts));
            }
        }
        self.memos = Memos::default();
    }

    /// Lays what a look-up of a Secret gave over the store.
    pub fn lay_bundle(&mut self, secret: SecretRef, found: Lookup<Arc<Bundle>>) {
        self.bundles.insert(secret, found);
        self.memos = Memos::default();
    }

    /// A value that a dialect keeps as long as the view does not change, so that what many hosts
    /// share is found out once.
    pub(crate) fn memo<T: Default + Send + Sync + 'static>(&self) -> Arc<T> {
        let mut memos = self.memos.lock().unwrap_or_else(PoisonError::into_inner);
        let memo = memos
            .entry(TypeId::of::<T>())
            .or_insert_with(|| Arc::new(T::default()));
        Arc::clone(memo).downcast().unwrap_or_default()
    }

    /// The same, at a moment in Unix seconds: certificates may have expired.
    #[must_use]
    pub fn at(mut self, now: i64) -> Self {
        self.now = Some(now);
        self
    }

    /// The moment, where one is said.
    pub(crate) fn now(&self) -> Option<i64> {
        self.now
    }

    /// What is known of the gateways themselves.
    pub fn settings(&self) -> &'a Settings {
        self.settings
    }

    /// The same, with other settings. Objects stay as they were read.
    pub(crate) fn told(mut self, settings: &'a Settings) -> Self {
        self.settings = settings;
        self.memos = Memos::default();
        self
    }

    /// What the cluster demands of its hosts.
    pub fn policies(&self) -> &Policies {
        &self.policies
    }

    /// Puts other policies in the place of the store's.
    pub fn lay_policies(&mut self, policies: Arc<Policies>) {
        self.policies = policies;
    }

    /// The store below.
    pub fn base(&self) -> &'a Facts {
        self.base
    }

    /// The routes of one host.
    pub fn routes(&self, key: &HostKey) -> Vec<Arc<Route>> {
        let base = self.base.routes(key).iter();
        let laid = self.laid.by_host.get(key).into_iter().flatten();
        self.visible(base, |route| &route.site.object)
            .chain(laid.cloned())
            .collect()
    }

    /// The options with one id. More than one is possible, and gateways differ in what follows.
    pub fn options(&self, gateway: &Arc<Gateway>, id: &str) -> Vec<Arc<TlsOption>> {
        let key = (Arc::clone(gateway), id.to_owned());
        let base = self.base.options(&key).iter();
        let laid = self.laid().flat_map(|facts| &facts.options);
        let laid = laid.filter(|option| option.gateway == *gateway && option.id == id);
        self.visible(base, |option| &option.site.object)
            .chain(laid.cloned())
            .collect()
    }

    /// The options in a namespace that say something about client certificates.
    pub fn options_in(&self, gateway: &Arc<Gateway>, namespace: &str) -> Vec<Arc<TlsOption>> {
        let key = (Arc::clone(gateway), namespace.to_owned());
        let base = self.base.options_in(&key).iter();
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
        let wanted = (Arc::clone(gateway), id.to_owned());
        self.visible(base, |route| &route.site.object)
            .next()
            .is_some()
            || self.laid.options.contains(&wanted)
    }

    /// Looks for a middleware.
    pub fn filter(&self, gateway: &Arc<Gateway>, id: &str) -> Lookup<Arc<Filter>> {
        work::done();
        let key = (Arc::clone(gateway), id.to_owned());
        let laid = self.laid().flat_map(|facts| &facts.filters);
        let mut laid = laid.filter(|filter| filter.gateway == *gateway && filter.id == id);
        match laid.next().or(self.base.filter(&key)) {
            Some(filter) => Lookup::Found(Arc::clone(filter)),
            None => self.absent("Middleware", id),
        }
    }

    /// Looks for a Secret. A Secret of which nothing is known is to be fetched: it is `None`
    /// where everything of the kind is to be asked for one by one.
    pub fn bundle(&self, secret: &SecretRef) -> Option<Lookup<Arc<Bundle>>> {
        work::done();
        let known = self
            .bundles
            .get(secret)
            .or_else(|| self.base.bundle(secret));
        if let Some(found) = known {
            return Some(match found {
                Lookup::Missing if self.is_promised(secret) => pending(secret),
                found => found.clone(),
            });
        }
        if self.is_promised(secret) {
            return Some(pending(secret));
        }
        let kind = secret.kind();
        match self.base.seen(kind) {
            Seen::All => Some(Lookup::Missing),
            Seen::Some => None,
            Seen::Forbidden(why) => Some(Lookup::Unknown(format!("{kind} {secret}: {why}"))),
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
        work::done();
        match self.overlay.get(object) {
            Some(laid) => laid.as_ref(),
            None => self.base.object(object),
        }
    }

    fn is_promised(&self, secret: &SecretRef) -> bool {
        let promises = covering(secret);
        let laid = |promise| self.laid().any(|facts| facts.promises.contains(promise));
        promises
            .iter()
            .any(|promise| self.base.is_promised(promise) || laid(promise))
    }

    fn laid(&self) -> impl Iterator<Item = &Arc<ObjectFacts>> {
        self.overlay.values().flatten()
    }

    fn visible<'b, T: 'b>(
        &'b self,
        base: impl Iterator<Item = &'b Arc<T>> + 'b,
        object: impl Fn(&T) -> &Arc<ObjectRef> + 'b,
    ) -> impl Iterator<Item = Arc<T>> + 'b {
        base.inspect(|_| work::done())
            .filter(move |fact| !self.overlay.contains_key(object(fact)))
            .cloned()
    }
}

impl Facts {
    /// The store as it is.
    pub fn view(&self) -> View<'_> {
        View {
            base: self,
            overlay: HashMap::new(),
            laid: Laid::default(),
            bundles: HashMap::new(),
            memos: Memos::default(),
            policies: Arc::clone(&self.policies),
            now: None,
            settings: &self.settings,
        }
    }
}

fn pending(secret: &SecretRef) -> Lookup<Arc<Bundle>> {
    Lookup::Unknown(format!("Secret {secret}, which another object will make"))
}
