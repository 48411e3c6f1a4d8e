//! `lint` for every day: forms, baselines, repairs.

use std::fs;
use std::process::Command;

use serde_json::Value;

use crate::mtls;

const WRONG: &str = "# the API
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: api
  namespace: shop
  annotations:
    nginx.ingress.kubernetes.io/auth-tls-secret: partners-trust  # ours
    nginx.ingress.kubernetes.io/auth-tls-verify-client: 'On'
spec:
  ingressClassName: nginx
  tls: [{hosts: [api.example.com]}]
  rules: [{host: api.example.com, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: a, port: {number: 80}}}}]}}]
";

fn prepared() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("api.yaml"), WRONG).unwrap();
    folder
}

#[test]
fn people_see_the_line_and_a_caret() {
    let folder = prepared();
    let said = mtls(folder.path(), &["lint", "-f", "api.yaml"], "");
    let line = "  8 |     nginx.ingress.kubernetes.io/auth-tls-secret: partners-trust  # ours\n";
    let caret = format!("{}^\n", " ".repeat(10));
    assert!(
        said.stdout.contains(&format!("{line}{caret}")),
        "{}",
        said.stdout
    );
}

#[test]
fn programs_read_sarif_junit_and_github() {
    let folder = prepared();
    let args = [
        "lint",
        "-f",
        "api.yaml",
        "-o",
        "github",
        "--output-file",
        "sarif=a.sarif",
        "--output-file",
        "junit=a.xml",
    ];
    let said = mtls(folder.path(), &args, "");
    assert_eq!(said.code, 1, "{}", said.stderr);
    let first = "::error file=api.yaml,line=8,col=5,title=malformed-ca-reference::";
    assert!(said.stdout.starts_with(first), "{}", said.stdout);
    let sarif = fs::read(folder.path().join("a.sarif")).unwrap();
    let sarif: Value = serde_json::from_slice(&sarif).unwrap();
    let run = &sarif["runs"][0];
    assert_eq!(sarif["version"], "2.1.0");
    let result = &run["results"][0];
    let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
    assert_eq!(
        run["tool"]["driver"]["rules"][index]["id"],
        result["ruleId"]
    );
    let region = &result["locations"][0]["physicalLocation"]["region"];
    assert_eq!(
        (region["startLine"].as_u64(), region["startColumn"].as_u64()),
        (Some(8), Some(5))
    );
    let script = "import xml.etree.ElementTree as t; r = t.parse('a.xml').getroot(); \
        print(len(list(r.iter('testcase'))), len(list(r.iter('failure'))))";
    let python = Command::new("python3")
        .current_dir(folder.path())
        .args(["-c", script])
        .output();
    assert_eq!(
        String::from_utf8_lossy(&python.unwrap().stdout).trim(),
        "2 2"
    );
}

#[test]
fn a_baseline_lets_nothing_new_in() {
    let folder = prepared();
    let lint = |more: &[&str]| {
        mtls(
            folder.path(),
            &[&["lint", "-f", "api.yaml"], more].concat(),
            "",
        )
    };
    assert_eq!(lint(&["--write-baseline", "known.json"]).code, 0);
    // Lines move, and the findings are still known.
    fs::write(folder.path().join("api.yaml"), format!("\n\n{WRONG}")).unwrap();
    let known = lint(&["--baseline", "known.json"]);
    assert!(
        known.code == 0 && known.stderr.contains("2 findings are in known.json"),
        "{}",
        known.stderr
    );
    let worse = WRONG.replace("name: api\n", "name: other\n");
    fs::write(folder.path().join("api.yaml"), worse).unwrap();
    assert_eq!(lint(&["--baseline", "known.json"]).code, 1);
    fs::write(folder.path().join("bad.json"), "[]").unwrap();
    let said = lint(&["--baseline", "bad.json"]);
    assert!(
        said.code == 3 && said.stderr.contains("--write-baseline"),
        "{}",
        said.stderr
    );
}

