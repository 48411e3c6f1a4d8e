//! Bad input: each gets one clear error or finding, the right exit code, and nothing is written.
use crate::mtls;
use std::fs;

fn ingress(annotations: &str) -> String {
    format!(
        "apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: api
  namespace: shop
  annotations:
    {annotations}
spec:
  ingressClassName: nginx
  rules: [{{host: a.example, http: {{paths: []}}}}]
"
    )
}

#[track_caller]
fn lint(text: &str, code: i32, words: &str) {
    let folder = tempfile::tempdir().unwrap();
    let said = mtls(folder.path(), &["lint", "-f", "-"], text);
    assert_eq!(said.code, code, "{}{}", said.stdout, said.stderr);
    let all = format!("{}{}", said.stdout, said.stderr);
    assert!(all.contains(words), "{words:?} in {all}");
}

#[test]
fn yaml_that_does_not_parse_has_a_line() {
    lint("a: 1\nb: [\n", 3, "<stdin>:3:1: cannot be read as YAML");
    lint("a: 1\n---\nb: 'x\n", 3, "<stdin>:");
}

#[test]
fn what_could_be_judged_is_still_shown() {
    let text = format!(
        "{}---\nb: [\n",
        ingress("nginx.ingress.kubernetes.io/auth-tls-secret: a")
    );
    lint(&text, 3, "malformed-ca-reference");
}

#[test]
fn a_document_that_is_no_kubernetes_object() {
    lint("a: 1\n", 1, "unreadable-object");
    lint("just text\n", 1, "a mapping is expected");
    lint("- 1\n- 2\n", 1, "<stdin>:1:1");
    lint(
        "apiVersion: v1\nkind: Secret\nmetadata: {}\n",
        1,
        "metadata.name is missing",
    );
    lint(
        "apiVersion: v1\nkind: 7\nmetadata: {name: a}\n",
        1,
        "<stdin>:2:1",
    );
    lint(
        "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\ndata: text\n",
        1,
        "unreadable-object",
    );
}

#[test]
fn an_unquoted_on() {
    let text = ingress("nginx.ingress.kubernetes.io/auth-tls-verify-client: on");
    lint(&text, 1, "<stdin>:7:5: error unreadable-object");
}

#[test]
fn an_empty_file_and_a_folder_without_manifests() {
    lint("", 3, "no Kubernetes object");
    lint("# only a comment\n---\n", 3, "no Kubernetes object");
    let folder = tempfile::tempdir().unwrap();
    let said = mtls(folder.path(), &["lint", "-f", "."], "");
    assert!(
        said.code == 3 && said.stderr.contains("no manifests in ."),
        "{}",
        said.stderr
    );
    let said = mtls(folder.path(), &["lint", "-f", "none.yaml"], "");
    assert!(
        said.code == 3 && said.stderr.contains("none.yaml"),
        "{}",
        said.stderr
    );
}

#[test]
fn a_hundred_thousand_documents() {
    let text = "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n".repeat(100_000);
    lint(&text, 0, "0 findings");
}

#[test]
fn an_annotation_of_two_mebibytes() {
    let value = "a".repeat(2 * 1024 * 1024);
    let text = ingress(&format!(
        "nginx.ingress.kubernetes.io/auth-tls-secret: {value}"
    ));
    lint(&text, 1, "malformed-ca-reference");
}

#[test]
fn nesting_and_aliases_without_end() {
    lint(&"[".repeat(100_000), 3, "cannot be read as YAML");
    let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..10 {
        let items = vec![format!("*a{}", level - 1); 10].join(", ");
        text.push_str(&format!("a{level}: &a{level} [{items}]\n"));
    }
    lint(&text, 3, "nodes");
}

