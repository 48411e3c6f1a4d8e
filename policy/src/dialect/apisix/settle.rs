//! All objects of a host to what a stranger meets: one SSL object is picked by the name in the
//! handshake, and plain HTTP serves every route that does not redirect. A Host header that differs
//! from the name in the handshake is refused where its own SSL object demands certificates
//! (`verify_https_client` in `apisix/init.lua`), so no other name is a way round.

use std::sync::Arc;

use super::{plain, ssl};
use crate::fact::Route;
use crate::gateway::HostKey;
use crate::host::{Admits, Because, Door, Host};
use crate::site::Site;
use crate::view::View;

pub(super) fn settle(key: &HostKey, view: &View<'_>) -> Host {
    let mut host = Host::new(key);
    let wildcard = key.wildcard();
    let own = [Some(key.clone()), wildcard].into_iter().flatten();
    let mut levels: Vec<_> = own.map(|key| view.routes(&key)).collect();
    for route in levels.iter().flatten() {
        take_note(&mut host, route, view);
    }
    let tls = ssl::settle(&levels, &mut host, view);
    host.doors.extend(tls);
    if key.host != "*" {
        let every = HostKey {
            gateway: Arc::clone(&key.gateway),
            host: "*".to_owned(),
        };
        levels.push(view.routes(&every));
    }
    let plain = plain::settle(&levels, &mut host, view);
    host.rests_on
        .extend(plain.iter().map(|door| Arc::clone(&door.site.object)));
    host.doors.extend(plain);
    let kinds = ["ApisixTls", "ApisixRoute", "Gateway", "Ingress"];
    if let Some(unread) = kinds.iter().find_map(|kind| view.forbidden(kind)) {
        for door in &mut host.doors {
            door.unseen.get_or_insert_with(|| unread.clone());
        }
    }
    host
}

fn take_note(host: &mut Host, route: &Arc<Route>, view: &View<'_>) {
    let object = &route.site.object;
    if host.rests_on.insert(Arc::clone(object)) {
        let remarks = view.object(object).map(|facts| facts.remarks.clone());
        host.remarks.extend(remarks.into_iter().flatten());
    }
    host.mentioned |= route.mentions;
}

pub(super) fn door(admits: Admits, because: Because, site: &Site) -> Door {
    Door {
        entry: "https".to_owned(),
        plain: false,
        admits,
        because,
        site: site.clone(),
        unseen: None,
    }
}
