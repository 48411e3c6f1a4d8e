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
mod write_gateway;

use super::{Dialect, INGRESS, Kind, Role};

pub(super) const PREFIX: &str = "traefik.ingress.kubernetes.io/";

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
    class: "traefik",
    prefix: PREFIX,
    client_auth_prefix: "traefik.ingress.kubernetes.io/router.tls.options",
    kinds: &[
        INGRESS,
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
    identity_headers: &[
        "X-Forwarded-Tls-Client-Cert",
        "X-Forwarded-Tls-Client-Cert-Info",
    ],
    refuses: "TLS handshake",
    ca_keys: &["ca.crt", "tls.ca"],
    read: read::read,
    settle: settle::settle,
    select: option::select,
    write: write::write,
    write_gateway: write_gateway::write_gateway,
};
