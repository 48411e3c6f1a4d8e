//! A demand that an edit takes away, while the host goes on being served.

use std::time::Duration;

use anyhow::ensure;
use serde_json::{Value, json};
use tests::cluster::Output;
use tests::wait_until;
use tests::webhook::Webhook;

use super::kinds::{apisix_route, apisix_tls, asking, gateway, tcp_route};
use super::{Way, ingress, named, passed, route, until, version};
use crate::{applied, cluster, must, namespace, refused, with_default, without_default};

const REASON: &str = "client-auth-off: nothing asks for client certificates any more";

/// An object whose host is shut by one of its fields, and what serves that host beside it.
struct Shut {
    beside: Vec<Value>,
    object: Value,
    field: &'static str,
}

fn all(ns: &str) -> Vec<Shut> {
    let shut = |beside, object, field| Shut {
        beside,
        object,
        field,
    };
    let group = "traefik.io";
    let mut over_tls = ingress(ns, "i", &format!("{ns}/partners-trust"));
    over_tls["metadata"]["annotations"]["nginx.ingress.kubernetes.io/force-ssl-redirect"] =
        "true".into();
    vec![
        shut(
            Vec::new(),
            over_tls,
            "/metadata/annotations/nginx.ingress.kubernetes.io~1auth-tls-secret",
        ),
        shut(
            vec![route(group, ns, "o", "mine")],
            asking(ns, "mine"),
            "/spec/clientAuth",
        ),
        shut(
            vec![asking(ns, "shared")],
            route(group, ns, "r", "shared"),
            "/spec/tls/options",
        ),
        shut(
            Vec::new(),
            tcp_route(ns, "t", "shared"),
            "/spec/tls/options",
        ),
        shut(
            vec![apisix_route(ns, "x")],
            apisix_tls(ns, "x", "partners-trust"),
            "/spec/client",
        ),
        shut(Vec::new(), gateway(ns, "g", "partners-trust"), "/spec/tls"),
    ]
}

impl Shut {
    /// The object without the field.
    fn open(&self) -> Value {
        let mut object = self.object.clone();
        let remove = json!([{"op": "remove", "path": self.field}]);
        let remove: json_patch::Patch = serde_json::from_value(remove).unwrap();
        json_patch::patch(&mut object, &remove).unwrap();
        object
    }

    /// Every way to write that.
    fn opened(&self, dry: bool) -> Vec<Output> {
        let open = self.open();
        let remove = json!([{"op": "remove", "path": self.field}]);
        let names = self.field.rsplit('/').filter(|name| !name.is_empty());
        let merge = names.fold(
            Value::Null,
            |inner, name| json!({name.replace("~1", "/"): inner}),
        );
        let patch = |kind: &str, body: &Value| {
            let [name, flag, ns] = named(&open);
            let body = body.to_string();
            let args = ["patch", &name, &flag, &ns, "--type", kind, "-p", &body];
            let dry: &[&str] = if dry { &["--dry-run=server"] } else { &[] };
            cluster().kubectl(&[&args, dry].concat()).unwrap()
        };
        vec![
            Way::Replace.write(&open, dry).unwrap(),
            Way::Apply.write(&open, dry).unwrap(),
            patch("json", &remove),
            patch("merge", &merge),
        ]
    }
}