#[test]
fn no_cluster() {
    let folder = tempfile::tempdir().unwrap();
    for args in [
        &["lint", "-A"][..],
        &["get", "hosts"],
        &["create", "ca", "a"],
        &["protect", "ingress/a", "--trust", "t"],
        &["issue", "a", "--ca", "b", "--out", "."],
    ] {
        let said = mtls(folder.path(), args, "");
        assert_eq!(said.code, 3, "{}", said.stderr);
        assert!(
            said.stderr.contains("error: no cluster is configured"),
            "{}",
            said.stderr
        );
        assert!(said.stderr.contains("hint: "), "{}", said.stderr);
    }
    let nobody = ["lint", "-A", "--server", "https://127.0.0.1:1"];
    let said = mtls(folder.path(), &nobody, "");
    assert!(
        said.code == 3 && said.stderr.contains("cannot be reached"),
        "{}",
        said.stderr
    );
}

#[test]
fn files_that_exist_and_places_that_cannot_be_written() {
    let folder = tempfile::tempdir().unwrap();
    let make = |out: &str| {
        mtls(
            folder.path(),
            &["create", "ca", "partners", "--out", out],
            "",
        )
    };
    assert_eq!(make("ca").code, 0);
    let key = fs::read(folder.path().join("ca/ca.key")).unwrap();
    let again = make("ca");
    assert!(
        again.code == 3 && again.stderr.contains("ca/ca.crt exists"),
        "{}",
        again.stderr
    );
    assert_eq!(fs::read(folder.path().join("ca/ca.key")).unwrap(), key);
    // One of two is enough, and then neither is written.
    fs::remove_file(folder.path().join("ca/ca.crt")).unwrap();
    assert_eq!(make("ca").code, 3);
    assert!(!folder.path().join("ca/ca.crt").exists());
    let into_file = make("ca/ca.key/below");
    assert!(
        into_file.code == 3 && into_file.stderr.contains("ca/ca.key"),
        "{}",
        into_file.stderr
    );
}

#[test]
fn a_key_that_does_not_match_and_a_leaf_as_ca() {
    let folder = tempfile::tempdir().unwrap();
    let run = |args: &[&str]| mtls(folder.path(), args, "");
    for name in ["one", "two"] {
        assert_eq!(run(&["create", "ca", name, "--out", name]).code, 0);
    }
    let issue = |cert: &str, key: &str, out: &str| {
        run(&[
            "issue",
            "alice",
            "--ca-cert",
            cert,
            "--ca-key",
            key,
            "--out",
            out,
        ])
    };
    let said = issue("one/ca.crt", "two/ca.key", "leaf");
    assert!(
        said.code == 3 && said.stderr.contains("does not belong"),
        "{}",
        said.stderr
    );
    assert!(!folder.path().join("leaf").exists());
    assert_eq!(issue("one/ca.crt", "one/ca.key", "leaf").code, 0);
    let said = issue("leaf/alice.crt", "leaf/alice.key", "below");
    assert!(
        said.code == 3 && said.stderr.contains("is not a CA"),
        "{}",
        said.stderr
    );
    let said = issue("one/ca.crt", "one/ca.crt", "below");
    assert!(said.stderr.contains("no private key"), "{}", said.stderr);
}

#[test]
fn wrong_usage_exits_with_two() {
    let folder = tempfile::tempdir().unwrap();
    for args in [
        &["issue", "a", "--ca", "b"][..],
        &["explain", "none"],
        &["nonsense"],
        &["protect", "pod/a", "--trust", "t"],
        &["lint", "--fail-on", "x"],
        &["create", "ca", "A b"],
        &["create", "ca", "a", "--duration", "5x"],
    ] {
        let said = mtls(folder.path(), args, "");
        assert_eq!(said.code, 2, "{args:?}: {}", said.stderr);
        assert!(said.stderr.starts_with("error: "), "{}", said.stderr);
    }
}

#[test]
fn no_key_is_ever_printed_unasked() {
    let folder = tempfile::tempdir().unwrap();
    let dry = ["create", "ca", "partners", "--dry-run=client"];
    let said = mtls(folder.path(), &dry, "");
    assert_eq!(
        said.stdout,
        "secret/partners created (dry run)\nsecret/partners-trust created (dry run)\n"
    );
    let names = mtls(
        folder.path(),
        &["create", "ca", "p", "--dry-run=client", "-o", "name"],
        "",
    );
    assert_eq!(names.stdout, "secret/p\nsecret/p-trust\n");
}
