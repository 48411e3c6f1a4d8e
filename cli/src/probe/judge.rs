//! All outcomes together: proven, a hole, or nothing proven.

use super::plan::{Attempt, Expect, Plan};
use super::{Outcome, Version, Way};

/// What all attempts come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Verdict {
    /// Everything came as expected, and the control was let in.
    Proven,
    /// Too much is unclear: nothing is proven.
    Inconclusive,
    /// Something came otherwise than expected.
    Hole,
}

/// What one attempt comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// As expected.
    Ok,
    /// Let in, and ought to have been refused; or refused, and ought to have been let in.
    Wrong,
    /// Neither yes nor no.
    Inconclusive,
    /// Told, and decides nothing.
    Observed,
    /// There is nothing to try it on.
    Skipped,
}

/// A verdict with what it rests on.
pub(crate) struct Proof {
    /// All together.
    pub(crate) verdict: Verdict,
    /// Why nothing is proven, where that is so.
    pub(crate) why: Option<String>,
    /// Every attempt, in order.
    pub(crate) results: Vec<(Attempt, Outcome, State)>,
}

/// Judges what came of a plan.
pub(super) fn judge(outcomes: Vec<(Attempt, Outcome)>, plan: &Plan) -> Proof {
    let control: Vec<_> = outcomes
        .iter()
        .filter(|(attempt, _)| attempt.expect == Expect::Accepted)
        .filter_map(|(_, outcome)| match outcome {
            Outcome::Accepted(status) => Some(*status),
            _ => None,
        })
        .collect();
    let results: Vec<_> = outcomes
        .into_iter()
        .map(|(attempt, outcome)| {
            let state = state(&attempt, &outcome, &control);
            (attempt, outcome, state)
        })
        .collect();
    let (verdict, why) = verdict(&results, plan);
    Proof {
        verdict,
        why,
        results,
    }
}

/// `control`: the statuses that those who are let in get.
fn state(attempt: &Attempt, outcome: &Outcome, control: &[u16]) -> State {
    let by_the_way = attempt.case == "other-sni" || attempt.case == "no-sni";
    match (outcome, attempt.expect) {
        (Outcome::NotOffered, _) => State::Skipped,
        (_, Expect::Observed) => State::Observed,
        (Outcome::WrongServer(_) | Outcome::Inconclusive(_), _) if by_the_way => State::Observed,
        // The gateway's own 404: nothing is served there.
        (Outcome::Accepted(404), Expect::Refused)
            if (by_the_way || attempt.way == Way::PlainHttp) && !control.contains(&404) =>
        {
            State::Ok
        }
        (Outcome::WrongServer(_) | Outcome::Inconclusive(_), _) => State::Inconclusive,
        (Outcome::Accepted(_), Expect::Accepted) => State::Ok,
        (Outcome::Redirected(_), Expect::Accepted) => State::Ok,
        (Outcome::Refused(_), Expect::Refused) => State::Ok,
        (Outcome::Redirected(_), Expect::Refused) if attempt.way == Way::PlainHttp => State::Ok,
        // Who behind the gateway redirects has been reached.
        (Outcome::Accepted(_) | Outcome::Redirected(_), Expect::Refused) => State::Wrong,
        (Outcome::Refused(_), Expect::Accepted) => State::Wrong,
    }
}

type Result = (Attempt, Outcome, State);

fn verdict(results: &[Result], plan: &Plan) -> (Verdict, Option<String>) {
    if let Some((.., Outcome::WrongServer(reason), _)) = results
        .iter()
        .find(|(_, outcome, _)| matches!(outcome, Outcome::WrongServer(_)))
    {
        let why = format!("the server's own certificate is not trusted: {reason}");
        return (Verdict::Inconclusive, Some(why));
    }
    let control_failed = |result: &&Result| result.0.case == "good" && result.2 == State::Wrong;
    let wrong = |result: &&Result| result.2 == State::Wrong;
    if results
        .iter()
        .any(|result| wrong(&result) && !control_failed(&result))
    {
        return (Verdict::Hole, None);
    }
    if let Some((_, outcome, _)) = results.iter().find(control_failed) {
        let why = format!(
            "the good certificate is refused too ({})",
            describe(outcome)
        );
        return (Verdict::Inconclusive, Some(why));
    }
    if let Some((attempt, outcome, _)) = results
        .iter()
        .find(|(.., state)| *state == State::Inconclusive)
    {
        let why = format!("{}: {}", attempt.case, describe(outcome));
        return (Verdict::Inconclusive, Some(why));
    }
    let controls = results
        .iter()
        .filter(|(attempt, ..)| attempt.expect == Expect::Accepted);
    let good = controls.filter(|(.., state)| *state == State::Ok).count();
    match good {
        0 => (Verdict::Inconclusive, Some(no_control(plan))),
        _ => (Verdict::Proven, None),
    }
}

fn no_control(plan: &Plan) -> String {
    match plan.untried.iter().any(|(case, _)| *case == "good") {
        true => "there is no good certificate to compare with; name the CA with --ca".to_owned(),
        false => "no version of TLS is offered".to_owned(),
    }
}

/// An outcome in words.
pub(crate) fn describe(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Accepted(status) => format!("let in, HTTP {status}"),
        Outcome::Refused(how) => format!("refused, {how}"),
        Outcome::Redirected(status) => format!("sent to HTTPS, HTTP {status}"),
        Outcome::NotOffered => "not offered".to_owned(),
        Outcome::WrongServer(reason) => format!("the server's certificate: {reason}"),
        Outcome::Inconclusive(why) => format!("unclear: {why}"),
    }
}

/// How an attempt travels, in words.
pub(crate) fn way(way: Way) -> String {
    match way {
        Way::PlainHttp => "HTTP".to_owned(),
        Way::Tls(version) => format!("TLS {}", Version::name(version)),
    }
}
