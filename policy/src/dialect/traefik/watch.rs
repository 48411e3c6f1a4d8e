//! Which objects Traefik reads at all: namespaces, labels, API group, class
//! (`crd/client.go:174-200`, `ingress/client.go`).

use std::collections::BTreeMap;

use super::OLD_GROUP;
use crate::settings::CLASS_ANNOTATION;
use crate::{GatewayConfig, Object};

/// Why Traefik never reads an object, if it does not.
pub(super) fn unread(object: &Object, provider: &str, config: &GatewayConfig) -> Option<String> {
    if ignores_group(object, config) {
        return Some(format!("Traefik 3 does not read objects of {OLD_GROUP}"));
    }
    let flag = |name: &str| config.flag(&format!("providers.{provider}.{name}"));
    let namespaces = flag("namespaces").or_else(|| flag("watchnamespace"));
    let watched = names(namespaces.unwrap_or_default());
    if !watched.is_empty() && !watched.contains(&object.id.namespace.as_str()) {
        let list = watched.join(", ");
        return Some(format!("Traefik only reads the namespaces {list}"));
    }
    let selector = flag("labelselector").unwrap_or_default();
    if !selects(selector, &object.labels) {
        return Some(format!("Traefik only reads objects with labels {selector}"));
    }
    if config.args.is_empty() {
        // Nothing is known of what this Traefik is told: its class may be any.
        return None;
    }
    wrong_class(object, flag("ingressclass").unwrap_or_default())
}

/// Traefik 3 reads the group traefik.io alone.
fn ignores_group(object: &Object, config: &GatewayConfig) -> bool {
    object.id.group() == OLD_GROUP && config.release().is_some_and(|(major, _)| major >= 3)
}

/// An IngressRoute too can be left to another Traefik by the old annotation
/// (`crd/kubernetes_http.go:37-45`); an Ingress' class was looked at before.
fn wrong_class(object: &Object, wanted: &str) -> Option<String> {
    if !object.id.kind.starts_with("IngressRoute") {
        return None;
    }
    let class = object.annotation(CLASS_ANNOTATION).unwrap_or_default();
    let reads = class == wanted || (wanted.is_empty() && class == "traefik");
    (!reads).then(|| format!("Traefik only reads objects of class {wanted:?}"))
}

/// A list with commas, as Traefik's flags have it.
pub(super) fn names(list: &str) -> Vec<&str> {
    let names = list.split(',').map(str::trim);
    names.filter(|name| !name.is_empty()).collect()
}

/// Whether labels fit a selector; one that cannot be read selects nothing (the API server refuses
/// such a list).
fn selects(selector: &str, labels: &BTreeMap<String, String>) -> bool {
    requirements(selector).iter().all(|one| fits(one, labels))
}

/// Splits at the commas outside parentheses.
fn requirements(selector: &str) -> Vec<String> {
    let mut all = vec![String::new()];
    let mut inside = false;
    for char in selector.chars() {
        match char {
            ',' if !inside => all.push(String::new()),
            other => {
                inside = other == '(' || (inside && other != ')');
                if let Some(last) = all.last_mut() {
                    last.push(other);
                }
            }
        }
    }
    let all = all.into_iter().map(|one| one.trim().to_owned());
    all.filter(|one| !one.is_empty()).collect()
}

fn fits(requirement: &str, labels: &BTreeMap<String, String>) -> bool {
    let value = |key: &str| labels.get(key.trim()).map(String::as_str);
    if let Some((key, list)) = requirement.split_once(" notin ") {
        return value(key).is_none_or(|value| !is_in(value, list));
    }
    if let Some((key, list)) = requirement.split_once(" in ") {
        return value(key).is_some_and(|value| is_in(value, list));
    }
    if let Some((key, other)) = requirement.split_once("!=") {
        return value(key) != Some(other.trim());
    }
    if let Some((key, same)) = requirement.split_once('=') {
        return value(key) == Some(same.trim_start_matches('=').trim());
    }
    match requirement.strip_prefix('!') {
        Some(key) => value(key).is_none(),
        None => value(requirement).is_some(),
    }
}

fn is_in(value: &str, list: &str) -> bool {
    names(list.trim().trim_matches(['(', ')'])).contains(&value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_of_routes_count_where_arguments_are_told() {
        let object = serde_json::json!({"apiVersion": "traefik.io/v1alpha1",
            "kind": "IngressRoute", "metadata": {"name": "a", "namespace": "shop",
                "annotations": {"kubernetes.io/ingress.class": "edge"}}});
        let object = Object::from_value(&object).expect("a route");
        let reason = |args: &[&str]| {
            let config = GatewayConfig {
                args: args.iter().map(|arg| (*arg).to_owned()).collect(),
                ..GatewayConfig::default()
            };
            unread(&object, "kubernetescrd", &config)
        };
        assert_eq!(reason(&[]), None);
        assert_eq!(
            reason(&["--providers.kubernetesCRD.ingressClass=edge"]),
            None
        );
        assert!(reason(&["--providers.kubernetesCRD=true"]).is_some());
        assert!(reason(&["--providers.kubernetesCRD.namespaces=other"]).is_some());
    }

    #[test]
    fn selectors() {
        let labels = [("team", "a"), ("tier", "edge")];
        let labels = labels.map(|(key, value)| (key.to_owned(), value.to_owned()));
        let labels = BTreeMap::from(labels);
        for fits in [
            "",
            "team=a",
            "team==a,tier!=core",
            "team in (a, b)",
            "team notin (b),tier",
            "!none",
        ] {
            assert!(selects(fits, &labels), "{fits}");
        }
        for other in [
            "team=b",
            "none",
            "!team",
            "team in (b)",
            "team notin (a)",
            "team!=a",
            "none in (a)",
        ] {
            assert!(!selects(other, &labels), "{other}");
        }
    }
}
