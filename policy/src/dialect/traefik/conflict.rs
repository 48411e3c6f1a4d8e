//! Which routers keep the option that they name: one that shares a host and an entry point with a
//! router of another option loses it (`pkg/server/aggregator.go:176-301`).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::entry_point::EntryPoint;
use super::reference::PROVIDER;
use super::version::conflicts_across;
use super::{GROUP, OLD_GROUP, nginx_provider};
use crate::GatewayConfig;
use crate::fact::{OptionTarget, Protocol, Route};
use crate::gateway::HostKey;
use crate::view::View;
use crate::{ObjectRef, Site};

/// The names of the options of a host's routers, two at most: more make no difference.
type Names = Arc<Vec<(String, Site)>>;

/// What was found out for hosts and routers of the whole view, each once: a host in thousands of
/// routers, and a router with thousands of hosts, stay linear.
#[derive(Debug, Default)]
struct Memo {
    names: Mutex<HashMap<(HostKey, String), Names>>,
    routes: Mutex<HashMap<(usize, String), Option<Site>>>,
}

/// Where conflicts are looked for.
pub(super) struct Conflicts<'a> {
    pub(super) view: &'a View<'a>,
    pub(super) config: &'a GatewayConfig,
    pub(super) entries: &'a [EntryPoint],
}

impl Conflicts<'_> {
    /// Another router that shares a host with this one and names another option.
    pub(super) fn of(&self, route: &Arc<Route>, entry: &EntryPoint) -> Option<Site> {
        if route.matching.hostless {
            return None;
        }
        let memo = self.view.memo::<Memo>();
        let key = (Arc::as_ptr(route).addr(), entry.name.clone());
        let known = lock(&memo.routes).get(&key).cloned();
        known.unwrap_or_else(|| {
            let found = self.look(route, entry, &memo);
            lock(&memo.routes).insert(key, found.clone());
            found
        })
    }

    fn look(&self, route: &Route, entry: &EntryPoint, memo: &Memo) -> Option<Site> {
        let own = option_name(route, entry);
        route.hosts.iter().find_map(|host| {
            let names = self.names(route, host, entry, memo);
            let mut others = names.iter().filter(|(name, _)| *name != own);
            others.next().map(|(_, site)| site.clone())
        })
    }

    fn names(&self, route: &Route, host: &str, entry: &EntryPoint, memo: &Memo) -> Names {
        let host = HostKey {
            gateway: Arc::clone(&route.gateway),
            host: host.to_owned(),
        };
        let key = (host, entry.name.clone());
        let known = lock(&memo.names).get(&key).cloned();
        known.unwrap_or_else(|| {
            let names = Arc::new(self.collect(&key.0, entry));
            lock(&memo.names).insert(key, Arc::clone(&names));
            names
        })
    }

    fn collect(&self, host: &HostKey, entry: &EntryPoint) -> Vec<(String, Site)> {
        let mut names: Vec<(String, Site)> = Vec::new();
        let scope = if conflicts_across(self.config) {
            self.entries
        } else {
            std::slice::from_ref(entry)
        };
        for route in self.view.routes(host) {
            if !counts(&route, self.view) {
                continue;
            }
            for entry in scope.iter().filter(|entry| has_tls(&route, entry)) {
                let name = option_name(&route, entry);
                if names.len() < 2 && names.iter().all(|(known, _)| *known != name) {
                    names.push((name, route.site.clone()));
                }
            }
        }
        names
    }
}

fn counts(route: &Route, view: &View<'_>) -> bool {
    route.protocol == Protocol::Http && !route.matching.hostless && is_live(route, view)
}

/// Whether Traefik makes a router of the route.
pub(super) fn is_live(route: &Route, view: &View<'_>) -> bool {
    route.dropped.is_none()
        && !nginx_provider::is_skipped(route, view)
        && !is_shadowed(&route.site.object, view)
}

/// Whether an object of the old API group stands beside one of the same name in the new one, which
/// alone counts (`client-containous.go`, `appendContainous*`).
pub(super) fn is_shadowed(object: &ObjectRef, view: &View<'_>) -> bool {
    if object.group() != OLD_GROUP {
        return false;
    }
    let new = ObjectRef {
        api_version: format!("{GROUP}/v1alpha1"),
        ..object.clone()
    };
    view.object(&new).is_some()
}

/// Whether a route is on an entry point.
pub(super) fn is_on(route: &Route, entry: &EntryPoint) -> bool {
    match route.entry_points.as_slice() {
        [] => entry.default,
        names => names.contains(&entry.name),
    }
}

/// Whether a route is on an entry point, with TLS.
pub(super) fn has_tls(route: &Route, entry: &EntryPoint) -> bool {
    is_on(route, entry) && (route.tls || entry.tls)
}

/// The option that a route has on an entry point: its own, or that of the entry point where it has
/// no TLS section of its own (`applyModel`, `aggregator.go:338-340`), or the default.
pub(super) fn target(route: &Route, entry: &EntryPoint) -> OptionTarget {
    match (&route.option, &entry.option) {
        (Some(option), _) => option.target.clone(),
        (None, Some(name)) if !route.tls => {
            of_entry_point(name, route.site.object.kind != "Ingress")
        }
        (None, _) => OptionTarget::Default,
    }
}

/// A name without a provider is taken for one of the router's own (`GetQualifiedName`).
fn of_entry_point(name: &str, of_crd: bool) -> OptionTarget {
    match name.split_once('@') {
        _ if name == "default" => OptionTarget::Default,
        Some(_) if name.ends_with(PROVIDER) => {
            OptionTarget::Id(name.trim_end_matches(PROVIDER).to_owned())
        }
        Some(_) => OptionTarget::Elsewhere(format!("TLS option {name}")),
        None if of_crd => OptionTarget::Id(name.to_owned()),
        None => OptionTarget::Never(format!("it does not end in {PROVIDER}")),
    }
}

/// The name by which two routers' options are compared.
pub(super) fn option_name(route: &Route, entry: &EntryPoint) -> String {
    match target(route, entry) {
        OptionTarget::Id(id) => id,
        OptionTarget::Default => "default".to_owned(),
        OptionTarget::Elsewhere(name) => name,
        OptionTarget::Never(_) => {
            let spelt = route.option.as_ref().map(|option| &option.spelt);
            spelt.or(entry.option.as_ref()).cloned().unwrap_or_default()
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_option_of_an_entry_point() {
        let id = |id: &str| OptionTarget::Id(id.to_owned());
        assert_eq!(of_entry_point("default", true), OptionTarget::Default);
        assert_eq!(of_entry_point("default", false), OptionTarget::Default);
        let qualified = "shop-mtls@kubernetescrd";
        assert_eq!(of_entry_point(qualified, true), id("shop-mtls"));
        assert_eq!(of_entry_point(qualified, false), id("shop-mtls"));
        assert_eq!(
            of_entry_point("mtls@file", true),
            OptionTarget::Elsewhere("TLS option mtls@file".to_owned())
        );
        assert_eq!(of_entry_point("shop-mtls", true), id("shop-mtls"));
        let bare = of_entry_point("shop-mtls", false);
        assert!(matches!(bare, OptionTarget::Never(_)), "{bare:?}");
    }
}
