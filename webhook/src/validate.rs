//! `/validate`: refuses what a change introduces, and warns for the rest.
//!
//! The index tells which hosts to look at. Before a denial everything that it rests on is read
//! live: the index may lag, and what is gone or going does not count. What cannot be read in time
//! never denies.

mod change;
mod evidence;
mod judged;
mod policies;
mod probe;

use std::collections::BTreeSet;

use policy::Object;

use crate::live::Live;
use crate::review::{Answer, Operation, Request};
use change::Change;
use evidence::Evidence;

/// Users that clean up and must never be hindered.
const CLEANERS: [&str; 2] = [
    "system:serviceaccount:kube-system:generic-garbage-collector",
    "system:serviceaccount:kube-system:namespace-controller",
];

/// The answer would come too late: so many hosts are touched.
#[derive(Debug, PartialEq)]
pub(crate) struct Late;

/// Judges one change.
///
/// # Errors
/// When it takes too long.
pub(crate) async fn validate(request: &Request<'_>, live: &Live<'_>) -> Result<Answer, Late> {
    let new = request
        .object()
        .filter(|_| request.operation != Operation::Delete);
    if let Some(refused) = probe::refuse(new.as_ref()) {
        return Ok(refused);
    }
    if CLEANERS.contains(&&*request.user_info.username) || request.operation == Operation::Connect {
        return Ok(Answer::default());
    }
    let old = request.old_object();
    let going = new.as_ref().or(old.as_ref());
    if going.is_some_and(|object| object.deleting) {
        return Ok(Answer::default());
    }
    if new.is_none()
        && let Some(reason) = request.unreadable()
    {
        return Ok(Answer::unreadable(&reason));
    }
    if let Some(answer) = policies::validate(old.as_ref(), new.as_ref()) {
        return Ok(answer);
    }
    // Nothing that decides is another: whatever is wrong was wrong before.
    if old == new {
        return Ok(Answer::default());
    }
    let Some(change) = Change::new(live, old.as_ref(), new.as_ref()) else {
        return Ok(Answer::default());
    };
    let mut evidence = Evidence::default();
    evidence.meet(live, &request.namespace).await;
    let mut judged = change.judge(live, &mut evidence).await?;
    if !judged.denials.is_empty() && live.is_terminating(&request.namespace).await {
        return Ok(Answer::default());
    }
    // What is read may clear some hosts, and bring others to light that rest on something else.
    loop {
        let denies = !judged.denials.is_empty();
        let renewed = denies && evidence.renew(live).await;
        let (others, governed) = (change.others(&judged), change.governed(&judged));
        if !evidence.complete(live, others, governed).await && !renewed {
            break;
        }
        judged = change.judge(live, &mut evidence).await?;
    }
    judged.spare(&evidence.unread, evidence.unread_policies.as_deref());
    live.state.metrics.excused(&judged.audited);
    Ok(judged.answer())
}

/// The rules by which a change would be refused, as far as the index tells.
///
/// # Errors
/// As [`validate`].
pub(crate) async fn denials(
    live: &Live<'_>,
    old: Option<&Object>,
    new: &Object,
) -> Result<BTreeSet<&'static str>, Late> {
    let Some(change) = Change::new(live, old, Some(new)) else {
        return Ok(BTreeSet::new());
    };
    let mut evidence = Evidence::default();
    evidence.meet(live, &new.id.namespace).await;
    let judged = change.judge(live, &mut evidence).await?;
    Ok(judged.denials.iter().map(|charge| charge.rule()).collect())
}

#[cfg(test)]
mod tests;
