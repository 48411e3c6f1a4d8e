//! `lint --fix`: what it mends, what it leaves, and that it touches nothing else.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::Command;

use crate::{Said, mtls};

const KEY: &str = "nginx.ingress.kubernetes.io/auth-tls-";

fn ingress(name: &str, annotations: &str) -> String {
    format!(
        "apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: {name}
  namespace: shop
  annotations:{annotations}
spec:
  ingressClassName: nginx
  tls: [{{hosts: [{name}.example]}}]
  rules: [{{host: {name}.example, http: {{paths: [{{path: /, pathType: Prefix, backend: {{service: {{name: a, port: {{number: 80}}}}}}}}]}}}}]
"
    )
}

fn fix(folder: &Path, file: &str, more: &[&str]) -> Said {
    mtls(folder, &[&["lint", "-f", file, "--fix"], more].concat(), "")
}

/// Mends a text, holds it against what is expected, and mends it once more in vain.
#[track_caller]
fn mended(name: &str, before: &str, expected: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, before).unwrap();
    let said = fix(folder.path(), name, &[]);
    assert_eq!(
        fs::read_to_string(&path).unwrap(),
        expected,
        "{}",
        said.stderr
    );
    let again = fix(folder.path(), name, &[]);
    assert_eq!(fs::read_to_string(&path).unwrap(), expected);
    assert!(!again.stderr.contains("fixed: "), "{}", again.stderr);
    said.stderr + &said.stdout
}

#[test]
fn every_quote_keeps_its_style() {
    let wrong = format!(
        "\n    # why\n    {KEY}secret:   partners   # ours\n    {KEY}verify-client: VALUE # note"
    );
    for (value, right) in [
        ("'On'", "'on'"),
        ("\"ON\"", "\"on\""),
        ("Yes sir", "Yes sir"),
        ("!!str On", "\"on\""),
        (" \"tr\\u0075e\"  ", " \"on\"  "),
    ] {
        let text = ingress("a", &wrong.replace("VALUE", value));
        let expected = text
            .replace("partners ", "shop/partners ")
            .replace(&format!("client: {value}"), &format!("client: {right}"));
        mended("a.yaml", &text, &expected);
    }
}

#[test]
fn block_scalars_and_flow_mappings() {
    let block = ingress(
        "a",
        &format!(
            "\n    {KEY}secret: >-  # folded\n      partners\n\n    {KEY}verify-client: |\n      On"
        ),
    );
    let expected = block
        .replace(">-  # folded\n      partners", "\"shop/partners\"")
        .replace("|\n      On", "\"on\"");
    mended("a.yaml", &block, &expected);
    let flow = ingress(
        "a",
        &format!(" {{{KEY}secret: partners, {KEY}verify-client: 'On'}}"),
    );
    let expected = flow
        .replace("partners", "shop/partners")
        .replace("'On'", "'on'");
    mended("a.yaml", &flow, &expected);
}

#[test]
fn several_documents_lists_and_line_ends() {
    let one = ingress("a", &format!("\n    {KEY}secret: partners # é"));
    let two = ingress("b", &format!("\n    {KEY}secret: 'partners'"));
    let item = |text: &str| format!("- {}", text.trim_end().replace('\n', "\n  "));
    let list = format!(
        "apiVersion: v1\nkind: List\nitems:\n{}\n{}\n",
        item(&one),
        item(&two)
    );
    let text = format!(
        "# head\n---\n{one}---\n# between\n---\n{two}--- # list\n{}",
        list.replace(".example", ".org")
            .replace("name: ", "name: l")
    );
    let expected = text
        .replace(": partners", ": shop/partners")
        .replace("'partners'", "'shop/partners'");
    mended("a.yaml", &text, &expected);
    mended(
        "a.yaml",
        &text.replace('\n', "\r\n"),
        &expected.replace('\n', "\r\n"),
    );
    mended(
        "a.yaml",
        &format!("\u{feff}{two}"),
        &format!("\u{feff}{two}").replace("'partners'", "'shop/partners'"),
    );
}

#[test]
fn json_stays_json() {
    let text = format!(
        "{{\n\t\"apiVersion\": \"networking.k8s.io/v1\", \"kind\": \"Ingress\",\n\t\"metadata\": {{\"name\": \"a\", \"namespace\": \"shop\",\n\t\t\"annotations\": {{\"{KEY}secret\": \"partners\"}}}},\n\t\"spec\": {{\"ingressClassName\": \"nginx\", \"rules\": [{{\"host\": \"a.example\", \"http\": {{\"paths\": []}}}}]}}\n}}\n"
    );
    let both = format!("{text}{}", text.replace("\"a\"", "\"b\""));
    let expected = both.replace("\"partners\"", "\"shop/partners\"");
    mended("a.json", &both, &expected);
    for object in serde_json::Deserializer::from_str(&expected).into_iter::<serde_json::Value>() {
        assert!(object.is_ok());
    }
}

