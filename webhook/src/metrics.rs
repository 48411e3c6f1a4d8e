//! Counters, gauges and times, in the OpenMetrics text format. Every label has few values: kinds,
//! rules and outcomes are known words, and what comes from objects is cut off at a number.

mod audited;
mod reviews;
mod unreadable;

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use policy::Lookup;
use prometheus_client::encoding::{EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::TypedMetric;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

pub(crate) use audited::{Audited, Posture};
pub(crate) use reviews::Reviews;
use unreadable::Unreadable;

/// What is counted.
#[derive(Default)]
pub(crate) struct Metrics {
    /// Admission reviews.
    pub(crate) reviews: Reviews,
    /// What the audit found, and how it goes.
    pub(crate) audited: Audited,
    /// Objects that the watches pass over.
    pub(crate) unreadable: Unreadable,
    lookups: Family<Outcome, Counter>,
    excused: Family<Excused, Counter>,
    /// Failures to renew, read or publish the serving certificate.
    pub(crate) certificate_troubles: Counter,
    certificate: Mutex<Option<Served>>,
}

/// The serving certificate's life, in Unix seconds.
#[derive(Clone, Copy)]
pub(crate) struct Served {
    /// When it becomes valid.
    pub(crate) begins: i64,
    /// When it ends.
    pub(crate) ends: i64,
    /// When the CA that the webhook signs with ends, if it does.
    pub(crate) ca_ends: Option<i64>,
}

/// A rule that a policy only audits.
#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct Excused {
    rule: &'static str,
}

/// How something went.
#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct Outcome {
    outcome: &'static str,
}

/// One word for a look-up.
pub(crate) fn outcome<T>(found: &Lookup<T>) -> &'static str {
    match found {
        Lookup::Found(_) => "found",
        Lookup::Missing => "missing",
        Lookup::Unknown(_) => "unknown",
    }
}

/// Unix seconds by the wall clock.
pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    i64::try_from(since.unwrap_or_default().as_secs()).unwrap_or(i64::MAX)
}

impl Metrics {
    /// Counts a live read by its outcome.
    pub(crate) fn lookup<T>(&self, found: &Lookup<T>) {
        let outcome = outcome(found);
        self.lookups.get_or_create(&Outcome { outcome }).inc();
    }

    /// The certificate that is served from now on.
    pub(crate) fn serves(&self, served: Served) {
        *self.times() = Some(served);
    }

    fn times(&self) -> std::sync::MutexGuard<'_, Option<Served>> {
        self.certificate
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts changes that bring findings that a policy only audits.
    pub(crate) fn excused(&self, rules: &BTreeSet<&'static str>) {
        for rule in rules.iter().copied() {
            self.excused.get_or_create(&Excused { rule }).inc();
        }
    }

    /// Everything as text; `objects`: how many the index holds.
    pub(crate) fn text(&self, objects: usize) -> String {
        let mut registry = Registry::with_prefix("mtls_webhook");
        self.reviews.register(&mut registry);
        registry.register(
            "live_reads",
            "Objects and Secrets read by admission and audit: found, missing, unknown",
            self.lookups.clone(),
        );
        registry.register(
            "audited_findings",
            "Changes with a finding that a policy only audits",
            self.excused.clone(),
        );
        self.unreadable.register(&mut registry);
        let known: Gauge = Gauge::default();
        known.set(i64::try_from(objects).unwrap_or(i64::MAX));
        registry.register("objects", "Objects in the index", known);
        let version = [("version", env!("CARGO_PKG_VERSION"))];
        registry.register("build", "What runs", Info::new(version.to_vec()));
        self.register_certificate(&mut registry, now());
        self.audited.register(&mut registry, now());
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = prometheus_client::encoding::text::encode(&mut text, &registry);
        text
    }

    fn register_certificate(&self, registry: &mut Registry, now: i64) {
        registry.register(
            "certificate_troubles",
            "Failures to renew, read or publish the serving certificate",
            self.certificate_troubles.clone(),
        );
        let Some(served) = *self.times() else {
            return;
        };
        let gauge = |value: i64| {
            let gauge: Gauge = Gauge::default();
            gauge.set(value);
            gauge
        };
        registry.register(
            "certificate_age_seconds",
            "Seconds since the serving certificate became valid",
            gauge(now.saturating_sub(served.begins)),
        );
        registry.register(
            "certificate_expiry_seconds",
            "Seconds until the serving certificate expires",
            gauge(served.ends.saturating_sub(now)),
        );
        if let Some(ends) = served.ca_ends {
            registry.register(
                "certificate_ca_expiry_seconds",
                "Seconds until the CA of the serving certificate expires",
                gauge(ends.saturating_sub(now)),
            );
        }
    }
}

