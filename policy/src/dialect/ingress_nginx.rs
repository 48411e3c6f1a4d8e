//! ingress-nginx: annotations `nginx.ingress.kubernetes.io/auth-tls-*` on an Ingress.
//!
//! Source of every statement here: kubernetes/ingress-nginx, controller v1.15.1,
//! `internal/ingress/annotations/authtls/main.go`, `internal/ingress/controller/controller.go`,
//! `internal/ingress/controller/store/backend_ssl.go`, `rootfs/etc/nginx/template/nginx.tmpl`.

mod backend;
mod block;
mod chart;
mod class;
mod controller;
mod demand;
mod depth;
mod location;
mod merged;
mod overruled;
mod page;
mod pattern;
mod read;
mod refusal;
mod secret;
mod settings;
mod settle;
mod syntax;
mod upstream;
mod values;
mod words;
mod write;

pub(super) use class::claims;

use super::{Dialect, INGRESS};
use crate::vouch::Library;

pub(super) const PREFIX: &str = "nginx.ingress.kubernetes.io/";

pub(super) static DIALECT: Dialect = Dialect {
    id: "ingress-nginx",
    name: "ingress-nginx",
    controller: "k8s.io/ingress-nginx",
    gateway_controller: None,
    class: "nginx",
    prefix: PREFIX,
    client_auth_prefix: "nginx.ingress.kubernetes.io/auth-tls-",
    kinds: &[INGRESS],
    identity_headers: &[
        "ssl-client-verify",
        "ssl-client-subject-dn",
        "ssl-client-issuer-dn",
        "ssl-client-cert",
    ],
    refuses: "HTTP 400",
    library: Library::OpenSsl,
    // The controller writes key pair and CA into one file (`ssl.go`, ConfigureCACertWithCertAndKey).
    trusts_pair: true,
    ca_keys: &["ca.crl", "ca.crt"],
    syntax: syntax::SYNTAX,
    read: read::read,
    settle: settle::settle,
    select: secret::select,
    write: write::write,
    apps: settings::APPS,
    settings: settings::learn,
    assumptions: settings::ASSUMPTIONS,
    write_gateway: write::write_gateway,
};
