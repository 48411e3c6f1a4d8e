//! Every fixture, judged by `policy` alone: no cluster, no command. The fastest of the fronts, and
//! the one that shows which test fails when a rule or a branch is taken away.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use policy::client_auth_policy::Policies;
use policy::{Facts, GatewayConfig, Object, Report, Seen, Settings};
use serde_json::Value;
use tests::corpus::{Certificates, Fixture, fixtures};

/// A moment at which the fixtures' certificates are valid.
fn now() -> i64 {
    i64::try_from(std::time::UNIX_EPOCH.elapsed().unwrap().as_secs()).unwrap()
}

fn settings(fixture: &Fixture) -> Settings {
    let config: Value = fixture
        .config
        .as_deref()
        .map_or(Value::Null, |text| serde_saphyr::from_str(text).unwrap());
    let gateways = config["gateways"].as_array().cloned().unwrap_or_default();
    let gateways = gateways
        .into_iter()
        .map(|gateway| serde_json::from_value::<GatewayConfig>(gateway).unwrap());
    Settings::new(gateways.collect())
}

fn judge(fixture: &Fixture) -> Report {
    let documents = fixture.text.split("---\n");
    let values = documents.map(|text| serde_saphyr::from_str::<Value>(text).unwrap());
    // What is no object at all is said by those who read files.
    let objects: Vec<_> = values
        .filter_map(|value| Object::from_value(&value).ok())
        .collect();
    let mut facts = Facts::new(settings(fixture), Seen::All);
    for object in &objects {
        facts.settings.learn(object);
        facts.learn(object);
    }
    for object in &objects {
        let read = policy::dialect::read(object, &facts.settings);
        facts.insert(read);
    }
    policy::report(&facts.view(), now())
}

#[test]
fn verdicts_and_rules_are_as_the_fixtures_say() {
    let all = fixtures(&Certificates::make().unwrap()).unwrap();
    let mut wrong = Vec::new();
    for fixture in &all {
        let report = judge(fixture);
        let verdicts = report.hosts.iter();
        let verdicts: BTreeSet<_> = verdicts
            .map(|host| format!("{}={}", host.host.key.host, host.verdict))
            .collect();
        let rules = report.findings.iter();
        let rules: BTreeSet<_> = rules.map(|finding| finding.rule.to_owned()).collect();
        if (&verdicts, &rules) != (&fixture.verdicts, &fixture.rules) {
            let (said, ought) = ((verdicts, rules), (&fixture.verdicts, &fixture.rules));
            wrong.push(format!("{}: {said:?}, not {ought:?}", fixture.name));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The examples of the guide are policies and exceptions without a fault.
#[test]
fn the_examples_of_the_guide_are_understood() {
    let text = include_str!("../../docs/policies.md");
    let blocks = text.split("```yaml\n").skip(1);
    let blocks = blocks.filter_map(|rest| rest.split("\n```").next());
    let mut policies = Policies::default();
    for block in blocks {
        let value: Value = serde_saphyr::from_str(block).unwrap();
        policies.learn(&Object::from_value(&value).unwrap());
    }
    let policy = policies.policies().next().unwrap();
    let exception = policies.exceptions().next().unwrap();
    assert!(
        policy.spec.is_some() && policy.faults.is_empty(),
        "{policy:?}"
    );
    assert!(
        exception.spec.is_some() && exception.faults.is_empty(),
        "{exception:?}"
    );
}
