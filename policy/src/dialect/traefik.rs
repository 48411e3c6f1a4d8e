//! Traefik: IngressRoute, IngressRouteTCP and TLSOption of both API groups, and the annotations
//! `traefik.ingress.kubernetes.io/router.*` on an Ingress.
//!
//! Source of every statement here: traefik/traefik v3.7.9, `pkg/provider/kubernetes/crd`,
//! `pkg/provider/kubernetes/ingress`, `pkg/tls/tlsmanager.go`, `pkg/server/aggregator.go`.

mod entry_point;
mod ingress;
mod matcher;
mod option;
mod read;
mod settle;
mod write;

use super::gateway_api::{GATEWAY, Habits};
use super::{Dialect, INGRESS, Kind, Role};
use crate::vouch::Library;

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
        kind(OLD_GROUP, "IngressRoute", "ingressroutes", Role::Route),
        kind(
            OLD_GROUP,
            "IngressRouteTCP",
            "ingressroutetcps",
            Role::Route,
        ),
        kind(OLD_GROUP, "TLSOption", "tlsoptions", Role::Option),
        kind(OLD_GROUP, "Middleware", "middlewares", Role::Context),
    ],
    refuses: "TLS handshake",
    library: Library::Go,
    trusts_pair: false,
    wildcards_reach: false,
    ca_keys: &["ca.crt", "tls.ca"],
    read: read::read,
    settle: settle::settle,
    select: option::select,
    write: write::write,
};
