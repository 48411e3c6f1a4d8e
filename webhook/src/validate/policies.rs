//! Changes of policies and exceptions themselves: what the schema cannot say.

use std::sync::Arc;
use std::time::UNIX_EPOCH;

use policy::Object;
use policy::client_auth_policy::{EXCEPTION, Fault, POLICY, Policies};

use crate::review::Answer;

/// `None`: it is another object.
pub(super) fn validate(old: Option<&Object>, new: Option<&Object>) -> Option<Answer> {
    let object = new.or(old)?;
    if !POLICY.is(&object.id) && !EXCEPTION.is(&object.id) {
        return None;
    }
    let (before, after) = (read(old), read(new));
    let known = faults(&before);
    let fresh = faults(&after).into_iter();
    let fresh = fresh.filter(|fault| !known.contains(fault));
    let said = fresh.map(|fault| format!("{} {}", policy::field(&fault.pointer), fault.reason));
    let mut said: Vec<_> = said.collect();
    said.extend(ended(&before, &after));
    Some(Answer {
        denied: (!said.is_empty()).then(|| said.join("; ")),
        ..Answer::default()
    })
}

fn read(object: Option<&Object>) -> Policies {
    let mut policies = Policies::default();
    object.iter().for_each(|object| policies.learn(object));
    policies
}

fn faults(policies: &Policies) -> Vec<Fault> {
    let of_policies = policies.policies().flat_map(|one| &one.faults);
    let of_exceptions = policies.exceptions().flat_map(|one| &one.faults);
    of_policies.chain(of_exceptions).cloned().collect()
}

/// An end that is set must lie ahead; one that has passed may stay.
fn ended(before: &Policies, after: &Policies) -> Option<String> {
    let now = UNIX_EPOCH.elapsed().unwrap_or_default().as_secs();
    let now = i64::try_from(now).unwrap_or(i64::MAX);
    let exception = after.exceptions().next()?;
    let before = before.exceptions().next().map(Arc::as_ref);
    let same = before.is_some_and(|before| before.end == exception.end);
    let over = exception.spec.is_some() && exception.has_ended(now) && !same;
    over.then(|| {
        "spec.end lies in the past: an exception needs an end that is still to come".to_owned()
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::{Value, json};

    use super::*;

    fn exception(end: &str, reason: &str) -> Object {
        let value = json!({"apiVersion": "kubectl-mtls.github.io/v1alpha1",
            "kind": "ClientAuthException", "metadata": {"name": "e"},
            "spec": {"hosts": ["a"], "reason": reason, "end": end}});
        Object::from_value(&value).unwrap()
    }

    #[test]
    fn an_end_is_set_ahead_and_may_pass() {
        let denied = |old, new| validate(old, new).unwrap().denied;
        let (past, ahead) = (
            exception("2020-01-01T00:00:00Z", "r"),
            exception("2999-01-01T00:00:00Z", "r"),
        );
        assert!(denied(None, Some(&past)).unwrap().contains("in the past"));
        assert!(
            denied(Some(&ahead), Some(&past))
                .unwrap()
                .contains("in the past")
        );
        assert_eq!(denied(None, Some(&ahead)), None);
        let edited = exception("2020-01-01T00:00:00Z", "another reason");
        assert_eq!(denied(Some(&past), Some(&edited)), None);
        assert_eq!(denied(Some(&past), None), None);
        let silent = exception("2999-01-01T00:00:00Z", " ");
        assert!(denied(None, Some(&silent)).unwrap().contains("spec.reason"));
        let other: Value = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}});
        assert_eq!(
            validate(None, Object::from_value(&other).ok().as_ref()),
            None
        );
    }
}
