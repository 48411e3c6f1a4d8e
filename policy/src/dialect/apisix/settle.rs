//! All objects of a host to what a stranger meets: one SSL object is picked by SNI
//! (`radixtree_sni.lua`), and plain HTTP serves every route that does not redirect.

use std::sync::Arc;

use crate::bundle::Bundle;
use crate::fact::{Demand, Harm, Mode, Remark, RemarkKind, Route};
use crate::gateway::HostKey;
use crate::host::{Admits, Because, Door, Host};
use crate::lookup::Lookup;
use crate::site::Site;
use crate::trust::{TrustState, TrustUse};
use crate::view::View;

/// Stands for the class of an object that names none.
pub(super) const ANY_CLASS: &str = "default-class";
/// The chart's value that takes the plain port away.
const PLAIN_PORT: &str = "service.http.enabled";

pub(super) fn settle(key: &HostKey, view: &View<'_>) -> Host {
    let mut host = Host::new(key);
    let own = view.routes(key);
    let wildcard = key
        .wildcard()
        .map(|wildcard| view.routes(&wildcard))
        .unwrap_or_default();
    for route in own.iter().chain(&wildcard) {
        take_note(&mut host, route, view);
    }
    let exact = Sni::of(&own);
    let sni = match exact.is_empty() {
        true => Sni::of(&wildcard),
        false => exact,
    };
    let tls = sni.door(&mut host, view);
    host.doors.extend(tls);
    let routes: Vec<_> = own
        .iter()
        .chain(&wildcard)
        .filter(|route| !is_tls(route))
        .collect();
    let plain = plain(key, &routes, view);
    host.doors.extend(plain);
    let kinds = ["ApisixTls", "ApisixRoute", "Ingress"];
    if let Some(unread) = kinds.iter().find_map(|kind| view.forbidden(kind)) {
        for door in &mut host.doors {
            door.unseen.get_or_insert_with(|| unread.clone());
        }
    }
    host
}

fn is_tls(route: &Route) -> bool {
    route.site.object.kind == "ApisixTls"
}

fn take_note(host: &mut Host, route: &Arc<Route>, view: &View<'_>) {
    let object = &route.site.object;
    if host.rests_on.insert(Arc::clone(object)) {
        let remarks = view.object(object).map(|facts| facts.remarks.clone());
        host.remarks.extend(remarks.into_iter().flatten());
    }
    host.mentioned |= route.mentions;
}

/// The SSL objects for one name: those that demand certificates, and those that do not.
struct Sni {
    demanding: Vec<Arc<Route>>,
    silent: Vec<Arc<Route>>,
    dropped: Option<Arc<Route>>,
}

impl Sni {
    fn of(routes: &[Arc<Route>]) -> Self {
        let with_tls = routes.iter().filter(|route| route.plain.server_certificate);
        let (dropped, live): (Vec<_>, Vec<_>) =
            with_tls.cloned().partition(|route| route.dropped.is_some());
        let (demanding, silent) = live.into_iter().partition(|route| route.demand.is_some());
        Self {
            demanding,
            silent,
            dropped: dropped.into_iter().next(),
        }
    }

    fn is_empty(&self) -> bool {
        self.demanding.is_empty() && self.silent.is_empty() && self.dropped.is_none()
    }

    /// Who gets through TLS; `None` where no SSL object has the name, and the handshake fails.
    fn door(&self, host: &mut Host, view: &View<'_>) -> Option<Door> {
        let Some(route) = self.demanding.first() else {
            let open = self.silent.first();
            let open = open.map(|route| door(Admits::Everyone, Because::NothingSaid, &route.site));
            let dropped = self.dropped.as_ref();
            let shut = dropped.map(|route| door(Admits::Nobody, Because::Dropped, &route.site));
            return open.or(shut);
        };
        let demand = route.demand.as_ref()?;
        let judged = demanded(demand, host, view);
        let class = route.entry_points.contains(&ANY_CLASS.to_owned());
        let unseen = class.then(|| "the default IngressClass".to_owned());
        let Some(silent) = self.silent.first() else {
            return Some(Door {
                unseen: judged.unseen.clone().or(unseen),
                ..judged
            });
        };
        // Which of two SSL objects for one name is picked is not defined.
        host.remarks.push(conflict(route, silent));
        Some(door(Admits::Everyone, Because::FellBack, &silent.site))
    }
}

fn conflict(demanding: &Route, silent: &Route) -> Remark {
    Remark {
        site: demanding.site.clone(),
        kind: RemarkKind::NoEffect,
        harm: Harm::Opens,
        message: format!(
            "{} also makes an SSL object for the host, without client authentication: APISIX may \
             take either",
            silent.site.object
        ),
        hint: "take spec.tls out of the Ingress, or the host out of the other ApisixTls".to_owned(),
        repair: None,
    }
}

/// What an ApisixTls with `client` comes to.
fn demanded(demand: &Demand, host: &mut Host, view: &View<'_>) -> Door {
    let uses: Vec<_> = demand
        .trust
        .iter()
        .map(|trust| look_up(trust, host, view))
        .collect();
    let broken = uses.iter().any(|used| {
        matches!(used.found, Lookup::Missing) || matches!(used.state, Some(TrustState::Unusable(_)))
    });
    let unseen = uses.iter().find_map(|used| match &used.found {
        Lookup::Unknown(what) => Some(what.clone()),
        Lookup::Found(_) | Lookup::Missing => None,
    });
    host.trust.extend(uses);
    if broken {
        let site = demand
            .trust
            .first()
            .map_or(&demand.site, |trust| &trust.site);
        return door(Admits::Nobody, Because::BrokenReference, site);
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

fn look_up(reference: &crate::TrustRef, host: &mut Host, view: &View<'_>) -> TrustUse {
    let found = match &reference.target {
        Ok(target) => {
            host.rests_on.insert(Arc::new(target.object()));
            view.bundle(target).unwrap_or_else(|| {
                host.wanted.insert(target.clone());
                Lookup::Unknown(format!("Secret {target}"))
            })
        }
        Err(_) => Lookup::Missing,
    };
    let state = match &found {
        Lookup::Found(bundle) => Some(select(bundle)),
        Lookup::Missing | Lookup::Unknown(_) => None,
    };
    TrustUse {
        reference: reference.clone(),
        found,
        state,
        crl_key: None,
        consequence: "APISIX does not accept the ApisixTls, and the handshake fails for the host",
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

/// Plain HTTP serves every route but those that redirect.
fn plain(key: &HostKey, routes: &[&Arc<Route>], view: &View<'_>) -> Option<Door> {
    let config = view
        .settings()
        .gateway(key.gateway.dialect, &key.gateway.instance);
    if !config.config_is_on(PLAIN_PORT, true) {
        return None;
    }
    let served = routes
        .iter()
        .find(|route| route.plain.redirect != Some(true));
    let route = served.or(routes.first())?;
    let admits = match served {
        Some(_) => Admits::Everyone,
        None => Admits::Redirected,
    };
    Some(Door {
        entry: "http".to_owned(),
        plain: true,
        ..door(admits, Because::PlainHttp, &route.site)
    })
}

fn door(admits: Admits, because: Because, site: &Site) -> Door {
    Door {
        entry: "https".to_owned(),
        plain: false,
        admits,
        because,
        site: site.clone(),
        unseen: None,
    }
}
