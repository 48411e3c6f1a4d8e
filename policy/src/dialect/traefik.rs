//! Traefik: IngressRoute, IngressRouteTCP, TLSOption and ServersTransport of both API groups, the
//! annotations `traefik.ingress.kubernetes.io/router.*` on an Ingress, and those of ingress-nginx
//! where Traefik serves its Ingresses.
//!
//! Source of every statement here: traefik/traefik v3.7.9, `pkg/provider/kubernetes`,
//! `pkg/tls/tlsmanager.go`, `pkg/server`; what other versions do differently stands in `version`.

mod backend;
mod chart;
mod conflict;
mod entry;
mod entry_point;
mod extras;
mod filter;
mod flaw;
mod ingress;
mod matcher;
mod nginx_provider;
mod nginx_words;
mod option;
mod outcome;
mod read;
mod reference;
mod settings;
mod settle;
mod syntax;
mod version;
mod watch;
mod wildcard;
mod words;
mod write;
mod write_gateway;

use super::gateway_api::{GATEWAY, Habits};
use super::{Dialect, INGRESS, Kind, Role};
use crate::vouch::Library;

pub(super) use nginx_provider::reads as reads_nginx;

pub(super) const PREFIX: &str = "traefik.ingress.kubernetes.io/";

/// The Gateway provider reads nothing about client certificates
/// (`pkg/provider/kubernetes/gateway/kubernetes.go`): its routers have the default option. It finds
/// the entry point by the listener's port; these are the chart's names.
pub(super) const GATEWAY_HABITS: Habits = Habits {
    name: "Traefik",
    honours_frontend: false,
    entry_points: [&["websecure"], &["web"]],
};

/// The current API group, and the one that Traefik 3 no longer reads.
const GROUP: &str = "traefik.io";
const OLD_GROUP: &str = "traefik.containo.us";

const fn kind(group: &'static str, kind: &'static str, plural: &'static str, role: Role) -> Kind {
    Kind {
        group,
        version: "v1alpha1",
        kind,
        plural,
        role,
    }
}

pub(super) static DIALECT: Dialect = Dialect {
    id: "traefik",
    name: "Traefik",
    controller: "traefik.io/ingress-controller",
    gateway_controller: Some("traefik.io/gateway-controller"),
    class: "traefik",
    prefix: PREFIX,
    client_auth_prefix: "traefik.ingress.kubernetes.io/router.tls.options",
    kinds: &[
        INGRESS,
        GATEWAY,
        kind(GROUP, "IngressRoute", "ingressroutes", Role::Route),
        kind(GROUP, "IngressRouteTCP", "ingressroutetcps", Role::Route),
        kind(GROUP, "TLSOption", "tlsoptions", Role::Option),
        kind(GROUP, "Middleware", "middlewares", Role::Context),
        kind(
            GROUP,
            "ServersTransport",
            "serverstransports",
            Role::Context,
        ),
        kind(
            GROUP,
            "ServersTransportTCP",
            "serverstransporttcps",
            Role::Context,
        ),
        kind(OLD_GROUP, "IngressRoute", "ingressroutes", Role::Route),
        kind(
            OLD_GROUP,
            "IngressRouteTCP",
            "ingressroutetcps",
            Role::Route,
        ),
        kind(OLD_GROUP, "TLSOption", "tlsoptions", Role::Option),
        kind(OLD_GROUP, "Middleware", "middlewares", Role::Context),
        kind(
            OLD_GROUP,
            "ServersTransport",
            "serverstransports",
            Role::Context,
        ),
    ],
    identity_headers: &[
        "X-Forwarded-Tls-Client-Cert",
        "X-Forwarded-Tls-Client-Cert-Info",
    ],
    refuses: "TLS handshake",
    library: Library::Go,
    trusts_pair: false,
    ca_keys: &["ca.crt", "tls.ca"],
    syntax: syntax::SYNTAX,
    read: read::read,
    settle: settle::settle,
    select: outcome::select,
    write: write::write,
    apps: settings::APPS,
    settings: settings::learn,
    assumptions: settings::ASSUMPTIONS,
    write_gateway: write_gateway::write_gateway,
};
