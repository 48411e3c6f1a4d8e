//! `JUnit` XML: a test case for each finding.

use policy::Severity;

use super::row::Row;
use crate::output::xml;

/// The report; without findings one case that passed.
pub(super) fn write(rows: &[Row]) -> anyhow::Result<String> {
    let failures = rows
        .iter()
        .filter(|row| row.severity > Severity::Info)
        .count();
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n  \
         <testsuite name=\"kubectl-mtls lint\" tests=\"{}\" failures=\"{failures}\">\n",
        rows.len().max(1)
    );
    if rows.is_empty() {
        text.push_str("    <testcase classname=\"kubectl-mtls\" name=\"lint\"/>\n");
    }
    text.extend(rows.iter().map(case));
    Ok(text + "  </testsuite>\n</testsuites>\n")
}

fn case(row: &Row) -> String {
    let object = row
        .object
        .as_ref()
        .map(ToString::to_string)
        .unwrap_or_default();
    let place = match (&row.file, row.position) {
        (Some(file), Some((line, column))) => format!("{file}:{line}:{column}"),
        _ => object.clone(),
    };
    let (message, hint) = (xml(&row.message), xml(&row.hint));
    let inner = match row.severity {
        Severity::Info => format!("<system-out>{message}; {hint}</system-out>"),
        severity => {
            format!("<failure type=\"{severity}\" message=\"{message}\">{hint}</failure>")
        }
    };
    format!(
        "    <testcase classname=\"{}\" name=\"{} {}\">{inner}</testcase>\n",
        xml(row.rule),
        xml(&object),
        xml(&place)
    )
}
