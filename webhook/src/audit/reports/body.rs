//! What a report says. The two forms differ in names alone.

use std::collections::BTreeMap;
use std::sync::Arc;

use policy::{Finding, HostReport, ObjectRef, Severity, Verdict, field};
use serde_json::{Value, json};

use super::{Key, subject};
use crate::audit::Round;

/// The label by which reports of this program are found again.
pub(super) const LABEL: &str = "app.kubernetes.io/managed-by";
/// The annotation that tells what a report says, so that the same is not written twice.
pub(super) const DIGEST: &str = "kubectl-mtls.github.io/digest";
/// Results of one report; the last says how many there are more.
const MOST: usize = 50;
/// The longest message.
const MOST_BYTES: usize = 2000;

/// A kind of report.
pub(super) struct Form {
    pub(super) group: &'static str,
    pub(super) version: &'static str,
    pub(super) kind: &'static str,
    pub(super) plural: &'static str,
    /// Whether the report as a whole says who made it.
    source: bool,
}

/// What most tools read today.
pub(super) const POLICY: Form = Form {
    group: "wgpolicyk8s.io",
    version: "v1alpha2",
    kind: "PolicyReport",
    plural: "policyreports",
    source: false,
};

/// What follows it.
pub(super) const OPEN: Form = Form {
    group: "openreports.io",
    version: "v1alpha1",
    kind: "Report",
    plural: "reports",
    source: true,
};

/// What is to be said of one object.
pub(super) struct Body {
    pub(super) object: Arc<ObjectRef>,
    pub(super) digest: String,
    results: Vec<Value>,
    summary: Value,
}

/// Everything that is to be said, by the report in which it stands.
pub(super) fn bodies(round: &Round) -> BTreeMap<Key, Body> {
    let mut results: BTreeMap<Arc<ObjectRef>, Vec<Value>> = BTreeMap::new();
    let found = round
        .findings
        .iter()
        .map(|finding| (finding.object(), result(finding)));
    for (object, value) in found.chain(round.hosts.iter().flat_map(not_judged)) {
        // What is not namespaced has no place for a report.
        if !object.namespace.is_empty() {
            results.entry(Arc::clone(object)).or_default().push(value);
        }
    }
    let bodies = results.into_iter().map(|(object, results)| {
        let name = subject::name(
            &format!("mtls-{}-", object.kind.to_lowercase()),
            &object,
            "",
        );
        ((object.namespace.clone(), name), Body::new(object, results))
    });
    bodies.collect()
}

/// One finding.
fn result(finding: &Finding) -> Value {
    let (result, severity) = match finding.severity {
        Severity::Error => ("fail", "high"),
        Severity::Warning => ("warn", "medium"),
        Severity::Info => ("warn", "info"),
    };
    let mut properties = json!({"hint": subject::cut(&finding.hint, MOST_BYTES)});
    let place = field(&finding.site.pointer);
    if !place.is_empty() {
        properties["field"] = place.into();
    }
    let mut value = said(finding.rule, result, &finding.message);
    value["severity"] = severity.into();
    value["properties"] = properties;
    value
}

fn said(policy: &str, result: &str, message: &str) -> Value {
    json!({"source": policy::MANAGED_BY, "category": "Client certificates", "policy": policy,
        "rule": policy, "result": result, "scored": result != "skip",
        "message": subject::cut(message, MOST_BYTES)})
}

/// A host of which nothing can be said is no clean one: its routes say so.
fn not_judged(report: &HostReport) -> Vec<(&Arc<ObjectRef>, Value)> {
    if report.verdict != Verdict::Unknown {
        return Vec::new();
    }
    let doors = report.host.doors.iter();
    let unseen = doors.filter_map(|door| Some((&door.site.object, door.unseen.as_deref()?)));
    let mut by_object: BTreeMap<_, Vec<&str>> = BTreeMap::new();
    for (object, what) in unseen {
        let list = by_object.entry(object).or_default();
        if !list.contains(&what) {
            list.push(what);
        }
    }
    let host = &report.host.key.host;
    let entries = by_object.into_iter().map(|(object, unseen)| {
        let message = format!("host {host} is not judged: not seen: {}", unseen.join(", "));
        (object, said("not-judged", "skip", &message))
    });
    entries.collect()
}

