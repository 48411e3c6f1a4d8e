#![allow(clippy::unwrap_used)]
use std::time::Duration;

use policy::client_auth_policy;
use policy::dialect::{self, CLASSES, Kind};
use serde_json::json;

use crate::fake::{Cluster, object};
use crate::state::State;

/// Every kind that is watched.
fn kinds() -> Vec<Kind> {
    let kinds = dialect::kinds().into_iter();
    kinds
        .chain(CLASSES)
        .chain(client_auth_policy::KINDS)
        .collect()
}

/// An object that says something, whatever its kind.
fn good(kind: &Kind, name: &str) -> String {
    object(
        kind,
        name,
        &json!({"controller": "x", "controllerName": "x"}),
    )
}

/// One that is nested deeper than anybody reads, as the API server stores it.
fn deep(kind: &Kind, name: &str) -> String {
    let deep = format!("{}1{}", "[".repeat(200), "]".repeat(200));
    good(kind, name).replace(r#""spec":{"#, &format!(r#""spec":{{"deep":{deep},"#))
}

/// The names of what the index knows.
fn known(state: &State) -> Vec<String> {
    let facts = state.facts();
    let objects = facts.objects().map(|facts| facts.object.name.clone());
    let settings = &facts.settings;
    let classes = settings
        .classes
        .keys()
        .chain(settings.gateway_classes.keys());
    let mut known: Vec<_> = objects.chain(classes.cloned()).collect();
    // Policies, exceptions and namespaces are all kept by name.
    let policies = format!("{:?}", facts.policies);
    let names = ["bad", "good", "later", "other"].into_iter();
    let names = names.filter(|name| policies.contains(&format!("{name:?}")));
    known.extend(names.map(str::to_owned));
    known.sort();
    known
}

/// Waits until the index knows these and no others.
async fn knows(state: &State, kind: &Kind, names: &[&str]) {
    for _ in 0..1000 {
        if state.waiting().is_empty() && known(state) == names {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!(
        "{} of {names:?}: {:?}, waits for {:?}",
        kind.plural,
        known(state),
        state.waiting()
    );
}

#[tokio::test(start_paused = true)]
async fn one_that_cannot_be_read_hides_no_other() {
    for kind in kinds() {
        let cluster = Cluster::default();
        cluster.put(&kind, "bad", &deep(&kind, "bad"));
        cluster.put(&kind, "good", &good(&kind, "good"));
        let state = cluster.webhook(&[]);
        super::spawn(&state);
        knows(&state, &kind, &["good"]).await;
        cluster.put(&kind, "other", &deep(&kind, "other"));
        cluster.put(&kind, "later", &good(&kind, "later"));
        knows(&state, &kind, &["good", "later"]).await;
        let gauge = |count| {
            format!(
                "mtls_webhook_unreadable_objects{{kind=\"{}\"}} {count}\n",
                kind.kind
            )
        };
        assert!(
            state.metrics.text(0).contains(&gauge(2)),
            "{}",
            state.metrics.text(0)
        );
        cluster.put(&kind, "other", &good(&kind, "other"));
        cluster.delete(&kind, "bad");
        knows(&state, &kind, &["good", "later", "other"]).await;
        assert!(state.metrics.text(0).contains(&gauge(0)), "{}", kind.plural);
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_gone_is_forgotten() {
    for kind in kinds() {
        let cluster = Cluster::default();
        for name in ["good", "later", "other"] {
            cluster.put(&kind, name, &good(&kind, name));
        }
        cluster.put(&kind, "bad", &deep(&kind, "bad"));
        let state = cluster.webhook(&[]);
        super::spawn(&state);
        knows(&state, &kind, &["good", "later", "other"]).await;
        cluster.delete(&kind, "later");
        knows(&state, &kind, &["good", "other"]).await;
        // These two go while nobody watches.
        cluster.lose(&kind, "other");
        cluster.lose(&kind, "bad");
        cluster.forget_watches();
        knows(&state, &kind, &["good"]).await;
        let gauge = format!(
            "mtls_webhook_unreadable_objects{{kind=\"{}\"}} 0\n",
            kind.kind
        );
        assert!(state.metrics.text(0).contains(&gauge), "{}", kind.plural);
        cluster.lose(&kind, "good");
        cluster.forget_watches();
        knows(&state, &kind, &[]).await;
    }
}

/// Classes of both kinds come at the same time, on threads of their own.
#[tokio::test]
async fn two_who_tell_of_classes_lose_nothing() {
    const MANY: usize = 200;
    let state = Cluster::default().webhook(&[]);
    std::thread::scope(|scope| {
        for kind in CLASSES {
            let state = &state;
            scope.spawn(move || {
                for number in 0..MANY {
                    let text = good(&kind, &format!("{}-{number}", kind.plural));
                    let object = policy::Object::from_json(&text).unwrap();
                    assert!(state.tell(|settings| settings.learn(&object)));
                }
            });
        }
    });
    let settings = state.settings();
    let known = settings.classes.len() + settings.gateway_classes.len();
    assert_eq!(known, MANY * CLASSES.len());
}
