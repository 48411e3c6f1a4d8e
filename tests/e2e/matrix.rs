//! The admission matrix: every way of writing, for good and bad objects, through the API server.

mod gone;
mod hindered;
mod kinds;
mod race;
mod size;
mod ways;

use std::time::Duration;

use anyhow::ensure;
use serde_json::{Value, json};
use tests::cluster::Output;
use tests::wait_until;
use tests::webhook::Webhook;

use crate::{applied, cluster, must, namespace, refused};
use ways::{WAYS, Way};

const SECRET: &str = "nginx.ingress.kubernetes.io/auth-tls-secret";

/// An Ingress that asks for certificates of a CA.
fn ingress(ns: &str, name: &str, secret: &str) -> Value {
    let host = format!("{name}.{ns}.example.com");
    json!({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
        "metadata": {"name": name, "namespace": ns, "annotations": {SECRET: secret}},
        "spec": {"ingressClassName": "nginx", "tls": [{"hosts": [host]}], "rules": [rule(&host)]}})
}

fn rule(host: &str) -> Value {
    json!({"host": host, "http": {"paths": [{"path": "/", "pathType": "Prefix",
        "backend": {"service": {"name": "a", "port": {"number": 80}}}}]}})
}

fn option(group: &str, ns: &str, name: &str, client_auth: &Value) -> Value {
    json!({"apiVersion": format!("{group}/v1alpha1"), "kind": "TLSOption",
        "metadata": {"name": name, "namespace": ns}, "spec": {"clientAuth": client_auth}})
}

fn required() -> Value {
    json!({"secretNames": ["partners-trust"], "clientAuthType": "RequireAndVerifyClientCert"})
}

fn route(group: &str, ns: &str, name: &str, option: &str) -> Value {
    json!({"apiVersion": format!("{group}/v1alpha1"), "kind": "IngressRoute",
        "metadata": {"name": name, "namespace": ns},
        "spec": {"entryPoints": ["websecure"], "tls": {"options": {"name": option}},
            "routes": [{"kind": "Rule", "match": format!("Host(`{name}.{ns}.example.com`)"),
                "services": [{"name": "a", "port": 80}]}]}})
}

/// `resource/name -n namespace`, as kubectl takes it.
fn named(object: &Value) -> [String; 3] {
    let text = |pointer: &str| {
        object
            .pointer(pointer)
            .unwrap()
            .as_str()
            .unwrap()
            .to_owned()
    };
    let (group, _) = object["apiVersion"]
        .as_str()
        .unwrap()
        .split_once('/')
        .unwrap();
    let plural = format!("{}.{group}", text("/kind").to_lowercase());
    [
        format!("{plural}/{}", text("/metadata/name")),
        "-n".to_owned(),
        text("/metadata/namespace"),
    ]
}

/// The version that is stored; `None`: there is none.
fn version(object: &Value) -> Option<String> {
    let [name, flag, ns] = named(object);
    let output = cluster()
        .kubectl(&[
            "get",
            &name,
            &flag,
            &ns,
            "-o",
            "jsonpath={.metadata.resourceVersion}",
        ])
        .unwrap();
    output.success.then_some(output.stdout)
}

fn passed(output: &Output) {
    assert!(output.success, "{}", output.all());
}

/// Until the webhook knows what the answer rests on.
fn until(words: &str, ask: impl Fn() -> anyhow::Result<Output>) {
    wait_until(words, Duration::from_secs(10), || {
        let said = ask()?.all();
        ensure!(said.contains(words), "{said}");
        Ok(())
    })
    .unwrap();
}

/// One kind of object: as it should be, as it must not become, and why.
struct Case {
    good: Value,
    bad: Value,
    rule: &'static str,
}

