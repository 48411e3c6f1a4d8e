//! The forms of a report, as other programs read them.

use std::fs;
use std::process::Command;

use serde_json::Value;

use crate::mtls;

/// The findings have places, objects without a file name that is plain, and words that need
/// escapes.
const AWKWARD: &str = "apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: api
  namespace: shop
  annotations:
    nginx.ingress.kubernetes.io/auth-tls-secret: \"<&'\\\"]]>\\x07%0A,\u{e9}\u{1f512}\"
    nginx.ingress.kubernetes.io/auth-tls-verify-client: \"On\\nor off\"
spec:
  ingressClassName: nginx
  tls: [{hosts: [api.example.com]}]
  rules: [{host: api.example.com, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: a, port: {number: 80}}}}]}}]
---
kind: Ingress
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: b
  annotations:
    nginx.ingress.kubernetes.io/auth-tls-secret: bare
    nginx.ingress.kubernetes.io/auth-tls-verify-client: 'On'
spec:
  ingressClassName: nginx
  rules: [{host: b.example.com, http: {paths: []}}]
";

fn lint(args: &[&str]) -> (tempfile::TempDir, crate::Said) {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("a b")).unwrap();
    fs::write(folder.path().join("a b/50%: ü.yaml"), AWKWARD).unwrap();
    let said = mtls(
        folder.path(),
        &[&["lint", "-f", "a b/50%: ü.yaml"], args].concat(),
        "",
    );
    (folder, said)
}

/// The errors that the schema of OASIS has about a log.
fn errors(log: &Value) -> Vec<String> {
    let schema = include_str!("../data/sarif-schema-2.1.0.json");
    let schema: Value = serde_json::from_str(schema).unwrap();
    let options = jsonschema::options().should_validate_formats(true);
    let validator = options.build(&schema).unwrap();
    let errors = validator.iter_errors(log);
    errors
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect()
}

#[test]
fn sarif_is_valid_by_its_own_schema() {
    let (folder, said) = lint(&["-o", "sarif"]);
    assert_eq!(said.code, 1, "{}", said.stderr);
    let mut log: Value = serde_json::from_str(&said.stdout).unwrap();
    assert!(
        log["runs"][0]["results"].as_array().unwrap().len() > 2,
        "{log:#}"
    );
    assert_eq!(errors(&log), [""; 0]);
    let place = &log["runs"][0]["results"][0]["locations"][0]["physicalLocation"];
    assert_eq!(
        place["artifactLocation"]["uri"],
        "a%20b/50%25%3A%20%C3%BC.yaml"
    );
    // The schema is one that can say no.
    log["runs"][0]["results"][0]["level"] = "fatal".into();
    assert_eq!(errors(&log).len(), 1);
    log["version"] = "3.0.0".into();
    assert_eq!(errors(&log).len(), 2);
    let empty = mtls(
        folder.path(),
        &["lint", "-f", "-", "-o", "sarif"],
        "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n",
    );
    assert_eq!(
        errors(&serde_json::from_str(&empty.stdout).unwrap()),
        [""; 0]
    );
}

#[test]
fn junit_opens_in_another_parser() {
    let (folder, said) = lint(&["-o", "junit"]);
    fs::write(folder.path().join("a.xml"), &said.stdout).unwrap();
    let script = "import xml.etree.ElementTree as t; r = t.parse('a.xml').getroot()
s = r.find('testsuite'); c = s.findall('testcase')
print(s.get('tests') == str(len(c)), s.get('failures') == str(len(r.findall('.//failure'))), len(c))
print(all(k.get('name') and k.get('classname') for k in c))
print(any('50%: \u{fc}.yaml:7:5' in k.get('name') for k in c))";
    let python = Command::new("python3")
        .current_dir(folder.path())
        .args(["-c", script])
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&python.stdout).into_owned();
    let lines: Vec<_> = told.lines().collect();
    assert!(
        lines[0].starts_with("True True ") && lines[1..] == ["True", "True"],
        "{told}{python:?}"
    );
}

#[test]
fn a_github_command_is_one_line_each() {
    let (_folder, said) = lint(&["-o", "github"]);
    assert!(said.stdout.lines().count() > 2);
    for line in said.stdout.lines() {
        assert!(
            line.starts_with("::error ") || line.starts_with("::warning "),
            "{line}"
        );
        assert!(line.contains("file=a b/50%25%3A ü.yaml,line="), "{line}");
    }
}

#[test]
fn several_forms_at_once_say_the_same() {
    let args = [
        "--output-file",
        "json=a.json",
        "--output-file",
        "github=b.txt",
        "--output-file",
        "sarif=c.sarif",
        "-o",
        "yaml",
    ];
    let (folder, said) = lint(&args);
    let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
    let json: Value = serde_json::from_str(&read("a.json")).unwrap();
    let sarif: Value = serde_json::from_str(&read("c.sarif")).unwrap();
    let count = json["items"].as_array().unwrap().len();
    assert!(
        said.stdout.starts_with("items:") && count > 2,
        "{}",
        said.stdout
    );
    assert_eq!(read("b.txt").lines().count(), count);
    assert_eq!(sarif["runs"][0]["results"].as_array().unwrap().len(), count);
}

#[test]
fn the_severity_that_fails_is_chosen() {
    let folder = tempfile::tempdir().unwrap();
    let warning = AWKWARD.rsplit("---\n").next().unwrap();
    let warning = warning
        .replace(": bare", ": default/ca")
        .replace("spec:\n", "spec:\n  tls: [{hosts: [b.example.com]}]\n");
    let lint = |level: &str| {
        mtls(
            folder.path(),
            &["lint", "-f", "-", "--fail-on", level],
            &warning,
        )
        .code
    };
    assert_eq!((lint("error"), lint("warning"), lint("info")), (0, 1, 1));
}
