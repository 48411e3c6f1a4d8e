//! `/mutate`: repairs whose meaning cannot be in doubt, and what policies put in, as a JSON patch
//! (RFC 6902).

mod inject;

use json_patch::jsonptr::PointerBuf;
use json_patch::{Patch, PatchOperation, ReplaceOperation};
use policy::{Object, ObjectFacts, Repair, Settings, dialect};

use crate::live::Live;
use crate::review::{Answer, Operation, Request};

/// Repairs what the change brings, and puts in what policies say; what was wrong before is left
/// alone.
pub(crate) async fn mutate(request: &Request<'_>, live: &Live<'_>) -> Answer {
    let repaired = repaired(request, &live.state.settings());
    inject::inject(request, live, repaired).await
}

/// Repairs alone.
fn repaired(request: &Request<'_>, settings: &Settings) -> Answer {
    if !matches!(request.operation, Operation::Create | Operation::Update) {
        return Answer::default();
    }
    let Some(object) = request.object().filter(|object| !object.deleting) else {
        return Answer::default();
    };
    let known = request
        .old_object()
        .map(|old| repairs(&read(&old, settings)))
        .unwrap_or_default();
    let new = repairs(&read(&object, settings)).into_iter();
    let new: Vec<_> = new.filter(|repair| !known.contains(repair)).collect();
    let operations: Vec<_> = new.into_iter().filter_map(replace).collect();
    let patch = (!operations.is_empty()).then_some(Patch(operations));
    Answer {
        patch,
        ..Answer::default()
    }
}

fn read(object: &Object, settings: &Settings) -> ObjectFacts {
    dialect::read(object, settings)
}

/// Every repair of an object, one for each place.
fn repairs(facts: &ObjectFacts) -> Vec<Repair> {
    let demands = facts
        .routes
        .iter()
        .filter_map(|route| route.demand.as_ref());
    let trust = demands
        .flat_map(|demand| &demand.trust)
        .filter_map(|trust| trust.repair.as_ref());
    let options = facts
        .routes
        .iter()
        .filter_map(|route| route.option.as_ref()?.repair.as_ref());
    let remarks = facts
        .remarks
        .iter()
        .filter_map(|remark| remark.repair.as_ref());
    let mut repairs: Vec<Repair> = Vec::new();
    for repair in trust.chain(options).chain(remarks) {
        if !repairs.iter().any(|known| known.pointer == repair.pointer) {
            repairs.push(repair.clone());
        }
    }
    repairs
}

/// The place exists, because a value there was found wrong: a patch that fails to apply would be
/// an error of the API server whatever the failure policy says.
fn replace(repair: Repair) -> Option<PatchOperation> {
    let path = PointerBuf::parse(repair.pointer).ok()?;
    Some(PatchOperation::Replace(ReplaceOperation {
        path,
        value: repair.value,
    }))
}

#[cfg(test)]
mod property;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::review::Review;
    use serde_json::{Value, json};

    const KEY: &str = "nginx.ingress.kubernetes.io/auth-tls-";

    fn ingress(secret: &str, verify: &str) -> Value {
        json!({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
            "metadata": {"name": "api", "namespace": "shop", "annotations": {
                format!("{KEY}secret"): secret, format!("{KEY}verify-client"): verify}},
            "spec": {"ingressClassName": "nginx", "rules": [{"host": "a.example", "http": {"paths": []}}]}})
    }

    fn review(old: &Value, new: &Value) -> String {
        let operation = if old.is_null() { "CREATE" } else { "UPDATE" };
        json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {
            "uid": "u", "operation": operation, "namespace": "shop", "object": new, "oldObject": old}})
        .to_string()
    }

    fn mutated(old: &Value, new: &Value) -> Option<Value> {
        let body = review(old, new);
        let answer = repaired(
            &Review::read(body.as_bytes()).unwrap(),
            &Settings::default(),
        );
        let mut object = new.clone();
        json_patch::patch(&mut object, &answer.patch?).unwrap();
        Some(object)
    }

    #[test]
    fn what_is_beyond_doubt_is_repaired_once() {
        let repaired = mutated(&Value::Null, &ingress("partners-trust", "On")).unwrap();
        assert_eq!(repaired, ingress("shop/partners-trust", "on"));
        assert_eq!(mutated(&Value::Null, &repaired), None);
        let blanks = mutated(&Value::Null, &ingress("shop/ partners-trust", "true")).unwrap();
        assert_eq!(blanks, ingress("shop/partners-trust", "on"));
    }

    #[test]
    fn what_may_mean_something_else_is_left_alone() {
        assert_eq!(mutated(&Value::Null, &ingress("a/b/c", "off")), None);
        assert_eq!(mutated(&Value::Null, &ingress("shop/ca", "false")), None);
    }

    #[test]
    fn an_unrelated_edit_is_left_alone() {
        let old = ingress("partners-trust", "on");
        let mut new = old.clone();
        new["metadata"]["labels"] = json!({"a": "b"});
        assert_eq!(mutated(&old, &new), None);
    }
}
