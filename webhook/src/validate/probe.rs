//! The reserved annotation: an Ingress that has it is always refused, dry run or not. Who asks with
//! it learns whether the API server reaches this webhook and heeds its answer.

use policy::Object;

use crate::review::Answer;

const ANNOTATION: &str = "kubectl-mtls.github.io/probe";
const REFUSE: &str = "refuse";
/// `kubectl mtls webhook install` and `status` expect these words.
const MESSAGE: &str = "probe: refused by routes.kubectl-mtls.github.io as asked";

/// The refusal, where the object asks for it. What is on its way out is not held up.
pub(super) fn refuse(object: Option<&Object>) -> Option<Answer> {
    let object = object.filter(|object| object.id.kind == "Ingress" && !object.deleting)?;
    let asked = object.annotations.get(ANNOTATION)?;
    (asked == REFUSE).then(|| Answer {
        denied: Some(MESSAGE.to_owned()),
        ..Answer::default()
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    fn asked(kind: &str, value: &str, deletion: Option<&str>) -> Option<String> {
        let object = json!({"apiVersion": "networking.k8s.io/v1", "kind": kind, "metadata": {
            "name": "probe", "namespace": "a", "annotations": {ANNOTATION: value},
            "deletionTimestamp": deletion}});
        let object = Object::from_value(&object).unwrap();
        refuse(Some(&object)).and_then(|answer| answer.denied)
    }

    #[test]
    fn the_annotation_and_nothing_else_is_refused() {
        assert_eq!(asked("Ingress", "refuse", None).as_deref(), Some(MESSAGE));
        assert_eq!(asked("Ingress", "other", None), None);
        assert_eq!(asked("Secret", "refuse", None), None);
        assert_eq!(
            asked("Ingress", "refuse", Some("2026-01-01T00:00:00Z")),
            None
        );
        assert_eq!(refuse(None), None);
    }
}
