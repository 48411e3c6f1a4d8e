//! What tables claim, and what it rests on.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::root;

/// The rows of the tables of a part of a page, without their headings.
fn rows(page: &str, heading: &str) -> Vec<Vec<String>> {
    let text = fs::read_to_string(root().join(page)).unwrap();
    let part = text.split(heading).nth(1).unwrap();
    let part = part.split("\n# ").next().unwrap();
    let lines: Vec<_> = part.lines().collect();
    let mut rows = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let heading = lines
            .get(at + 1)
            .is_some_and(|next| next.starts_with("|---"));
        if line.starts_with("| ") && !heading {
            let cells = line.trim_matches('|').split(" | ");
            rows.push(cells.map(|cell| cell.trim().to_owned()).collect());
        }
    }
    rows
}

#[test]
fn each_cell_of_the_comparison_names_what_it_rests_on() {
    let rows = rows("docs/comparison.md", "# Comparison");
    assert!(rows.len() > 15, "{}", rows.len());
    for row in rows {
        for cell in row.iter().skip(1).filter(|cell| *cell != "-") {
            let rests = cell.contains("](") || cell.contains('`');
            assert!(rests, "{}: {cell}", row[0]);
        }
    }
}

/// Names of test functions in the sources of some rooms.
fn tests() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for room in ["cli", "policy", "tests", "webhook"] {
        functions(&root().join(room), &mut found);
    }
    found
}

fn functions(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            functions(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(path).unwrap();
            let named = text.split("fn ").skip(1);
            let named = named.filter_map(|after| after.split(['(', '<']).next());
            found.extend(named.map(str::to_owned));
        }
    }
}

#[test]
fn each_threat_has_a_test_that_exists() {
    let (rows, tests) = (rows("docs/production.md", "\n## Threats"), tests());
    assert!(rows.len() > 20, "{}", rows.len());
    for row in rows {
        let shown = row.last().unwrap();
        let names: Vec<_> = shown.split('`').skip(1).step_by(2).collect();
        let names = names.iter().filter(|name| name.contains('_'));
        let (mut count, before) = (0, shown.contains("the same"));
        for name in names {
            assert!(tests.contains(*name), "{}: {name}", row[0]);
            count += 1;
        }
        let none = row[1].starts_with("nothing: ");
        assert!(count > 0 || before || none, "{}: {shown}", row[0]);
    }
}
