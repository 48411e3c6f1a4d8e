//! All routers of a host to what a stranger meets, entry point by entry point
//! (`pkg/server/aggregator.go:176-301`).

use std::collections::BTreeSet;
use std::sync::Arc;

use super::entry_point::{EntryPoint, entry_points};
use super::option::{self, Outcome};
use crate::fact::{OptionTarget, OptionUse, Protocol, Route};
use crate::gateway::HostKey;
use crate::host::{Admits, Because, Door, Fallback, Host, OptionState};
use crate::lookup::Lookup;
use crate::view::View;
use crate::{ObjectRef, Site};

pub(super) fn settle(key: &HostKey, view: &View<'_>) -> Host {
    let mut host = Host::new(key);
    let routes = view.routes(key);
    for route in &routes {
        take_note(&mut host, route, view);
    }
    let live: Vec<_> = routes
        .iter()
        .filter(|route| route.dropped.is_none())
        .cloned()
        .collect();
    if live.is_empty() {
        let first = routes.first().map(|route| route.site.clone());
        let nobody = first.map(|site| closed("websecure", Because::Dropped, &site));
        host.doors.extend(nobody);
    }
    let config = view
        .settings()
        .gateway(key.gateway.dialect, &key.gateway.instance);
    for entry in with_named(entry_points(&config), &live) {
        let on_entry: Vec<_> = live.iter().filter(|route| is_on(route, &entry)).collect();
        Entry {
            key,
            view,
            entry: &entry,
            routes: on_entry,
        }
        .settle(&mut host);
    }
    let kinds = ["Ingress", "IngressRoute", "IngressRouteTCP"];
    if let Some(unread) = kinds.iter().find_map(|kind| view.forbidden(kind)) {
        for door in &mut host.doors {
            door.unseen.get_or_insert_with(|| unread.clone());
        }
    }
    host
}

/// Entry points that only routes name exist too, as far as these objects tell.
fn with_named(mut entries: Vec<EntryPoint>, routes: &[Arc<Route>]) -> Vec<EntryPoint> {
    for name in routes.iter().flat_map(|route| &route.entry_points) {
        if !entries.iter().any(|entry| entry.name == *name) {
            let plain = EntryPoint {
                name: name.clone(),
                tls: false,
                option: None,
                redirects: false,
                default: false,
            };
            entries.push(plain);
        }
    }
    entries
}

fn is_on(route: &Route, entry: &EntryPoint) -> bool {
    match route.entry_points.as_slice() {
        [] => entry.default,
        names => names.contains(&entry.name),
    }
}

fn take_note(host: &mut Host, route: &Arc<Route>, view: &View<'_>) {
    let object = &route.site.object;
    if host.rests_on.insert(Arc::clone(object)) {
        let remarks = view.object(object).map(|facts| facts.remarks.clone());
        host.remarks.extend(remarks.into_iter().flatten());
    }
    let Some(option) = &route.option else {
        host.mentioned |= route.mentions;
        find_idle(host, route, view);
        return;
    };
    host.rests_on
        .extend(option.candidates.iter().cloned().map(Arc::new));
    let found = find(option, route, view);
    host.mentioned |= match &found {
        Lookup::Found(option) => option.mentions(),
        Lookup::Missing | Lookup::Unknown(_) => true,
    };
    if !host
        .options
        .iter()
        .any(|state| state.option.site == option.site)
    {
        host.options.push(OptionState {
            option: option.clone(),
            found,
        });
    }
}

/// A TLSOption that demands certificates beside a route that names none was probably meant.
fn find_idle(host: &mut Host, route: &Route, view: &View<'_>) {
    let options = view.options_in(&route.gateway, &route.site.object.namespace);
    for option in options {
        let known = host.idle.iter().any(|idle| idle.site == option.site);
        if option.id != "default" && !known && !view.is_used(&route.gateway, &option.id) {
            host.mentioned = true;
            host.rests_on.insert(Arc::clone(&option.site.object));
            host.idle.push(option);
        }
    }
}

