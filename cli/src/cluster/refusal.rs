//! What the API server refuses, in words.

use crate::problem::Problem;

/// The object, or its whole kind, is not there.
pub(super) fn is_missing(status: &kube::core::Status) -> bool {
    status.is_not_found() || status.code == 404
}

/// What was asked for, as `kubectl auth can-i` names it, where it is an object with a path.
fn asked(path: &str) -> Option<(&str, &str, &str)> {
    let (_, rest) = path.split_once("/namespaces/")?;
    let mut parts = rest.split('?').next()?.split('/');
    Some((parts.next()?, parts.next()?, parts.next()?))
}

/// Says what came in the way, and what to do about it.
pub(super) fn failed(error: &kube::Error, what: &str) -> anyhow::Error {
    match error {
        kube::Error::Api(status) if status.is_forbidden() && asked(what).is_some() => {
            let (namespace, plural, name) = asked(what).unwrap_or_default();
            let hint = format!(
                "it needs a Role that allows it: `kubectl auth can-i get {plural}/{name} -n {namespace}` \
                 asks, `kubectl create role NAME --verb=get --resource={plural} --resource-name={name} \
                 -n {namespace}` makes one"
            );
            let text = format!("{plural}/{name} in namespace {namespace} is forbidden: {}", status.message);
            Problem::world(text).hint(hint)
        }
        kube::Error::Api(status) if status.is_conflict() => Problem::world(format!(
            "{what} has fields of somebody else: {}",
            status.message
        ))
        .hint(
            "--force-conflicts takes them over; where they come from a repository, write them there: \
             --dry-run=client -o yaml prints them",
        ),
        kube::Error::Api(status) => Problem::world(format!(
            "the API server refused {what}: {} ({})", status.message, status.reason
        ))
        .hint("`kubectl auth can-i --list` shows what you may do"),
        other => Problem::world(format!("the cluster cannot be reached for {what}: {other}"))
            .hint("`kubectl version` shows whether the API server answers; --request-timeout gives it more time"),
    }
}
