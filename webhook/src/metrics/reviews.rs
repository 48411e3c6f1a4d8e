//! Admission reviews: what was asked, what was answered, how long it took.

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

/// Upper bounds in seconds: most answers take microseconds, those with live reads milliseconds.
const BUCKETS: [f64; 10] = [
    0.000_05, 0.000_1, 0.000_5, 0.001, 0.005, 0.01, 0.05, 0.25, 1.0, 5.0,
];

/// Webhook, kind and operation of a review.
pub(crate) type Asked = (&'static str, &'static str, &'static str);

/// What was reviewed.
pub(crate) struct Reviews {
    answers: Family<Review, Counter>,
    durations: Family<Answered, Histogram, fn() -> Histogram>,
}

impl Default for Reviews {
    fn default() -> Self {
        Self {
            answers: Family::default(),
            durations: Family::new_with_constructor(|| Histogram::new(BUCKETS)),
        }
    }
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct Answered {
    webhook: &'static str,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct Review {
    webhook: &'static str,
    kind: &'static str,
    operation: &'static str,
    outcome: &'static str,
    rule: &'static str,
}

impl Reviews {
    /// Counts a review once, under the first rule that spoke, and how long it took from body to
    /// answer.
    pub(crate) fn answered(
        &self,
        asked: Asked,
        outcome: &'static str,
        rule: &'static str,
        took: Duration,
    ) {
        let (webhook, kind, operation) = asked;
        self.durations
            .get_or_create(&Answered { webhook })
            .observe(took.as_secs_f64());
        let review = Review {
            webhook,
            kind,
            operation,
            outcome,
            rule,
        };
        self.answers.get_or_create(&review).inc();
    }

    /// Counts a review that got no answer: a body that is none, or came too slowly, a judgement
    /// that took too long or panicked.
    pub(crate) fn unanswered(&self, webhook: &'static str, outcome: &'static str, took: Duration) {
        self.answered((webhook, "", ""), outcome, "", took);
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "reviews",
            "Admission reviews, each under the first rule that spoke: allowed, warned, denied, \
             repaired; without an answer bad (no review), unread, late, panicked",
            self.answers.clone(),
        );
        registry.register(
            "review_duration_seconds",
            "Time from the body to the answer",
            self.durations.clone(),
        );
    }
}
