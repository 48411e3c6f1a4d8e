//! Every fixture, judged by `policy` alone: no cluster, no command. The fastest of the fronts, and
//! the one that shows which test fails when a rule or a branch is taken away.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};

use policy::client_auth_policy::Policies;
use policy::{Facts, GatewayConfig, HostKey, Object, Report, Seen, Settings, Verdict, dialect};
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
    report(fixture, &objects(fixture), Seen::All)
}

fn objects(fixture: &Fixture) -> Vec<Object> {
    let documents = fixture.text.split("---\n");
    let values = documents.map(|text| serde_saphyr::from_str::<Value>(text).unwrap());
    // What is no object at all is said by those who read files.
    values
        .filter_map(|value| Object::from_value(&value).ok())
        .collect()
}

fn report(fixture: &Fixture, objects: &[Object], seen: Seen) -> Report {
    let mut facts = Facts::new(settings(fixture), seen);
    for object in objects {
        facts.settings_mut().learn(object);
        facts.learn(object);
    }
    for object in objects {
        let read = dialect::read(object, &facts.settings);
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

/// Kinds of objects that others name. What names nothing can be taken away without a trace.
const NAMED: [&str; 4] = ["Middleware", "Secret", "ServersTransport", "TLSOption"];

/// The option that holds where none is named, and options that no route names.
fn is_named(object: &Object, text: &str) -> bool {
    let name = &object.id.name;
    let told = text.matches(name.as_str()).count();
    NAMED.contains(&object.id.kind.as_str()) && name != "default" && told > 1
}

#[test]
fn what_is_named_and_not_seen_makes_unknown_or_no_difference() {
    let all = fixtures(&Certificates::make().unwrap()).unwrap();
    let mut unknown = 0;
    let mut wrong = Vec::new();
    for fixture in &all {
        let whole: BTreeMap<_, _> = verdicts(judge(fixture)).collect();
        for kind in NAMED {
            let mut left = objects(fixture);
            let of_kind =
                |object: &Object| object.id.kind == kind && is_named(object, &fixture.text);
            if !left.iter().any(of_kind) {
                continue;
            }
            left.retain(|object| !of_kind(object));
            for (host, verdict) in verdicts(report(fixture, &left, Seen::Some)) {
                let known = whole.get(&host).copied();
                match verdict {
                    Verdict::Unknown => unknown += 1,
                    same if Some(same) == known => {}
                    other => wrong.push(format!(
                        "{} without {kind}: {host:?} is {other}, not {known:?}",
                        fixture.name
                    )),
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(
        unknown > 100,
        "only {unknown} answers hang on what is not seen"
    );
}

#[test]
fn where_routes_may_not_be_listed_every_answer_is_unknown() {
    let all = fixtures(&Certificates::make().unwrap()).unwrap();
    for fixture in &all {
        let forbidden = Seen::Forbidden("not allowed".to_owned());
        for (host, verdict) in verdicts(report(fixture, &objects(fixture), forbidden)) {
            assert_eq!(verdict, Verdict::Unknown, "{} {host:?}", fixture.name);
        }
    }
}

fn verdicts(report: Report) -> impl Iterator<Item = (HostKey, Verdict)> {
    let hosts = report.hosts.into_iter();
    hosts.map(|host| (host.host.key, host.verdict))
}

#[test]
fn what_is_settled_otherwise_alone_is_read_the_same() {
    let all = fixtures(&Certificates::make().unwrap()).unwrap();
    let mut tried = BTreeSet::new();
    for fixture in &all {
        let objects = objects(fixture);
        let mut settings = settings(fixture);
        for object in &objects {
            settings.learn(object);
        }
        for object in &objects {
            let Some((dialect, gateway)) = dialect::gateway_of(object, &settings) else {
                continue;
            };
            let read = format!("{:?}", dialect::read(object, &settings));
            let settled = dialect.assumptions.iter().filter(|one| !one.reads);
            for (one, otherwise) in
                settled.flat_map(|one| one.otherwise.iter().map(move |o| (one, o)))
            {
                let mut config = settings.gateway(dialect.id, &gateway.instance);
                otherwise(&mut config);
                let other = settings.instead(&gateway, config);
                let again = format!("{:?}", dialect::read(object, &other));
                assert_eq!(again, read, "{}, {}", fixture.name, one.says);
                tried.insert(one.says);
            }
        }
    }
    assert!(tried.len() > 3, "{tried:?}");
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
