//! Puts a route behind a CA: a TLSOption, and the route's reference to it.

use serde_json::{Value, json};

use super::{GROUP, PREFIX};
use crate::dialect::WriteRequest;
use crate::dialect::gateway_api::GATEWAY;
use crate::{Mode, ObjectRef};

/// Server-side apply configurations: the TLSOption, then the route with the reference alone.
pub(super) fn write(request: &WriteRequest<'_>) -> Result<Vec<Value>, String> {
    let id = &*request.object.id;
    if GATEWAY.is(id) {
        return Err(format!(
            "Traefik reads nothing about client certificates from {id}: its listeners have the \
             default TLSOption"
        ));
    }
    if request.trust.namespace != id.namespace {
        return Err(format!(
            "Traefik reads the Secrets of a TLSOption from the TLSOption's own namespace, {}, \
             not {}",
            id.namespace, request.trust
        ));
    }
    let mode = match request.mode {
        Mode::Required => "RequireAndVerifyClientCert",
        Mode::Optional => "VerifyClientCertIfGiven",
        Mode::Off | Mode::OptionalUnverified | Mode::Unverified => {
            return Err("only a demand that verifies certificates can be written".to_owned());
        }
    };
    let name = option_name(id);
    let option = json!({
        "apiVersion": option_version(id),
        "kind": "TLSOption",
        "metadata": {"name": name, "namespace": id.namespace},
        "spec": {"clientAuth": {"secretNames": [request.trust.name], "clientAuthType": mode}},
    });
    let route = if id.kind == "Ingress" {
        ingress(id, &name)
    } else {
        route(id, &name)
    };
    Ok(vec![option, route])
}

/// An IngressRoute cannot find a name with a dot or two dashes (`provider.Normalize`).
fn option_name(id: &ObjectRef) -> String {
    let words = id.name.split(['.', '-']).filter(|word| !word.is_empty());
    format!("{}-client-auth", words.collect::<Vec<_>>().join("-"))
}

fn option_version(id: &ObjectRef) -> String {
    match id.kind.as_str() {
        "Ingress" => format!("{GROUP}/v1alpha1"),
        _ => id.api_version.clone(),
    }
}

fn ingress(id: &ObjectRef, option: &str) -> Value {
    json!({
        "apiVersion": id.api_version,
        "kind": id.kind,
        "metadata": {"name": id.name, "namespace": id.namespace, "annotations": {
            format!("{PREFIX}router.tls"): "true",
            format!("{PREFIX}router.tls.options"): format!("{}-{option}@kubernetescrd", id.namespace),
        }},
    })
}

fn route(id: &ObjectRef, option: &str) -> Value {
    json!({
        "apiVersion": id.api_version,
        "kind": id.kind,
        "metadata": {"name": id.name, "namespace": id.namespace},
        "spec": {"tls": {"options": {"name": option}}},
    })
}
