//! For people: each finding with the line of its file and a caret.

use super::row::Row;

/// The report.
pub(super) fn write(rows: &[Row]) -> anyhow::Result<String> {
    Ok(rows.iter().map(finding).collect())
}

fn finding(row: &Row) -> String {
    let place = match (&row.file, row.position) {
        (Some(file), Some((line, column))) => format!("{file}:{line}:{column}: "),
        _ => String::new(),
    };
    let object = row.object.as_ref();
    let object = object
        .map(|object| format!("{object}: "))
        .unwrap_or_default();
    format!(
        "{place}{} {}: {object}{}\n{}  hint: {}\n",
        row.severity,
        row.rule,
        row.message,
        source(row).unwrap_or_default(),
        row.hint
    )
}

/// The line, as long as a screen is wide, and a caret below the place.
fn source(row: &Row) -> Option<String> {
    const WIDEST: usize = 110;
    let (line, column) = row.position?;
    let text: String = row.source.as_ref()?.chars().take(WIDEST).collect();
    let text = text.replace('\t', " ");
    let gutter = line.to_string();
    let mut lines = format!("  {gutter} | {text}\n");
    if column <= WIDEST {
        let blanks = " ".repeat(gutter.len() + column + 4);
        lines.push_str(&format!("{blanks}^\n"));
    }
    Some(lines)
}
