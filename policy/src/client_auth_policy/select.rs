//! Which hosts a policy or an exception is for.

use std::collections::{BTreeMap, BTreeSet};

use super::Policies;
use super::spec::{ExceptionSpec, Expression, GatewayMatch, Match, Operator, Selector};
use crate::gateway::HostKey;

/// The label that every namespace has.
const OWN_NAME: &str = "kubernetes.io/metadata.name";

/// The labels of a namespace.
pub(super) type Labels = BTreeMap<String, String>;

/// Whether a pattern holds for everything that a host stands for; `*.example.com` does for
/// whatever is below example.com.
fn includes(pattern: &str, host: &str) -> bool {
    match pattern.strip_prefix('*') {
        Some("") => true,
        Some(parent) => host.len() > parent.len() && host.ends_with(parent),
        None => pattern == host,
    }
}

impl Match {
    /// Whether it is for a host whose routes stand in some namespaces. `is_served`: whether a name
    /// has a route of its own at that gateway, so that no wildcard answers for it.
    pub(super) fn fits(
        &self,
        key: &HostKey,
        namespaces: &BTreeSet<&str>,
        policies: &Policies,
        is_served: impl Fn(&str) -> bool,
    ) -> bool {
        let selected = |namespace: &&str| match &self.namespace_selector {
            Some(selector) => selector.fits(&policies.labels(namespace)),
            None => true,
        };
        // A wildcard answers for a name of the policy that nobody serves more exactly.
        let answers = |name: &String| key.host != "*" && key.covers(name) && !is_served(name);
        let names = |name: &String| includes(name, &key.host) || answers(name);
        (self.gateways.is_empty() || self.gateways.iter().any(|gateway| gateway.fits(key)))
            && (self.hosts.is_empty() || self.hosts.iter().any(names))
            && namespaces.iter().any(selected)
    }
}

impl GatewayMatch {
    fn fits(&self, key: &HostKey) -> bool {
        (self.dialect.is_empty() || self.dialect == key.gateway.dialect)
            && (self.instance.is_empty() || self.instance == key.gateway.instance)
    }
}

impl Selector {
    fn fits(&self, labels: &Labels) -> bool {
        let mut wanted = self.match_labels.iter();
        wanted.all(|(key, value)| labels.get(key) == Some(value))
            && self.match_expressions.iter().all(|one| one.fits(labels))
    }
}

impl Expression {
    /// As a label selector of Kubernetes: NotIn holds where the label is absent, too.
    fn fits(&self, labels: &Labels) -> bool {
        let value = labels.get(&self.key);
        let listed = value.is_some_and(|value| self.values.contains(value));
        match self.operator {
            Operator::In => listed,
            Operator::NotIn => !listed,
            Operator::Exists => value.is_some(),
            Operator::DoesNotExist => value.is_none(),
        }
    }
}

impl ExceptionSpec {
    /// Whether it spares a host from a policy. Routes of other namespaces are not spared with it.
    pub(super) fn spares(&self, policy: &str, key: &HostKey, namespaces: &BTreeSet<&str>) -> bool {
        let named = |namespace: &&str| self.namespaces.iter().any(|name| name == namespace);
        let stated = !(self.hosts.is_empty() && self.namespaces.is_empty());
        stated
            && (self.policies.is_empty() || self.policies.iter().any(|name| name == policy))
            && (self.hosts.is_empty() || self.hosts.iter().any(|name| includes(name, &key.host)))
            && (self.namespaces.is_empty() || namespaces.iter().all(named))
    }
}

impl Policies {
    /// The labels of a namespace; of one that was not seen the one that each has.
    pub(super) fn labels(&self, namespace: &str) -> Labels {
        let own = (OWN_NAME.to_owned(), namespace.to_owned());
        let mut labels = self.namespaces.get(namespace).cloned().unwrap_or_default();
        labels.extend([own]);
        labels
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::Arc;

    use serde_json::{Value, json};

    use super::*;
    use crate::{Gateway, Object};

    fn key(host: &str) -> HostKey {
        HostKey {
            gateway: Arc::new(Gateway {
                dialect: "traefik",
                instance: "inner".to_owned(),
            }),
            host: host.to_owned(),
        }
    }

    fn fits(matching: Value, host: &str) -> bool {
        let mut policies = Policies::default();
        let shop = json!({"apiVersion": "v1", "kind": "Namespace",
            "metadata": {"name": "shop", "labels": {"tier": "gold", "team": "pay"}}});
        policies.learn(&Object::from_value(&shop).unwrap());
        let matching: Match = serde_json::from_value(matching).unwrap();
        let served = |name: &str| name == "served.example.com";
        matching.fits(&key(host), &BTreeSet::from(["shop"]), &policies, served)
    }

    #[test]
    fn hosts() {
        let below = json!({"hosts": ["*.example.com"]});
        for host in ["a.example.com", "a.b.example.com", "*.example.com"] {
            assert!(fits(below.clone(), host), "{host}");
        }
        for host in ["example.com", "example.org", "*", "badexample.com"] {
            assert!(!fits(below.clone(), host), "{host}");
        }
        assert!(fits(json!({"hosts": ["*"]}), "*") && fits(json!({}), "x"));
        assert!(fits(json!({"hosts": ["a.example.com"]}), "*.example.com"));
        assert!(!fits(
            json!({"hosts": ["served.example.com"]}),
            "*.example.com"
        ));
        assert!(!fits(json!({"hosts": ["a.example.com"]}), "b.example.com"));
    }

    #[test]
    fn gateways_and_namespaces() {
        assert!(fits(
            json!({"gateways": [{"dialect": "apisix"}, {"instance": "inner"}]}),
            "a"
        ));
        assert!(!fits(
            json!({"gateways": [{"dialect": "traefik", "instance": "outer"}]}),
            "a"
        ));
        let selector = |expression: Value| {
            json!({"namespaceSelector": {"matchLabels": {"tier": "gold"},
                "matchExpressions": [expression]}})
        };
        let one = |operator: &str, values: &[&str]| {
            let key = if values.is_empty() { "owner" } else { "team" };
            fits(
                selector(json!({"key": key, "operator": operator, "values": values})),
                "a",
            )
        };
        assert!(one("In", &["pay", "x"]) && one("NotIn", &["x"]) && one("DoesNotExist", &[]));
        assert!(!one("In", &["x"]) && !one("NotIn", &["pay"]) && !one("Exists", &[]));
        let own = json!({"namespaceSelector": {"matchLabels": {OWN_NAME: "shop"}}});
        assert!(fits(own, "a"));
    }

    #[test]
    fn an_exception_spares_no_more_than_it_says() {
        let spares = |spec: Value, policy: &str, host: &str, namespaces: &[&str]| {
            let mut spec = spec;
            spec["reason"] = "r".into();
            spec["end"] = "2027-01-01T00:00:00Z".into();
            let spec: ExceptionSpec = serde_json::from_value(spec).unwrap();
            spec.spares(policy, &key(host), &namespaces.iter().copied().collect())
        };
        let host = json!({"hosts": ["a.example.com"], "policies": ["p"]});
        assert!(spares(host.clone(), "p", "a.example.com", &["shop"]));
        assert!(!spares(host.clone(), "q", "a.example.com", &["shop"]));
        assert!(!spares(host, "p", "*.example.com", &["shop"]));
        let namespace = json!({"namespaces": ["shop"]});
        assert!(spares(namespace.clone(), "p", "a", &["shop"]));
        assert!(!spares(namespace, "p", "a", &["shop", "other"]));
        assert!(!spares(json!({}), "p", "a", &["shop"]));
    }
}