fn find(option: &OptionUse, route: &Route, view: &View<'_>) -> Lookup<Arc<crate::fact::TlsOption>> {
    match &option.target {
        OptionTarget::Id(id) => match view.options(&route.gateway, id).pop() {
            Some(found) => Lookup::Found(found),
            None => view.absent("TLSOption", id),
        },
        OptionTarget::Elsewhere(what) => Lookup::Unknown(what.clone()),
        OptionTarget::Default | OptionTarget::Never(_) => Lookup::Missing,
    }
}

/// The routers of one host on one entry point.
struct Entry<'a> {
    key: &'a HostKey,
    view: &'a View<'a>,
    entry: &'a EntryPoint,
    routes: Vec<&'a Arc<Route>>,
}

impl Entry<'_> {
    fn settle(&self, host: &mut Host) {
        for route in &self.routes {
            let door = match route.protocol {
                Protocol::Passthrough => {
                    self.door(Admits::Everyone, Because::Passthrough, &route.site)
                }
                Protocol::Tcp if route.tls => self.resolved(route, host),
                Protocol::Http if self.has_tls(route) => self.http(route, host),
                Protocol::Tcp | Protocol::Http => self.plain(route),
            };
            host.doors.push(door);
        }
    }

    fn has_tls(&self, route: &Route) -> bool {
        route.tls || self.entry.tls
    }

    /// An HTTP router with TLS: its option holds only if every router of each of its hosts on
    /// this entry point names the same.
    fn http(&self, route: &Arc<Route>, host: &mut Host) -> Door {
        let named = named(route, self.entry);
        let own = route.option.clone();
        if let (Some(option), "*") = (&own, self.key.host.as_str()) {
            push_fallback(
                host,
                Fallback {
                    option: option.clone(),
                    conflict: None,
                },
            );
            return self.fell_back(route, host);
        }
        let other = route
            .hosts
            .iter()
            .find_map(|name| self.conflict(name, &named));
        match (other, own) {
            (Some(other), Some(option)) => {
                host.rests_on.insert(Arc::clone(&other.object));
                push_fallback(
                    host,
                    Fallback {
                        option,
                        conflict: Some(other),
                    },
                );
                self.fell_back(route, host)
            }
            (Some(_), None) => self.fallen(route, host),
            (None, _) => self.resolved(route, host),
        }
    }

    /// Another router of the host on this entry point with another option.
    fn conflict(&self, name: &str, named: &str) -> Option<Site> {
        let key = HostKey {
            gateway: Arc::clone(&self.key.gateway),
            host: name.to_owned(),
        };
        let others = if name == self.key.host {
            self.routes.iter().map(|route| Arc::clone(route)).collect()
        } else {
            self.view.routes(&key)
        };
        let differs = |other: &&Arc<Route>| {
            other.protocol == Protocol::Http
                && other.dropped.is_none()
                && is_on(other, self.entry)
                && self.has_tls(other)
                && self::named(other, self.entry) != named
        };
        others.iter().find(differs).map(|other| other.site.clone())
    }

    fn fell_back(&self, route: &Arc<Route>, host: &mut Host) -> Door {
        let door = self.fallen(route, host);
        Door {
            because: Because::FellBack,
            ..door
        }
    }

    /// The default option: none, one, or several that cancel one another
    /// (`crd/kubernetes.go:1368`).
    fn fallen(&self, route: &Arc<Route>, host: &mut Host) -> Door {
        let defaults = self.view.options(&self.key.gateway, "default");
        host.mentioned |= defaults.iter().any(|option| option.mentions());
        for option in &defaults {
            host.rests_on.insert(Arc::clone(&option.site.object));
        }
        match defaults.as_slice() {
            [] => {
                let door = self.door(Admits::Everyone, Because::NothingSaid, &route.site);
                Door {
                    unseen: self.view.forbidden("TLSOption"),
                    ..door
                }
            }
            [option] => self.opened(option::outcome(option, host, self.view)),
            [first, second, ..] => {
                push_fallback(
                    host,
                    Fallback {
                        option: default_use(&first.site),
                        conflict: Some(second.site.clone()),
                    },
                );
                self.door(Admits::Everyone, Because::FellBack, &first.site)
            }
        }
    }

    /// The option that the route names itself.
    fn resolved(&self, route: &Arc<Route>, host: &mut Host) -> Door {
        let Some(option) = &route.option else {
            return match &self.entry.option {
                Some(name) if !route.tls => self.unseen(route, format!("TLS option {name}")),
                _ => self.fallen(route, host),
            };
        };
        match find(option, route, self.view) {
            Lookup::Found(found) => self.opened(option::outcome(&found, host, self.view)),
            Lookup::Missing => closed(&self.entry.name, Because::BrokenReference, &option.site),
            Lookup::Unknown(what) => self.unseen(route, what),
        }
    }

    fn unseen(&self, route: &Route, what: String) -> Door {
        let door = self.door(Admits::Trusted, Because::Demanded, &route.site);
        Door {
            unseen: Some(what),
            ..door
        }
    }

    /// Plain HTTP, or plain TCP, unless the entry point or a middleware redirects.
    fn plain(&self, route: &Arc<Route>) -> Door {
        let filters = route.plain.filters.iter();
        let filters: Vec<_> = filters
            .map(|id| self.view.filter(&self.key.gateway, id))
            .collect();
        let redirects = |found: &Lookup<Arc<crate::fact::Filter>>| matches!(found, Lookup::Found(filter) if filter.redirects);
        let redirected = self.entry.redirects || filters.iter().any(redirects);
        let unseen = filters.into_iter().find_map(|found| match found {
            Lookup::Unknown(what) => Some(what),
            Lookup::Found(_) | Lookup::Missing => None,
        });
        let admits = if redirected {
            Admits::Redirected
        } else {
            Admits::Everyone
        };
        let door = self.door(admits, Because::PlainHttp, &route.site);
        Door {
            plain: true,
            unseen: unseen.filter(|_| !redirected),
            ..door
        }
    }

    fn opened(&self, outcome: Outcome) -> Door {
        let Outcome {
            admits,
            because,
            site,
            unseen,
        } = outcome;
        Door {
            unseen,
            ..self.door(admits, because, &site)
        }
    }

    fn door(&self, admits: Admits, because: Because, site: &Site) -> Door {
        Door {
            entry: self.entry.name.clone(),
            plain: false,
            admits,
            because,
            site: site.clone(),
            unseen: None,
        }
    }
}

