//! What clients ought to need: as `--expect` says, else as the host's configuration says.

use policy::{Host, Lookup};

use crate::probe::Mode;
use crate::target::Known;

/// Who says so, where it is the cluster.
pub(super) const CONFIGURATION: &str = "the cluster's configuration";

/// What is expected, and who says so. A URL is expected to demand certificates: that it is open in
/// some cluster is no reason to find it well.
pub(super) fn mode(asked: Option<Mode>, known: Option<&Known>) -> (Mode, &'static str) {
    match (asked, known) {
        (Some(mode), _) => (mode, "--expect"),
        (None, Some(known)) => (demanded(&known.host), CONFIGURATION),
        (None, None) => (Mode::Required, "default"),
    }
}

/// The strongest demand in force. Where something is said about client certificates and nothing is
/// in force, they were meant to be required.
fn demanded(host: &Host) -> Mode {
    let strongest = host.modes.iter().map(|(mode, ..)| *mode).max();
    match strongest {
        _ if !host.mentioned => Mode::None,
        Some(policy::Mode::Off) => Mode::None,
        Some(policy::Mode::Optional | policy::Mode::OptionalUnverified) => Mode::Optional,
        Some(policy::Mode::Required | policy::Mode::Unverified) | None => Mode::Required,
    }
}

/// Whether a Secret of the host holds revocation lists that its gateway reads.
pub(super) fn reads_crl(host: &Host) -> bool {
    host.trust
        .iter()
        .any(|used| match (&used.found, used.crl_key) {
            (Lookup::Found(bundle), Some(key)) => bundle.has(key),
            _ => false,
        })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use policy::{Facts, Object, Seen, Settings, dialect};
    use serde_json::json;

    use super::*;

    fn settled(annotations: &serde_json::Value) -> Host {
        let ingress = json!({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
            "metadata": {"name": "a", "namespace": "shop", "annotations": annotations},
            "spec": {"ingressClassName": "nginx", "rules": [{"host": "a.example",
                "http": {"paths": [{"path": "/", "pathType": "Prefix",
                    "backend": {"service": {"name": "a", "port": {"number": 80}}}}]}}]}});
        let mut facts = Facts::new(Settings::default(), Seen::All);
        let object = Object::from_value(&ingress).unwrap();
        facts.insert(dialect::read(&object, &Settings::default()));
        let keys = facts.hosts();
        dialect::settle(&keys[0], &facts.view())
    }

    #[test]
    fn the_configuration_says_what_is_expected() {
        let prefix = "nginx.ingress.kubernetes.io/auth-tls";
        let said = |verify: &str| {
            settled(&json!({format!("{prefix}-secret"): "shop/ca",
                format!("{prefix}-verify-client"): verify}))
        };
        assert_eq!(demanded(&settled(&json!({}))), Mode::None);
        // The Secret is missing: they were meant to be required.
        assert_eq!(demanded(&said("on")), Mode::Required);
        let known = Known {
            host: settled(&json!({})),
            paths: Vec::new(),
            open_neighbour: None,
        };
        assert_eq!(mode(None, Some(&known)).0, Mode::None);
        assert_eq!(mode(Some(Mode::Required), Some(&known)).0, Mode::Required);
        assert_eq!(mode(None, None).0, Mode::Required);
    }
}