#[test]
fn what_an_alias_or_a_merge_shares_is_left_and_said() {
    let shared =
        format!("\n    {KEY}secret: &ca partners\n    other: *ca\n    {KEY}verify-client: 'On'");
    let text = ingress("a", &shared);
    let said = mended("a.yaml", &text, &text.replace("'On'", "'on'"));
    assert!(
        said.contains("a.yaml:7:5: is left as it is, because an alias repeats it"),
        "{said}"
    );
    // An anchor that nobody repeats is none.
    let alone = ingress("a", &format!("\n    {KEY}secret: &ca partners"));
    mended(
        "a.yaml",
        &alone,
        &alone.replace("&ca partners", "shop/partners"),
    );
    let merged = format!(
        "base: &base\n  {KEY}secret: partners\n{}",
        ingress("a", "\n    <<: *base")
    );
    let said = mended("a.yaml", &merged, &merged);
    assert!(said.contains("comes from an alias, a merge"), "{said}");
}

#[test]
fn of_keys_that_stand_twice_the_last_is_mended() {
    let text = ingress(
        "a",
        &format!("\n    {KEY}secret: one\n    {KEY}secret: two"),
    );
    let said = mended("a.yaml", &text, &text.replace(": two", ": shop/two"));
    assert!(
        said.contains("a.yaml:8:5") && said.contains("stands twice"),
        "{said}"
    );
}

#[test]
fn links_stay_links_and_modes_stay() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let text = ingress("a", &format!("\n    {KEY}secret: partners"));
    fs::create_dir(path("real")).unwrap();
    fs::write(path("real/a.yaml"), &text).unwrap();
    fs::set_permissions(path("real/a.yaml"), fs::Permissions::from_mode(0o640)).unwrap();
    symlink("real/a.yaml", path("link.yaml")).unwrap();
    assert!(
        fix(folder.path(), "link.yaml", &[])
            .stderr
            .contains("fixed: link.yaml")
    );
    assert!(path("link.yaml").is_symlink());
    assert!(
        fs::read_to_string(path("real/a.yaml"))
            .unwrap()
            .contains(": shop/partners")
    );
    let mode = fs::metadata(path("real/a.yaml"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o640);
    fs::write(path("fixed.yaml"), &text).unwrap();
    fs::set_permissions(path("fixed.yaml"), fs::Permissions::from_mode(0o444)).unwrap();
    let said = fix(folder.path(), "fixed.yaml", &[]);
    assert!(
        said.code == 3 && said.stderr.contains("fixed.yaml is read-only"),
        "{}",
        said.stderr
    );
    assert_eq!(fs::read_to_string(path("fixed.yaml")).unwrap(), text);
}

#[test]
fn a_dry_run_is_a_patch() {
    let folder = tempfile::tempdir().unwrap();
    let text = ingress(
        "a",
        &format!("\n    {KEY}secret: partners\n    {KEY}verify-client: |-\n      On"),
    );
    fs::write(folder.path().join("a.yaml"), &text).unwrap();
    let shown = fix(folder.path(), "a.yaml", &["--dry-run"]);
    assert_eq!(shown.code, 1, "{}", shown.stderr);
    assert_eq!(
        fs::read_to_string(folder.path().join("a.yaml")).unwrap(),
        text
    );
    assert!(
        shown.stdout.starts_with("--- a.yaml\n+++ a.yaml\n@@ "),
        "{}",
        shown.stdout
    );
    fs::write(folder.path().join("a.patch"), &shown.stdout).unwrap();
    let git = Command::new("git")
        .current_dir(folder.path())
        .args(["apply", "-p0", "a.patch"])
        .status();
    assert!(git.unwrap().success(), "{}", shown.stdout);
    let patched = fs::read_to_string(folder.path().join("a.yaml")).unwrap();
    fs::write(folder.path().join("a.yaml"), &text).unwrap();
    fix(folder.path(), "a.yaml", &[]);
    assert_eq!(
        fs::read_to_string(folder.path().join("a.yaml")).unwrap(),
        patched
    );
}

#[test]
fn stdin_goes_to_stdout() {
    let folder = tempfile::tempdir().unwrap();
    let text = format!(
        "# Source: chart/a.yaml\n{}---\n---\n# Source: chart/empty.yaml\n",
        ingress("a", &format!("\n    {KEY}secret: partners"))
    );
    let said = mtls(folder.path(), &["lint", "-f", "-", "--fix"], &text);
    assert_eq!(said.stdout, text.replace(": partners", ": shop/partners"));
    assert!(
        said.code == 0 && said.stderr.contains("summary: 0 findings"),
        "{}",
        said.stderr
    );
    let right = mtls(folder.path(), &["lint", "-f", "-", "--fix"], &said.stdout);
    assert_eq!(right.stdout, said.stdout);
}
