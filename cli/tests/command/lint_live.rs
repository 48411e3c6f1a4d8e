//! `lint --live`: files laid over what an API server has. The server here knows a few paths.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;

use serde_json::{Value, json};

use crate::{Said, mtls};

const KEY: &str = "nginx.ingress.kubernetes.io/auth-tls-";

/// Answers GET by path, without end; what it does not know is 404, `null` is 403.
fn serve(objects: BTreeMap<&'static str, Value>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut reader = BufReader::new(&stream);
            let mut request = String::new();
            let _ = reader.read_line(&mut request);
            let mut header = String::new();
            while reader.read_line(&mut header).is_ok_and(|read| read > 2) {
                header.clear();
            }
            let path = request.split([' ', '?']).nth(1).unwrap_or_default();
            let (code, body) = match objects.get(path) {
                None => (404, status(404, "NotFound")),
                Some(Value::Null) => (403, status(403, "Forbidden")),
                Some(object) => (200, object.to_string()),
            };
            let answer = format!(
                "HTTP/1.1 {code} x\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                body.len()
            );
            let _ = (&stream).write_all(answer.as_bytes());
        }
    });
    address
}

fn status(code: u16, reason: &str) -> String {
    json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": reason, "code": code, "message": "no"}).to_string()
}

fn ingress(name: &str, annotations: &[(&str, &str)]) -> Value {
    let annotations: BTreeMap<_, _> = annotations
        .iter()
        .map(|(key, value)| (format!("{KEY}{key}"), *value))
        .collect();
    json!({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
        "metadata": {"name": name, "namespace": "shop", "annotations": annotations, "creationTimestamp": "2020-01-01T00:00:00Z"},
        "spec": {"ingressClassName": "edge", "tls": [{"hosts": ["a.example"], "secretName": "s"}],
            "rules": [{"host": "a.example", "http": {"paths": [{"path": format!("/{name}"), "pathType": "Prefix",
                "backend": {"service": {"name": "a", "port": {"number": 80}}}}]}}]}})
}

/// A cluster with a class that only it knows, and these Ingresses and Secrets.
fn cluster(ingresses: &[Value], secret: Option<Value>) -> String {
    let list = |items: &[Value]| json!({"metadata": {}, "items": items});
    let class =
        json!({"metadata": {"name": "edge"}, "spec": {"controller": "k8s.io/ingress-nginx"}});
    let mut objects = BTreeMap::from([
        ("/apis/networking.k8s.io/v1/ingressclasses", list(&[class])),
        ("/apis/networking.k8s.io/v1/ingresses", list(ingresses)),
    ]);
    if let Some(secret) = secret {
        objects.insert("/api/v1/namespaces/shop/secrets/ca", secret);
    }
    serve(objects)
}

fn lint(server: &str, text: &Value, more: &[&str]) -> Said {
    let folder = tempfile::tempdir().unwrap();
    let mut text = text.clone();
    text["metadata"]
        .as_object_mut()
        .unwrap()
        .remove("creationTimestamp");
    let args = [
        "lint", "-f", "-", "--live", "--server", server, "-o", "json",
    ];
    mtls(folder.path(), &[&args, more].concat(), &text.to_string())
}

/// Rule and object of every finding.
fn found(said: &Said) -> Vec<(String, String)> {
    let report: Value =
        serde_json::from_str(&said.stdout).unwrap_or_else(|_| panic!("{}", said.stderr));
    let items = report["items"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    items
        .map(|item| (text(&item["rule"]), text(&item["object"]["name"])))
        .collect()
}

#[test]
fn what_the_files_name_is_looked_up() {
    let own = ingress("api", &[("secret", "shop/ca")]);
    let missing = lint(&cluster(&[], None), &own, &[]);
    assert_eq!(
        found(&missing),
        [("missing-ca".to_owned(), "api".to_owned())],
        "{}",
        missing.stderr
    );
    let forbidden = lint(&cluster(&[], Some(Value::Null)), &own, &[]);
    assert_eq!(found(&forbidden), [], "{}", forbidden.stderr);
    assert!(
        forbidden.stderr.contains("Secret shop/ca may not be read"),
        "{}",
        forbidden.stderr
    );
    // Without the cluster nobody knows who serves the class.
    let folder = tempfile::tempdir().unwrap();
    let alone = mtls(
        folder.path(),
        &["lint", "-f", "-", "-o", "json"],
        &own.to_string(),
    );
    assert_eq!(found(&alone), [], "{}", alone.stderr);
}

#[test]
fn other_routes_of_the_same_host_count_and_others_do_not() {
    // The oldest Ingress of a host decides whether anybody is asked.
    let open = ingress("old", &[("secret", "shop/ca"), ("verify-client", "off")]);
    let mut elsewhere = ingress("elsewhere", &[("secret", "bare")]);
    elsewhere["spec"]["rules"][0]["host"] = "b.example".into();
    let server = cluster(&[open, elsewhere], Some(Value::Null));
    let said = lint(&server, &ingress("api", &[("secret", "shop/ca")]), &[]);
    let found = found(&said);
    assert!(
        found.iter().any(|(_, object)| object == "old"),
        "{found:?} {}",
        said.stderr
    );
    assert!(
        !found.iter().any(|(_, object)| object == "elsewhere"),
        "{found:?}"
    );
}

#[test]
fn a_file_goes_before_its_object_in_the_cluster() {
    let old = ingress("api", &[("secret", "bare")]);
    let server = cluster(&[old], Some(Value::Null));
    assert_eq!(
        found(&lint(
            &server,
            &ingress("api", &[("secret", "shop/ca")]),
            &[]
        )),
        []
    );
    let worse = lint(&server, &ingress("api", &[("secret", "a/b/c")]), &[]);
    assert_eq!(
        found(&worse)[0].0,
        "malformed-ca-reference",
        "{}",
        worse.stderr
    );
}

#[test]
fn without_a_cluster_there_is_an_error() {
    let own = ingress("api", &[]);
    let said = lint("http://127.0.0.1:1", &own, &[]);
    assert!(
        said.code == 3 && said.stderr.contains("cannot be reached"),
        "{}",
        said.stderr
    );
    let folder = tempfile::tempdir().unwrap();
    let none = mtls(
        folder.path(),
        &["lint", "-f", "-", "--live"],
        &own.to_string(),
    );
    assert!(
        none.code == 3
            && none.stderr.contains("no cluster is configured")
            && none.stderr.contains("hint: "),
        "{}",
        none.stderr
    );
    assert_eq!(mtls(folder.path(), &["lint", "--live"], "").code, 2);
}
