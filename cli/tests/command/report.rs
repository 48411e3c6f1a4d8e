//! `report`: one page, whatever the objects are called.

use std::fs;

use serde_json::Value;

use crate::mtls;

const ROUTE: &str = r#"apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: api
  namespace: shop
  annotations:
    nginx.ingress.kubernetes.io/auth-tls-secret: "<script>alert(1)</script>\u202E\"'&"
spec:
  ingressClassName: nginx
  rules: [{host: "<img src=x onerror=y>.example", http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: a, port: {number: 80}}}}]}}]
"#;

#[test]
fn names_are_text_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let args = ["report", "-f", "-", "--complete", "--title", "</title><b>"];
    let said = mtls(folder.path(), &args, ROUTE);
    assert_eq!(said.code, 0, "{}", said.stderr);
    let page = said.stdout;
    assert!(page.starts_with("<!DOCTYPE html>"), "{page}");
    for raw in [
        "<script",
        "<img",
        "<b></title>",
        "</title><b>",
        "\u{202e}",
        "http://",
        "https://",
    ] {
        assert!(!page.contains(raw), "{raw}: {page}");
    }
    assert!(page.contains("img src=x onerror=y"), "{page}");
    assert!(page.contains("default-src 'none'") || page.contains("default-src &#39;none&#39;"));
    assert_eq!(page.matches("<h1>").count(), 1);
    assert!(page.contains("scope=\"row\"") && page.contains("lang=\"en\""));
}

#[test]
fn the_file_is_whole_and_exit_codes_are_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.html");
    let args = ["report", "-f", "-", "--complete", "--out", "r.html"];
    for code in [0, 0] {
        assert_eq!(mtls(folder.path(), &args, ROUTE).code, code);
    }
    assert!(
        fs::read_to_string(&path)
            .unwrap()
            .trim_end()
            .ends_with("</html>")
    );
    let failing = [&args[..], &["--fail-on", "error"]].concat();
    assert_eq!(mtls(folder.path(), &failing, ROUTE).code, 1);
    let json = ["report", "-f", "-", "--complete", "-o", "json"];
    let said = mtls(folder.path(), &json, ROUTE);
    let value: Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!(value["hosts"].as_array().unwrap().len(), 1, "{value}");
    assert!(!value["findings"].as_array().unwrap().is_empty(), "{value}");
}
