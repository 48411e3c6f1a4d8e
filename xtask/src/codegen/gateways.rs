//! `docs/gateways.md`: every situation that a fixture shows, with the verdict and the rules.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use policy::dialect::DIALECTS;
use tests::corpus::{Certificates, Fixture, fixtures};

const INTRODUCTION: &str = "# What the gateways do

Generated from the fixtures in `tests/corpus`. Each is judged as files, in a cluster and as admissions, and where the gateway
can be run, the verdict is held against the real one. Rows with `O` fail open, rows with `C` fail closed; what cannot be
told from objects and settings stands in [limits.md](limits.md).
";

/// Where fixtures are read: the book holds none of them.
const REPOSITORY: &str = "https://github.com/kubectl-mtls/kubectl-mtls/blob/main";

/// What a row is sorted by: its letters, then its number.
type Order = (String, u32);

pub(super) fn text() -> anyhow::Result<String> {
    let all = fixtures(&Certificates::make()?)?;
    let mut text = String::from(INTRODUCTION);
    for dialect in DIALECTS {
        let _ = write!(
            text,
            "\n## {}\n\n| row | what happens | hosts | rules |\n|---|---|---|---|\n",
            dialect.name
        );
        let own = all
            .iter()
            .filter(|fixture| fixture.name.split('/').next() == Some(dialect.id));
        let mut rows: Vec<_> = own.flat_map(rows).collect();
        rows.sort();
        text.extend(rows.into_iter().map(|(_, line)| line));
    }
    Ok(text)
}

/// The rows that a fixture shows.
fn rows(fixture: &Fixture) -> Vec<(Order, String)> {
    let line = |(id, what): &(String, String)| {
        let (letters, number) = id.split_once('-').unwrap_or((id, ""));
        let line = format!(
            "| [{id}]({REPOSITORY}/tests/corpus/{}.yaml) | {} | {} | {} |\n",
            fixture.name,
            what.replace('|', "\\|"),
            words(&fixture.verdicts),
            words(&fixture.rules)
        );
        (
            (letters.to_owned(), number.parse().unwrap_or_default()),
            line,
        )
    };
    fixture.rows.iter().map(line).collect()
}

fn words(words: &BTreeSet<String>) -> String {
    match words.is_empty() {
        true => "-".to_owned(),
        false => words.iter().cloned().collect::<Vec<_>>().join(", "),
    }
}
