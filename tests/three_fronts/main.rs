//! One corpus, three fronts: every fixture as files, as a cluster, and as admissions in dependency
//! order yields the same rules; and the verdicts that it says.
#![allow(clippy::unwrap_used)]

mod nginx;
mod real;
mod rows;
mod seen;
mod upstream;

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::Value;
use tests::cluster::{Running, run};
use tests::corpus::{Certificates, Fixture, fixtures};
use tests::traefik::binary;
use tests::webhook::Webhook;
use tests::{Cluster, say};

type Words = BTreeSet<String>;

/// Runs the command with JSON output; exit code 1 means findings.
fn json(args: &[&str], kubeconfig: Option<&Cluster>) -> Value {
    let mut command = Command::new(binary("kubectl-mtls").unwrap());
    command.args(args).args(["-o", "json"]);
    if let Some(cluster) = kubeconfig {
        command.env("KUBECONFIG", &cluster.kubeconfig);
    }
    let output = run(&mut command, "").unwrap();
    assert!(output.code <= 1, "{}", output.all());
    serde_json::from_str(&output.stdout).unwrap()
}

fn rules(lint: &Value) -> Words {
    let items = lint["items"].as_array().unwrap().iter();
    items
        .map(|item| item["rule"].as_str().unwrap().to_owned())
        .collect()
}

fn verdicts(hosts: &Value) -> Words {
    let text = |item: &Value, key: &str| item[key].as_str().unwrap().to_owned();
    let items = hosts["items"].as_array().unwrap().iter();
    items
        .map(|item| format!("{}={}", text(item, "host"), text(item, "verdict")))
        .collect()
}

#[test]
fn as_files() {
    let folder = tempfile::tempdir().unwrap();
    let fixtures = fixtures(&Certificates::make().unwrap()).unwrap();
    let (mut hosts, mut unknown) = (0, 0);
    for fixture in &fixtures {
        let path = folder.path().join("fixture.yaml");
        std::fs::write(&path, &fixture.text).unwrap();
        let path = path.display().to_string();
        let config = fixture.told(folder.path()).unwrap();
        let source = ["--complete", "--config", &config, "-f", &path];
        let found = verdicts(&json(&[&["get", "hosts"], &source[..]].concat(), None));
        assert_eq!(found, fixture.verdicts, "verdicts of {}", fixture.name);
        hosts += found.len();
        unknown += found
            .iter()
            .filter(|verdict| verdict.ends_with("=unknown"))
            .count();
        let found = rules(&json(&[&["lint"], &source[..]].concat(), None));
        assert_eq!(found, fixture.rules, "rules of {}", fixture.name);
    }
    say(&format!(
        "corpus: {} fixtures, {hosts} hosts, {unknown} of them unknown",
        fixtures.len()
    ));
}

#[test]
fn every_rule_has_a_fixture_and_every_verdict_too() {
    let fixtures = fixtures(&Certificates::make().unwrap()).unwrap();
    let found: Words = fixtures
        .iter()
        .flat_map(|fixture| fixture.rules.clone())
        .collect();
    let known: Words = policy::rule::RULES
        .iter()
        .map(|rule| rule.id.to_owned())
        .collect();
    assert_eq!(found, known);
    let ends: Words = fixtures
        .iter()
        .flat_map(|fixture| &fixture.verdicts)
        .filter_map(|verdict| Some(verdict.split_once('=')?.1.to_owned()))
        .collect();
    assert_eq!(ends.len(), 6, "{ends:?}");
}

#[test]
fn as_a_cluster_and_as_admissions() {
    let running = Running::start().unwrap();
    let cluster = &running.cluster;
    let namespace =
        "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: shop\n  labels: {webhook: corpus}\n";
    assert!(cluster.apply(namespace).unwrap().success);
    let warn: Vec<_> = policy::rule::RULES.iter().map(|rule| rule.id).collect();
    // Repairs would mend what the fixtures show.
    let args = [
        "--no-repair".to_owned(),
        format!("--warn={}", warn.join(",")),
    ];
    let args: Vec<_> = args.iter().map(String::as_str).collect();
    let _webhook = Webhook::start(cluster, "corpus", &args).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let all = fixtures(&Certificates::make().unwrap()).unwrap();
    for fixture in all.iter().filter(|fixture| !fixture.files_only) {
        let warned = admitted(cluster, fixture);
        // One webhook serves all fixtures: it is told what holds without a configuration.
        if fixture.config.is_none() {
            assert_eq!(warned, fixture.rules, "admissions of {}", fixture.name);
        }
        let config = fixture.told(folder.path()).unwrap();
        let source = ["-A", "--config", &config];
        let found = verdicts(&json(
            &[&["get", "hosts"], &source[..]].concat(),
            Some(cluster),
        ));
        assert_eq!(
            found, fixture.verdicts,
            "verdicts in the cluster of {}",
            fixture.name
        );
        let found = rules(&json(&[&["lint"], &source[..]].concat(), Some(cluster)));
        assert_eq!(
            found, fixture.rules,
            "rules in the cluster of {}",
            fixture.name
        );
        let gone = cluster
            .kubectl_with(&["delete", "-f", "-"], &fixture.text)
            .unwrap();
        assert!(gone.success, "{}: {}", fixture.name, gone.all());
    }
}

/// The rules that the webhook warns of while the objects come one after the other.
fn admitted(cluster: &Cluster, fixture: &Fixture) -> Words {
    let mut found = Words::new();
    for object in fixture.text.split("---\n") {
        let output = cluster.apply(object).unwrap();
        assert!(output.success, "{}: {}", fixture.name, output.all());
        let warnings = output
            .stderr
            .lines()
            .filter_map(|line| line.strip_prefix("Warning: "));
        // That a host cannot be judged is a warning without a rule.
        let rules = warnings.filter_map(|line| line.split_once(": "));
        let rules = rules.filter(|(rule, _)| *rule != "not judged");
        found.extend(rules.map(|(rule, _)| rule.to_owned()));
    }
    found
}
