//! Tables for people: columns that fit their widest cell, and on a terminal its width.

use crate::color::{Stream, paint};
use crate::output::printable;
use crate::terminal;

/// No column but the last gets narrower than this.
const NARROW: usize = 8;
/// The last column gives way first, but not below this: what is there is read, not recognized.
const LAST: usize = 25;
/// Columns whose words are coloured.
const COLORED: [&str; 2] = ["STATE", "VERDICT"];

/// Columns two blanks apart. On a terminal long cells are shortened until a line fits.
pub(crate) fn table<const N: usize>(header: [&str; N], rows: Vec<[String; N]>) -> String {
    write(header, rows, terminal::width())
}

/// The same with every cell whole.
pub(crate) fn whole_table<const N: usize>(header: [&str; N], rows: Vec<[String; N]>) -> String {
    write(header, rows, None)
}

fn write<const N: usize>(
    header: [&str; N],
    rows: Vec<[String; N]>,
    limit: Option<usize>,
) -> String {
    let titles = header.map(str::to_owned);
    let rows = rows.into_iter().map(|row| row.map(|cell| printable(&cell)));
    let all: Vec<_> = std::iter::once(titles).chain(rows).collect();
    let mut widths: Vec<_> = (0..N).map(|column| widest(&all, column)).collect();
    if let Some(limit) = limit {
        fit(&mut widths, &header, limit);
    }
    let lines = all.iter().enumerate();
    let lines = lines.map(|(at, row)| line(row, &header, &widths, at > 0));
    lines.collect()
}

fn widest<const N: usize>(all: &[[String; N]], column: usize) -> usize {
    let cells = all.iter().filter_map(|row| row.get(column));
    cells
        .map(|cell| cell.chars().count())
        .max()
        .unwrap_or_default()
}

fn line<const N: usize>(
    row: &[String; N],
    header: &[&str; N],
    widths: &[usize],
    colored: bool,
) -> String {
    let mut line = String::new();
    for (at, ((cell, title), width)) in row.iter().zip(header).zip(widths).enumerate() {
        let short = shorten(cell, *width, at + 1 == N);
        let blanks = " ".repeat(width.saturating_sub(short.chars().count()));
        match colored && COLORED.contains(title) {
            true => line.push_str(&paint(Stream::Out, cell, &short)),
            false => line.push_str(&short),
        }
        line.push_str(&blanks);
        line.push_str("  ");
    }
    format!("{}\n", line.trim_end())
}

/// Takes from the last column what it can do without, then from the widest of the others.
fn fit(widths: &mut [usize], header: &[&str], limit: usize) {
    let Some(last) = widths.len().checked_sub(1) else {
        return;
    };
    let total = |widths: &[usize]| widths.iter().sum::<usize>() + 2 * last;
    let narrowest = |at: usize, title: &str, is_last: usize| match at == last {
        true => is_last,
        false => title.chars().count().max(NARROW),
    };
    // At the end the last column takes what is left.
    for is_last in [LAST, 1] {
        while total(widths) > limit {
            let can = widths.iter().zip(header).enumerate();
            let can = can.filter(|(at, (width, title))| **width > narrowest(*at, title, is_last));
            let first = can.max_by_key(|(at, (width, _))| (*at == last, **width));
            let first = first.map(|(at, _)| at);
            let Some(width) = first.and_then(|at| widths.get_mut(at)) else {
                break;
            };
            *width -= 1;
        }
    }
}

/// A cell in so many columns: names keep both ends, a text its beginning.
fn shorten(cell: &str, width: usize, is_last: bool) -> String {
    let count = cell.chars().count();
    if count <= width {
        return cell.to_owned();
    }
    let kept = width.saturating_sub(1);
    let back = if is_last { 0 } else { kept / 2 };
    let front: String = cell.chars().take(kept - back).collect();
    let end: String = cell.chars().skip(count - back).collect();
    format!("{front}…{end}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: [&str; 6] = ["HOST", "GATEWAY", "VERDICT", "DEMAND", "CA", "FINDING"];

    fn row(host: &str, finding: &str) -> [String; 6] {
        [
            host,
            "ingress-nginx",
            "enforced",
            "required/400",
            "10y",
            finding,
        ]
        .map(str::to_owned)
    }

    #[test]
    fn a_table_fits_whatever_the_names() {
        let host = format!("begin.{}.end.example.com", "middle".repeat(30));
        for finding in [
            "-",
            "intermediate-without-root",
            &"a long story ".repeat(20),
        ] {
            let text = write(HEADER, vec![row(&host, finding), row("a", "-")], Some(80));
            for line in text.lines() {
                assert!(line.chars().count() <= 80, "{line}");
            }
            let line = text.lines().nth(1).unwrap_or_default();
            assert!(line.starts_with("begin") && line.contains('…'), "{line}");
            assert!(line.contains("com  "), "both ends: {line}");
        }
        let rule = "intermediate-without-root";
        let text = write(HEADER, vec![row(&host, rule)], Some(80));
        assert!(text.contains(rule), "{text}");
    }

    #[test]
    fn what_fits_and_what_is_piped_stays_whole() {
        let host = "h".repeat(200);
        assert!(write(HEADER, vec![row(&host, "-")], None).contains(&host));
        let text = write(HEADER, vec![row("shop.example.com", "-")], Some(80));
        assert!(!text.contains('…'), "{text}");
    }
}
