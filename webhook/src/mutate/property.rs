//! Repairs are done once, and never bring what `/validate` would refuse: for every object of the
//! corpus, and for values that nobody would think of.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::sync::LazyLock;

use policy::dialect::by_id;
use policy::{Facts, Object, Seen, Settings, Severity};
use proptest::prelude::*;
use serde_json::{Value, json};
use tests::corpus::{Certificates, fixtures};

use super::repaired as mend;
use crate::review::Review;

/// The object as it is stored; `None`: nothing is to be repaired.
fn mutated(object: &Value) -> Option<Value> {
    let review = json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {
        "uid": "u", "operation": "CREATE", "namespace": "shop", "object": object}});
    let body = review.to_string();
    let patch = mend(
        &Review::read(body.as_bytes()).unwrap(),
        &Settings::default(),
    )
    .patch?;
    let mut mutated = object.clone();
    json_patch::patch(&mut mutated, &patch).expect("a patch that applies");
    Some(mutated)
}

/// Rule and object of every error in a world of objects.
fn errors(world: &[Value]) -> BTreeSet<(&'static str, String)> {
    let read = |value: &Value| Object::from_value(value).ok();
    let objects: Vec<_> = world.iter().filter_map(read).collect();
    let mut facts = Facts::new(Settings::default(), Seen::All);
    for object in &objects {
        facts.settings_mut().learn(object);
    }
    for object in &objects {
        let read = policy::dialect::read(object, &facts.settings);
        facts.insert(read);
    }
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
    let found = policy::report(&facts.view(), i64::try_from(now).unwrap()).findings;
    let errors = found
        .into_iter()
        .filter(|finding| finding.severity == Severity::Error);
    errors
        .map(|finding| (finding.rule, finding.object().to_string()))
        .collect()
}

/// How many objects of a world are repaired, each once and for the better; and how many of them in
/// a world without errors, where a repair that brings one would be seen.
fn repaired(world: &[Value]) -> [usize; 2] {
    let mut after = world.to_vec();
    let mut count = 0;
    for object in &mut after {
        if let Some(better) = mutated(object) {
            assert_eq!(mutated(&better), None, "repaired twice: {object}");
            *object = better;
            count += 1;
        }
    }
    let (before, after) = (errors(world), errors(&after));
    // What a broken reference hid may be wrong too; what passed before passes still.
    assert!(
        before.is_empty() <= after.is_empty(),
        "{after:?} after the repair of {world:?}"
    );
    [count, if before.is_empty() { count } else { 0 }]
}

/// What annotations may refer to.
pub(super) fn referred() -> &'static [Value; 2] {
    static REFERRED: LazyLock<[Value; 2]> = LazyLock::new(|| {
        let ca = Certificates::make().unwrap().fill("{{ca}}".to_owned());
        let secret = json!({"apiVersion": "v1", "kind": "Secret",
            "metadata": {"name": "ca", "namespace": "shop"}, "data": {"ca.crt": ca}});
        let option = json!({"apiVersion": "traefik.io/v1alpha1", "kind": "TLSOption",
            "metadata": {"name": "mtls", "namespace": "shop"}, "spec": {"clientAuth": {
                "secretNames": ["ca"], "clientAuthType": "RequireAndVerifyClientCert"}}});
        [secret, option]
    });
    &REFERRED
}

/// A world of one Ingress and all that it may refer to.
fn around(ingress: Value) -> Vec<Value> {
    let mut world = referred().to_vec();
    world.push(ingress);
    world
}

#[test]
fn every_object_of_the_corpus_is_repaired_once() {
    let all = fixtures(&Certificates::make().unwrap()).unwrap();
    let worlds = all.iter().map(|fixture| {
        let documents = fixture.text.split("---\n");
        let values = documents.map(|text| serde_saphyr::from_str::<Value>(text).unwrap());
        values.collect::<Vec<_>>()
    });
    let counts: Vec<_> = worlds
        .flat_map(|world| disturbed(&world))
        .map(|world| repaired(&world))
        .collect();
    let sum = |which: usize| counts.iter().map(|count| count[which]).sum::<usize>();
    assert!(sum(0) > 100 && sum(1) > 4, "{} and {}", sum(0), sum(1));
}

