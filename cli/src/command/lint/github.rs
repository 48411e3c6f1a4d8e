//! Workflow commands of GitHub Actions, which annotate a pull request.

use policy::Severity;

use super::row::Row;

/// The report.
pub(super) fn write(rows: &[Row]) -> anyhow::Result<String> {
    Ok(rows.iter().map(command).collect())
}

fn command(row: &Row) -> String {
    let level = match row.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "notice",
    };
    let place = match (&row.file, row.position) {
        (Some(file), Some((line, column))) => {
            format!("file={},line={line},col={column},", property(file))
        }
        _ => String::new(),
    };
    let object = row.object.as_ref();
    let object = object
        .map(|object| format!("{object}: "))
        .unwrap_or_default();
    let text = data(&format!("{object}{}; {}", row.message, row.hint));
    format!("::{level} {place}title={}::{text}\n", property(row.rule))
}

fn data(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
