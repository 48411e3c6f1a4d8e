//! Objects near the limits of the API server: 256 KiB of annotations, 1.5 MiB in all.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tests::webhook::Webhook;

use super::{Way, ingress, option, passed, required, route, rule, version};
use crate::{applied, cluster, must, namespace, refused};

const SIZE: usize = 1_400_000;
/// Of a path or a name, so that it is some thousand hosts.
const LONG: usize = 400;

/// Rules until the object is of the size.
fn filled(ns: &str, secret: &str) -> Value {
    let mut object = ingress(ns, "a", secret);
    object["metadata"]["annotations"]["note"] = "n".repeat(250 * 1024).into();
    let long = |at: usize| {
        let mut rule = rule(&format!("h{at:04}.{ns}.example.com"));
        rule["http"]["paths"][0]["path"] = format!("/{}", "p".repeat(LONG)).into();
        rule
    };
    let one = long(0);
    let left = SIZE - object.to_string().len();
    let rules = (0..left / (one.to_string().len() + 1)).map(long);
    object["spec"]["rules"] = rules.collect();
    object
}

fn filled_route(ns: &str, option: &str) -> Value {
    let mut object = route("traefik.io", ns, "r", option);
    let mut one = object["spec"]["routes"][0].clone();
    one["services"][0]["name"] = "s".repeat(LONG).into();
    let routes = (0..SIZE / (one.to_string().len() + 5)).map(|at| {
        let mut route = one.clone();
        route["match"] = format!("Host(`h{at:04}.{ns}.example.com`)").into();
        route
    });
    object["spec"]["routes"] = routes.collect();
    object
}

#[test]
fn objects_of_1_4_mib_are_judged_in_time() {
    let ns = "matrix-size";
    namespace(ns);
    must(&["create", "ca", "partners", "-n", ns]);
    let _webhook = Webhook::start(cluster(), ns, &[]).unwrap();
    applied(&option("traefik.io", ns, "mtls", &required()).to_string());
    let trust = format!("{ns}/partners-trust");
    let pairs = [
        (
            filled(ns, &trust),
            filled(ns, &format!("{ns}/none")),
            "missing-ca",
        ),
        (
            filled_route(ns, "mtls"),
            filled_route(ns, "none"),
            "unresolved-option",
        ),
    ];
    for (good, bad, rule) in pairs {
        let began = Instant::now();
        let said = refused(&Way::Create.write(&bad, false).unwrap(), rule);
        assert!(said.contains("more hosts"), "{said}");
        assert!(said.len() < 16 * 1024, "{} bytes", said.len());
        let bad_took = began.elapsed();
        passed(&Way::Create.write(&good, false).unwrap());
        tests::say(&format!(
            "{}: {} bytes, refused in {bad_took:?}, admitted in {:?}",
            good["kind"],
            good.to_string().len(),
            began.elapsed() - bad_took
        ));
        // An unrelated edit, and the deletion.
        let mut edited = good.clone();
        edited["metadata"]["labels"] = json!({"x": "y"});
        let before = version(&good);
        passed(&Way::Replace.write(&edited, false).unwrap());
        assert_ne!(version(&good), before);
        let [name, flag, of] = super::named(&good);
        passed(&cluster().kubectl(&["delete", &name, &flag, &of]).unwrap());
        assert!(began.elapsed() < Duration::from_secs(60));
    }
}