/// The world as it is, and with each annotation as people spoil it.
fn disturbed(world: &[Value]) -> Vec<Vec<Value>> {
    let mut worlds = vec![world.to_vec()];
    for (at, object) in world.iter().enumerate() {
        let annotations = object["metadata"]["annotations"].as_object();
        for (key, value) in annotations.into_iter().flatten() {
            for spoil in [str::to_uppercase, spaced, bare] {
                let mut world = world.to_vec();
                let value = spoil(value.as_str().unwrap_or_default());
                world[at]["metadata"]["annotations"][key] = value.into();
                worlds.push(world);
            }
        }
    }
    worlds
}

fn spaced(value: &str) -> String {
    format!(" {}\n", value.replace('/', "/ "))
}

fn bare(value: &str) -> String {
    value.rsplit('/').next().unwrap_or_default().to_owned()
}

/// Words of annotations, and what people put around them.
pub(super) fn text() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        Just("shop"),
        Just("ca"),
        Just("/"),
        Just("on"),
        Just("On"),
        Just("off"),
        Just("true"),
        Just(" "),
        Just("\t"),
        Just("\n"),
        Just("optional"),
        Just("@kubernetescrd"),
        Just("-"),
        Just("mtls"),
        Just("ä"),
        Just("~1"),
        Just("\u{a0}"),
        Just(""),
        Just("yes"),
        Just("%"),
    ];
    prop::collection::vec(word, 0..6).prop_map(|words| words.concat())
}

pub(super) fn ingress(class: &str, annotations: Vec<(String, String)>) -> Value {
    let annotations: serde_json::Map<_, _> = annotations
        .into_iter()
        .map(|(key, value)| (key, value.into()))
        .collect();
    json!({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
        "metadata": {"name": "a", "namespace": "shop", "annotations": annotations},
        "spec": {"ingressClassName": class, "tls": [{"hosts": ["a.example"]}],
            "rules": [{"host": "a.example", "http": {"paths": [{"path": "/", "pathType": "Prefix",
                "backend": {"service": {"name": "a", "port": {"number": 80}}}}]}}]}})
}

#[test]
fn what_is_right_but_for_its_spelling_is_right_afterwards() {
    let prefix = by_id("ingress-nginx").unwrap().client_auth_prefix;
    let mut clean = 0;
    for secret in ["shop/ca", "ca", " shop/ca", "shop/ ca"] {
        for verify in ["on", "On", "ON", "true", " on", "yes", "optional"] {
            let keys = [("secret", secret), ("verify-client", verify)];
            let keys = keys.map(|(name, value)| (format!("{prefix}{name}"), value.to_owned()));
            let world = around(ingress("nginx", keys.to_vec()));
            let [_, count] = repaired(&world);
            clean += count;
            let mut after = world.clone();
            if let Some(better) = mutated(&world[2]) {
                after[2] = better;
            }
            assert_eq!(errors(&after), BTreeSet::new(), "{secret:?} {verify:?}");
        }
    }
    assert!(clean > 3, "{clean}");
}

proptest! {
    #[test]
    fn any_annotations_of_nginx_are_repaired_once(values in prop::collection::vec(text(), 5)) {
        let names = ["secret", "verify-client", "verify-depth", "match-cn", "pass-certificate-to-upstream"];
        let prefix = by_id("ingress-nginx").unwrap().client_auth_prefix;
        let keys = names.map(|name| format!("{prefix}{name}"));
        repaired(&around(ingress("nginx", keys.into_iter().zip(values).collect())));
    }

    #[test]
    fn any_annotations_of_traefik_are_repaired_once(values in prop::collection::vec(text(), 3)) {
        let dialect = by_id("traefik").unwrap();
        let option = dialect.client_auth_prefix;
        let (switch, _) = option.rsplit_once('.').unwrap();
        let keys = [option.to_owned(), switch.to_owned(), format!("{}router.entrypoints", dialect.prefix)];
        repaired(&around(ingress("traefik", keys.into_iter().zip(values).collect())));
    }
}
