//! Two Ingresses race for one host.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use tests::wait_until;
use tests::webhook::Webhook;

use super::{Way, ingress, option, required, rule, until, version};
use crate::requests::create_at_once;
use crate::{applied, cluster, mtls, must, namespace, refused};

const OPTION: &str = "traefik.ingress.kubernetes.io/router.tls.options";
const ENTRY: &str = "traefik.ingress.kubernetes.io/router.entrypoints";
const ROUNDS: usize = 6;

/// What is guaranteed: an admission sees what the webhook has seen by then, so that of two in a row
/// the second is refused. Of two at once both may be admitted, because neither is there when the
/// other is judged; one of them always is. Whatever the order, what is there in the end is judged
/// as it is by whoever looks next: `lint`, `get hosts`, the audit.
#[test]
fn of_two_ingresses_for_one_host_the_final_state_is_judged() {
    let _quiet = crate::without_default();
    let ns = "matrix-race";
    namespace(ns);
    must(&["create", "ca", "partners", "-n", ns]);
    let _webhook = Webhook::start(cluster(), ns, &[]).unwrap();
    for name in ["one", "two"] {
        applied(&option("traefik.io", ns, name, &required()).to_string());
    }
    until("option-conflict", || {
        applied(&rivals(ns, ROUNDS)[0].to_string());
        Way::Create.write(&rivals(ns, ROUNDS)[1], true)
    });
    refused(
        &Way::Create.write(&rivals(ns, ROUNDS)[1], false).unwrap(),
        "option-conflict",
    );
    let mut ends = BTreeSet::new();
    for round in 0..ROUNDS {
        let pair = rivals(ns, round);
        let answers = create_at_once(cluster(), &pair).unwrap();
        let there: Vec<_> = pair
            .iter()
            .map(|object| version(object).is_some())
            .collect();
        for (answer, there) in answers.iter().zip(&there) {
            assert_eq!(answer.refused, !*there, "{answer:?}");
            assert!(
                !answer.refused || answer.says.contains("option-conflict"),
                "{answer:?}"
            );
        }
        let admitted = there.iter().filter(|there| **there).count();
        assert!(admitted > 0, "{answers:?}");
        ends.insert(admitted);
        wait_until("a verdict", Duration::from_secs(10), || {
            judged(ns, round, admitted)
        })
        .unwrap();
    }
    tests::say(&format!("race: {ends:?} of 2 admitted"));
}

/// Each is fine alone; together they ask for different options on one host, and Traefik falls back
/// to the default option, which asks nobody.
fn rivals(ns: &str, round: usize) -> [Value; 2] {
    let host = format!("h{round}.{ns}.example.com");
    ["one", "two"].map(|option| {
        let mut object = ingress(ns, &format!("h{round}-{option}"), "");
        object["metadata"]["annotations"] = json!({
            OPTION: format!("{ns}-{option}@kubernetescrd"), ENTRY: "websecure"});
        object["spec"] = json!({"ingressClassName": "traefik", "tls": [{"hosts": [host]}],
            "rules": [rule(&host)]});
        if option == "two" {
            object["spec"]["rules"][0]["http"]["paths"][0]["path"] = "/two".into();
        }
        object
    })
}

/// The final state, as `get hosts` and `lint` see it.
fn judged(ns: &str, round: usize, admitted: usize) -> anyhow::Result<()> {
    let host = format!("h{round}.{ns}.example.com");
    let hosts = mtls(&["get", "hosts", "-n", ns]).all();
    let mut lines = hosts.lines();
    let line = lines
        .find(|line| line.starts_with(&host))
        .context("no such host")?;
    let lint = mtls(&["lint", "-n", ns]).all();
    let told = lint.contains(&format!("h{round}-"));
    match admitted {
        1 => ensure!(line.contains("enforced") && !told, "{line}\n{lint}"),
        _ => ensure!(!line.contains("enforced") && told, "{line}\n{lint}"),
    }
    Ok(())
}
