//! How it is seen that something is missed.

use std::collections::BTreeSet;

use anyhow::ensure;
use policy::dialect;
use serde_json::{Value, json};
use tests::wait_until;

use super::permission::{Permission, listed, missed};
use super::stage::{Limited, NS, PATIENCE, Stage};

/// The log names everything that was taken.
pub(super) fn logged(_: &Stage, webhook: &Limited, taken: &BTreeSet<Permission>) {
    wait_until("what is missed", PATIENCE, || {
        let found = missed(&webhook.process.log());
        let silent = taken.iter().filter(|one| {
            let words = [&one.verb, &one.resource, &one.group].map(String::clone);
            !found.contains(&words.into())
        });
        let silent: BTreeSet<_> = silent.cloned().collect();
        ensure!(
            silent.is_empty(),
            "not missed: {}; {}",
            listed(&silent),
            webhook.process.tail()
        );
        Ok(())
    })
    .unwrap();
}

/// The log says so, and the API server does not get to ask.
pub(super) fn never_ready(stage: &Stage, webhook: &Limited, taken: &BTreeSet<Permission>) {
    logged(stage, webhook, taken);
    assert!(webhook.health("livez").is_ok());
    // Not now, and not a while later, which is all that can be seen of never.
    for _ in 0..10 {
        let ready = webhook.health("readyz");
        assert!(ready.is_err(), "{}", webhook.process.tail());
        std::thread::sleep(std::time::Duration::from_millis(200));
    }
}

/// It serves, and its log says that it does not audit.
pub(super) fn audits_nothing(stage: &Stage, webhook: &Limited, taken: &BTreeSet<Permission>) {
    webhook.is_ready();
    logged(stage, webhook, taken);
    let metrics = webhook.health("metrics").unwrap();
    let log = webhook.process.log();
    assert!(log.contains("nothing is audited"), "{log}");
    assert!(!metrics.contains("audit_rounds_total"), "{log}");
}

/// Of each kind that may be read there is a report, and of no other.
pub(super) fn reports_on_the_others(
    stage: &Stage,
    webhook: &Limited,
    taken: &BTreeSet<Permission>,
) {
    let silent: BTreeSet<_> = taken.iter().filter_map(Permission::of_gateways).collect();
    let every: BTreeSet<_> = (0..dialect::kinds().len()).collect();
    let others: BTreeSet<_> = every.difference(&silent).copied().collect();
    wait_until("reports on the others", PATIENCE, || {
        let found = stage.reported()?;
        ensure!(found.is_superset(&others), "{found:?}, not {others:?}");
        let log = missed(&webhook.process.log());
        let named = taken.iter().any(|one| {
            let words = [&one.verb, &one.resource, &one.group].map(String::clone);
            log.contains(&words.into())
        });
        ensure!(named, "{}", webhook.process.tail());
        let rounds = webhook.health("metrics")?;
        ensure!(rounds.contains("audit_rounds_total{why=\"interval\"}"));
        Ok(())
    })
    .unwrap();
    assert_eq!(stage.reported().unwrap(), others);
}

/// What rests on a Secret or a ConfigMap is not judged; the own CA has a role of its own.
pub(super) fn cas_are_unknown(stage: &Stage, webhook: &Limited, _: &BTreeSet<Permission>) {
    webhook.is_ready();
    wait_until("what is not judged", PATIENCE, || {
        let reports = stage.reports()?;
        for (kind, what) in [
            ("Ingress", "Secret needs/none"),
            ("Gateway", "ConfigMap needs/none"),
        ] {
            let of = reports
                .iter()
                .find(|report| report["scope"]["kind"] == kind);
            let results = of.map(|report| report["results"].to_string());
            let results = results.unwrap_or_default();
            let said = format!("{what}: forbidden");
            ensure!(
                results.contains("not-judged") && results.contains(&said),
                "{said} of {kind} in {results}"
            );
        }
        Ok(())
    })
    .unwrap();
    assert!(webhook.process.log().contains("serving a new certificate"));
}

/// A denial by a policy rests on the labels that the namespace has now.
pub(super) fn denies_nothing_by_policy(
    stage: &Stage,
    webhook: &Limited,
    taken: &BTreeSet<Permission>,
) {
    webhook.is_ready();
    let path = json!({"path": "/", "pathType": "Prefix",
        "backend": {"service": {"name": "a", "port": {"number": 80}}}});
    let open = json!({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
        "metadata": {"name": "open", "namespace": NS}, "spec": {"ingressClassName": "nginx",
            "rules": [{"host": "open.needs.example.com", "http": {"paths": [path]}}]}});
    let review = json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {
        "uid": "u", "operation": "CREATE", "namespace": NS, "object": open}});
    let answer = |webhook: &Limited| -> Value {
        webhook.validate(&review.to_string()).unwrap()["response"].clone()
    };
    let without = answer(webhook);
    assert_eq!(without["allowed"], true, "{without}");
    let said = without["warnings"].to_string();
    let why = format!("the policies were not read (namespace {NS}: forbidden)");
    assert!(said.contains(&why), "{said}");
    assert_eq!(taken.len(), 1);
    stage.take(&BTreeSet::new());
    let with = answer(webhook);
    assert_eq!(with["allowed"], false, "{with}");
    assert!(
        with["status"]["message"]
            .to_string()
            .contains("policy-demand"),
        "{with}"
    );
}