#[test]
fn a_fix_touches_nothing_else_and_is_done_once() {
    let folder = prepared();
    let fix = |more: &[&str]| {
        mtls(
            folder.path(),
            &[&["lint", "-f", "api.yaml", "--fix"], more].concat(),
            "",
        )
    };
    let shown = fix(&["--dry-run"]);
    let old = "-    nginx.ingress.kubernetes.io/auth-tls-verify-client: 'On'\n";
    let new = "+    nginx.ingress.kubernetes.io/auth-tls-verify-client: 'on'\n";
    assert!(
        shown.stdout.contains(old) && shown.stdout.contains(new),
        "{}",
        shown.stdout
    );
    assert_eq!(
        fs::read_to_string(folder.path().join("api.yaml")).unwrap(),
        WRONG
    );
    let fixed = fix(&[]);
    assert!(
        fixed.code == 0 && fixed.stderr.contains("fixed: api.yaml"),
        "{}",
        fixed.stderr
    );
    let expected = WRONG
        .replace(": partners-trust  #", ": shop/partners-trust  #")
        .replace("'On'", "'on'");
    let after = fs::read_to_string(folder.path().join("api.yaml")).unwrap();
    assert_eq!(after, expected);
    assert!(!fix(&[]).stderr.contains("fixed"));
    assert_eq!(
        fs::read_to_string(folder.path().join("api.yaml")).unwrap(),
        after
    );
}

#[test]
fn a_host_is_described_with_what_decides_about_it() {
    let folder = prepared();
    let describe = |host: &str, more: &[&str]| {
        let args = ["describe", "host", host, "-f", "api.yaml", "--complete"];
        mtls(folder.path(), &[&args, more].concat(), "")
    };
    let said = describe("API.example.com", &["-o", "json"]);
    let list: Value = serde_json::from_str(&said.stdout).unwrap();
    let host = &list["items"][0];
    assert_eq!(
        (host["verdict"].as_str(), host["gateway"].as_str()),
        (Some("broken"), Some("ingress-nginx"))
    );
    assert_eq!(host["doors"][0]["object"]["name"], "api");
    assert_eq!(host["toBeEnforced"], "write \"shop/partners-trust\"");
    let text = describe("api.example.com", &[]).stdout;
    assert!(
        text.contains("Door:") && text.contains("To be enforced:"),
        "{text}"
    );
    let none = describe("b.example.com", &[]);
    assert!(
        none.code == 3 && none.stderr.contains("no route opens host b.example.com"),
        "{}",
        none.stderr
    );
    let wide = mtls(
        folder.path(),
        &["get", "hosts", "-f", "api.yaml", "-o", "wide"],
        "",
    );
    assert!(wide.stdout.contains("REFUSED BY"), "{}", wide.stdout);
}

#[test]
fn an_annotation_silences_with_a_reason_and_for_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let lint = |ignore: &str| {
        let line = "  annotations:\n";
        let text = WRONG.replace(
            line,
            &format!("{line}    kubectl-mtls.github.io/ignore: {ignore:?}\n"),
        );
        mtls(folder.path(), &["lint", "-f", "-"], &text)
    };
    let both = "malformed-ca-reference until=2999-01-01: old, moves in May; invalid-setting: known";
    let said = lint(both);
    assert!(
        said.code == 0 && said.stderr.contains("2 findings are ignored"),
        "{}{}",
        said.stdout,
        said.stderr
    );
    for (ignore, words) in [
        ("malformed-ca-reference", "no reason"),
        ("malformed-ca-reference until=2020-01-01: old", "is over"),
        ("malformed: old", "is no rule"),
        ("malformed-ca-reference until=soon: old", "is no date"),
    ] {
        let said = lint(ignore);
        assert!(
            said.code == 1 && said.stdout.contains(words),
            "{ignore}: {}",
            said.stdout
        );
        assert!(
            said.stdout.contains("malformed-ca-reference"),
            "{}",
            said.stdout
        );
    }
    let said = lint("missing-ca: not here");
    assert!(
        said.stderr.contains("nothing to ignore of missing-ca"),
        "{}",
        said.stderr
    );
}