fn cases(ns: &str) -> Vec<Case> {
    let mut bad_ingress = ingress(ns, "a", &format!("{ns}/none"));
    bad_ingress["metadata"]["labels"] = json!({"changed": "too"});
    let mut cases = vec![
        Case {
            good: ingress(ns, "a", &format!("{ns}/partners-trust")),
            bad: bad_ingress,
            rule: "missing-ca",
        },
        Case {
            good: option("traefik.io", ns, "mtls", &required()),
            bad: option(
                "traefik.io",
                ns,
                "mtls",
                &json!({"clientAuthType": "NoClientCert"}),
            ),
            rule: "client-auth-off",
        },
        Case {
            good: route("traefik.io", ns, "r", "mtls"),
            bad: route("traefik.io", ns, "r", "none"),
            rule: "unresolved-option",
        },
    ];
    cases.extend(kinds::cases(ns));
    cases
}

#[test]
fn every_way_of_writing_is_judged() {
    let ns = "matrix";
    namespace(ns);
    must(&["create", "ca", "partners", "-n", ns]);
    let _webhook = Webhook::start(cluster(), ns, &[]).unwrap();
    for case in cases(ns) {
        created(&case);
        // An option is judged by the routes that use it.
        if case.good["kind"] == "IngressRoute" {
            let weaker = option(
                "traefik.io",
                ns,
                "mtls",
                &json!({"clientAuthType": "NoClientCert"}),
            );
            until("client-auth-off", || Way::Replace.write(&weaker, true));
        }
    }
    for case in cases(ns) {
        let mut stored = version(&case.good);
        for way in WAYS.iter().filter(|way| way.takes(&case.good)) {
            stored = written(&case, *way, stored);
        }
    }
}

/// A dry run says the same and leaves nothing.
fn created(case: &Case) {
    if case.bad["kind"] != "TLSOption" {
        for dry in [true, false] {
            refused(&Way::Create.write(&case.bad, dry).unwrap(), case.rule);
        }
    }
    assert_eq!(version(&case.bad), None);
    passed(&Way::Create.write(&case.good, true).unwrap());
    assert_eq!(version(&case.good), None);
    passed(&Way::Create.write(&case.good, false).unwrap());
}

/// Bad is refused, good is stored, and dry runs change nothing; returns the version that is stored.
fn written(case: &Case, way: Way, before: Option<String>) -> Option<String> {
    for dry in [true, false] {
        refused(&way.write(&case.bad, dry).unwrap(), case.rule);
    }
    let mut good = case.good.clone();
    good["metadata"]["labels"] = json!({"written-by": format!("{way:?}")});
    passed(&way.write(&good, true).unwrap());
    assert_eq!(version(&case.good), before, "{way:?}");
    passed(&way.write(&good, false).unwrap());
    let after = version(&case.good);
    assert_ne!(after, before, "{way:?}");
    after
}

/// Bad before the webhook came: every edit that leaves the sin alone passes, in both API groups,
/// and so does the status.
#[test]
fn old_sins_hinder_no_edit_in_any_way() {
    let ns = "matrix-old";
    namespace(ns);
    let (new, old) = ("traefik.io", "traefik.containo.us");
    let off = json!({"clientAuthType": "NoClientCert"});
    let bad = [
        ingress(ns, "a", "a/b/c"),
        option(new, ns, "off", &off),
        route(new, ns, "r", "none"),
        option(old, ns, "old", &required()),
        route(old, ns, "old", "old"),
    ];
    bad.iter().for_each(|object| {
        applied(&object.to_string());
    });
    let _webhook = Webhook::start(cluster(), ns, &[]).unwrap();
    for object in &bad {
        for way in WAYS.iter().filter(|way| way.takes(object)) {
            let mut edited = object.clone();
            edited["metadata"]["labels"] = json!({"written-by": format!("{way:?}")});
            passed(&way.write(&edited, false).unwrap());
        }
    }
    let status = r#"{"status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}}"#;
    let patch = [
        "patch",
        "ingress",
        "a",
        "-n",
        ns,
        "--subresource=status",
        "--type=merge",
        "-p",
        status,
    ];
    passed(&cluster().kubectl(&patch).unwrap());
    // What is new is judged in either group.
    for group in [new, old] {
        let fresh = route(group, ns, "fresh", "none");
        refused(
            &Way::Create.write(&fresh, false).unwrap(),
            "unresolved-option",
        );
    }
    // Whole collections go, whatever is wrong with their objects.
    for object in &bad {
        let [name, _, _] = named(object);
        let plural = name.split_once('.').unwrap().0;
        let served = object["apiVersion"].as_str().unwrap();
        let plural = match plural {
            "ingress" => "ingresses".to_owned(),
            other => format!("{other}s"),
        };
        let path = format!("/apis/{served}/namespaces/{ns}/{plural}");
        passed(&cluster().kubectl(&["delete", "--raw", &path]).unwrap());
        assert_eq!(version(object), None);
    }
}