fn closed(entry: &str, because: Because, site: &Site) -> Door {
    Door {
        entry: entry.to_owned(),
        plain: false,
        admits: Admits::Nobody,
        because,
        site: site.clone(),
        unseen: None,
    }
}

/// The name by which two routers' options are compared; a router without one has `default`.
fn named(route: &Route, entry: &EntryPoint) -> String {
    match (&route.option, &entry.option) {
        (Some(option), _) => match &option.target {
            OptionTarget::Id(id) => id.clone(),
            OptionTarget::Default => "default".to_owned(),
            OptionTarget::Never(_) | OptionTarget::Elsewhere(_) => option.spelt.clone(),
        },
        (None, Some(option)) if !route.tls => option.clone(),
        (None, _) => "default".to_owned(),
    }
}

fn push_fallback(host: &mut Host, fallback: Fallback) {
    let sites: BTreeSet<_> = host
        .fallbacks
        .iter()
        .map(|known| known.option.site.clone())
        .collect();
    if !sites.contains(&fallback.option.site) {
        host.mentioned = true;
        host.fallbacks.push(fallback);
    }
}

fn default_use(site: &Site) -> OptionUse {
    OptionUse {
        site: site.clone(),
        spelt: "default".to_owned(),
        target: OptionTarget::Default,
        candidates: Vec::<ObjectRef>::new(),
        foreign: false,
        repair: None,
    }
}
