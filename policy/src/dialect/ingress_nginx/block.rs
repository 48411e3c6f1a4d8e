//! Which Ingresses make a server block, in which order, and which block answers for a host.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::secret::{is_denied, look_up};
use crate::fact::{Demand, Protocol, Route};
use crate::gateway::{Gateway, HostKey};
use crate::lookup::Lookup;
use crate::object::ObjectRef;
use crate::server::{Place, Raw, ServerPart};
use crate::site::Site;
use crate::trust::{TrustState, TrustUse};
use crate::view::View;

/// One route and what its object says about the server.
pub(super) struct Member {
    pub(super) route: Arc<Route>,
    pub(super) part: Arc<ServerPart>,
    /// The client CA, looked up.
    pub(super) ca: Option<TrustUse>,
}

impl Member {
    pub(super) fn place(&self) -> Option<&Place> {
        self.part.places.get(&self.route.site.pointer)
    }

    /// Whether the controller loads the object: a value that it refuses counts only once the
    /// Secret is found.
    pub(super) fn is_loaded(&self) -> bool {
        let found = || {
            self.ca
                .as_ref()
                .is_some_and(|ca| !is_denied(ca) && ca.state.is_some())
        };
        self.route.dropped.is_none() && !(self.part.dropped_with_ca.is_some() && found())
    }

    /// Whether it makes a server.
    pub(super) fn is_primary(&self) -> bool {
        let makes = matches!(self.place(), Some(Place::Rule(_) | Place::CatchAll));
        makes && !self.part.guest && self.is_loaded()
    }

    /// Whether the loop over rules comes to its client settings (`controller.go:745-768`).
    fn is_reached(&self, key: &HostKey) -> bool {
        let reached = match self.place() {
            Some(Place::Rule(paths)) => paths.is_some() || key.host == "*",
            Some(Place::Stray(_)) => true,
            Some(Place::CatchAll | Place::Alias) | None => false,
        };
        reached && self.is_loaded()
    }
}

/// The members of a host, oldest first; of the same age the last name first
/// (`store.go:1102-1115`). Objects without a creation time count as made together, and last.
pub(super) fn members(key: &HostKey, view: &View<'_>) -> Vec<Member> {
    let mut routes = view.routes(key);
    if routes.len() > 1 {
        routes.sort_by_cached_key(|route| {
            let object = &route.site.object;
            let name = format!("{}/{}", object.namespace, object.name);
            (
                route.created.is_empty(),
                route.created.clone(),
                Reverse(name),
            )
        });
    }
    let members = routes
        .into_iter()
        .filter_map(|route| member(route, key, view));
    members
        .filter(|member| !is_taken_in(member, key, view))
        .collect()
}

fn member(route: Arc<Route>, key: &HostKey, view: &View<'_>) -> Option<Member> {
    let part = Arc::clone(view.object(&route.site.object)?.server.as_ref()?);
    let reference = route
        .demand
        .as_ref()
        .and_then(|demand| demand.trust.first());
    let ca = reference.map(|reference| look_up(reference, key, view));
    Some(Member { ca, part, route })
}

/// A guest lands on the default server only where its host has none.
fn is_taken_in(member: &Member, key: &HostKey, view: &View<'_>) -> bool {
    let Some(Place::Stray(host)) = member.place() else {
        return false;
    };
    let host = HostKey {
        gateway: Arc::clone(&key.gateway),
        host: host.clone(),
    };
    members(&host, view).iter().any(Member::is_primary)
}

/// How a block comes to answer for a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    /// It is the host's own.
    Own,
    /// The host is another name of it.
    Alias,
    /// The host has none, and the block is that of the wildcard or the default server.
    Fallen,
}

/// A server block with its members.
pub(super) struct Block {
    pub(super) key: HostKey,
    pub(super) how: How,
    pub(super) members: Vec<Member>,
}

impl Block {
    /// The host's own block, the one that it is an alias of, that of its wildcard, or the
    /// default server; the second part are the members of the host where the block is another's.
    pub(super) fn answering(key: &HostKey, view: &View<'_>) -> (Option<Self>, Vec<Member>) {
        let own = members(key, view);
        if own.iter().any(Member::is_primary) {
            let block = Self::new(key.clone(), How::Own, own);
            return (Some(block), Vec::new());
        }
        let block = Self::of_alias(&own, key, view);
        (block.or_else(|| Self::fallen(key, view)), own)
    }

    fn new(key: HostKey, how: How, members: Vec<Member>) -> Self {
        Self { key, how, members }
    }

    /// Of several servers with one alias the first by name has it; the aliases of a server are
    /// those of its oldest Ingress that has some (`controller.go:1421-1428`).
    fn of_alias(own: &[Member], key: &HostKey, view: &View<'_>) -> Option<Self> {
        let aliases = own
            .iter()
            .filter(|member| matches!(member.place(), Some(Place::Alias)) && member.is_loaded());
        let objects: HashSet<_> = aliases
            .clone()
            .map(|alias| &alias.route.site.object)
            .collect();
        let hosts: BTreeSet<_> = aliases.flat_map(|alias| &alias.part.hosts).collect();
        hosts.into_iter().find_map(|host| {
            let key = HostKey {
                gateway: Arc::clone(&key.gateway),
                host: host.clone(),
            };
            let block = Self::new(key.clone(), How::Alias, members(&key, view));
            objects.contains(block.aliasing()?).then_some(block)
        })
    }