/// A family with these values alone.
fn gauges<L>(values: impl IntoIterator<Item = (L, i64)>) -> Family<L, Gauge>
where
    L: Clone + Debug + Eq + Hash + EncodeLabelSet + Send + Sync + 'static,
    Gauge: EncodeMetric + TypedMetric,
{
    let family = Family::<L, Gauge>::default();
    for (labels, value) in values {
        family.get_or_create(&labels).set(value);
    }
    family
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use policy::SecretRef;
    use std::collections::BTreeSet;
    use std::time::Duration;

    /// Everything that can be counted, counted once.
    fn full() -> String {
        let metrics = Metrics::default();
        let review = ("validate", "Ingress", "CREATE");
        let took = Duration::from_millis(1);
        metrics
            .reviews
            .answered(review, "denied", "missing-ca", took);
        metrics.lookup(&Lookup::<()>::Missing);
        metrics.excused(&["missing-ca"].into());
        let secret = SecretRef::new("shop", "partners-trust");
        metrics.unreadable.insert("Secret", &secret.object());
        metrics.serves(Served {
            begins: 0,
            ends: i64::MAX,
            ca_ends: Some(i64::MAX),
        });
        let audited = &metrics.audited;
        audited.leads(true);
        audited.wrote("create", true);
        audited.told("created");
        audited.round("start", took, 3);
        audited.set(Posture {
            hosts: [(("traefik", "traefik".to_owned(), "open"), 1)].into(),
            findings: [(("missing-ca", "error"), 1)].into(),
            authorities: vec![(SecretRef::new("shop", "partners-trust"), 1)],
            failure_policies: vec![(
                "routes.kubectl-mtls.github.io".to_owned(),
                "Fail".to_owned(),
            )],
        });
        metrics.text(1)
    }

    /// Whatever in a text begins like a metric of ours, as queries name it.
    fn names(text: &str) -> BTreeSet<String> {
        let word = |char: char| char.is_ascii_alphanumeric() || char == '_';
        let words = text.split(|char| !word(char));
        let ours = words.filter(|name| name.starts_with("mtls_webhook_"));
        ours.map(str::to_owned).collect()
    }

    fn file(name: &str) -> String {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        std::fs::read_to_string(path.join(name)).unwrap()
    }

    fn samples() -> BTreeSet<String> {
        let text = full();
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        lines
            .filter_map(|line| line.split(['{', ' ']).next().map(str::to_owned))
            .collect()
    }

    /// Where a family's samples begin: its name, what is added to it, and the labels.
    fn sample<'a>(text: &'a str, family: &str) -> (&'a str, &'a str) {
        let ends = ["{", " "];
        let begins = ["", "_total", "_info", "_bucket"].map(|end| format!("{family}{end}"));
        let of = |line: &&str| {
            let own = |begin: &String| {
                ends.iter()
                    .any(|end| line.starts_with(&format!("{begin}{end}")))
            };
            begins.iter().any(own)
        };
        let line = text.lines().find(of).unwrap();
        let (name, rest) = line.split_once(['{', ' ']).unwrap();
        (name, rest.rsplit_once('}').map_or("", |(labels, _)| labels))
    }

    fn row(text: &str, family: &str, help: &str) -> String {
        let kind = text
            .lines()
            .find_map(|line| line.strip_prefix(&format!("# TYPE {family} ")));
        let (name, labels) = sample(text, family);
        let labels = labels
            .split("\",")
            .filter_map(|label| label.split('=').next());
        let labels: Vec<_> = labels.filter(|label| !["", "le"].contains(label)).collect();
        format!(
            "| `{}` | {} | {} | {} |\n",
            name.trim_end_matches("_bucket"),
            kind.unwrap(),
            labels.join(", "),
            help.trim_end_matches('.')
        )
    }

    #[test]
    fn the_reference_of_metrics_is_current() {
        let text = full();
        let helps = text
            .lines()
            .filter_map(|line| line.strip_prefix("# HELP ")?.split_once(' '));
        let rows: String = helps
            .map(|(family, help)| row(&text, family, help))
            .collect();
        assert!(rows.lines().count() > 15, "{rows}");
        let table = format!(
            "# Metrics\n\nGenerated from what the webhook serves at `/metrics`, in the OpenMetrics text format. What they are for, with \
             alerts and\na dashboard, is in [monitoring](../monitoring.md).\n\n| metric | type | labels | what it tells |\n|---|---|---|---|\n{rows}"
        );
        crate::reference::settle("metrics.md", &table);
    }

    #[test]
    fn dashboard_and_alerts_ask_for_what_there_is() {
        let samples = samples();
        for (name, least) in [("dashboard.json", 15), ("alerts.yaml", 8)] {
            let asked = names(&file(&format!("manifests/monitoring/{name}")));
            assert!(asked.len() >= least, "{name} asks for {asked:?}");
            let unknown: Vec<_> = asked.difference(&samples).collect();
            assert!(unknown.is_empty(), "{name} asks for {unknown:?}");
        }
    }

    #[test]
    fn a_certificate_tells_its_age() {
        let metrics = Metrics::default();
        assert!(!metrics.text(0).contains("certificate_age"));
        metrics.serves(Served {
            begins: now() - 100,
            ends: now() + 50,
            ca_ends: None,
        });
        let text = metrics.text(0);
        let value = |name: &str| {
            let line = text.lines().find(|line| line.starts_with(name)).unwrap();
            line.rsplit(' ').next().unwrap().parse::<i64>().unwrap()
        };
        assert!((100..103).contains(&value("mtls_webhook_certificate_age_seconds")));
        assert!((47..=50).contains(&value("mtls_webhook_certificate_expiry_seconds")));
    }
}
