//! All routers of a host to what a stranger meets, entry point by entry point.

use std::collections::HashSet;
use std::sync::Arc;

use super::conflict::{Conflicts, is_live, is_on};
use super::entry::{Entry, closed};
use super::entry_point::{EntryPoint, entry_points};
use super::reference::PROVIDER;
use super::{backend, extras, flaw, outcome};
use crate::Site;
use crate::fact::{Harm, OptionTarget, OptionUse, RemarkKind, Route, TlsOption};
use crate::gateway::HostKey;
use crate::host::{Because, Host, OptionState};
use crate::lookup::Lookup;
use crate::view::View;

pub(super) fn settle(key: &HostKey, view: &View<'_>) -> Host {
    let mut host = Host::new(key);
    let gateway = &key.gateway;
    let config = view.settings().gateway(gateway.dialect, &gateway.instance);
    let routes = view.routes(key);
    let told = entry_points(&config);
    let by_entry = told.iter().filter_map(|entry| entry.option.clone());
    let mut notes = Notes {
        used: by_entry.map(|name| name.replace(PROVIDER, "")).collect(),
        ..Notes::default()
    };
    notes.take(&mut host, &routes, view);
    let live = |route: &&Arc<Route>| is_live(route, view);
    let live: Vec<_> = routes.iter().filter(live).cloned().collect();
    if live.is_empty() {
        let first = routes.first().map(|route| route.site.clone());
        let nobody = first.map(|site| closed("websecure", Because::Dropped, &site));
        host.doors.extend(nobody);
    }
    let entries = with_named(told, &live);
    let conflicts = Conflicts {
        view,
        config: &config,
        entries: &entries,
    };
    for entry in &entries {
        let served = |route: &&Arc<Route>| {
            is_on(route, entry) && !route.matching.excluded.contains(&key.host)
        };
        let on_entry: Vec<_> = live.iter().filter(served).cloned().collect();
        if !on_entry.is_empty() || key.wildcard().is_some() {
            Entry::new(key, &conflicts, entry, on_entry).settle(&mut host);
        }
    }
    backend::settle(&mut host, &live, &conflicts);
    flaw::settle(&mut host, &live, &conflicts);
    tell_once(&mut host);
    forbid(&mut host, view);
    host
}

/// What several routes and entry points came to is told of once.
fn tell_once(host: &mut Host) {
    let mut seen = HashSet::new();
    host.trust
        .retain(|used| seen.insert(used.reference.site.clone()));
    let mut seen = HashSet::new();
    host.modes.retain(|(_, site, _)| seen.insert(site.clone()));
    let mut seen = HashSet::new();
    host.fallbacks
        .retain(|fallback| seen.insert(fallback.option.site.clone()));
    let mut seen = HashSet::new();
    host.remarks
        .retain(|remark| seen.insert((remark.site.clone(), remark.message.clone())));
}

/// What cannot be listed could hold anything.
fn forbid(host: &mut Host, view: &View<'_>) {
    let kinds = ["Ingress", "IngressRoute", "IngressRouteTCP"];
    if let Some(unread) = kinds.iter().find_map(|kind| view.forbidden(kind)) {
        for door in &mut host.doors {
            door.unseen.get_or_insert_with(|| unread.clone());
        }
    }
}

/// Entry points that only routes name exist too, as far as these objects tell.
fn with_named(mut entries: Vec<EntryPoint>, routes: &[Arc<Route>]) -> Vec<EntryPoint> {
    for name in routes.iter().flat_map(|route| &route.entry_points) {
        if !entries.iter().any(|entry| entry.name == *name) {
            entries.push(EntryPoint {
                default: false,
                ..EntryPoint::named(name)
            });
        }
    }
    entries
}

/// What the routes of a host say, each thing once.
#[derive(Default)]
struct Notes {
    options: HashSet<Site>,
    namespaces: HashSet<String>,
    /// Options that entry points name.
    used: HashSet<String>,
}

impl Notes {
    fn take(&mut self, host: &mut Host, routes: &[Arc<Route>], view: &View<'_>) {
        for route in routes {
            self.object(host, route, view);
            host.mentioned |= route.mentions && route.option.is_none();
            match &route.option {
                Some(option) => self.option(host, route, option, view),
                None => self.idle(host, route, view),
            }
        }
    }

    fn object(&self, host: &mut Host, route: &Route, view: &View<'_>) {
        let object = &route.site.object;
        if host.rests_on.insert(Arc::clone(object)) {
            let remarks = view.object(object).map(|facts| facts.remarks.clone());
            host.remarks.extend(remarks.into_iter().flatten());
        }
    }

    fn option(&mut self, host: &mut Host, route: &Route, option: &OptionUse, view: &View<'_>) {
        if !self.options.insert(option.site.clone()) {
            return;
        }
        let candidates = option.candidates.iter().cloned();
        host.rests_on.extend(candidates.map(Arc::new));
        let found = find(&option.target, route, view);
        if option.target == OptionTarget::Default {
            extras::named_default(host, option, &found);
            return;
        }
        host.mentioned |= match &found {
            Lookup::Found(found) => {
                // An Ingress that is skipped still names its CA.
                outcome::take_note(found, host, view);
                found.mentions() || is_meant(found, view)
            }
            Lookup::Missing | Lookup::Unknown(_) => true,
        };
        host.options.push(OptionState {
            option: option.clone(),
            found,
        });
    }

    /// A TLSOption that demands certificates beside a route that names none was probably meant.
    fn idle(&mut self, host: &mut Host, route: &Route, view: &View<'_>) {
        let namespace = &route.site.object.namespace;
        if !self.namespaces.insert(namespace.clone()) {
            return;
        }
        for option in view.options_in(&route.gateway, namespace) {
            let used = option.id == "default" || self.used.contains(&option.id);
            if !used && !view.is_used(&route.gateway, &option.id) {
                host.mentioned = true;
                host.rests_on.insert(Arc::clone(&option.site.object));
                host.idle.push(option);
            }
        }
    }
}

/// Whether an option is remarked to ask for less than it seems to.
fn is_meant(option: &TlsOption, view: &View<'_>) -> bool {
    let facts = view.object(&option.site.object);
    let remarks = facts.into_iter().flat_map(|facts| &facts.remarks);
    let mut remarks = remarks.filter(|remark| remark.kind == RemarkKind::NoEffect);
    remarks.any(|remark| remark.harm == Harm::Opens)
}

/// Looks for an option. Of several with one id any may be in force; see [`Entry`].
pub(super) fn find(
    target: &OptionTarget,
    route: &Route,
    view: &View<'_>,
) -> Lookup<Arc<TlsOption>> {
    let id = match target {
        OptionTarget::Id(id) => id,
        OptionTarget::Default => "default",
        OptionTarget::Elsewhere(what) => return Lookup::Unknown(what.clone()),
        OptionTarget::Never(_) => return Lookup::Missing,
    };
    match view.options(&route.gateway, id).pop() {
        Some(found) => Lookup::Found(found),
        None => view.absent("TLSOption", id),
    }
}
