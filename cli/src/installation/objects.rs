//! The manifests that this program carries, and where the API server keeps objects of their kinds.

use serde_json::Value;

use super::NAME;
use crate::cluster::{collection, item};

/// Every manifest by its name below `manifests/`.
const MANIFESTS: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/manifests.rs"));

/// A kind of object that belongs to an installation.
struct Kind {
    kind: &'static str,
    plural: &'static str,
    namespaced: bool,
}

const fn kind(kind: &'static str, plural: &'static str, namespaced: bool) -> Kind {
    Kind {
        kind,
        plural,
        namespaced,
    }
}

/// In the order in which they come. What refuses comes last, and goes first.
const KINDS: &[Kind] = &[
    kind("Namespace", "namespaces", false),
    kind(
        "CustomResourceDefinition",
        "customresourcedefinitions",
        false,
    ),
    kind("ServiceAccount", "serviceaccounts", true),
    kind("ClusterRole", "clusterroles", false),
    kind("ClusterRoleBinding", "clusterrolebindings", false),
    kind("Role", "roles", true),
    kind("RoleBinding", "rolebindings", true),
    kind("ResourceQuota", "resourcequotas", true),
    kind("NetworkPolicy", "networkpolicies", true),
    kind("Issuer", "issuers", true),
    kind("Certificate", "certificates", true),
    kind("ConfigMap", "configmaps", true),
    kind("Service", "services", true),
    kind("Deployment", "deployments", true),
    kind("PodDisruptionBudget", "poddisruptionbudgets", true),
    kind(
        "ValidatingAdmissionPolicy",
        "validatingadmissionpolicies",
        false,
    ),
    kind(
        "ValidatingAdmissionPolicyBinding",
        "validatingadmissionpolicybindings",
        false,
    ),
    kind(
        "MutatingWebhookConfiguration",
        "mutatingwebhookconfigurations",
        false,
    ),
    kind(
        "ValidatingWebhookConfiguration",
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
        }
    }
}