/// A Secret by deletion, by collection, and by the removal of its key, where that opens a host and
/// where it only breaks it.
#[test]
fn a_ca_that_shuts_a_host_stays() {
    let ns = "matrix-ca";
    namespace(ns);
    must(&["create", "ca", "partners", "-n", ns]);
    let _webhook = Webhook::start(cluster(), ns, &[]).unwrap();
    key_pair(ns, "pair");
    applied(&ingress(ns, "a", &format!("{ns}/pair")).to_string());
    let strip = |secret: &str, dry: &[&str]| {
        let patch = r#"[{"op": "remove", "path": "/data/ca.crt"}]"#;
        let args = [
            "patch",
            "secret",
            secret,
            "-n",
            ns,
            "--type=json",
            "-p",
            patch,
        ];
        cluster().kubectl(&[&args, dry].concat())
    };
    // Without ca.crt the controller turns client authentication off.
    until("unusable-ca", || strip("pair", &["--dry-run=server"]));
    refused(&strip("pair", &[]).unwrap(), "unusable-ca");
    // Deleted, it breaks the host: nobody gets in.
    let gone = cluster()
        .kubectl(&["delete", "secret", "pair", "-n", ns])
        .unwrap();
    passed(&gone);
    assert!(gone.stderr.contains("missing-ca"), "{}", gone.all());
    // An option without a type asks nobody once its CA is gone.
    applied(
        &option(
            "traefik.io",
            ns,
            "mtls",
            &json!({"secretNames": ["partners-trust"]}),
        )
        .to_string(),
    );
    applied(&route("traefik.io", ns, "r", "mtls").to_string());
    until("open", || strip("partners-trust", &["--dry-run=server"]));
    refused(&strip("partners-trust", &[]).unwrap(), "open");
    let collection =
        format!("/api/v1/namespaces/{ns}/secrets?fieldSelector=metadata.name%3Dpartners-trust");
    refused(
        &cluster()
            .kubectl(&["delete", "--raw", &collection])
            .unwrap(),
        "open",
    );
    // With a type the same removal breaks the host.
    applied(&option("traefik.io", ns, "mtls", &required()).to_string());
    until("closes every connection", || {
        strip("partners-trust", &["--dry-run=server"])
    });
    let warned = strip("partners-trust", &[]).unwrap();
    passed(&warned);
    assert!(
        warned.stderr.contains("Warning: unusable-ca"),
        "{}",
        warned.all()
    );
}

/// A key pair with the CA beside it, as cert-manager writes them.
fn key_pair(ns: &str, name: &str) {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().display().to_string();
    must(&[
        "issue",
        name,
        "--ca",
        &format!("{ns}/partners"),
        "--out",
        &out,
    ]);
    let read = |end: &str| {
        let mut files = std::fs::read_dir(folder.path())
            .unwrap()
            .map(|file| file.unwrap().path());
        let path = files
            .find(|path| path.to_string_lossy().ends_with(end))
            .unwrap();
        std::fs::read_to_string(path).unwrap()
    };
    let trust = cluster()
        .must(&[
            "get",
            "secret",
            "partners-trust",
            "-n",
            ns,
            "-o",
            "jsonpath={.data.ca\\.crt}",
        ])
        .unwrap();
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls",
        "metadata": {"name": name, "namespace": ns}, "data": {"ca.crt": trust},
        "stringData": {"tls.crt": read(".crt"), "tls.key": read(".key")}});
    passed(
        &cluster()
            .kubectl_with(&["create", "-f", "-"], &secret.to_string())
            .unwrap(),
    );
}
