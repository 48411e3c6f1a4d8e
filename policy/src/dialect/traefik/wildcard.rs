//! An exact host beside a wildcard: the handshake goes by the exact name, the request to the router
//! with the longest rule, and where the two have different options Traefik answers 421
//! (`middlewares/snicheck/snicheck.go:26-44`).

use std::cmp::Ordering;
use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use super::conflict::{has_tls, is_live, option_name};
use super::entry::{Entry, closed};
use super::outcome;
use super::version::{SNI_CHECK, WILDCARDS, has};
use crate::fact::{Harm, Protocol, Remark, RemarkKind, Route};
use crate::gateway::HostKey;
use crate::host::{Admits, Because, Door, Host};
use crate::{ObjectRef, SecretRef, Site};

/// What the routers of a wildcard mean for the exact hosts below it, on one entry point.
#[derive(Debug)]
struct Shade {
    doors: Vec<(Arc<Route>, Door)>,
    /// The router that answers every path.
    whole: Option<Whole>,
    /// Whether certificates are asked for, and where that is said.
    demand: Option<Site>,
    mentioned: bool,
    excluded: BTreeSet<String>,
    rests_on: BTreeSet<Arc<ObjectRef>>,
    wanted: BTreeSet<SecretRef>,
}

/// A wildcard's router that answers every path.
#[derive(Debug)]
struct Whole {
    priority: usize,
    option: String,
    admits: Admits,
}

impl Shade {
    fn owner(&self) -> String {
        let first = self.doors.first();
        first.map_or_else(String::new, |(route, _)| route.site.object.to_string())
    }
}

/// The shades that were found out, for the hosts that share them.
#[derive(Debug, Default)]
struct Memo(Mutex<HashMap<(HostKey, String), Arc<Shade>>>);

/// Lets the wildcard above a host take part. Says whether it has routers with TLS here.
pub(super) fn cover(
    entry: &mut Entry<'_>,
    doors: &mut Vec<(Arc<Route>, Door)>,
    host: &mut Host,
) -> bool {
    let Some(key) = entry.key.wildcard() else {
        return false;
    };
    let shade = shade(entry, &key);
    if shade.doors.is_empty() || shade.excluded.contains(&entry.key.host) {
        return false;
    }
    host.rests_on.extend(shade.rests_on.iter().cloned());
    host.wanted.extend(shade.wanted.iter().cloned());
    if doors.is_empty() {
        host.mentioned |= shade.mentioned;
        doors.extend(shade.doors.iter().cloned());
    } else {
        let handshake = doors.first().map(|(route, _)| resolved(entry, route));
        for (route, door) in doors {
            overshadow(entry, &shade, handshake.as_deref(), route, door, host);
        }
    }
    true
}

fn overshadow(
    entry: &Entry<'_>,
    shade: &Shade,
    handshake: Option<&str>,
    route: &Route,
    door: &mut Door,
    host: &mut Host,
) {
    let other = shade.whole.as_ref();
    let other = other.filter(|whole| Some(whole.option.as_str()) != handshake);
    let against = other.map(|whole| (whole, whole.priority.cmp(&route.rule_length)));
    match against {
        Some((_, Ordering::Greater)) if has(entry.conflicts.config, SNI_CHECK) => {
            host.mentioned |= shade.demand.is_some();
            *door = closed(&entry.entry.name, Because::BrokenReference, &route.site);
            host.remarks.push(misdirected(route, shade));
        }
        Some((whole, Ordering::Equal)) if shade.demand.is_some() || asks(door.admits) => {
            host.mentioned = true;
            door.admits = outcome::weaker(door.admits, whole.admits);
            host.remarks.push(undecided(route, shade));
        }
        _ => {
            if let (Some(site), true) = (&shade.demand, says_nothing(door)) {
                host.mentioned = true;
                host.remarks.push(uncovered(route, site));
            }
        }
    }
}

fn asks(admits: Admits) -> bool {
    matches!(
        admits,
        Admits::Trusted | Admits::AnySubject | Admits::AnyCertificate | Admits::Optional
    )
}

