//! All outcomes together: proven, a hole, or nothing proven.

use super::plan::{Attempt, Expect, Plan};
use super::{Outcome, Way};

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
    let unclear = matches!(outcome, Outcome::WrongServer(_) | Outcome::Inconclusive(_));
    match (outcome, attempt.expect) {
        (Outcome::NotOffered(_), _) => State::Skipped,
        (Outcome::Passed(_), _) => State::Wrong,
        (Outcome::Kept, _) => State::Ok,
        (_, Expect::Observed) => State::Observed,
        _ if unclear && attempt.is_around() => State::Observed,
        _ if unclear => State::Inconclusive,
        // Whoever is refused cannot show which headers the backend sees.
        (Outcome::Refused(_), _) if attempt.case == "spoofed-headers" => State::Inconclusive,
        (Outcome::Accepted(status), Expect::Refused) => let_in(attempt, *status, control),
        (Outcome::Accepted(_) | Outcome::Redirected(_), Expect::Accepted) => State::Ok,
        (Outcome::Refused(_), Expect::Refused) => State::Ok,
        (Outcome::Redirected(_), Expect::Refused) if attempt.way == Way::PlainHttp => State::Ok,
        // Who behind the gateway redirects has been reached.
        (Outcome::Redirected(_), Expect::Refused) => State::Wrong,
        (Outcome::Refused(_), Expect::Accepted) => State::Wrong,
        (Outcome::WrongServer(_) | Outcome::Inconclusive(_), _) => State::Inconclusive,
    }
}

/// A status for who ought to have been refused, beside those that the good certificate gets.
fn let_in(attempt: &Attempt, status: u16, control: &[u16]) -> State {
    let as_the_control = control.contains(&status);
    match status {
        // The gateway's own: nothing is served there.
        404 if !as_the_control && (attempt.is_around() || attempt.way == Way::PlainHttp) => {
            State::Ok
        }
        // Nobody says that it is about the certificate, and it is not what clients get.
        400 if !as_the_control && !control.is_empty() => State::Inconclusive,
        _ => State::Wrong,
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
    let is_control = |attempt: &Attempt| ["good", "good-http2"].contains(&attempt.case);
    let control_failed = |result: &&Result| is_control(&result.0) && result.2 == State::Wrong;
    let wrong = |result: &&Result| result.2 == State::Wrong;
    if results
        .iter()
        .any(|result| wrong(&result) && !control_failed(&result))
    {
        return (Verdict::Hole, None);
    }
    if let Some((_, outcome, _)) = results.iter().find(control_failed) {
        let why = refused_too(outcome);
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

/// A 403 may be the backend's own answer to everybody.
fn refused_too(outcome: &Outcome) -> String {
    let advice = match outcome {
        Outcome::Refused(how) if how.starts_with("HTTP 4") => {
            "; where the backend answers everybody so, name another path with the URL or --path"
        }
        _ => "",
    };
    let said = describe(outcome);
    format!("the good certificate is refused too ({said}{advice})")
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
        Outcome::NotOffered(what) => format!("not offered: {what}"),
        Outcome::Passed(names) => {
            format!(
                "the backend gets as the client sent it: {}",
                names.join(", ")
            )
        }
        Outcome::Kept => "the backend does not get what the client sent".to_owned(),
        Outcome::WrongServer(reason) => format!("the server's certificate: {reason}"),
        Outcome::Inconclusive(why) => format!("unclear: {why}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::plan::Trick;
    use crate::probe::{Mode, Sni, Version};

    fn attempt(case: &'static str, expect: Expect) -> Attempt {
        Attempt {
            case,
            text: "",
            way: Way::Tls(Version::Tls13),
            identity: None,
            sni: Sni::Host,
            trick: Trick::None,
            expect,
        }
    }

    fn judged(outcomes: Vec<(Attempt, Outcome)>) -> (Verdict, String) {
        let plan = Plan {
            mode: Mode::Required,
            attempts: Vec::new(),
            untried: Vec::new(),
        };
        let proof = judge(outcomes, &plan);
        (proof.verdict, proof.why.unwrap_or_default())
    }

    fn refused(how: &str) -> Outcome {
        Outcome::Refused(how.to_owned())
    }

    #[test]
    fn a_refusal_that_everybody_gets_is_none() {
        let (verdict, why) = judged(vec![
            (attempt("none", Expect::Refused), refused("HTTP 403")),
            (attempt("good", Expect::Accepted), refused("HTTP 403")),
        ]);
        assert_eq!(verdict, Verdict::Inconclusive);
        assert!(
            why.contains("refused too") && why.contains("--path"),
            "{why}"
        );
    }

    #[test]
    fn an_unexplained_400_is_neither_let_in_nor_refused() {
        let good = || (attempt("good", Expect::Accepted), Outcome::Accepted(200));
        let none = |status| (attempt("none", Expect::Refused), Outcome::Accepted(status));
        assert_eq!(judged(vec![none(400), good()]).0, Verdict::Inconclusive);
        assert_eq!(judged(vec![none(200), good()]).0, Verdict::Hole);
        assert_eq!(judged(vec![none(404), good()]).0, Verdict::Hole);
    }

    #[test]
    fn what_goes_around_the_host_decides_only_where_it_is_clear() {
        let good = || (attempt("good", Expect::Accepted), Outcome::Accepted(200));
        let around = |outcome| {
            let attempt = Attempt {
                sni: Sni::Other,
                ..attempt("other-sni", Expect::Refused)
            };
            (attempt, outcome)
        };
        let reset = Outcome::Inconclusive("reset".to_owned());
        assert_eq!(judged(vec![around(reset), good()]).0, Verdict::Proven);
        let nothing_there = Outcome::Accepted(404);
        assert_eq!(
            judged(vec![around(nothing_there), good()]).0,
            Verdict::Proven
        );
        assert_eq!(
            judged(vec![around(Outcome::Accepted(200)), good()]).0,
            Verdict::Hole
        );
    }

    #[test]
    fn headers_that_the_backend_gets_as_sent_are_a_hole() {
        let good = || (attempt("good", Expect::Accepted), Outcome::Accepted(200));
        let spoofed = |outcome| (attempt("spoofed-headers", Expect::Refused), outcome);
        let passed = Outcome::Passed(vec!["ssl-client-verify".to_owned()]);
        assert_eq!(judged(vec![spoofed(passed), good()]).0, Verdict::Hole);
        assert_eq!(
            judged(vec![spoofed(Outcome::Kept), good()]).0,
            Verdict::Proven
        );
        let said = judged(vec![spoofed(refused("HTTP 403")), good()]);
        assert_eq!(said.0, Verdict::Inconclusive);
    }
}
