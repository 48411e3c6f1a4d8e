//! The routers of one host on one entry point.

use std::collections::HashMap;
use std::sync::Arc;

use super::conflict::{Conflicts, has_tls, option_name, target};
use super::entry_point::EntryPoint;
use super::outcome::{self, Outcome};
use super::settle::find;
use super::{extras, wildcard};
use crate::Site;
use crate::fact::{Filter, OptionTarget, OptionUse, Protocol, Route};
use crate::gateway::HostKey;
use crate::host::{Admits, Because, Door, Fallback, Host};
use crate::lookup::Lookup;
use crate::view::View;

pub(super) struct Entry<'a> {
    pub(super) key: &'a HostKey,
    pub(super) conflicts: &'a Conflicts<'a>,
    pub(super) entry: &'a EntryPoint,
    pub(super) routes: Vec<Arc<Route>>,
    /// What each option came to, so that one that many routes name is looked into once.
    outcomes: HashMap<String, Outcome>,
}

impl<'a> Entry<'a> {
    pub(super) fn new(
        key: &'a HostKey,
        conflicts: &'a Conflicts<'a>,
        entry: &'a EntryPoint,
        routes: Vec<Arc<Route>>,
    ) -> Self {
        Self {
            key,
            conflicts,
            entry,
            routes,
            outcomes: HashMap::new(),
        }
    }

    fn view(&self) -> &'a View<'a> {
        self.conflicts.view
    }

    /// A TLS router for HTTP goes before the TCP routers of its host
    /// (`tcp/router.go:205-219`); plain HTTP is apart.
    pub(super) fn settle(mut self, host: &mut Host) {
        let routes = std::mem::take(&mut self.routes);
        let (secure, others): (Vec<_>, Vec<_>) = routes
            .into_iter()
            .partition(|route| route.protocol == Protocol::Http && has_tls(route, self.entry));
        let (plain, streams): (Vec<_>, Vec<_>) = others
            .into_iter()
            .partition(|route| route.protocol == Protocol::Http);
        let doors = secure.iter();
        let mut doors: Vec<_> = doors
            .map(|route| (Arc::clone(route), self.http(route, host)))
            .collect();
        // The challenge itself is behind no door, but its router takes part in conflicts.
        doors.retain(|(route, _)| !route.matching.challenge);
        let covered = wildcard::cover(&mut self, &mut doors, host);
        host.doors.extend(doors.into_iter().map(|(_, door)| door));
        if secure.is_empty() && !covered {
            self.streams(streams, host);
        }
        for route in &plain {
            host.doors.extend(self.plain(route));
        }
    }

    /// TCP routers by priority, up to the first that takes every connection. Options of one name
    /// never meet here (`tcp/manager.go:323-333`).
    fn streams(&mut self, mut routes: Vec<Arc<Route>>, host: &mut Host) {
        routes.sort_by_key(|route| std::cmp::Reverse(route.rule_length));
        let first_whole = routes.iter().find(|route| route.matching.whole);
        let least = first_whole.map_or(0, |route| route.rule_length);
        for route in routes.iter().filter(|route| route.rule_length >= least) {
            let door = match route.protocol {
                Protocol::Passthrough => {
                    self.door(Admits::Everyone, Because::Passthrough, &route.site)
                }
                Protocol::Tcp if route.tls => self.resolved(route, host),
                Protocol::Tcp | Protocol::Http => Door {
                    plain: true,
                    ..self.door(Admits::Everyone, Because::PlainHttp, &route.site)
                },
            };
            host.doors.push(door);
        }
    }

    /// A router for HTTP with TLS: its option holds only if every router of each of its hosts on
    /// this entry point names the same.
    pub(super) fn http(&mut self, route: &Arc<Route>, host: &mut Host) -> Door {
        extras::replaced_option(host, route, self.entry);
        if self.misses_filter(route) {
            return closed(&self.entry.name, Because::BrokenReference, &route.site);
        }
        let named = target(route, self.entry);
        if route.matching.hostless && named != OptionTarget::Default {
            push_fallback(host, route, self.entry, None, false);
            return self.fell_back(route, host);
        }
        let Some(other) = self.conflicts.of(route, self.entry) else {
            return self.resolved(route, host);
        };
        host.rests_on.insert(Arc::clone(&other.object));
        let closes = self.conflicts.config.is_on("core.stricttlsoptions");
        push_fallback(host, route, self.entry, Some(other), closes);
        // A router whose own option is broken is not built even so (`router.go:301-310`).
        let broken = matches!(find(&named, route, self.view()), Lookup::Missing)
            && named != OptionTarget::Default;
        match (closes || broken, route.option.is_some()) {
            (true, _) => closed(&self.entry.name, Because::BrokenReference, &route.site),
            (false, true) => self.fell_back(route, host),
            (false, false) => self.fallen(route, host),
        }
    }

    /// A router that names a middleware that does not exist is not built.
    fn misses_filter(&self, route: &Route) -> bool {
        let gateway = &self.key.gateway;
        let missing = |id: &String| {
            !id.contains('@') && matches!(self.view().filter(gateway, id), Lookup::Missing)
        };
        route.plain.filters.iter().any(missing)
    }

    fn fell_back(&mut self, route: &Arc<Route>, host: &mut Host) -> Door {
        let door = self.fallen(route, host);
        Door {
            because: Because::FellBack,
            ..door
        }
    }

