//! Counters, in the OpenMetrics text format.

use policy::Lookup;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

/// What is counted.
#[derive(Clone, Default)]
pub(crate) struct Metrics {
    reviews: Family<Review, Counter>,
    lookups: Family<Result, Counter>,
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
    /// Counts a review by what was answered.
    pub(crate) fn review(&self, webhook: &'static str, result: &'static str) {
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

    /// All counters as text.
    pub(crate) fn text(&self) -> String {
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
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = prometheus_client::encoding::text::encode(&mut text, &registry);
        text
    }
}
