//! What the API server refuses, in words.

use kube::core::Status;

use crate::problem::Problem;

/// The object, or its whole kind, is not there.
pub(super) fn is_missing(status: &Status) -> bool {
    status.is_not_found() || status.code == 404
}

/// What was asked for, as `kubectl auth can-i` names it, where it is an object with a path.
fn asked(path: &str) -> Option<(&str, &str, &str)> {
    let (_, rest) = path.split_once("/namespaces/")?;
    let mut parts = rest.split('?').next()?.split('/');
    Some((parts.next()?, parts.next()?, parts.next()?))
}

fn named(what: &str) -> String {
    match asked(what) {
        Some((namespace, plural, name)) => format!("{plural}/{name} in namespace {namespace}"),
        None => what.to_owned(),
    }
}

/// What may not be done, from the authorizer's own words (`apiserver/pkg/endpoints/handlers/
/// responsewriters/errors.go`: `User "u" cannot get resource "secrets" …`). A webhook that denies
/// says something else.
fn verb(message: &str) -> Option<&str> {
    let (verb, rest) = message.split_once(" cannot ")?.1.split_once(' ')?;
    rest.starts_with("resource ").then_some(verb)
}

/// What to do about a refusal.
fn next(status: &Status) -> String {
    let missing = status.message.strip_prefix("namespaces \"");
    match missing.and_then(|rest| rest.strip_suffix("\" not found")) {
        Some(namespace) => format!("create it: `kubectl create namespace {namespace}`"),
        None if status.code == 401 => {
            "the credentials are not accepted: `kubectl config view --minify` shows whose they are"
                .to_owned()
        }
        None => "`kubectl auth can-i --list` shows what you may do".to_owned(),
    }
}

/// The innermost cause: what lies around it only says that a request failed.
fn root(error: &kube::Error) -> &dyn std::error::Error {
    let mut at: &dyn std::error::Error = error;
    while let Some(cause) = at.source() {
        at = cause;
    }
    at
}

fn forbidden(what: &str, message: &str) -> anyhow::Error {
    let (namespace, plural, name) = asked(what).unwrap_or_default();
    let verb = verb(message).unwrap_or("get");
    let hint = format!(
        "it needs a Role that allows it: `kubectl auth can-i {verb} {plural}/{name} -n {namespace}` \
         asks, `kubectl create role NAME --verb={verb} --resource={plural} --resource-name={name} -n \
         {namespace}` makes one"
    );
    Problem::world(format!("{} is forbidden: {message}", named(what))).hint(hint)
}

/// Says what came in the way, and what to do about it.
pub(super) fn failed(error: &kube::Error, what: &str) -> anyhow::Error {
    match error {
        kube::Error::Api(status) if verb(&status.message).is_some() && asked(what).is_some() => {
            forbidden(what, &status.message)
        }
        kube::Error::Api(status) if status.is_conflict() => Problem::world(format!(
            "{} has fields of somebody else: {}",
            named(what),
            status.message
        ))
        .hint(
            "--force-conflicts takes them over; where they come from a repository, write them there: \
             --dry-run=client -o yaml prints them",
        ),
        kube::Error::Api(status) => Problem::world(format!(
            "the API server refused {what}: {} ({})", status.message, status.reason
        ))
        .hint(next(status)),
        other => Problem::world(format!("the cluster cannot be reached for {what}: {}", root(other)))
            .hint("`kubectl version` shows whether the API server answers; --request-timeout gives it more time"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_authorizer_names_the_verb_and_a_webhook_does_not() {
        let authorizer = "secrets \"a\" is forbidden: User \"jane\" cannot patch resource \"secrets\" in \
                          API group \"\" in the namespace \"pki\"";
        assert_eq!(verb(authorizer), Some("patch"));
        assert_eq!(
            verb("admission webhook denied the request: you cannot do it"),
            None
        );
        let path = "/api/v1/namespaces/pki/secrets/a?fieldManager=kubectl-mtls";
        assert_eq!(asked(path), Some(("pki", "secrets", "a")));
        let error = forbidden(path, authorizer);
        assert!(
            error
                .to_string()
                .contains("secrets/a in namespace pki is forbidden")
        );
        assert_eq!(asked("ingresses"), None);
    }
}
