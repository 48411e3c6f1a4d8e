//! Spans of time on the command line: `365d`, `24h`, `90s`.

/// The seconds of a span.
///
/// # Errors
/// When it is none.
pub(crate) fn parse(text: &str) -> Result<i64, String> {
    let bad = || format!("{text:?} is no span of time, as 365d, 24h, 15m or 90s");
    let unit = text.chars().last().ok_or_else(bad)?;
    let seconds = match unit {
        'd' => 24 * 3600,
        'h' => 3600,
        'm' => 60,
        's' => 1,
        _ => return Err(bad()),
    };
    let count: i64 = text[..text.len() - unit.len_utf8()]
        .parse()
        .map_err(|_| bad())?;
    let span = count.checked_mul(seconds).ok_or_else(bad)?;
    // A hundred years: dates stay within what a certificate can name.
    let most = 100 * 365 * 24 * 3600;
    (3..=most)
        .contains(&span)
        .then_some(span)
        .ok_or_else(|| format!("{text:?} is shorter than 3s or longer than 36500d"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans() {
        assert_eq!(parse("365d"), Ok(31_536_000));
        assert_eq!(parse("90s"), Ok(90));
        for bad in [
            "",
            "d",
            "12",
            "1w",
            "-1h",
            "2s",
            "9999999999999d",
            "40000d",
            "1.5h",
            "1é",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
