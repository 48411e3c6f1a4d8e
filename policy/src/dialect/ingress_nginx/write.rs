//! Puts an Ingress behind a CA: the annotations that `read` reads back.

use serde_json::json;

use super::PREFIX;
use crate::Mode;
use crate::dialect::{GatewayRequest, WriteRequest, Written};

/// A server-side apply configuration of the Ingress with the annotations alone.
pub(super) fn write(request: &WriteRequest<'_>) -> Result<Written, String> {
    let id = &request.object.id;
    if request.trust.namespace != id.namespace {
        return Err(format!(
            "ingress-nginx reads the Secret of {id} from the Ingress' own namespace only, \
             not {}",
            request.trust
        ));
    }
    let mode = match request.mode {
        Mode::Required => "on",
        Mode::Optional => "optional",
        Mode::Off | Mode::OptionalUnverified | Mode::Unverified => {
            return Err("only a demand that verifies certificates can be written".to_owned());
        }
    };
    let annotations = json!({
        format!("{PREFIX}auth-tls-secret"): request.trust.to_string(),
        format!("{PREFIX}auth-tls-verify-client"): mode,
        // Plain HTTP asks nobody for a certificate, so it must not serve anything.
        format!("{PREFIX}force-ssl-redirect"): "true",
    });
    let config = json!({
        "apiVersion": id.api_version,
        "kind": id.kind,
        "metadata": {"name": id.name, "namespace": id.namespace, "annotations": annotations},
    });
    Ok(vec![config].into())
}

/// Nothing in its ConfigMap demands client certificates (`internal/ingress/controller/config`):
/// every host has an Ingress that does.
pub(super) fn write_gateway(_: &GatewayRequest<'_>) -> Result<Written, String> {
    Err(
        "ingress-nginx has no demand for all hosts: protect an Ingress of each, one at a time, as \
         `kubectl mtls get hosts -A` lists them"
            .to_owned(),
    )
}
