//! HTTPRoutes of Gateway API, as far as they decide about plain HTTP.

use std::sync::Arc;

use serde_json::Value;

use super::host_name;
use crate::fact::Filter;
use crate::gateway::Gateway;
use crate::object::{Object, strings};
use crate::site::Site;

/// What HTTPRoutes serve of a Gateway's hosts, found again by [`route_id`]: a route that sends
/// every request to HTTPS, or one that does not.
pub(super) fn read(object: &Object, gateway: &Arc<Gateway>) -> Vec<Arc<Filter>> {
    let rules = object.spec["rules"]
        .as_array()
        .map_or(&[][..], Vec::as_slice);
    let redirects = !rules.is_empty() && rules.iter().all(redirects);
    let hostnames = strings(&object.spec["hostnames"]);
    let mut names: Vec<_> = hostnames.iter().map(|name| host_name(name)).collect();
    let wider = names
        .iter()
        .filter_map(|name| Some(name.split_once('.')?.1));
    let wider: Vec<_> = wider.map(|parent| format!("*.{parent}")).collect();
    names.extend(wider);
    if hostnames.is_empty() {
        names.push(ANY_HOST.to_owned());
    }
    names.push("*".to_owned());
    let parents = object.spec["parentRefs"].as_array().into_iter().flatten();
    let ids = parents.flat_map(|parent| {
        let namespace = parent["namespace"].as_str();
        let namespace = namespace.unwrap_or(&object.id.namespace);
        let name = parent["name"].as_str().unwrap_or_default();
        let id = |host: &String| route_id(namespace, name, host, redirects);
        names.iter().map(id).collect::<Vec<_>>()
    });
    let filter = |id| {
        let site = Site::new(&object.id, "");
        Arc::new(Filter::plain(site, gateway, id, redirects))
    };
    ids.map(filter).collect()
}

/// Stands for the hosts of an HTTPRoute that names none.
pub(super) const ANY_HOST: &str = "any host";

/// The id of what is served of one host of a Gateway.
pub(super) fn route_id(namespace: &str, gateway: &str, host: &str, redirects: bool) -> String {
    let what = if redirects { "redirected" } else { "served" };
    format!("{what} {namespace}/{gateway} {host}")
}

fn redirects(rule: &Value) -> bool {
    let mut filters = rule["filters"].as_array().into_iter().flatten();
    filters.any(|filter| {
        filter["type"] == "RequestRedirect" && filter["requestRedirect"]["scheme"] == "https"
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    #[test]
    fn routes_are_found_by_gateway_and_host() {
        let route = json!({"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute",
            "metadata": {"name": "api", "namespace": "shop"},
            "spec": {"parentRefs": [{"name": "edge"}], "hostnames": ["api.example.com"],
                "rules": [{"backendRefs": []}]}});
        let object = Object::from_value(&route).unwrap();
        let owner = Arc::new(Gateway {
            dialect: "apisix",
            instance: "apisix".to_owned(),
        });
        let ids: Vec<_> = read(&object, &owner)
            .iter()
            .map(|filter| filter.id.clone())
            .collect();
        let id = |host| route_id("shop", "edge", host, false);
        assert_eq!(ids, [id("api.example.com"), id("*.example.com"), id("*")]);
    }
}
