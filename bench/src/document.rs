//! What was measured as one document: what fell short first.

use std::fmt::Write as _;

use crate::bench::Bench;
use crate::section::Chapter;
use crate::table::Table;
use crate::usage;

/// A chapter and its figures.
pub(crate) type Part = (&'static Chapter, Table);

/// As Markdown.
pub(crate) fn text(bench: &Bench, parts: &[Part]) -> String {
    let mut text = format!(
        "# What it costs\n\nWritten by `cargo xtask bench`, measured in one run on {}.\n",
        usage::machine()
    );
    let versions = bench.versions();
    if !versions.is_empty() {
        let _ = writeln!(text, "Beside it: {versions}.");
    }
    text.push_str(HOW);
    let missed = parts.iter().flat_map(|(_, table)| table.missed());
    list(&mut text, "Goals that are missed", missed);
    let ahead = parts.iter().flat_map(|(_, table)| table.ahead());
    list(&mut text, "What others do faster, or with less", ahead);
    for (chapter, table) in parts {
        let Chapter { title, how, .. } = chapter;
        let _ = write!(text, "\n## {title}\n\n{how}\n\n{}", table.text());
    }
    text
}

const HOW: &str = "
Programs take turns: each round runs all of them, after a round that does not count. A figure is the median of the
rounds, the spread their lowest and highest, the ratio how many times the figure of this project another's is. What a
program answered is checked in every round, and what was not right ends the measurement.
";

fn list(text: &mut String, title: &str, lines: impl Iterator<Item = String>) {
    let _ = write!(text, "\n## {title}\n\n");
    let before = text.len();
    for line in lines {
        let _ = writeln!(text, "- {line}");
    }
    if text.len() == before {
        text.push_str("None.\n");
    }
}