/// Whether a door is open because nothing is said, not because somebody says so.
fn says_nothing(door: &Door) -> bool {
    let silent = matches!(door.because, Because::NothingSaid | Because::FellBack);
    silent && door.admits == Admits::Everyone
}

fn misdirected(route: &Route, shade: &Shade) -> Remark {
    Remark {
        site: route.site.clone(),
        kind: RemarkKind::Uncovered,
        harm: Harm::Closes,
        message: format!(
            "the rule is shorter than the wildcard's of {}, whose TLS option is another: Traefik answers 421 to everybody",
            shade.owner()
        ),
        hint: "name the same TLSOption here, or set a higher priority".to_owned(),
        repair: None,
    }
}

/// Both the handshake and the router are looked for in the order of Go's maps where priorities are
/// equal (`router.go:240`, `tcp/router.go:277`): what a client meets changes from load to load.
fn undecided(route: &Route, shade: &Shade) -> Remark {
    Remark {
        harm: Harm::Opens,
        message: format!(
            "the rule is as long as the wildcard's of {}, whose TLS option is another: which of the two holds changes whenever Traefik loads",
            shade.owner()
        ),
        ..misdirected(route, shade)
    }
}

fn uncovered(route: &Route, demand: &Site) -> Remark {
    Remark {
        site: route.site.clone(),
        kind: RemarkKind::Uncovered,
        harm: Harm::Opens,
        message: format!(
            "the wildcard asks for certificates ({}), but this host has no TLSOption: nobody is asked for one",
            demand.object
        ),
        hint: "name the wildcard's TLSOption here too".to_owned(),
        repair: None,
    }
}

fn resolved(entry: &Entry<'_>, route: &Arc<Route>) -> String {
    match entry.conflicts.of(route, entry.entry) {
        Some(_) => "default".to_owned(),
        None => option_name(route, entry.entry),
    }
}

fn shade(entry: &Entry<'_>, key: &HostKey) -> Arc<Shade> {
    let memo = entry.conflicts.view.memo::<Memo>();
    let place = (key.clone(), entry.entry.name.clone());
    let known = memo
        .0
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .get(&place)
        .cloned();
    known.unwrap_or_else(|| {
        let shade = Arc::new(cast(entry, key));
        let mut memo = memo.0.lock().unwrap_or_else(PoisonError::into_inner);
        memo.insert(place, Arc::clone(&shade));
        shade
    })
}

/// Settles the wildcard's routers by themselves.
fn cast(entry: &Entry<'_>, key: &HostKey) -> Shade {
    let view = entry.conflicts.view;
    let counts = |route: &Arc<Route>| {
        route.protocol == Protocol::Http
            && !route.matching.hostless
            && !route.matching.excluded.contains(&key.host)
            && has_tls(route, entry.entry)
            && is_live(route, view)
    };
    let mut routes = view.routes(key);
    routes.retain(counts);
    if !has(entry.conflicts.config, WILDCARDS) {
        routes.clear();
    }
    let mut host = Host::new(key);
    host.mentioned = routes.iter().any(|route| route.mentions);
    let mut own = Entry::new(key, entry.conflicts, entry.entry, Vec::new());
    let doors = routes.iter();
    let doors: Vec<_> = doors
        .map(|route| (Arc::clone(route), own.http(route, &mut host)))
        .collect();
    let demand = doors.iter().find(|(_, door)| asks(door.admits));
    let whole = doors.iter().filter(|(route, _)| route.matching.whole);
    let whole = whole.max_by_key(|(route, _)| route.rule_length);
    let whole = whole.map(|(route, door)| Whole {
        priority: route.rule_length,
        option: resolved(entry, route),
        admits: door.admits,
    });
    host.rests_on
        .extend(routes.iter().map(|route| Arc::clone(&route.site.object)));
    Shade {
        demand: demand.map(|(_, door)| door.site.clone()),
        whole,
        excluded: routes
            .iter()
            .flat_map(|route| route.matching.excluded.clone())
            .collect(),
        doors,
        mentioned: host.mentioned,
        rests_on: host.rests_on,
        wanted: host.wanted,
    }
}
