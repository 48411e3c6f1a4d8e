//! For people: each finding with the line of its file and a caret.

use super::row::Row;
use crate::output::printable;

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
    let head = format!(
        "{place}{} {}: {object}{}",
        row.severity, row.rule, row.message
    );
    format!(
        "{}\n{}  hint: {}\n",
        printable(&head),
        source(row).unwrap_or_default(),
        printable(&row.hint)
    )
}

/// The part of the line around the place, as long as a screen is wide, and a caret below it.
fn source(row: &Row) -> Option<String> {
    const WIDEST: usize = 72;
    const BEFORE: usize = 30;
    let (line, column) = row.position?;
    let whole = row.source.as_ref()?;
    let skipped = match column {
        column if column + BEFORE / 2 <= WIDEST => 0,
        column => column - 1 - BEFORE,
    };
    let dots = if skipped > 0 { "... " } else { "" };
    let shown = whole.chars().skip(skipped).take(WIDEST - dots.len());
    let text: String = shown.collect();
    let gutter = line.to_string();
    let blanks = " ".repeat(gutter.len() + 4 + dots.len() + column - skipped);
    Some(format!(
        "  {gutter} | {dots}{}\n{blanks}^\n",
        printable(&text)
    ))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use policy::Severity;

    fn row(column: usize, source: &str) -> Row {
        Row {
            rule: "missing-ca",
            severity: Severity::Error,
            object: None,
            pointer: String::new(),
            file: Some("a.yaml".to_owned()),
            position: Some((7, column)),
            source: Some(source.to_owned()),
            message: "a\u{1b}[2Jb".to_owned(),
            hint: "c\nd".to_owned(),
        }
    }

    #[test]
    fn the_caret_stands_below_its_column_however_long_the_line() {
        for column in [1, 9, 89, 90, 91, 111, 5000] {
            let text = format!("{}X{}", "-".repeat(column - 1), "-".repeat(300));
            let shown = source(&row(column, &text)).unwrap();
            let (line, caret) = shown.trim_end().split_once('\n').unwrap();
            assert_eq!(line.find('X'), caret.find('^'), "{column}: {shown}");
            assert!(line.chars().count() < 130, "{line}");
        }
    }

    #[test]
    fn nothing_steers_the_terminal() {
        let text = write(&[row(1, "x\u{202e}y\u{7}z")]).unwrap();
        assert_eq!(text.lines().count(), 4, "{text}");
        assert!(
            text.lines().all(|line| !line.chars().any(char::is_control)),
            "{text}"
        );
        assert!(!text.contains('\u{202e}'));
    }
}