    /// The default option: none, one, or several that cancel one another
    /// (`crd/kubernetes.go:1368`).
    pub(super) fn fallen(&mut self, route: &Arc<Route>, host: &mut Host) -> Door {
        let defaults = outcome::options(self.view(), &self.key.gateway, "default");
        host.mentioned |= defaults.iter().any(|option| option.mentions());
        for option in &defaults {
            host.rests_on.insert(Arc::clone(&option.site.object));
        }
        match defaults.as_slice() {
            [] => {
                let door = self.door(Admits::Everyone, Because::NothingSaid, &route.site);
                Door {
                    unseen: self.view().forbidden("TLSOption"),
                    ..door
                }
            }
            [option] if extras::file_has_default(self.conflicts.config) => {
                extras::two_providers(host, option);
                closed(&self.entry.name, Because::BrokenReference, &option.site)
            }
            [option] => {
                let option = Arc::clone(option);
                self.opened(
                    &option.id.clone(),
                    |host, view| outcome::of(&option, host, view),
                    host,
                )
            }
            [first, second, ..] => {
                let fallback = Fallback {
                    option: default_use(&first.site),
                    conflict: Some(second.site.clone()),
                    closes: false,
                };
                push(host, fallback);
                self.door(Admits::Everyone, Because::FellBack, &first.site)
            }
        }
    }

    /// The option that the route, or the entry point, names.
    fn resolved(&mut self, route: &Arc<Route>, host: &mut Host) -> Door {
        let named = target(route, self.entry);
        if named == OptionTarget::Default {
            return self.fallen(route, host);
        }
        host.mentioned = host.mentioned || route.option.is_none();
        let site = route
            .option
            .as_ref()
            .map_or(&route.site, |option| &option.site);
        match find(&named, route, self.view()) {
            Lookup::Found(_) => {
                let id = option_name(route, self.entry);
                let options = outcome::options(self.view(), &self.key.gateway, &id);
                self.opened(
                    &id,
                    |host, view| outcome::of_any(&options, host, view),
                    host,
                )
            }
            Lookup::Missing => closed(&self.entry.name, Because::BrokenReference, site),
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

    /// Plain HTTP, unless the entry point or a middleware redirects. Nobody's data is behind the
    /// answer to a challenge.
    fn plain(&self, route: &Arc<Route>) -> Option<Door> {
        if route.matching.challenge {
            return None;
        }
        let named = route.plain.filters.iter().chain(&self.entry.filters);
        let filters: Vec<_> = named.map(|id| self.filter(id)).collect();
        let redirects = |found: &Lookup<Arc<Filter>>| matches!(found, Lookup::Found(filter) if self.redirects(filter));
        let redirected = self.entry.redirects_before(route.rule_length)
            || route.plain.redirect == Some(true)
            || filters.iter().any(redirects);
        if filters.iter().any(|found| matches!(found, Lookup::Missing)) {
            return Some(closed(
                &self.entry.name,
                Because::BrokenReference,
                &route.site,
            ));
        }
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
        Some(Door {
            plain: true,
            unseen: unseen.filter(|_| !redirected),
            ..door
        })
    }

    fn filter(&self, id: &str) -> Lookup<Arc<Filter>> {
        match id.contains('@') {
            true => Lookup::Unknown(format!("Middleware {id}")),
            false => self.view().filter(&self.key.gateway, id),
        }
    }

    /// Whether a middleware redirects, or one of those that it is a chain of.
    fn redirects(&self, filter: &Filter) -> bool {
        let parts = extras::parts(filter, self.view());
        filter.redirects || parts.iter().any(|part| part.redirects)
    }

    fn opened(
        &mut self,
        id: &str,
        find_out: impl FnOnce(&mut Host, &View<'_>) -> Outcome,
        host: &mut Host,
    ) -> Door {
        let view = self.view();
        let outcome = self.outcomes.entry(id.to_owned());
        let outcome = outcome.or_insert_with(|| find_out(host, view)).clone();
        Door {
            unseen: outcome.unseen,
            ..self.door(outcome.admits, outcome.because, &outcome.site)
        }
    }

    pub(super) fn door(&self, admits: Admits, because: Because, site: &Site) -> Door {
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

pub(super) fn closed(entry: &str, because: Because, site: &Site) -> Door {
    Door {
        entry: entry.to_owned(),
        plain: false,
        admits: Admits::Nobody,
        because,
        site: site.clone(),
        unseen: None,
    }
}

/// Takes note of an option that is not honoured. A route that names none loses nothing.
fn push_fallback(
    host: &mut Host,
    route: &Route,
    entry: &EntryPoint,
    conflict: Option<Site>,
    closes: bool,
) {
    let option = match (&route.option, &entry.option) {
        (Some(option), _) if option.target == OptionTarget::Default => return,
        (Some(option), _) => option.clone(),
        (None, Some(name)) if !route.tls => OptionUse {
            spelt: name.clone(),
            ..default_use(&route.site)
        },
        (None, _) => return,
    };
    push(
        host,
        Fallback {
            option,
            conflict,
            closes,
        },
    );
}

fn push(host: &mut Host, fallback: Fallback) {
    host.mentioned = true;
    host.fallbacks.push(fallback);
}

fn default_use(site: &Site) -> OptionUse {
    OptionUse {
        site: site.clone(),
        spelt: "default".to_owned(),
        target: OptionTarget::Default,
        candidates: Vec::new(),
        foreign: false,
        repair: None,
    }
}
