//! Puts an Ingress behind a CA: the annotations that `read` reads back.

use serde_json::{Value, json};

use super::PREFIX;
use crate::Mode;
use crate::dialect::WriteRequest;

/// A server-side apply configuration of the Ingress with the annotations alone.
pub(super) fn write(request: &WriteRequest<'_>) -> Result<Vec<Value>, String> {
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
    Ok(vec![json!({
        "apiVersion": id.api_version,
        "kind": id.kind,
        "metadata": {"name": id.name, "namespace": id.namespace, "annotations": annotations},
    })])
}
