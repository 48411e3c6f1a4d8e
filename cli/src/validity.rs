//! Time: how long something is to live, and now.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::globals::duration;

/// The end of a certificate.
#[derive(clap::Args, Default)]
pub(crate) struct Validity {
    /// How long it lives, as 12h, 90d or 10y
    #[arg(long, value_parser = duration)]
    duration: Option<Duration>,
    /// When it ends, as 2027-01-31 or 2027-01-31T12:00:00Z
    #[arg(long, value_name = "TIME", conflicts_with = "duration", value_parser = moment)]
    not_after: Option<i64>,
}

impl Validity {
    /// The end in Unix seconds; `otherwise`: seconds from now where nothing is said.
    pub(crate) fn end(&self, now: i64, otherwise: i64) -> i64 {
        let seconds = |duration: Duration| i64::try_from(duration.as_secs()).unwrap_or(i64::MAX);
        let lifetime = self.duration.map_or(otherwise, seconds);
        self.not_after
            .unwrap_or_else(|| now.saturating_add(lifetime))
    }
}

/// Unix seconds.
pub(crate) fn now() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// A day or a moment, UTC where it does not say.
pub(crate) fn moment(text: &str) -> Result<i64, String> {
    let moment: Result<jiff::Timestamp, _> = text.parse();
    let day = |_| {
        let day: jiff::civil::Date = text.parse()?;
        Ok(day.to_zoned(jiff::tz::TimeZone::UTC)?.timestamp())
    };
    moment
        .or_else(day)
        .map(jiff::Timestamp::as_second)
        .map_err(|_: jiff::Error| {
            "a day as 2027-01-31 or a time as 2027-01-31T12:00:00Z".to_owned()
        })
}

/// `2027-01-31`.
pub(crate) fn day(seconds: i64) -> String {
    match jiff::Timestamp::from_second(seconds) {
        Ok(moment) => moment.strftime("%Y-%m-%d").to_string(),
        Err(_) => seconds.to_string(),
    }
}

/// How long until a moment, as kubectl tells an age: `9y`, `89d`, `5h`; `ended` afterwards.
pub(crate) fn left(now: i64, end: i64) -> String {
    const HOUR: i64 = 3600;
    const DAY: i64 = 24 * HOUR;
    match end.saturating_sub(now) {
        past if past <= 0 => "ended".to_owned(),
        hours if hours < 2 * DAY => format!("{}h", hours / HOUR),
        days if days < 730 * DAY => format!("{}d", days / DAY),
        // To the nearest: a CA of ten years has them on its first day too.
        years => format!("{}y", (years / DAY + 182) / 365),
    }
}

/// `2027-01-31T12:00:00Z`.
pub(crate) fn time(seconds: i64) -> String {
    match jiff::Timestamp::from_second(seconds) {
        Ok(moment) => moment.to_string(),
        Err(_) => seconds.to_string(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_is_left() {
        let day = 24 * 3600;
        let ends = [0, 3600, day, 2 * day, 729 * day, 3650 * day - 1];
        let said = ends.map(|end| left(0, end));
        assert_eq!(said, ["ended", "1h", "24h", "2d", "729d", "10y"]);
    }

    #[test]
    fn days_and_times() {
        assert_eq!(moment("2027-01-31").unwrap(), 1_801_353_600);
        assert_eq!(moment("2027-01-31T01:00:00+01:00").unwrap(), 1_801_353_600);
        assert!(moment("tomorrow").is_err() && moment("2027-13-01").is_err());
        assert_eq!(
            (day(1_801_353_600), time(0)),
            ("2027-01-31".into(), "1970-01-01T00:00:00Z".into())
        );
    }
}
