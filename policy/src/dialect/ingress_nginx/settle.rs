//! All Ingresses of a host to one server block, as the controller merges them.

use std::cmp::Reverse;
use std::sync::Arc;

use super::PREFIX;
use crate::bundle::Bundle;
use crate::fact::{Demand, Mode, Protocol, Route, TrustRef};
use crate::gateway::HostKey;
use crate::host::{Admits, Because, Door, Host};
use crate::lookup::Lookup;
use crate::object::annotation_pointer;
use crate::subject::{Reach, reach};
use crate::trust::{TrustState, TrustUse};
use crate::view::View;
use crate::{GatewayConfig, Site};

pub(super) fn settle(key: &HostKey, view: &View<'_>) -> Host {
    let mut host = Host::new(key);
    let routes = ordered(view.routes(key));
    let config = view
        .settings()
        .gateway(key.gateway.dialect, &key.gateway.instance);
    for route in &routes {
        take_note(&mut host, route, view);
    }
    let unread = view.forbidden("Ingress");
    let live: Vec<_> = routes
        .iter()
        .filter(|route| route.dropped.is_none())
        .collect();
    let Some(first) = live.first() else {
        host.doors.extend(routes.first().map(|route| {
            door(
                "https",
                Admits::Nobody,
                Because::Dropped,
                &route.site,
                unread,
            )
        }));
        return host;
    };
    let server = Server::merge(&live, &mut host, view);
    let unseen = server.unseen.clone().or(unread);
    let https = server.https(first);
    let plain = Plain {
        config: &config,
        certificate: has_certificate(&live, key, view),
    };
    let http = live.iter().find(|route| plain.serves(route, key));
    host.doors.push(Door {
        unseen: unseen.clone(),
        ..https
    });
    host.doors.push(Door {
        unseen,
        ..server.http(first, http.copied())
    });
    mention_wildcard(&mut host, key, view);
    host
}

/// Oldest first; of the same age the last name first (`store.go:1102-1115`). Objects without a
/// creation time count as made together.
fn ordered(mut routes: Vec<Arc<Route>>) -> Vec<Arc<Route>> {
    routes.sort_by_cached_key(|route| {
        let object = &route.site.object;
        (
            route.created.clone(),
            Reverse((object.namespace.clone(), object.name.clone())),
        )
    });
    routes
}

fn take_note(host: &mut Host, route: &Route, view: &View<'_>) {
    host.mentioned |= route.mentions;
    let object = &route.site.object;
    if host.rests_on.insert(Arc::clone(object)) {
        let remarks = view.object(object).map(|facts| facts.remarks.clone());
        host.remarks.extend(remarks.into_iter().flatten());
    }
}

/// The settings of a server block that the Ingresses of the host come to.
struct Server {
    denied: Option<Site>,
    winner: Option<Demand>,
    unseen: Option<String>,
    passthrough: Option<Site>,
}

impl Server {
    /// Any broken reference closes the whole host (`controller.go:762`); of the others the
    /// oldest with a CA file wins entirely (`:766`).
    fn merge(routes: &[&Arc<Route>], host: &mut Host, view: &View<'_>) -> Self {
        let passthrough = routes
            .iter()
            .find(|route| route.protocol == Protocol::Passthrough);
        let mut server = Self {
            denied: None,
            winner: None,
            unseen: None,
            passthrough: passthrough.map(|route| route.site.clone()),
        };
        for demand in routes.iter().filter_map(|route| route.demand.as_ref()) {
            server.add(demand, host, view);
        }
        if let Some(winner) = &server.winner {
            host.modes
                .push((winner.mode, winner.site.clone(), winner.spelt.clone()));
            host.subjects.extend(winner.subject.clone().map(|pattern| {
                let pointer = annotation_pointer(&format!("{PREFIX}auth-tls-match-cn"));
                (pattern, Site::new(&winner.site.object, pointer))
            }));
        }
        server
    }

    fn add(&mut self, demand: &Demand, host: &mut Host, view: &View<'_>) {
        for reference in &demand.trust {
            let known = host
                .trust
                .iter()
                .any(|used| used.reference.site == reference.site);
            let used = look_up(reference, host, view);
            if let Lookup::Unknown(what) = &used.found {
                self.unseen.get_or_insert_with(|| what.clone());
            }
            let has_ca = matches!(used.state, Some(TrustState::Usable { .. }));
            let optimistic = matches!(used.found, Lookup::Unknown(_));
            if (has_ca || optimistic) && self.winner.is_none() {
                self.winner = Some(demand.clone());
            }
            if is_denied(&used) && self.denied.is_none() {
                self.denied = Some(reference.site.clone());
            }
            if !known {
                host.trust.push(used);
            }
        }
    }

    fn https(&self, first: &Route) -> Door {
        let entry = "https";
        if let Some(site) = &self.passthrough {
            return door(entry, Admits::Everyone, Because::Passthrough, site, None);
        }
        if let Some(site) = &self.denied {
            return door(entry, Admits::Nobody, Because::BrokenReference, site, None);
        }
        match &self.winner {
            None => door(
                entry,
                Admits::Everyone,
                Because::NothingSaid,
                &first.site,
                None,
            ),
            Some(demand) => {
                let (admits, because) = admitted(demand);
                door(entry, admits, because, &demand.site, None)
            }
        }
    }

    /// Plain HTTP knows no certificates; a pattern for the subject refuses it (`nginx.tmpl:915`).
    fn http(&self, first: &Route, served: Option<&Arc<Route>>) -> Door {
        let entry = "http";
        if let Some(site) = &self.denied {
            return plain_door(entry, Admits::Nobody, Because::BrokenReference, site);
        }
        let subject = self
            .winner
            .as_ref()
            .filter(|demand| demand.subject.is_some());
        if let Some(demand) = subject {
            return plain_door(entry, Admits::Nobody, Because::Demanded, &demand.site);
        }
        match served {
            Some(route) => plain_door(entry, Admits::Everyone, Because::PlainHttp, &route.site),
            None => plain_door(entry, Admits::Redirected, Because::PlainHttp, &first.site),
        }
    }
}

