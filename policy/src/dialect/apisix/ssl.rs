//! The SSL objects of a name, of which APISIX takes one (`match_and_set` in `radixtree_sni.lua`):
//! an exact name goes before a wildcard, and of two for one name either may be taken.

use std::sync::Arc;

use super::read::ANY_CLASS;
use super::settle::door;
use crate::bundle::Bundle;
use crate::fact::{Demand, Harm, Mode, Remark, RemarkKind, Route, TrustRef};
use crate::host::{Admits, Because, Door, Host};
use crate::lookup::Lookup;
use crate::trust::{TrustState, TrustUse};
use crate::view::View;

/// Who gets through TLS, by the levels of names that APISIX comes to; `None` where no SSL object
/// has the name, and the handshake fails.
pub(super) fn settle(levels: &[Vec<Arc<Route>>], host: &mut Host, view: &View<'_>) -> Option<Door> {
    let mut shut = None;
    let mut fallen = None;
    for (at, level) in levels.iter().enumerate() {
        let level = Level::of(level, host, view);
        if at == 0 {
            mark_uncovered(&level, levels, host);
        }
        match level.taken(fallen.as_ref(), host) {
            Taken::Door(door) => return Some(door),
            Taken::Nothing(level) => {
                fallen = fallen.or_else(|| level.demand().cloned());
                let first = level.absent.into_iter().map(|(_, door)| door).next();
                shut = shut.or(first);
            }
        }
    }
    shut
}

/// An SSL object of its own hides the wildcard's demand.
fn mark_uncovered(level: &Level, levels: &[Vec<Arc<Route>>], host: &mut Host) {
    let (Some(silent), []) = (level.silent.first(), level.demanding.as_slice()) else {
        return;
    };
    let mut wider = levels.iter().skip(1).flatten();
    if let Some(wide) = wider.find(|route| route.demand.is_some()) {
        host.remarks.push(Remark {
            site: silent.site.clone(),
            kind: RemarkKind::Uncovered,
            harm: Harm::Opens,
            message: format!(
                "the host has an SSL object of its own without client authentication: that of {} \
                 does not reach it",
                wide.site.object
            ),
            hint: "demand client certificates in an ApisixTls for this host too, or take this one \
                   away"
                .to_owned(),
            repair: None,
        });
    }
}

enum Taken {
    Door(Door),
    /// No SSL object of the level is loaded.
    Nothing(Level),
}

/// The SSL objects for one name.
struct Level {
    /// Those that demand certificates, with what each comes to.
    demanding: Vec<(Arc<Route>, Door)>,
    /// Those that do not.
    silent: Vec<Arc<Route>>,
    /// Those that are not loaded.
    absent: Vec<(Arc<Route>, Door)>,
}

impl Level {
    fn of(routes: &[Arc<Route>], host: &mut Host, view: &View<'_>) -> Self {
        let mut level = Self {
            demanding: Vec::new(),
            silent: Vec::new(),
            absent: Vec::new(),
        };
        for route in routes.iter().filter(|route| route.tls) {
            level.add(route, host, view);
        }
        level
    }

    fn add(&mut self, route: &Arc<Route>, host: &mut Host, view: &View<'_>) {
        let class = class(route, view);
        if class == Lookup::Missing {
            host.remarks.extend(ignored(route));
        }
        if class == Lookup::Missing || route.dropped.is_some() {
            let shut = door(Admits::Nobody, Because::Dropped, &route.site);
            self.absent.push((Arc::clone(route), shut));
            return;
        }
        let Some(demand) = &route.demand else {
            self.silent.push(Arc::clone(route));
            return;
        };
        let mut judged = demanded(demand, host, view);
        if let Lookup::Unknown(what) = class {
            judged.unseen.get_or_insert(what);
        }
        match judged.because {
            Because::BrokenReference => self.absent.push((Arc::clone(route), judged)),
            _ => self.demanding.push((Arc::clone(route), judged)),
        }
    }

    /// The object that demands certificates first, loaded or not.
    fn demand(&self) -> Option<&Arc<Route>> {
        let mut all = self.demanding.iter().chain(&self.absent);
        let (route, _) = all.find(|(route, _)| route.demand.is_some())?;
        Some(route)
    }

    /// Of several that demand certificates the one that lets in most counts; any that demands
    /// none goes before them all. `fallen` is an object for a nearer name that is not loaded.
    fn taken(self, fallen: Option<&Arc<Route>>, host: &mut Host) -> Taken {
        if let Some(silent) = self.silent.first() {
            let demand = self.demand().or(fallen);
            host.remarks
                .extend(demand.map(|route| conflict(route, silent)));
            let because = match demand {
                Some(_) => Because::FellBack,
                None => Because::NothingSaid,
            };
            return Taken::Door(door(Admits::Everyone, because, &silent.site));
        }
        let mut doors = self.demanding.iter().map(|(_, door)| door);
        let open = doors
            .clone()
            .find(|door| door.admits == Admits::Everyone)
            .or(doors.next());
        match open {
            Some(door) => Taken::Door(door.clone()),
            None => Taken::Nothing(self),
        }
    }
}

