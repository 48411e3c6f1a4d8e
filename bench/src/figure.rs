//! What was measured several times, and what it is measured in.

use std::time::Duration;

/// What a number counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    Seconds,
    Mebibytes,
    PerSecond,
    Count,
    /// So many times another figure.
    Times,
}

impl Unit {
    /// Three figures that count.
    pub(crate) fn text(self, value: f64) -> String {
        match self {
            Self::Seconds => seconds(value),
            Self::Mebibytes => format!("{value:.1} MiB"),
            Self::PerSecond => format!("{value:.0}/s"),
            Self::Count => format!("{value:.0}"),
            Self::Times => times(value),
        }
    }
}

fn seconds(value: f64) -> String {
    let micros = value * 1e6;
    match micros {
        ..100.0 => format!("{micros:.1} µs"),
        ..1_000.0 => format!("{micros:.0} µs"),
        ..10_000.0 => format!("{:.2} ms", micros / 1e3),
        ..100_000.0 => format!("{:.1} ms", micros / 1e3),
        ..1_000_000.0 => format!("{:.0} ms", micros / 1e3),
        _ => format!("{value:.2} s"),
    }
}

/// A ratio.
pub(crate) fn times(value: f64) -> String {
    match value {
        ..10.0 => format!("{value:.2}"),
        _ => format!("{value:.0}"),
    }
}

/// The same, measured once or more.
#[derive(Clone, Debug)]
pub(crate) struct Sample {
    pub(crate) unit: Unit,
    /// Ascending, one at least.
    values: Vec<f64>,
}

impl Sample {
    pub(crate) fn new(unit: Unit, values: impl IntoIterator<Item = f64>) -> Self {
        let mut values: Vec<_> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        Self { unit, values }
    }

    pub(crate) fn once(unit: Unit, value: f64) -> Self {
        Self::new(unit, [value])
    }

    pub(crate) fn durations(durations: impl IntoIterator<Item = Duration>) -> Self {
        let seconds = durations.into_iter().map(|one| one.as_secs_f64());
        Self::new(Unit::Seconds, seconds)
    }

    pub(crate) fn median(&self) -> f64 {
        let middle = self.values.get(self.values.len() / 2);
        middle.copied().unwrap_or(f64::NAN)
    }

    /// The lowest and the highest, if there is more than one.
    pub(crate) fn spread(&self) -> String {
        match self.values.as_slice() {
            [low, .., high] => format!("{} – {}", self.unit.text(*low), self.unit.text(*high)),
            _ => String::new(),
        }
    }

    /// Whether this is the faster or the smaller of two.
    pub(crate) fn beats(&self, other: &Self) -> bool {
        match self.unit {
            Unit::PerSecond => self.median() > other.median(),
            _ => self.median() < other.median(),
        }
    }
}

/// What a figure ought to be.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Goal {
    Below(f64),
    AtMost(f64),
    AtLeast(f64),
}

impl Goal {
    pub(crate) fn text(self, unit: Unit) -> String {
        let (sign, value) = match self {
            Self::Below(value) => ('<', value),
            Self::AtMost(value) => ('≤', value),
            Self::AtLeast(value) => ('≥', value),
        };
        format!("{sign} {}", unit.text(value))
    }

    pub(crate) fn is_met(self, value: f64) -> bool {
        match self {
            Self::Below(goal) => value < goal,
            Self::AtMost(goal) => value <= goal,
            Self::AtLeast(goal) => value >= goal,
        }
    }
}

#[cfg(test)]
mod test {
    use super::*;

    #[test]
    fn the_median_is_the_middle_one_whatever_came_first() {
        let sample = Sample::new(Unit::Seconds, [0.3, 0.1, 0.2]);
        assert_eq!(Unit::Seconds.text(sample.median()), "200 ms");
        assert_eq!(sample.spread(), "100 ms – 300 ms");
        assert_eq!(Sample::once(Unit::Times, 1.0).spread(), "");
    }

    #[test]
    fn more_in_a_second_and_less_of_all_else_is_better() {
        let pair = |unit| [Sample::once(unit, 1.0), Sample::once(unit, 2.0)];
        let [less, more] = pair(Unit::PerSecond);
        assert!(more.beats(&less) && !less.beats(&more));
        let [less, more] = pair(Unit::Seconds);
        assert!(less.beats(&more) && !more.beats(&less));
    }

    #[test]
    fn a_goal_is_met_or_not() {
        assert!(Goal::Below(1.0).is_met(0.9) && !Goal::Below(1.0).is_met(1.0));
        assert!(Goal::AtMost(1.0).is_met(1.0) && !Goal::AtMost(1.0).is_met(1.1));
        assert!(Goal::AtLeast(0.9).is_met(0.9) && !Goal::AtLeast(0.9).is_met(0.8));
        // What could not be measured meets nothing.
        assert!(!Goal::AtMost(1.0).is_met(f64::NAN));
    }
}
