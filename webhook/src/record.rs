//! What is kept of an answer: a count, how long it took, and of a denial or a warning one line in
//! the log. Never anything of the object itself.

use std::time::Duration;

use policy::SecretRef;
use policy::dialect;

use crate::review::{Answer, Request};
use crate::state::State;

/// Counts an answer, logs it where somebody may ask why, and tells the audit what changes.
pub(crate) fn record(
    state: &State,
    webhook: &'static str,
    request: &Request<'_>,
    answer: &Answer,
    took: Duration,
) {
    let outcome = answer.outcome();
    let review = (webhook, kind(request), request.operation.name());
    let rule = answer.rules.first().copied().unwrap_or_default();
    state.metrics.reviews.answered(review, outcome, rule, took);
    hint(state, request);
    if ["denied", "warned"].contains(&outcome) {
        tracing::info!(
            uid = &*request.uid,
            operation = request.operation.name(),
            kind = kind(request),
            namespace = &*request.namespace,
            name = &*request.name,
            rules = answer.rules.join(","),
            outcome,
            ms = took.as_secs_f64() * 1000.0,
            "{webhook}"
        );
    }
}

/// Counts what got no answer, and logs it where it is known what was asked: whoever can reach the
/// port could fill the log with anything else.
pub(crate) fn unanswered(
    state: &State,
    webhook: &'static str,
    uid: &str,
    outcome: &'static str,
    took: Duration,
) {
    state.metrics.reviews.unanswered(webhook, outcome, took);
    if !uid.is_empty() {
        let ms = took.as_secs_f64() * 1000.0;
        tracing::warn!(uid, outcome, ms, "{webhook}");
    }
}

/// A Secret is not watched: that somebody changes it is all that is known until it is read again.
fn hint(state: &State, request: &Request<'_>) {
    let kind = kind(request);
    if !["ConfigMap", "Secret"].contains(&kind) || request.name.is_empty() {
        return;
    }
    state.hint(SecretRef {
        is_config_map: kind == "ConfigMap",
        ..SecretRef::new(&request.namespace, &request.name)
    });
}

/// A kind that is known; whoever can reach the port could send any number of others.
fn kind(request: &Request<'_>) -> &'static str {
    let (group, name) = (&*request.kind.group, &*request.kind.kind);
    match (dialect::kind_named(group, name), group, name) {
        (Some(kind), ..) => kind.kind,
        (None, "", "ConfigMap") => "ConfigMap",
        (None, "", "Secret") => "Secret",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use crate::review::Review;

    fn kind_of(group: &str, kind: &str) -> &'static str {
        let body = serde_json::json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
            "request": {"uid": "u", "operation": "CREATE",
                "kind": {"group": group, "version": "v1", "kind": kind}}});
        let body = body.to_string();
        super::kind(&Review::read(body.as_bytes()).unwrap())
    }

    #[test]
    fn labels_are_of_known_kinds_alone() {
        assert_eq!(kind_of("networking.k8s.io", "Ingress"), "Ingress");
        assert_eq!(kind_of("", "Secret"), "Secret");
        assert_eq!(kind_of("", "ConfigMap"), "ConfigMap");
        assert_eq!(kind_of("evil.example", "Ingress"), "other");
        assert_eq!(kind_of("", "Invented7"), "other");
    }
}
