//! An ApisixUpstream: the gateway's own certificate towards the backend.

use serde_json::Value;

use super::read::Reader;
use crate::fact::{Harm, Remark, RemarkKind};

/// Schemes over which APISIX speaks TLS to a backend (`api/v2/apisixupstream_types.go`).
const TLS: [&str; 3] = ["https", "grpcs", "tls"];

impl Reader<'_> {
    /// The settings for all ports, and those for one each.
    pub(super) fn upstream(&self) -> Vec<Remark> {
        let spec = &self.object.spec;
        let ports = spec["portLevelSettings"].as_array().into_iter().flatten();
        let ports = ports.enumerate().flat_map(|(at, settings)| {
            self.towards(&format!("/spec/portLevelSettings/{at}"), settings)
        });
        self.towards("/spec", spec)
            .into_iter()
            .chain(ports)
            .collect()
    }

    /// A client certificate goes out over TLS alone; the scheme is http where none is set
    /// (`translator/apisixupstream.go`). The server is verified for Kafka alone
    /// (`docs/en/latest/admin-api.md`, `tls.verify`).
    fn towards(&self, pointer: &str, settings: &Value) -> Option<Remark> {
        settings["tlsSecret"].is_object().then_some(())?;
        let scheme = settings["scheme"].as_str().unwrap_or("http");
        let (message, hint) = match TLS.contains(&scheme) {
            false => (
                format!(
                    "tlsSecret is set and the scheme is {scheme}: APISIX sends no certificate to \
                     the backend"
                ),
                "write scheme: https (or grpcs, tls)",
            ),
            true => (
                "APISIX shows its certificate to the backend, and does not verify the backend's"
                    .to_owned(),
                "keep the way to the backend private by other means, as a NetworkPolicy",
            ),
        };
        let pointer = format!("{pointer}/tlsSecret");
        Some(self.remark(
            &pointer,
            RemarkKind::Upstream,
            Harm::Harmless,
            message,
            hint,
        ))
    }
}