#[test]
fn no_way_of_writing_takes_a_demand_away() {
    let _quiet = without_default();
    let ns = "matrix-gone";
    namespace(ns);
    must(&["create", "ca", "partners", "-n", ns]);
    let all = all(ns);
    for shut in &all {
        applied(&shut.object.to_string());
        let beside = shut.beside.iter();
        beside.for_each(|object| drop(applied(&object.to_string())));
    }
    let _webhook = Webhook::start(cluster(), ns, &[]).unwrap();
    for shut in &all {
        until(REASON, || Way::Replace.write(&shut.open(), true));
        let before = version(&shut.object);
        for dry in [true, false] {
            for output in shut.opened(dry) {
                refused(&output, REASON);
            }
        }
        assert_eq!(version(&shut.object), before);
    }
    // The gateway of another class does not know the annotation.
    let mut moved = all[0].object.clone();
    moved["spec"]["ingressClassName"] = "traefik".into();
    for way in [Way::Replace, Way::Apply] {
        refused(&way.write(&moved, true).unwrap(), REASON);
    }
    // A policy may have it otherwise.
    let policy = Policy(ns);
    applied(&policy.object().to_string());
    for shut in &all {
        wait_until("a warning", Duration::from_secs(20), || {
            let said = Way::Replace.write(&shut.open(), true)?;
            let warned = said.stderr.contains(&format!("Warning: {REASON}"));
            ensure!(said.success && warned, "{}", said.all());
            Ok(())
        })
        .unwrap();
    }
    // Whoever takes everything away is hindered by nobody.
    for shut in &all {
        for object in shut.beside.iter().chain([&shut.object]) {
            if object["kind"] != "TLSOption" {
                deleted(object);
            }
        }
    }
    for object in [asking(ns, "mine"), asking(ns, "shared")] {
        deleted(&object);
    }
}

fn deleted(object: &Value) {
    let [name, flag, ns] = named(object);
    passed(&cluster().kubectl(&["delete", &name, &flag, &ns]).unwrap());
}

/// A policy that only warns where a demand goes; it goes with the test.
struct Policy(&'static str);

impl Policy {
    fn object(&self) -> Value {
        let rules = json!([{"rule": "client-auth-off", "action": "Warn"}]);
        let labels = json!({"matchLabels": {"webhook": self.0}});
        json!({"apiVersion": "kubectl-mtls.github.io/v1alpha1", "kind": "ClientAuthPolicy",
            "metadata": {"name": self.0}, "spec": {"match": {"namespaceSelector": labels},
                "demand": "required", "action": "Warn", "rules": rules}})
    }
}

impl Drop for Policy {
    fn drop(&mut self) {
        let delete = ["delete", "clientauthpolicy", self.0, "--ignore-not-found"];
        let _ = cluster().kubectl(&delete);
    }
}

/// A TLSOption `default`, which holds for hosts of other tests too: it goes when nobody stands against
/// it any more.
struct Default<'a>(&'a Value);

impl Drop for Default<'_> {
    fn drop(&mut self) {
        let [name, flag, ns] = named(self.0);
        let delete = ["delete", &name, &flag, &ns, "--ignore-not-found"];
        let _ = wait_until("its deletion", Duration::from_secs(20), || {
            let said = cluster().kubectl(&delete)?;
            ensure!(said.success, "{}", said.all());
            Ok(())
        });
    }
}

/// The API server asks for each object of a collection, so that the last one that shuts a host stays.
#[test]
fn a_collection_of_options_that_shuts_a_host_stays() {
    let _alone = with_default();
    let ns = "matrix-collection";
    namespace(ns);
    must(&["create", "ca", "partners", "-n", ns]);
    let (default, mut by_default) = (asking(ns, "default"), route("traefik.io", ns, "r", ""));
    let _goes = Default(&default);
    let _webhook = Webhook::start(cluster(), ns, &[]).unwrap();
    by_default["spec"]["tls"] = json!({});
    applied(&default.to_string());
    applied(&by_default.to_string());
    let path = format!("/apis/traefik.io/v1alpha1/namespaces/{ns}/tlsoptions");
    let collection = || cluster().kubectl(&["delete", "--raw", &path]);
    let [name, flag, of] = named(&default);
    let dry = ["delete", &name, &flag, &of, "--dry-run=server"];
    until("client-auth-off", || cluster().kubectl(&dry));
    refused(&collection().unwrap(), "client-auth-off");
    assert!(version(&default).is_some());
}
