//! Two Ingresses race for one host.

use std::collections::BTreeSet;
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use tests::wait_until;
use tests::webhook::Webhook;

use super::{Way, ingress, option, required, rule, until, version};
use crate::{applied, cluster, mtls, must, namespace, refused};

const OPTION: &str = "traefik.ingress.kubernetes.io/router.tls.options";
const ENTRY: &str = "traefik.ingress.kubernetes.io/router.entrypoints";
const ROUNDS: usize = 6;

/// What is guaranteed: an admission sees what the webhook has seen by then. Of two at once both may
/// be admitted, because neither is there when the other is judged. Whatever the order, what is
/// there in the end is judged by `lint` and by the audit as it is, and the next change that would
/// open the host is refused.
#[test]
fn of_two_ingresses_for_one_host_the_final_state_is_judged() {
    let ns = "matrix-race";
    namespace(ns);
    must(&["create", "ca", "partners", "-n", ns]);
    let _webhook = Webhook::start(cluster(), ns, &[]).unwrap();
    for name in ["one", "two", "three"] {
        applied(&option("traefik.io", ns, name, &required()).to_string());
    }
    until("option-conflict", || {
        applied(&rivals(ns, ROUNDS)[0].to_string());
        Way::Create.write(&rivals(ns, ROUNDS)[1], true)
    });
    let mut ends = BTreeSet::new();
    for round in 0..ROUNDS {
        let pair = rivals(ns, round);
        let writes: Vec<_> = pair
            .iter()
            .cloned()
            .map(|object| thread::spawn(move || Way::Create.write(&object, false).unwrap()))
            .collect();
        let outputs: Vec<_> = writes
            .into_iter()
            .map(|write| write.join().unwrap())
            .collect();
        let there: Vec<_> = pair
            .iter()
            .map(|object| version(object).is_some())
            .collect();
        for (output, there) in outputs.iter().zip(&there) {
            assert_eq!(output.success, *there, "{}", output.all());
            assert!(
                output.success || output.stderr.contains("denied the request"),
                "{}",
                output.all()
            );
        }
        let admitted = there.iter().filter(|there| **there).count();
        assert!(admitted > 0, "{outputs:?}");
        ends.insert(admitted);
        if admitted == 1 {
            until("option-conflict", || {
                Way::Create.write(&third(ns, round), true)
            });
            refused(
                &Way::Create.write(&third(ns, round), false).unwrap(),
                "option-conflict",
            );
        }
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

/// Whoever comes later meets the state as it is.
fn third(ns: &str, round: usize) -> Value {
    let [_, mut object] = rivals(ns, round);
    object["metadata"]["name"] = format!("h{round}-three").into();
    object["metadata"]["annotations"][OPTION] = format!("{ns}-three@kubernetescrd").into();
    object
}
