//! A proof as a table, as JSON, as YAML and as `JUnit` XML.

use serde_json::{Value, json};

use super::{Form, Tested, Untried};
use crate::output::{self, xml};
use crate::probe::{self, Outcome, Proof, State, Target, Verdict};
use crate::problem::say;

/// Prints a proof in a form.
pub(super) fn show(form: Form, tested: &Tested) -> anyhow::Result<()> {
    let Tested {
        target,
        proof,
        untried,
        ..
    } = tested;
    let value = || value(tested);
    match form {
        Form::Json => output::bytes(format!("{:#}\n", value()).as_bytes()),
        Form::Yaml => output::bytes(output::yaml(&value())?.as_bytes()),
        Form::Junit => output::bytes(junit(tested).as_bytes()),
        Form::Human => {
            output::bytes(table(proof).as_bytes())?;
            for (why, cases) in by_reason(untried) {
                say("note", &format!("not tried: {} ({why})", cases.join(", ")));
            }
            say(word(proof.verdict), &sentence(target, proof));
            Ok(())
        }
    }
}

fn by_reason(untried: &Untried) -> Vec<(&'static str, Vec<&'static str>)> {
    let mut reasons: Vec<(&str, Vec<&str>)> = Vec::new();
    for (case, why) in untried {
        match reasons.iter_mut().find(|(known, _)| known == why) {
            Some((_, cases)) => cases.push(case),
            None => reasons.push((why, vec![case])),
        }
    }
    reasons
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Proven => "proven",
        Verdict::Hole => "hole",
        Verdict::Inconclusive => "inconclusive",
    }
}

/// The verdict and what it rests on, in a sentence.
pub(super) fn sentence(target: &Target, proof: &Proof) -> String {
    let host = &target.host;
    match (proof.verdict, &proof.why) {
        (Verdict::Proven, _) => format!("{host} does what is expected of it"),
        (Verdict::Hole, _) => {
            let wrong = proof
                .results
                .iter()
                .filter(|(.., state)| *state == State::Wrong);
            let mut cases: Vec<_> = wrong.map(|(attempt, ..)| attempt.case).collect();
            cases.dedup();
            format!("{host}: not as expected: {}", cases.join(", "))
        }
        (Verdict::Inconclusive, why) => {
            format!(
                "{host}: nothing is proven: {}",
                why.as_deref().unwrap_or_default()
            )
        }
    }
}

fn state(state: State) -> &'static str {
    match state {
        State::Ok => "ok",
        State::Wrong => "WRONG",
        State::Inconclusive => "unclear",
        State::Observed => "observed",
        State::Skipped => "-",
    }
}

fn table(proof: &Proof) -> String {
    let rows = proof.results.iter().map(|(attempt, outcome, judged)| {
        [
            attempt.case.to_owned(),
            attempt.over(),
            probe::describe(outcome),
            state(*judged).to_owned(),
        ]
    });
    output::table(["CASE", "OVER", "OUTCOME", "STATE"], rows.collect())
}

fn value(tested: &Tested) -> Value {
    let Tested {
        target,
        proof,
        untried,
        mode,
        from,
    } = tested;
    let items = proof.results.iter().map(|(attempt, outcome, judged)| {
        let (outcome_word, status) = match outcome {
            Outcome::Accepted(status) => ("accepted", Some(*status)),
            Outcome::Redirected(status) => ("redirected", Some(*status)),
            Outcome::Refused(_) => ("refused", None),
            Outcome::NotOffered(_) => ("not-offered", None),
            Outcome::Passed(_) => ("passed-on", None),
            Outcome::Kept => ("kept-off", None),
            Outcome::WrongServer(_) => ("wrong-server", None),
            Outcome::Inconclusive(_) => ("inconclusive", None),
        };
        json!({"case": attempt.case, "text": attempt.text, "over": attempt.over(),
            "outcome": outcome_word, "status": status, "detail": probe::describe(outcome),
            "state": state(*judged).to_lowercase()})
    });
    json!({"schemaVersion": 1, "target": target.host, "address": target.address,
        "expect": mode.name(), "expectedBy": from, "verdict": word(proof.verdict), "reason": sentence(target, proof),
        "items": items.collect::<Vec<_>>(),
        "untried": untried.iter().map(|(case, why)| json!({"case": case, "why": why}))
            .collect::<Vec<_>>()})
}

fn junit(tested: &Tested) -> String {
    let Tested {
        target,
        proof,
        untried,
        ..
    } = tested;
    let count = |wanted| {
        proof
            .results
            .iter()
            .filter(|(.., state)| *state == wanted)
            .count()
    };
    let skipped = count(State::Skipped) + untried.len();
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n  <testsuite name=\"{}\" \
         tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{skipped}\">\n",
        xml(&target.host),
        proof.results.len() + untried.len(),
        count(State::Wrong),
        count(State::Inconclusive),
    );
    for (attempt, outcome, judged) in &proof.results {
        let name = xml(&format!("{} over {}", attempt.case, attempt.over()));
        let said = xml(&probe::describe(outcome));
        let inner = match judged {
            State::Ok | State::Observed => format!("<system-out>{said}</system-out>"),
            State::Wrong => format!("<failure message=\"{said}\"/>"),
            State::Inconclusive => format!("<error message=\"{said}\"/>"),
            State::Skipped => "<skipped/>".to_owned(),
        };
        text.push_str(&case(target, &name, &inner));
    }
    for (name, why) in untried {
        text.push_str(&case(
            target,
            name,
            &format!("<skipped message=\"{}\"/>", xml(why)),
        ));
    }
    text + "  </testsuite>\n</testsuites>\n"
}

fn case(target: &Target, name: &str, inner: &str) -> String {
    let class = xml(&target.host);
    format!("    <testcase classname=\"{class}\" name=\"{name}\">{inner}</testcase>\n")
}
