//! The rows of the tables of fail-open and fail-closed situations: which of them the corpus shows.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use tests::corpus::{Certificates, fixtures};
use tests::say;

/// Gateways by the first letter of their rows.
const GATEWAYS: [(&str, char); 3] = [("ingress-nginx", 'N'), ("traefik", 'T'), ("apisix", 'A')];

struct Row {
    id: String,
    /// How surely it can be decided from objects: H, M, L, or info.
    detectability: String,
}

fn rows() -> Vec<Row> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus/rows.tsv");
    let text = fs::read_to_string(path).unwrap();
    let lines = text.lines().map(|line| line.split_once('\t').unwrap());
    lines
        .map(|(id, detectability)| Row {
            id: id.to_owned(),
            detectability: detectability.to_owned(),
        })
        .collect()
}

fn shown() -> BTreeSet<String> {
    let fixtures = fixtures(&Certificates::make().unwrap()).unwrap();
    let rows = fixtures.into_iter().flat_map(|fixture| fixture.rows);
    rows.map(|(id, _)| id).collect()
}

/// How many rows of a gateway are among those that are shown, the sure ones and the less sure apart.
pub(crate) fn tally(letter: char, shown: &BTreeSet<String>) -> String {
    let rows = rows();
    let of = |detectability: &str| {
        let all = rows.iter().filter(|row| row.id.starts_with(letter));
        let all: Vec<_> = all
            .filter(|row| row.detectability == detectability)
            .collect();
        let run = all.iter().filter(|row| shown.contains(&row.id)).count();
        format!("{run} of {} rows {detectability}", all.len())
    };
    format!("{}, {}", of("H"), of("M"))
}

#[test]
fn every_row_that_can_be_decided_has_a_fixture() {
    let (rows, shown) = (rows(), shown());
    for (gateway, letter) in GATEWAYS {
        say(&format!(
            "{gateway}: {} have a fixture",
            tally(letter, &shown)
        ));
    }
    let decided = |row: &&Row| ["H", "M"].contains(&row.detectability.as_str());
    let missing = rows
        .iter()
        .filter(decided)
        .filter(|row| !shown.contains(&row.id));
    let missing: Vec<_> = missing.map(|row| row.id.as_str()).collect();
    assert!(missing.is_empty(), "no fixture shows {}", missing.join(" "));
}

#[test]
fn every_row_that_cannot_be_decided_is_told_of() {
    let (rows, shown) = (rows(), shown());
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/limits.md");
    let limits = fs::read_to_string(path).unwrap_or_default();
    let words: BTreeSet<_> = limits
        .split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '-')
        .collect();
    let silent = rows
        .iter()
        .filter(|row| ["L", "info"].contains(&row.detectability.as_str()));
    let silent = silent.filter(|row| !shown.contains(&row.id) && !words.contains(row.id.as_str()));
    let silent: Vec<_> = silent.map(|row| row.id.as_str()).collect();
    assert!(
        silent.is_empty(),
        "docs/limits.md does not name {}",
        silent.join(" ")
    );
}

#[test]
fn fixtures_show_rows_that_exist() {
    let known: BTreeSet<_> = rows().into_iter().map(|row| row.id).collect();
    let unknown: Vec<_> = shown()
        .into_iter()
        .filter(|id| !known.contains(id))
        .collect();
    assert!(
        unknown.is_empty(),
        "rows.tsv does not hold {}",
        unknown.join(" ")
    );
}
