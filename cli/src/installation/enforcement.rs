//! The failure policy of the entry that judges routes: read, and turned.

use serde_json::{Value, json};

use super::{Policy, ROUTES, VALIDATING, shape};
use crate::cluster::{Cluster, Patched};
use crate::globals::Globals;
use crate::problem::Problem;

/// How often a configuration is read anew that others change meanwhile.
const TRIES: usize = 5;

/// The entries of a configuration.
pub(crate) fn entries(configuration: &Value) -> impl Iterator<Item = &Value> {
    configuration["webhooks"].as_array().into_iter().flatten()
}

/// The entry that judges routes.
pub(crate) fn routes(configuration: &Value) -> Option<&Value> {
    entries(configuration).find(|entry| entry["name"] == ROUTES)
}

/// Where the webhook is: in the namespace of the flags, in the one that the API server asks, or in
/// the usual one.
pub(crate) async fn namespace(cluster: &Cluster, globals: &Globals) -> anyhow::Result<String> {
    let told = shape::namespace(globals)?;
    if globals.namespace.is_some() {
        return Ok(told);
    }
    let live = cluster.value(VALIDATING).await?;
    let entry = live.as_ref().and_then(routes);
    let asked = entry.and_then(|entry| entry["clientConfig"]["service"]["namespace"].as_str());
    Ok(asked.map_or(told, str::to_owned))
}

/// What holds now.
pub(crate) fn policy(configuration: &Value) -> Option<Policy> {
    match routes(configuration)?["failurePolicy"].as_str()? {
        "Fail" => Some(Policy::Fail),
        _ => Some(Policy::Ignore),
    }
}

/// Turns the policy of that entry alone, if it is still the one that was read.
pub(crate) async fn turn(cluster: &Cluster, to: Policy) -> anyhow::Result<()> {
    for _ in 0..TRIES {
        let configuration = cluster.value(VALIDATING).await?.unwrap_or_default();
        match policy(&configuration) {
            Some(policy) if policy == to => return Ok(()),
            Some(_) => {}
            None => break,
        }
        let patch = patch(&configuration, to);
        if cluster.patch(VALIDATING, &patch).await? == Patched::Done {
            return Ok(());
        }
    }
    let text = format!(
        "{ROUTES} could not be turned to {}: others change it all the time",
        to.text()
    );
    Err(Problem::world(text).hint("`kubectl mtls webhook status` shows what holds"))
}

fn patch(configuration: &Value, to: Policy) -> Value {
    let place = entries(configuration).position(|entry| entry["name"] == ROUTES);
    let entry = format!("/webhooks/{}", place.unwrap_or_default());
    let now = routes(configuration).map(|entry| entry["failurePolicy"].clone());
    let version = &configuration["metadata"]["resourceVersion"];
    json!([
        {"op": "test", "path": "/metadata/resourceVersion", "value": version},
        {"op": "test", "path": format!("{entry}/name"), "value": ROUTES},
        {"op": "test", "path": format!("{entry}/failurePolicy"), "value": now},
        {"op": "replace", "path": format!("{entry}/failurePolicy"), "value": to.text()},
    ])
}
