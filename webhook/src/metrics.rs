//! Counters and times, in the OpenMetrics text format.

use std::collections::BTreeSet;
use std::time::Duration;

use policy::Lookup;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

/// Upper bounds in seconds: most answers take microseconds, those with live reads milliseconds.
const BUCKETS: [f64; 10] = [
    0.000_05, 0.000_1, 0.000_5, 0.001, 0.005, 0.01, 0.05, 0.25, 1.0, 5.0,
];

/// What is counted.
#[derive(Clone)]
pub(crate) struct Metrics {
    reviews: Family<Review, Counter>,
    lookups: Family<Result, Counter>,
    audited: Family<Audited, Counter>,
    durations: Family<Answered, Histogram, fn() -> Histogram>,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            reviews: Family::default(),
            lookups: Family::default(),
            audited: Family::default(),
            durations: Family::new_with_constructor(|| Histogram::new(BUCKETS)),
        }
    }
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct Answered {
    webhook: &'static str,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct Audited {
    rule: &'static str,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct Review {
    webhook: &'static str,
    result: &'static str,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct Result {
    result: &'static str,
}

impl Metrics {
    /// Counts a review by what was answered, and how long it took from body to answer.
    pub(crate) fn review(&self, webhook: &'static str, result: &'static str, took: Duration) {
        self.durations
            .get_or_create(&Answered { webhook })
            .observe(took.as_secs_f64());
        self.reviews
            .get_or_create(&Review { webhook, result })
            .inc();
    }

    /// Counts a live read by its outcome.
    pub(crate) fn lookup<T>(&self, found: &Lookup<T>) {
        let result = match found {
            Lookup::Found(_) => "found",
            Lookup::Missing => "missing",
            Lookup::Unknown(_) => "unknown",
        };
        self.lookups.get_or_create(&Result { result }).inc();
    }

    /// Counts changes that bring findings that a policy only audits.
    pub(crate) fn audited(&self, rules: &BTreeSet<&'static str>) {
        for rule in rules.iter().copied() {
            self.audited.get_or_create(&Audited { rule }).inc();
        }
    }

    /// Everything as text; `objects`: how many the index holds.
    pub(crate) fn text(&self, objects: usize) -> String {
        let mut registry = Registry::with_prefix("mtls_webhook");
        registry.register(
            "reviews",
            "Admission reviews answered",
            self.reviews.clone(),
        );
        registry.register(
            "live_reads",
            "Objects read while answering",
            self.lookups.clone(),
        );
        registry.register(
            "audited_findings",
            "Changes with a finding that a policy only audits",
            self.audited.clone(),
        );
        registry.register(
            "review_duration_seconds",
            "Time from the body to the answer",
            self.durations.clone(),
        );
        let known: Gauge = Gauge::default();
        known.set(i64::try_from(objects).unwrap_or(i64::MAX));
        registry.register("objects", "Objects in the index", known);
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = prometheus_client::encoding::text::encode(&mut text, &registry);
        text
    }
}