/// `ssl_verify_client`, and the subject's pattern on top: without a verified certificate the
/// subject is empty and matches nothing.
fn admitted(demand: &Demand) -> (Admits, Because) {
    let void = demand.subject.as_deref().map(reach) == Some(Reach::Everybody);
    match (demand.mode, demand.subject.is_some()) {
        (Mode::Required | Mode::Optional, true) if void => (Admits::AnySubject, Because::Demanded),
        (Mode::Required | Mode::Optional, true) | (Mode::Required, false) => {
            (Admits::Trusted, Because::Demanded)
        }
        (Mode::Optional | Mode::OptionalUnverified, false) => (Admits::Optional, Because::Demanded),
        (Mode::OptionalUnverified | Mode::Unverified, _) => {
            (Admits::AnyCertificate, Because::Demanded)
        }
        (Mode::Off, false) => (Admits::Everyone, Because::TurnedOff),
        (Mode::Off, true) => (Admits::Nobody, Because::TurnedOff),
    }
}

fn look_up(reference: &TrustRef, host: &mut Host, view: &View<'_>) -> TrustUse {
    let found = match &reference.target {
        Ok(target) if !reference.foreign => {
            host.rests_on.insert(Arc::new(target.object()));
            view.bundle(target).unwrap_or_else(|| {
                host.wanted.insert(target.clone());
                Lookup::Unknown(format!("Secret {target}"))
            })
        }
        Ok(_) | Err(_) => Lookup::Missing,
    };
    let state = match &found {
        Lookup::Found(bundle) => Some(select(bundle)),
        Lookup::Missing | Lookup::Unknown(_) => None,
    };
    TrustUse {
        reference: reference.clone(),
        found,
        state,
        crl_key: Some("ca.crl"),
        consequence: "ingress-nginx answers 403 to every request for the host",
    }
}

fn is_denied(used: &TrustUse) -> bool {
    matches!(used.found, Lookup::Missing) || matches!(used.state, Some(TrustState::Unusable(_)))
}

/// Key selection (`backend_ssl.go:76-192`): a key pair without `ca.crt` is a server certificate
/// and turns client authentication off without an error.
pub(super) fn select(bundle: &Bundle) -> TrustState {
    let pair = bundle.has("tls.crt") && bundle.has("tls.key");
    let unusable = |why: &str| TrustState::Unusable(why.to_owned());
    match bundle.certificates("ca.crt") {
        None if pair => TrustState::NoDemand("it is a key pair without ca.crt".to_owned()),
        None => unusable("it has no key ca.crt"),
        Some(ca) if is_empty(ca) && pair => {
            TrustState::NoDemand("it is a key pair and its ca.crt is empty".to_owned())
        }
        Some(ca) if ca.certificates.is_empty() && ca.unreadable == 0 => {
            unusable("its ca.crt holds no certificate")
        }
        Some(ca) if ca.unreadable > 0 => {
            unusable("its ca.crt holds a certificate that cannot be read")
        }
        Some(ca) if ca.private_keys + ca.crls.len() + ca.other.len() > 0 => {
            unusable("its ca.crt holds something that is no certificate")
        }
        Some(_) => TrustState::Usable { key: "ca.crt" },
    }
}

fn is_empty(ca: &x509::Bundle) -> bool {
    ca.certificates.is_empty()
        && ca.unreadable + ca.private_keys + ca.crls.len() + ca.other.len() == 0
}

/// What decides about plain HTTP (`lua_ingress.lua:65-79`).
struct Plain<'a> {
    config: &'a GatewayConfig,
    certificate: bool,
}

impl Plain<'_> {
    fn serves(&self, route: &Route, key: &HostKey) -> bool {
        let always = route.plain.always;
        let always =
            always.unwrap_or_else(|| self.config.config_is_on("force-ssl-redirect", false));
        let redirect = route.plain.redirect;
        let redirect = redirect.unwrap_or_else(|| self.config.config_is_on("ssl-redirect", true));
        let redirected = always || (redirect && self.certificate && key.host != "*");
        !redirected
    }
}

/// The redirect looks for a certificate of the host, then of its parent's wildcard
/// (`certificate.lua:217-223`).
fn has_certificate(routes: &[&Arc<Route>], key: &HostKey, view: &View<'_>) -> bool {
    let named = |route: &Arc<Route>| route.plain.server_certificate;
    routes.iter().any(|route| named(route))
        || key
            .wildcard()
            .is_some_and(|wildcard| view.routes(&wildcard).iter().any(named))
}

/// An exact host has a server block of its own: the demand of a wildcard does not reach it.
fn mention_wildcard(host: &mut Host, key: &HostKey, view: &View<'_>) {
    let Some(wildcard) = key.wildcard().filter(|_| !host.mentioned) else {
        return;
    };
    host.mentioned = view
        .routes(&wildcard)
        .iter()
        .any(|route| route.demand.is_some());
}

fn door(
    entry: &str,
    admits: Admits,
    because: Because,
    site: &Site,
    unseen: Option<String>,
) -> Door {
    Door {
        entry: entry.to_owned(),
        plain: false,
        admits,
        because,
        site: site.clone(),
        unseen,
    }
}

fn plain_door(entry: &str, admits: Admits, because: Because, site: &Site) -> Door {
    Door {
        plain: true,
        ..door(entry, admits, because, site, None)
    }
}
