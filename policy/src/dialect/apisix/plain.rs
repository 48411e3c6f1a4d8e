//! Plain HTTP: routes are bound to no port, and APISIX serves each on its plain one too, unless
//! a plugin redirects.

use std::sync::Arc;

use super::read::{EVERY_PATH, GLOBAL};
use super::settle::door;
use super::ssl::is_ignored;
use crate::GatewayConfig;
use crate::dialect::gateway_api::GATEWAY;
use crate::dialect::http_route::{ANY_HOST, route_id};
use crate::fact::{Harm, Remark, RemarkKind, Route};
use crate::host::{Admits, Because, Door, Host};
use crate::lookup::Lookup;
use crate::view::View;

/// The chart's value that takes the plain port away.
const PORT: &str = "service.http.enabled";
/// The chart's value that names the version of APISIX itself.
const IMAGE: &str = "image.tag";
/// From here on the header is taken from trusted addresses alone (`CHANGELOG.md`, 3.14.0).
const TRUSTS_NOBODY: (u32, u32) = (3, 14);

/// Who gets in by plain HTTP; `None` where nothing is served there.
pub(super) fn settle(levels: &[Vec<Arc<Route>>], host: &mut Host, view: &View<'_>) -> Option<Door> {
    let gateway = &host.key.gateway;
    let config = view.settings().gateway(gateway.dialect, &gateway.instance);
    if !config.config_is_on(PORT, true) {
        return None;
    }
    let global = view.filter(gateway, GLOBAL);
    let everywhere = matches!(global, Lookup::Found(filter) if filter.redirects);
    let mut redirected = None;
    for level in levels {
        let live: Vec<_> = level
            .iter()
            .filter(|route| {
                !route.tls
                    && !GATEWAY.is(&route.site.object)
                    && route.dropped.is_none()
                    && !is_ignored(route, view)
            })
            .collect();
        for route in &live {
            match redirect(route, host, view) {
                _ if everywhere => {}
                Lookup::Found(()) => {}
                Lookup::Missing => return Some(open(route, None)),
                Lookup::Unknown(what) => return Some(open(route, Some(what))),
            }
        }
        redirected = redirected.or(live.first().map(|route| Arc::clone(route)));
        if live
            .iter()
            .any(|route| route.entry_points.iter().any(|mark| mark == EVERY_PATH))
        {
            break;
        }
    }
    match of_gateway(levels, host, view) {
        Some((route, false)) if !everywhere => return Some(open(&route, None)),
        Some((route, _)) => redirected = redirected.or(Some(route)),
        None => {}
    }
    let route = redirected?;
    Some(match believes(&config) {
        true => {
            host.remarks.push(outdated(&route, &config));
            plain(Admits::Everyone, Because::Flaw, &route)
        }
        false => plain(Admits::Redirected, Because::PlainHttp, &route),
    })
}

/// The listener of a Gateway whose HTTPRoutes are served on the plain port too, and whether they
/// all redirect. Only a route of listeners without a hostname is bound to their ports
/// (`translator/httproute.go`, shouldInjectServerPortVars).
fn of_gateway(
    levels: &[Vec<Arc<Route>>],
    host: &Host,
    view: &View<'_>,
) -> Option<(Arc<Route>, bool)> {
    let listeners = levels
        .iter()
        .flatten()
        .filter(|route| GATEWAY.is(&route.site.object));
    let found = |redirects: bool| {
        listeners.clone().find(|route| {
            let object = &route.site.object;
            let mut names = [host.key.host.as_str(), ANY_HOST].into_iter();
            names.any(|name| {
                let id = route_id(&object.namespace, &object.name, name, redirects);
                matches!(view.filter(&host.key.gateway, &id), Lookup::Found(_))
            })
        })
    };
    let served = found(false).map(|route| (Arc::clone(route), false));
    served.or_else(|| found(true).map(|route| (Arc::clone(route), true)))
}

/// Whether a route sends plain HTTP to HTTPS itself.
fn redirect(route: &Route, host: &Host, view: &View<'_>) -> Lookup<()> {
    if route.plain.redirect == Some(true) {
        return Lookup::Found(());
    }
    let mut answer = Lookup::Missing;
    for id in &route.plain.filters {
        match view.filter(&host.key.gateway, id) {
            Lookup::Found(filter) if filter.redirects => return Lookup::Found(()),
            Lookup::Unknown(_) => answer = Lookup::Unknown(format!("ApisixPluginConfig {id}")),
            Lookup::Found(_) | Lookup::Missing => {}
        }
    }
    answer
}

/// Before 3.14 the plugin takes `X-Forwarded-Proto: https` of any client for the truth, and does
/// not redirect (`redirect.lua`, `_M.rewrite`).
fn believes(config: &GatewayConfig) -> bool {
    let image = GatewayConfig {
        version: config.config.get(IMAGE).cloned(),
        ..GatewayConfig::default()
    };
    image
        .release()
        .is_some_and(|release| release < TRUSTS_NOBODY)
}

fn outdated(route: &Route, config: &GatewayConfig) -> Remark {
    let version = config.config.get(IMAGE).map_or("", String::as_str);
    Remark {
        site: route.site.clone(),
        kind: RemarkKind::Outdated,
        harm: Harm::Opens,
        message: format!(
            "APISIX {version} does not redirect plain HTTP with the header X-Forwarded-Proto: \
             https, which every client can send"
        ),
        hint: "upgrade APISIX to 3.14, or take the plain port away".to_owned(),
        repair: None,
    }
}

fn open(route: &Route, unseen: Option<String>) -> Door {
    Door {
        unseen,
        ..plain(Admits::Everyone, Because::PlainHttp, route)
    }
}

fn plain(admits: Admits, because: Because, route: &Route) -> Door {
    Door {
        entry: "http".to_owned(),
        plain: true,
        ..door(admits, because, &route.site)
    }
}
