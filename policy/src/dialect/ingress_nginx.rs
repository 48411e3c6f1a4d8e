//! ingress-nginx: annotations `nginx.ingress.kubernetes.io/auth-tls-*` on an Ingress.
//!
//! Source of every statement here: kubernetes/ingress-nginx, controller v1.15.1,
//! `internal/ingress/annotations/authtls/main.go`, `internal/ingress/controller/controller.go`,
//! `internal/ingress/controller/store/backend_ssl.go`, `rootfs/etc/nginx/template/nginx.tmpl`.

mod block;
mod class;
mod controller;
mod demand;
mod location;
mod merged;
mod pattern;
mod read;
mod refusal;
mod settle;
mod upstream;
mod values;
mod words;
mod write;

pub(super) use class::claims;

use super::{Dialect, INGRESS};

pub(super) const PREFIX: &str = "nginx.ingress.kubernetes.io/";

pub(super) static DIALECT: Dialect = Dialect {
    id: "ingress-nginx",
    name: "ingress-nginx",
    controller: "k8s.io/ingress-nginx",
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
    ca_keys: &["ca.crl", "ca.crt"],
    read: read::read,
    settle: settle::settle,
    select: settle::select,
    write: write::write,
    write_gateway: write::write_gateway,
};