impl Body {
    fn new(object: Arc<ObjectRef>, mut results: Vec<Value>) -> Self {
        let more = results.len().saturating_sub(MOST);
        if more > 0 {
            results.truncate(MOST - 1);
            let message = format!("and {} more, which are not listed", more + 1);
            results.push(said("more", "skip", &message));
        }
        let count = |word: &str| {
            results
                .iter()
                .filter(|value| value["result"] == word)
                .count()
        };
        let summary = json!({"pass": 0, "fail": count("fail"), "warn": count("warn"), "error": 0,
            "skip": count("skip")});
        Self {
            digest: digest(&results),
            object,
            results,
            summary,
        }
    }

    /// The report, to be applied.
    pub(super) fn document(&self, form: &Form, name: &str, uid: &str, now: i64) -> Value {
        let object = &self.object;
        let timed = self.results.iter().cloned().map(|mut result| {
            result["timestamp"] = json!({"seconds": now, "nanos": 0});
            result
        });
        let mut document = json!({
            "apiVersion": format!("{}/{}", form.group, form.version),
            "kind": form.kind,
            "metadata": {
                "name": name,
                "namespace": object.namespace,
                "labels": {LABEL: policy::MANAGED_BY},
                "annotations": {DIGEST: self.digest},
                "ownerReferences": [{"apiVersion": object.api_version, "kind": object.kind,
                    "name": object.name, "uid": uid}],
            },
            "scope": subject::reference(object, uid),
            "summary": self.summary,
            "results": timed.collect::<Vec<_>>(),
        });
        if form.source {
            document["source"] = policy::MANAGED_BY.into();
        }
        document
    }
}

fn digest(results: &[Value]) -> String {
    use sha2::Digest as _;
    let mut hasher = sha2::Sha256::new();
    for result in results {
        hasher.update(result.to_string().as_bytes());
    }
    let hash = hasher.finalize();
    hash[..16]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use policy::Site;

    fn object() -> Arc<ObjectRef> {
        Arc::new(ObjectRef {
            api_version: "networking.k8s.io/v1".to_owned(),
            kind: "Ingress".to_owned(),
            namespace: "shop".to_owned(),
            name: "api".to_owned(),
        })
    }

    fn finding(severity: Severity, index: usize) -> Finding {
        Finding {
            rule: "missing-ca",
            severity,
            site: Site::new(&object(), format!("/spec/tls/{index}")),
            message: format!("message {index}"),
            hint: "hint".to_owned(),
            repair: None,
        }
    }

    fn body(findings: Vec<Finding>) -> Body {
        let round = Round {
            now: 5,
            hosts: Vec::new(),
            findings,
            authorities: BTreeMap::new(),
            policies: Arc::default(),
        };
        let bodies = bodies(&round);
        assert_eq!(bodies.len(), 1);
        bodies.into_values().next().unwrap()
    }

    #[test]
    fn a_report_says_what_was_found_and_of_what() {
        let body = body(vec![
            finding(Severity::Error, 0),
            finding(Severity::Warning, 1),
        ]);
        let report = body.document(&POLICY, "mtls-x", "u-1", 7);
        assert_eq!(report["scope"]["uid"], "u-1");
        assert_eq!(report["metadata"]["ownerReferences"][0]["name"], "api");
        assert_eq!(
            report["summary"],
            json!({"pass": 0, "fail": 1, "warn": 1, "error": 0, "skip": 0})
        );
        let first = &report["results"][0];
        assert_eq!(first["policy"], "missing-ca");
        assert_eq!(first["properties"]["field"], "spec.tls[0]");
        assert_eq!(first["timestamp"]["seconds"], 7);
        assert!(report["source"].is_null());
        let open = body.document(&OPEN, "mtls-x", "u-1", 7);
        assert_eq!(open["apiVersion"], "openreports.io/v1alpha1");
        assert_eq!(open["source"], "kubectl-mtls");
    }

    #[test]
    fn results_are_bounded_and_counted() {
        let body = body(
            (0..200)
                .map(|index| finding(Severity::Error, index))
                .collect(),
        );
        assert_eq!(body.results.len(), MOST);
        assert_eq!(body.summary["fail"], MOST - 1);
        let last = body.results.last().unwrap();
        assert_eq!(last["message"], "and 151 more, which are not listed");
    }

    #[test]
    fn the_same_has_the_same_digest_whenever_it_is_said() {
        let one = body(vec![finding(Severity::Error, 0)]);
        assert_eq!(one.digest, body(vec![finding(Severity::Error, 0)]).digest);
        assert_ne!(one.digest, body(vec![finding(Severity::Error, 1)]).digest);
    }
}
