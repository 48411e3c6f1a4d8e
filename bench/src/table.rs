//! What was measured, beside the goals.

use std::fmt::Write as _;

/// Rows of what, figure, goal.
#[derive(Default)]
pub(crate) struct Table {
    rows: Vec<[String; 3]>,
}

impl Table {
    /// One more row, shown on stderr at once.
    pub(crate) fn row(&mut self, what: &str, figure: &str, goal: &str) {
        tests::say(&format!("bench: {what}: {figure}"));
        self.rows.push([what, figure, goal].map(str::to_owned));
    }

    /// As Markdown.
    pub(crate) fn text(&self) -> String {
        let mut text = String::from("| what | measured | goal |\n|---|---|---|\n");
        for [what, figure, goal] in &self.rows {
            let _ = writeln!(text, "| {what} | {figure} | {goal} |");
        }
        text
    }
}