    /// The object whose aliases are the block's.
    fn aliasing(&self) -> Option<&Arc<ObjectRef>> {
        let mut primaries = self.members.iter().filter(|member| member.is_primary());
        let first = primaries.find(|member| !member.part.aliases.is_empty())?;
        Some(&first.route.site.object)
    }

    /// `buildServerName`: a wildcard takes one label; the default server takes the rest.
    fn fallen(key: &HostKey, view: &View<'_>) -> Option<Self> {
        let all = HostKey {
            gateway: Arc::clone(&key.gateway),
            host: "*".to_owned(),
        };
        let others = key
            .wildcard()
            .into_iter()
            .chain((key.host != "*").then_some(all));
        let mut blocks = others.map(|other| {
            let members = members(&other, view);
            Self::new(other, How::Fallen, members)
        });
        blocks.find(|block| block.members.iter().any(Member::is_primary))
    }

    /// The server for hosts that no other takes, where an Ingress without a host speaks for it;
    /// guests without a host of their own are looked at only beside one. Every host asks for it,
    /// so it is made once.
    pub(super) fn default_server(key: &HostKey, view: &View<'_>) -> Option<Arc<Self>> {
        let memo = view.memo::<DefaultServers>();
        let known = memo.lock().get(&key.gateway).cloned();
        known.unwrap_or_else(|| {
            let made = Self::make_default(key, view).map(Arc::new);
            memo.lock().insert(Arc::clone(&key.gateway), made.clone());
            made
        })
    }

    fn make_default(key: &HostKey, view: &View<'_>) -> Option<Self> {
        let key = HostKey {
            gateway: Arc::clone(&key.gateway),
            host: "*".to_owned(),
        };
        let routes = view.routes(&key);
        let speaks = |route: &Arc<Route>| !route.site.pointer.ends_with("/http");
        routes.iter().any(speaks).then(|| {
            let members = members(&key, view);
            Self::new(key, How::Own, members)
        })
    }

    /// What all members come to.
    pub(super) fn merged(&self) -> Merged<'_> {
        let mut merged = Merged::default();
        for member in self
            .members
            .iter()
            .filter(|member| member.is_reached(&self.key))
        {
            merged.add(member);
        }
        let mut primaries = self.members.iter().filter(|member| member.is_primary());
        merged.passthrough = primaries
            .clone()
            .find(|member| member.route.protocol == Protocol::Passthrough);
        merged.raw = primaries.find_map(|member| match &member.part.raw {
            Raw::Asks(site) => Some(site),
            Raw::None => None,
        });
        merged
    }

    /// Whether the server has a certificate: any `spec.tls` gives it one (`controller.go:1453`).
    pub(super) fn has_certificate(&self) -> bool {
        let mut primaries = self.members.iter().filter(|member| member.is_primary());
        primaries.any(|member| member.route.tls)
    }
}

/// The default server of each gateway, where it has one.
#[derive(Default)]
struct DefaultServers(Mutex<HashMap<Arc<Gateway>, Option<Arc<Block>>>>);

impl DefaultServers {
    fn lock(&self) -> MutexGuard<'_, HashMap<Arc<Gateway>, Option<Arc<Block>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The client settings of a block.
#[derive(Default)]
pub(super) struct Merged<'a> {
    /// A broken reference, which closes the whole host (`controller.go:762`).
    pub(super) denied: Option<&'a Member>,
    /// The oldest with a CA, which wins entirely; without one the last that was read (`:766`).
    pub(super) current: Option<&'a Member>,
    /// Whether `current` has a CA.
    pub(super) has_ca: bool,
    /// What was not seen.
    pub(super) unseen: Option<&'a str>,
    /// Who hands TLS on.
    pub(super) passthrough: Option<&'a Member>,
    /// Raw configuration about client certificates.
    pub(super) raw: Option<&'a Site>,
}

impl<'a> Merged<'a> {
    fn add(&mut self, member: &'a Member) {
        let used = member.ca.as_ref();
        if let Some(Lookup::Unknown(what)) = used.map(|used| &used.found) {
            self.unseen.get_or_insert(what);
        }
        if used.is_some_and(is_denied) {
            self.denied.get_or_insert(member);
        }
        if !self.has_ca {
            self.has_ca = has_ca(used);
            let counts =
                self.has_ca || used.is_some_and(|used| used.state.is_some() && !is_denied(used));
            self.current = Some(member).filter(|_| counts);
        }
    }

    /// The demand in force, with or without a CA.
    pub(super) fn demand(&self) -> Option<&'a Demand> {
        self.current?.route.demand.as_ref()
    }

    /// The demand in force that has a CA.
    pub(super) fn winner(&self) -> Option<(&'a Member, &'a Demand)> {
        let current = self.current.filter(|_| self.has_ca)?;
        Some((current, current.route.demand.as_ref()?))
    }
}

/// A Secret that was not seen is taken for a good one.
pub(super) fn has_ca(used: Option<&TrustUse>) -> bool {
    used.is_some_and(|used| {
        matches!(used.state, Some(TrustState::Usable { .. }))
            || matches!(used.found, Lookup::Unknown(_))
    })
}
