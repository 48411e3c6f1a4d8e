//! Apache APISIX with its ingress controller: an ApisixTls, or a Gateway, demands client
//! certificates for a host; ApisixRoute, Ingress and HTTPRoute open it.
//!
//! Source of every statement here: apache/apisix-ingress-controller v2.2.0, `api/v2`,
//! `internal/adc/translator`, `internal/ssl/util.go`, `internal/controller`; apache/apisix
//! 3.18.0, `apisix/ssl/router/radixtree_sni.lua`, `apisix/init.lua`, `apisix/plugins/redirect.lua`.

mod pattern;
mod plain;
mod read;
mod settings;
mod settle;
mod ssl;
mod syntax;
mod tls;
mod upstream;
mod write;

use super::gateway_api::{GATEWAY, HTTP_ROUTE};
use super::{Dialect, INGRESS, Kind, Role};
use crate::vouch::Library;

pub(super) const PREFIX: &str = "k8s.apisix.apache.org/";
pub(super) const GROUP: &str = "apisix.apache.org";
const CONTROLLER: &str = "apisix.apache.org/apisix-ingress-controller";

const fn kind(kind: &'static str, plural: &'static str, role: Role) -> Kind {
    Kind {
        group: GROUP,
        version: "v2",
        kind,
        plural,
        role,
    }
}

pub(super) static DIALECT: Dialect = Dialect {
    id: "apisix",
    name: "APISIX",
    controller: CONTROLLER,
    gateway_controller: Some(CONTROLLER),
    class: "apisix",
    prefix: PREFIX,
    client_auth_prefix: "k8s.apisix.apache.org/client-ca",
    kinds: &[
        INGRESS,
        GATEWAY,
        HTTP_ROUTE,
        kind("ApisixTls", "apisixtlses", Role::Route),
        kind("ApisixRoute", "apisixroutes", Role::Route),
        kind("ApisixUpstream", "apisixupstreams", Role::Option),
        kind("ApisixGlobalRule", "apisixglobalrules", Role::Context),
        kind("ApisixPluginConfig", "apisixpluginconfigs", Role::Context),
    ],
    identity_headers: &[],
    refuses: "TLS handshake or HTTP 400",
    library: Library::OpenSsl,
    trusts_pair: false,
    ca_keys: &["ca.crt", "cert", "tls.crt"],
    syntax: syntax::SYNTAX,
    read: read::read,
    settle: settle::settle,
    select: ssl::select,
    write: write::write,
    apps: settings::APPS,
    settings: settings::learn,
    assumptions: settings::ASSUMPTIONS,
    write_gateway: write::write_gateway,
};
