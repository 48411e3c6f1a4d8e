//! What an installation has in a cluster, found again by its label; whose it is, by what the API
//! server keeps about the managers of its fields; and what the present flags no longer bring.

use serde_json::{Value, json};

use super::LABEL;
use super::objects::{KINDS, Part};
use crate::cluster::Cluster;

/// Who `install` is among the managers of fields.
pub(crate) const MANAGER: &str = "kubectl-mtls";
/// What is never removed by installing: with it would go what people wrote.
const KEPT: [&str; 2] = ["CustomResourceDefinition", "Namespace"];

/// Whose an object is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    /// Nobody but `install` has set a field.
    Alone,
    /// Others have set fields too.
    Shared(Vec<String>),
    /// `install` has set none.
    Others(Vec<String>),
}

impl Owner {
    /// By the managers of an object's fields. Who writes its status does not own it.
    pub(crate) fn of(object: &Value) -> Self {
        let managers = object["metadata"]["managedFields"].as_array();
        let mut own = false;
        let mut others: Vec<String> = Vec::new();
        for one in managers.into_iter().flatten() {
            let name = one["manager"].as_str().unwrap_or_default();
            match name {
                MANAGER => own = true,
                _ if one["subresource"] == "status" => {}
                _ if others.iter().any(|known| known == name) => {}
                _ => others.push(name.to_owned()),
            }
        }
        match (own, others.is_empty()) {
            (true, true) => Self::Alone,
            (true, false) => Self::Shared(others),
            (false, _) => Self::Others(others),
        }
    }

    /// Whether installing or removing may take it away.
    pub(crate) fn yields(&self, force: bool) -> bool {
        match self {
            Self::Alone => true,
            Self::Shared(_) => force,
            Self::Others(_) => false,
        }
    }

    /// The others, for people.
    pub(crate) fn others(&self) -> String {
        match self {
            Self::Alone => String::new(),
            Self::Shared(names) | Self::Others(names) if names.is_empty() => "unknown".to_owned(),
            Self::Shared(names) | Self::Others(names) => names.join(", "),
        }
    }
}

/// An object that is there.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    /// The object; it stands in no file.
    pub(crate) part: Part,
    /// Its path.
    pub(crate) path: String,
    /// Whose it is.
    pub(crate) owner: Owner,
}

impl Found {
    fn new(mut object: Value, kind: &str, version: &str) -> Option<Self> {
        // The items of a list do not say what they are.
        object["kind"] = json!(kind);
        object["apiVersion"] = json!(version);
        let owner = Owner::of(&object);
        let part = Part::new("", object);
        let path = part.path()?;
        Some(Self { part, path, owner })
    }

    /// Its kind and name, and where it stands if that is elsewhere.
    pub(crate) fn shown(&self, namespace: &str) -> String {
        match self.part.object["metadata"]["namespace"].as_str() {
            Some(place) if place != namespace => format!("{} in {place}", self.part.shown()),
            _ => self.part.shown(),
        }
    }

    fn is_going(&self) -> bool {
        !self.part.object["metadata"]["deletionTimestamp"].is_null()
    }
}

/// Everything with the installation's label, in the order in which it comes.
pub(crate) async fn find(cluster: &Cluster, namespace: &str) -> anyhow::Result<Vec<Found>> {
    let mut found = Vec::new();
    for kind in KINDS {
        let path = kind.collection(namespace);
        let items = cluster.items(&path, LABEL).await?.into_iter();
        found.extend(items.filter_map(|item| Found::new(item, kind.kind, kind.version)));
    }
    Ok(found)
}

/// What is there and not brought any more: what goes, in the order in which it goes, and what stays
/// because it is of others too.
pub(crate) fn leftovers(
    found: Vec<Found>,
    brought: &[Part],
    namespace: &str,
    force: bool,
) -> (Vec<Found>, Vec<Found>) {
    let brought: Vec<_> = brought.iter().filter_map(Part::path).collect();
    let mut left: Vec<_> = found
        .into_iter()
        .filter(|one| !one.is_going() && !KEPT.contains(&one.part.kind()))
        .filter(|one| !brought.contains(&one.path))
        .filter(|one| belongs(&one.part.object, namespace))
        .collect();
    left.reverse();
    left.into_iter().partition(|one| one.owner.yields(force))
}

