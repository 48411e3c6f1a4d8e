//! What policies put into a new route that says nothing.
//!
//! An update of a route that said nothing before is left alone: an unrelated edit must not shut a
//! host that was open. Nothing is put in that would have the change refused where it is not refused
//! without it.

use json_patch::jsonptr::PointerBuf;
use json_patch::{AddOperation, Patch, PatchOperation};
use policy::client_auth_policy::{self, Addition, Injection, is_silent};
use policy::{Object, dialect};

use crate::live::Live;
use crate::review::{Answer, Operation, Request};
use crate::validate;

/// Adds to the repairs what policies put in.
pub(super) async fn inject(request: &Request<'_>, live: &Live<'_>, mut answer: Answer) -> Answer {
    let Some(candidate) = Candidate::of(request, live, &answer) else {
        return answer;
    };
    let Candidate {
        raw,
        object,
        injection,
    } = candidate;
    answer.warnings.extend(injection.notes);
    let additions = injection.additions.into_iter();
    let operations: Vec<_> = additions.filter_map(operation).collect();
    if operations.is_empty() {
        return answer;
    }
    let mut protected = raw;
    let patch = Patch(operations);
    let Some(after) = json_patch::patch(&mut protected, &patch)
        .ok()
        .and_then(|()| Object::from_value(&protected).ok())
    else {
        return answer;
    };
    let after = after.in_namespace(&request.namespace);
    let old = request.old_object();
    let without = validate::denials(live, old.as_ref(), &object).await;
    let with = validate::denials(live, old.as_ref(), &after).await;
    // Whatever is left as it was is judged as it is.
    let (Ok(without), Ok(with)) = (without, with) else {
        return answer;
    };
    let refused: Vec<_> = with.difference(&without).copied().collect();
    if !refused.is_empty() {
        answer.warnings.push(format!(
            "a policy puts nothing into {}, because the result would be refused: {}",
            object.id,
            refused.join(", ")
        ));
        return answer;
    }
    let mut operations = answer.patch.map_or_else(Vec::new, |patch| patch.0);
    operations.extend(patch.0);
    answer.patch = Some(Patch(operations));
    answer
}

/// A route into which something may be put, repairs made.
struct Candidate {
    raw: serde_json::Value,
    object: Object,
    injection: Injection,
}

impl Candidate {
    fn of(request: &Request<'_>, live: &Live<'_>, answer: &Answer) -> Option<Self> {
        if live.state.facts().policies.is_empty() {
            return None;
        }
        let settings = live.state.settings();
        let is_open = |object: &Object| is_silent(&dialect::read(object, &settings));
        let allowed = match request.operation {
            Operation::Create => true,
            Operation::Update => request.old_object().is_some_and(|old| !is_open(&old)),
            Operation::Connect | Operation::Delete => false,
        };
        if !allowed {
            return None;
        }
        let mut raw = request.raw_object()?;
        if let Some(patch) = &answer.patch {
            json_patch::patch(&mut raw, patch).ok()?;
        }
        let object = Object::from_value(&raw).ok()?;
        let object = object.in_namespace(&request.namespace);
        if object.deleting {
            return None;
        }
        let now = std::time::UNIX_EPOCH.elapsed().unwrap_or_default();
        let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
        let facts = live.state.facts();
        let injection = client_auth_policy::inject(&raw, &object, &facts.view().at(now));
        drop(facts);
        Some(Self {
            raw,
            object,
            injection,
        })
    }
}

/// The parent was seen, so that the patch applies.
fn operation(addition: Addition) -> Option<PatchOperation> {
    let path = PointerBuf::parse(addition.pointer).ok()?;
    Some(PatchOperation::Add(AddOperation {
        path,
        value: addition.value,
    }))
}

#[cfg(test)]
mod property;
