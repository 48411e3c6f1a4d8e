//! ingress-nginx: annotations `nginx.ingress.kubernetes.io/auth-tls-*` on an Ingress.
//!
//! Source of every statement here: kubernetes/ingress-nginx, controller v1.15.1,
//! `internal/ingress/annotations/authtls/main.go`, `internal/ingress/controller/controller.go`,
//! `internal/ingress/controller/store/backend_ssl.go`, `rootfs/etc/nginx/template/nginx.tmpl`.

mod depth;
mod read;
mod settle;
mod words;
mod write;

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
    refuses: "HTTP 400",
    library: Library::OpenSsl,
    // The controller writes key pair and CA into one file (`ssl.go`, ConfigureCACertWithCertAndKey).
    trusts_pair: true,
    wildcards_reach: false,
    ca_keys: &["ca.crl", "ca.crt"],
    read: read::read,
    settle: settle::settle,
    select: settle::select,
    write: write::write,
};
