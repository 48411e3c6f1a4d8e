//! Puts a host behind a CA: an ApisixTls with `spec.client`. An Ingress or an ApisixRoute has no
//! place for it.

use serde_json::{Value, json};

use super::{GROUP, PREFIX};
use crate::dialect::{GatewayRequest, Removal, WriteRequest, Written, host_name};
use crate::object::{ObjectRef, strings};
use crate::{Mode, SecretRef};

/// The annotation by which an Ingress sends plain HTTP to HTTPS.
const REDIRECT: &str = "http-to-https";

/// A server-side apply configuration of the ApisixTls: the one that is asked for, the one that
/// serves the route's hosts already, or a new one.
pub(super) fn write(request: &WriteRequest<'_>) -> Result<Written, String> {
    let id = &request.object.id;
    if request.trust.namespace != id.namespace {
        return Err(format!(
            "APISIX would copy {} out of its namespace; keep the CA in {}",
            request.trust, id.namespace
        ));
    }
    if request.mode != Mode::Required {
        return Err(
            "APISIX knows no optional client certificates: they are required, or not asked for"
                .to_owned(),
        );
    }
    if id.kind == "ApisixTls" {
        return Ok(vec![demand(id, request.trust)].into());
    }
    let known = serving(request);
    let tls: Vec<_> = match known.is_empty() {
        true => new(request)?,
        false => known.iter().map(|id| demand(id, request.trust)).collect(),
    };
    let mut written = Written::from(tls);
    match id.kind.as_str() {
        "Ingress" => {
            written.apply.push(redirect(id));
            written.remove.extend(own_certificate(request));
        }
        _ => written.notes.push(format!(
            "{id} answers plain HTTP too unless each of its rules has the plugin redirect with \
             http_to_https: true"
        )),
    }
    Ok(written)
}

/// `spec.client` alone, for an ApisixTls that exists.
fn demand(id: &ObjectRef, trust: &SecretRef) -> Value {
    json!({
        "apiVersion": id.api_version,
        "kind": id.kind,
        "metadata": {"name": id.name, "namespace": id.namespace},
        "spec": {"client": client(trust)},
    })
}

fn client(trust: &SecretRef) -> Value {
    let ca = json!({"name": trust.name, "namespace": trust.namespace});
    // Without a depth the controller sends 0, and no intermediate CA is accepted.
    json!({"caSecret": ca, "depth": 1})
}

/// The ApisixTls of the namespace that serve the route's hosts.
fn serving(request: &WriteRequest<'_>) -> Vec<ObjectRef> {
    let routes = request.neighbours().into_iter();
    let objects = routes.map(|route| (*route.site.object).clone());
    let mut found: Vec<_> = objects
        .filter(|object| {
            object.kind == "ApisixTls" && object.namespace == request.object.id.namespace
        })
        .collect();
    found.sort();
    found.dedup();
    found
}

/// New ones for the route's hosts: one for each certificate.
fn new(request: &WriteRequest<'_>) -> Result<Vec<Value>, String> {
    let id = &request.object.id;
    let mut groups: Vec<(String, Vec<String>)> = Vec::new();
    for key in request.hosts() {
        if key.host == "*" {
            return Err(format!(
                "{id} serves every host, and an ApisixTls needs names: give its rules a host"
            ));
        }
        let certificate = certificate(request, &key.host).ok_or_else(|| {
            format!(
                "an ApisixTls needs the server's certificate, and {id} names none in spec.tls: \
                 name its Secret with --server-cert NAME"
            )
        })?;
        match groups.iter_mut().find(|(known, _)| *known == certificate) {
            Some((_, hosts)) => hosts.push(key.host),
            None => groups.push((certificate, vec![key.host])),
        }
    }
    let named = groups.iter().enumerate();
    Ok(named
        .map(|(index, (certificate, hosts))| {
            let number = match index {
                0 => String::new(),
                _ => format!("-{}", index + 1),
            };
            let name = format!("{}-client-auth{number}", id.name);
            object(request, &name, certificate, hosts)
        })
        .collect())
}

/// The Secret with a host's certificate: the one that is asked for, else that of `spec.tls`.
fn certificate(request: &WriteRequest<'_>, host: &str) -> Option<String> {
    if let Some(named) = request.server_certificate {
        return Some(named.to_owned());
    }
    let entries = request.object.spec["tls"].as_array()?;
    let names = |entry: &&Value| {
        let hosts = strings(&entry["hosts"]);
        hosts.iter().any(|name| host_name(name) == host)
    };
    let entry = entries.iter().find(names).or(entries.first())?;
    entry["secretName"].as_str().map(str::to_owned)
}

fn object(request: &WriteRequest<'_>, name: &str, certificate: &str, hosts: &[String]) -> Value {
    let namespace = &request.object.id.namespace;
    let class = request.object.spec["ingressClassName"].as_str();
    json!({
        "apiVersion": format!("{GROUP}/v2"),
        "kind": "ApisixTls",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "ingressClassName": class.unwrap_or(super::DIALECT.class),
            "hosts": hosts,
            "secret": {"name": certificate, "namespace": namespace},
            "client": client(request.trust),
        },
    })
}

fn redirect(id: &ObjectRef) -> Value {
    let annotations = json!({format!("{PREFIX}{REDIRECT}"): "true"});
    json!({
        "apiVersion": id.api_version,
        "kind": id.kind,
        "metadata": {"name": id.name, "namespace": id.namespace, "annotations": annotations},
    })
}

/// `spec.tls` of an Ingress makes a second SSL object for the host, which asks nobody
/// (`internal/adc/translator/ingress.go`); which of the two is taken is not defined.
fn own_certificate(request: &WriteRequest<'_>) -> Option<Removal> {
    request.object.spec["tls"].is_array().then(|| Removal {
        object: (*request.object.id).clone(),
        field: "tls",
        why: "APISIX would make an SSL object of it that asks nobody for a certificate".to_owned(),
    })
}

/// An ApisixTls is for names; a wildcard is as far as it goes.
pub(super) fn write_gateway(_: &GatewayRequest<'_>) -> Result<Written, String> {
    Err(
        "APISIX has no demand for all hosts: protect the route of each, as `kubectl mtls get hosts \
         -A` lists them, or an ApisixTls for *.DOMAIN"
            .to_owned(),
    )
}
