//! Which hosts a change touches. The cost is that of the facts on those hosts.

use std::collections::BTreeSet;
use std::sync::Arc;

use policy::{Facts, HostKey, ObjectFacts, Route, SecretRef, TlsOption};

/// The hosts whose answer may differ after a change from some facts to others.
pub(crate) fn hosts(
    facts: &Facts,
    old: Option<&ObjectFacts>,
    new: Option<&ObjectFacts>,
) -> BTreeSet<HostKey> {
    let mut keys = BTreeSet::new();
    for changed in [old, new].into_iter().flatten() {
        of_object(facts, changed, &mut keys);
        if SecretRef::is_one(&changed.object) {
            let secret = SecretRef::of(&changed.object);
            for user in facts.users_of_secret(&secret) {
                of_object(facts, user, &mut keys);
            }
        }
    }
    keys
}

fn of_object(facts: &Facts, object: &ObjectFacts, keys: &mut BTreeSet<HostKey>) {
    for route in &object.routes {
        of_route(facts, route, keys);
    }
    for option in &object.options {
        of_option(facts, option, keys);
    }
}

/// The route's own hosts, and those below its wildcard: what is asked there counts for them, or
/// seems to.
fn of_route(facts: &Facts, route: &Route, keys: &mut BTreeSet<HostKey>) {
    for host in &route.hosts {
        let key = HostKey {
            gateway: Arc::clone(&route.gateway),
            host: host.clone(),
        };
        if host.starts_with('*') {
            let all = facts.hosts_of(&route.gateway);
            keys.extend(all.filter(|other| key.covers(&other.host)).cloned());
        }
        keys.insert(key);
    }
}

/// The option named default holds for every host that names none, or falls back.
fn of_option(facts: &Facts, option: &TlsOption, keys: &mut BTreeSet<HostKey>) {
    if option.id == "default" {
        keys.extend(facts.hosts_of(&option.gateway).cloned());
    }
    for route in facts.users_of_option(&option.gateway, &option.id) {
        of_route(facts, route, keys);
    }
}