/// Whether the class of an object that names none is this controller's.
fn class(route: &Route, view: &View<'_>) -> Lookup<()> {
    match route.entry_points.iter().any(|mark| mark == ANY_CLASS) {
        true => match view.absent::<()>("IngressClass", "of the default") {
            Lookup::Unknown(_) => Lookup::Unknown("the default IngressClass".to_owned()),
            other => other,
        },
        false => Lookup::Found(()),
    }
}

/// Whether the controller surely passes the object over for want of a class.
pub(super) fn is_ignored(route: &Route, view: &View<'_>) -> bool {
    class(route, view) == Lookup::Missing
}

/// "no matching IngressClass available, skip processing": no status tells of it.
fn ignored(route: &Route) -> Option<Remark> {
    route.demand.as_ref()?;
    Some(Remark {
        site: route.site.clone(),
        kind: RemarkKind::NoEffect,
        harm: Harm::Opens,
        message: "ingressClassName is not set, and no IngressClass of APISIX is the default: the \
                  controller does not read the object, and says so nowhere"
            .to_owned(),
        hint: "name the class in spec.ingressClassName".to_owned(),
        repair: None,
    })
}

fn conflict(demanding: &Route, silent: &Route) -> Remark {
    Remark {
        site: demanding.site.clone(),
        kind: RemarkKind::NoEffect,
        harm: Harm::Opens,
        message: format!(
            "{} also makes an SSL object for the host, without client authentication: APISIX may \
             take either, and takes that one where this is not loaded",
            silent.site.object
        ),
        hint: "let one object alone have the host: take spec.tls out of the Ingress, or the host \
               out of the other object"
            .to_owned(),
        repair: None,
    }
}

/// What a demand comes to.
fn demanded(demand: &Demand, host: &mut Host, view: &View<'_>) -> Door {
    let uses: Vec<_> = demand
        .trust
        .iter()
        .map(|trust| look_up(trust, host, view))
        .collect();
    let broken = uses.iter().find(|used| {
        matches!(used.found, Lookup::Missing) || matches!(used.state, Some(TrustState::Unusable(_)))
    });
    let broken = broken.map(|used| used.reference.site.clone());
    let unseen = uses.iter().find_map(|used| match &used.found {
        Lookup::Unknown(what) => Some(what.clone()),
        Lookup::Found(_) | Lookup::Missing => None,
    });
    for used in uses {
        if !host
            .trust
            .iter()
            .any(|known| known.reference.site == used.reference.site)
        {
            host.trust.push(used);
        }
    }
    if let Some(site) = broken {
        return door(Admits::Nobody, Because::BrokenReference, &site);
    }
    host.modes
        .push((demand.mode, demand.site.clone(), demand.spelt.clone()));
    let (admits, because) = match demand.mode {
        Mode::Off => (Admits::Everyone, Because::TurnedOff),
        _ => (Admits::Trusted, Because::Demanded),
    };
    Door {
        unseen,
        ..door(admits, because, &demand.site)
    }
}

fn look_up(reference: &TrustRef, host: &mut Host, view: &View<'_>) -> TrustUse {
    let gateway = crate::dialect::gateway_api::GATEWAY.is(&reference.site.object);
    let own = &reference.site.object.namespace;
    let found = match &reference.target {
        // Without a ReferenceGrant, which is not looked up, nobody is to learn what is there.
        Ok(target) if gateway && target.namespace != *own => {
            Lookup::Unknown(format!("a ReferenceGrant for {} {target}", target.kind()))
        }
        Ok(target) if !reference.foreign => {
            host.rests_on.insert(Arc::new(target.object()));
            view.bundle(target).unwrap_or_else(|| {
                host.wanted.insert(target.clone());
                Lookup::Unknown(format!("{} {target}", target.kind()))
            })
        }
        Ok(_) | Err(_) => Lookup::Missing,
    };
    let state = match &found {
        Lookup::Found(bundle) if gateway => Some(crate::dialect::gateway_api::select(bundle)),
        Lookup::Found(bundle) => Some(select(bundle)),
        Lookup::Missing | Lookup::Unknown(_) => None,
    };
    TrustUse {
        reference: reference.clone(),
        found,
        state,
        crl_key: None,
        consequence: "APISIX does not accept the object, and the handshake fails for the host",
    }
}

/// Key order (`ExtractKeyPair`): `cert`, `tls.crt`, `ca.crt`, whatever the type of the Secret.
pub(super) fn select(bundle: &Bundle) -> TrustState {
    let key = ["cert", "tls.crt", "ca.crt"]
        .into_iter()
        .find(|key| bundle.has(key));
    let Some(key) = key else {
        return TrustState::Unusable("it has none of the keys cert, tls.crt and ca.crt".to_owned());
    };
    match bundle.certificates(key) {
        Some(ca) if !ca.certificates.is_empty() => TrustState::Usable { key },
        _ => TrustState::Unusable(format!("its {key} holds no certificate")),
    }
}
