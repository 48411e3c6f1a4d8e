//! Puts an ApisixTls, or the listeners of a Gateway, behind a CA.

use serde_json::{Value, json};

use crate::dialect::WriteRequest;
use crate::dialect::gateway_api::GATEWAY;
use crate::{Mode, ObjectRef};

/// A server-side apply configuration of the ApisixTls with `spec.client` alone. An Ingress or an
/// ApisixRoute has no place for it.
pub(super) fn write(request: &WriteRequest<'_>) -> Result<Vec<Value>, String> {
    let id = &request.object.id;
    if !GATEWAY.is(id) && id.kind != "ApisixTls" {
        return Err(format!(
            "APISIX demands client certificates with an ApisixTls, not with {id}: give the host an \
             ApisixTls, take spec.tls out of any Ingress of the host, and protect apisixtls/NAME"
        ));
    }
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
    if GATEWAY.is(id) {
        return Ok(vec![gateway(id, &request.trust.name)]);
    }
    let ca = json!({"name": request.trust.name, "namespace": request.trust.namespace});
    Ok(vec![json!({
        "apiVersion": id.api_version,
        "kind": id.kind,
        "metadata": {"name": id.name, "namespace": id.namespace},
        // Without a depth the controller sends 0, and no intermediate CA is accepted.
        "spec": {"client": {"caSecret": ca, "depth": 1}},
    })])
}

/// The default for every listener for HTTPS.
fn gateway(id: &ObjectRef, trust: &str) -> Value {
    let ca = json!({"group": "", "kind": "Secret", "name": trust});
    let validation = json!({"caCertificateRefs": [ca]});
    json!({
        "apiVersion": id.api_version,
        "kind": id.kind,
        "metadata": {"name": id.name, "namespace": id.namespace},
        "spec": {"tls": {"frontend": {"default": {"validation": validation}}}},
    })
}
