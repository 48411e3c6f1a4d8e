//! Apache APISIX with its ingress controller: ApisixTls demands client certificates for a host;
//! ApisixRoute and Ingress open it.
//!
//! Source of every statement here: apache/apisix-ingress-controller v2.2.0, `api/v2`,
//! `internal/adc/translator`, `internal/ssl/util.go`, `internal/controller`; apache/apisix
//! `apisix/ssl/router/radixtree_sni.lua`, `apisix/init.lua`.

mod read;
mod settle;
mod write;

use super::{Dialect, INGRESS, Kind, Role};

pub(super) const PREFIX: &str = "k8s.apisix.apache.org/";
pub(super) const GROUP: &str = "apisix.apache.org";

const fn kind(kind: &'static str, plural: &'static str) -> Kind {
    Kind {
        group: GROUP,
        version: "v2",
        kind,
        plural,
        role: Role::Route,
    }
}

pub(super) static DIALECT: Dialect = Dialect {
    id: "apisix",
    name: "APISIX",
    controller: "apisix.apache.org/apisix-ingress-controller",
    class: "apisix",
    prefix: PREFIX,
    client_auth_prefix: "k8s.apisix.apache.org/client-ca",
    kinds: &[
        INGRESS,
        kind("ApisixTls", "apisixtlses"),
        kind("ApisixRoute", "apisixroutes"),
    ],
    identity_headers: &[],
    refuses: "TLS handshake or HTTP 400",
    ca_keys: &["ca.crt", "cert", "tls.crt"],
    read: read::read,
    settle: settle::settle,
    select: settle::select,
    write: write::write,
    write_gateway: write::write_gateway,
};
