//! The manifests that this program carries, and where the API server keeps objects of their kinds.

use serde_json::Value;

use super::NAME;
use crate::cluster::{collection, item};

/// Every manifest by its name below `manifests/`.
const MANIFESTS: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/manifests.rs"));

/// A kind of object that belongs to an installation.
pub(super) struct Kind {
    /// As objects name it.
    pub(super) kind: &'static str,
    /// The API group and version.
    pub(super) version: &'static str,
    plural: &'static str,
    namespaced: bool,
}

const fn kind(
    kind: &'static str,
    version: &'static str,
    plural: &'static str,
    namespaced: bool,
) -> Kind {
    Kind {
        kind,
        version,
        plural,
        namespaced,
    }
}

impl Kind {
    /// Where the objects of an installation in this namespace are listed. Roles stand in every
    /// namespace whose Secrets may be read.
    pub(super) fn collection(&self, namespace: &str) -> String {
        let everywhere = !self.namespaced || ["Role", "RoleBinding"].contains(&self.kind);
        let place = (!everywhere).then_some(namespace);
        collection(self.version, self.plural, place)
    }
}

const ADMISSION: &str = "admissionregistration.k8s.io/v1";
const ISSUANCE: &str = "cert-manager.io/v1";
const RBAC: &str = "rbac.authorization.k8s.io/v1";

/// In the order in which they come. What refuses comes last, and goes first.
pub(super) const KINDS: &[Kind] = &[
    kind("Namespace", "v1", "namespaces", false),
    kind(
        "CustomResourceDefinition",
        "apiextensions.k8s.io/v1",
        "customresourcedefinitions",
        false,
    ),
    kind("ServiceAccount", "v1", "serviceaccounts", true),
    kind("ClusterRole", RBAC, "clusterroles", false),
    kind("ClusterRoleBinding", RBAC, "clusterrolebindings", false),
    kind("Role", RBAC, "roles", true),
    kind("RoleBinding", RBAC, "rolebindings", true),
    kind("ResourceQuota", "v1", "resourcequotas", true),
    kind(
        "NetworkPolicy",
        "networking.k8s.io/v1",
        "networkpolicies",
        true,
    ),
    kind("Issuer", ISSUANCE, "issuers", true),
    kind("Certificate", ISSUANCE, "certificates", true),
    kind("ConfigMap", "v1", "configmaps", true),
    kind("Service", "v1", "services", true),
    kind("Deployment", "apps/v1", "deployments", true),
    kind(
        "PodDisruptionBudget",
        "policy/v1",
        "poddisruptionbudgets",
        true,
    ),
    kind(
        "ValidatingAdmissionPolicy",
        ADMISSION,
        "validatingadmissionpolicies",
        false,
    ),
    kind(
        "ValidatingAdmissionPolicyBinding",
        ADMISSION,
        "validatingadmissionpolicybindings",
        false,
    ),
    kind(
        "MutatingWebhookConfiguration",
        ADMISSION,
        "mutatingwebhookconfigurations",
        false,
    ),
    kind(
        "ValidatingWebhookConfiguration",
        ADMISSION,
        "validatingwebhookconfigurations",
        false,
    ),
];

/// One object, and the file that it stands in.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    /// Its file's name below `manifests/`.
    pub(crate) file: String,
    /// The object.
    pub(crate) object: Value,
}

impl Part {
    /// An object in a file.
    pub(crate) fn new(file: &str, object: Value) -> Self {
        Self {
            file: file.to_owned(),
            object,
        }
    }

    /// Its kind.
    pub(crate) fn kind(&self) -> &str {
        self.object["kind"].as_str().unwrap_or_default()
    }

    /// Its name.
    pub(crate) fn name(&self) -> &str {
        self.object["metadata"]["name"].as_str().unwrap_or_default()
    }

    /// Its kind and name as kubectl prints them.
    pub(crate) fn shown(&self) -> String {
        format!("{}/{}", self.kind().to_lowercase(), self.name())
    }

    /// Whether the API server is told by it whom to ask.
    pub(crate) fn is_configuration(&self) -> bool {
        self.kind().ends_with("WebhookConfiguration")
    }

    /// Where it comes in the order of installing.
    pub(crate) fn rank(&self) -> usize {
        let found = KINDS.iter().position(|kind| kind.kind == self.kind());
        found.unwrap_or(KINDS.len())
    }

    /// Its path; `None` where the kind is not known here, which a test excludes.
    pub(crate) fn path(&self) -> Option<String> {
        let kind = KINDS.iter().find(|kind| kind.kind == self.kind())?;
        let version = self.object["apiVersion"].as_str()?;
        let namespace = self.object["metadata"]["namespace"].as_str();
        Some(match kind.namespaced {
            true => item(version, kind.plural, namespace?, self.name()),
            false => format!("{}/{}", collection(version, kind.plural, None), self.name()),
        })
    }
}

/// Whether an object of the cluster has the label of those that an installation brings.
pub(crate) fn is_own(object: &Value) -> bool {
    object["metadata"]["labels"]["app.kubernetes.io/name"] == NAME
}

/// The manifests as they ship.
pub(crate) fn shipped() -> anyhow::Result<Vec<Part>> {
    let mut parts = Vec::new();
    for (file, text) in MANIFESTS {
        for document in documents(text) {
            let object = crate::manifests::parse(&document)
                .map_err(|(line, _, reason)| anyhow::anyhow!("{file}: line {line}: {reason}"))?;
            if !object.is_null() {
                parts.push(Part::new(file, object));
            }
        }
    }
    Ok(parts)
}

/// The documents of a file.
fn documents(text: &str) -> Vec<String> {
    let mut documents = vec![String::new()];
    for line in text.lines() {
        if line.trim_end() == "---" {
            documents.push(String::new());
        } else if let Some(document) = documents.last_mut() {
            document.push_str(line);
            document.push('\n');
        }
    }
    documents
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_shipped_object_has_a_path() {
        let parts = shipped().unwrap();
        assert!(parts.len() > 8, "{}", parts.len());
        for part in parts {
            assert!(part.path().is_some(), "{}", part.shown());
            let kind = KINDS.iter().find(|kind| kind.kind == part.kind()).unwrap();
            assert_eq!(part.object["apiVersion"], kind.version);
        }
    }
}