/// Whether an object that may stand in any namespace is for the webhook of this one.
pub(crate) fn belongs(object: &Value, namespace: &str) -> bool {
    let subjects = object["subjects"].as_array();
    subjects.is_none_or(|subjects| {
        let mut subjects = subjects.iter();
        subjects.any(|subject| subject["namespace"] == namespace)
    })
}

/// The namespace that cluster-wide objects already lead to: the one that the API server asks, or the
/// one whose account has the role.
pub(crate) fn home(configuration: Option<&Value>, binding: Option<&Value>) -> Option<String> {
    let asked = configuration
        .and_then(super::enforcement::routes)
        .and_then(|entry| entry["clientConfig"]["service"]["namespace"].as_str());
    let account = binding.and_then(|binding| binding["subjects"][0]["namespace"].as_str());
    asked.or(account).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn found(kind: &str, version: &str, name: &str, managers: &[(&str, &str)]) -> Found {
        let managers: Vec<_> = managers
            .iter()
            .map(|(manager, subresource)| json!({"manager": manager, "subresource": subresource}))
            .collect();
        let object = json!({"metadata": {"name": name, "namespace": "ns",
            "managedFields": managers}});
        Found::new(object, kind, version).unwrap()
    }

    #[test]
    fn the_status_is_nobodys_claim() {
        let owner = |managers: &[(&str, &str)]| found("Service", "v1", "a", managers).owner;
        let controller = ("kube-controller-manager", "status");
        assert_eq!(owner(&[(MANAGER, ""), controller]), Owner::Alone);
        let scaled = owner(&[(MANAGER, ""), ("hpa", "scale"), ("hpa", "")]);
        assert_eq!(scaled, Owner::Shared(vec!["hpa".to_owned()]));
        let helm = owner(&[("helm", "")]);
        assert_eq!(helm, Owner::Others(vec!["helm".to_owned()]));
        assert!(!helm.yields(true) && scaled.yields(true) && !scaled.yields(false));
        assert_eq!(owner(&[]).others(), "unknown");
    }

    #[test]
    fn what_is_not_brought_any_more_goes_backwards_unless_it_is_shared() {
        let all = vec![
            found("Namespace", "v1", "ns", &[(MANAGER, "")]),
            found("Issuer", "cert-manager.io/v1", "old", &[(MANAGER, "")]),
            found("Service", "v1", "kept", &[(MANAGER, "")]),
            found("Service", "v1", "shared", &[(MANAGER, ""), ("jane", "")]),
            found("Service", "v1", "helm", &[("helm", "")]),
            found("Deployment", "apps/v1", "old", &[(MANAGER, "")]),
        ];
        let kept = all.get(2).unwrap().part.clone();
        let names =
            |list: &[Found]| -> Vec<String> { list.iter().map(|one| one.shown("ns")).collect() };
        let (gone, left) = leftovers(all.clone(), std::slice::from_ref(&kept), "ns", false);
        assert_eq!(names(&gone), ["deployment/old", "issuer/old"]);
        assert_eq!(names(&left), ["service/helm", "service/shared"]);
        let (gone, left) = leftovers(all, &[kept], "ns", true);
        assert_eq!(
            names(&gone),
            ["deployment/old", "service/shared", "issuer/old"]
        );
        assert_eq!(names(&left), ["service/helm"]);
    }

    #[test]
    fn a_binding_is_of_the_webhook_that_it_names() {
        let binding = json!({"subjects": [{"namespace": "a"}]});
        assert!(belongs(&binding, "a") && !belongs(&binding, "b"));
        assert!(belongs(&json!({"rules": []}), "b"));
        assert_eq!(home(None, Some(&binding)).as_deref(), Some("a"));
        let asked = json!({"webhooks": [{"name": super::super::ROUTES,
            "clientConfig": {"service": {"namespace": "c"}}}]});
        assert_eq!(home(Some(&asked), Some(&binding)).as_deref(), Some("c"));
        assert_eq!(home(None, None), None);
    }
}
