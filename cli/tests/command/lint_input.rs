//! What lies in folders beside manifests, and manifests that are odd.

use std::fs;
use std::os::unix::fs::symlink;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::{Said, mtls};

const POD: &str = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n";

fn stdin(text: &str) -> Said {
    let folder = tempfile::tempdir().unwrap();
    mtls(folder.path(), &["lint", "-f", "-"], text)
}

#[test]
fn a_folder_of_a_chart_or_a_repository() {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [
        ("Chart.yaml", "apiVersion: v2\nname: a\nversion: 1.0.0\n"),
        ("values.yaml", "image: {tag: 1}\n"),
        (
            "kustomization.yaml",
            "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [a.yaml]\n",
        ),
        ("list.yaml", "- 1\n- 2\n"),
        ("package.json", "{\"name\": \"a\"}"),
        ("empty.yaml", "---\n# nothing\n"),
        (
            "templates/a.yaml",
            "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata:\n  name: {{ .Release.Name }}\n",
        ),
        (
            "templates/b.yaml",
            "{{- if .Values.x }}\napiVersion: v1\nkind: Pod\n{{- end }}\n",
        ),
        (
            "templates/c.yaml",
            "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: \"{{ .Release.Name }}\"}\n",
        ),
        (
            "flux/a.yaml",
            "apiVersion: v1\nkind: Pod\nmetadata: {name: ${NAME:=a}}\n",
        ),
        (".github/workflows/ci.yaml", "on: [\n"),
        ("pod.yaml", POD),
    ] {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    symlink(".", folder.path().join("again")).unwrap();
    let said = mtls(folder.path(), &["lint", "-f", ".", "-R"], "");
    assert_eq!(
        (said.code, said.stdout.as_str()),
        (0, ""),
        "{}",
        said.stderr
    );
    for words in [
        "templates/a.yaml:4: is a template ({{ ... }}), and is skipped",
        "templates/b.yaml:1: is",
        "templates/c.yaml:1: is",
        "flux/a.yaml:3: is a template (${...})",
        "package.json",
        "(4 in all)",
        "summary: 0 findings",
    ] {
        assert!(said.stderr.contains(words), "{words}: {}", said.stderr);
    }
    // What is named itself is meant.
    assert_eq!(
        mtls(folder.path(), &["lint", "-f", "values.yaml"], "").code,
        1
    );
    assert_eq!(
        mtls(folder.path(), &["lint", "-f", "templates/a.yaml"], "").code,
        0
    );
}

#[test]
fn what_is_no_text_is_said_and_the_rest_is_judged() {
    let folder = tempfile::tempdir().unwrap();
    let utf16: Vec<u8> = "\u{feff}kind: Pod\n"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    for (name, bytes) in [
        ("a.yaml", &utf16[..]),
        ("b.yaml", b"a: \0"),
        ("c.yaml", b"a: 1\nb: \xff"),
        ("d.yaml", b"a:\n\tb: 1"),
        ("e.yaml", b"a: 'x"),
        ("f.yaml", b"kind: Ingress\n"),
    ] {
        fs::write(folder.path().join(name), bytes).unwrap();
    }
    symlink("nowhere", folder.path().join("g.yaml")).unwrap();
    let said = mtls(folder.path(), &["lint", "-f", "."], "");
    assert_eq!(said.code, 3);
    assert!(
        said.stdout
            .contains("f.yaml:1:1: error unreadable-object: apiVersion is missing"),
        "{}",
        said.stdout
    );
    for words in [
        "a.yaml:1:1: is UTF-16",
        "b.yaml:1:4: has a NUL byte",
        "c.yaml:2:4: is not UTF-8",
        "d.yaml:2:",
        "e.yaml:1:",
        "g.yaml:1:1: cannot be read: ",
    ] {
        assert!(said.stderr.contains(words), "{words}: {}", said.stderr);
    }
    assert_eq!(
        said.stderr.matches("error: ").count(),
        said.stderr.matches("hint: ").count()
    );
}

#[test]
fn fields_of_the_wrong_type() {
    let head = "apiVersion: networking.k8s.io/v1\nkind: Ingress\n";
    for (text, words) in [
        (
            "metadata: 5\n",
            "<stdin>:3:1: error unreadable-object: metadata is not a mapping",
        ),
        (
            "metadata: {name: a, annotations: [x]}\n",
            "metadata.annotations is not a mapping",
        ),
        (
            "metadata: {name: [a]}\n",
            "<stdin>:3:12: error unreadable-object: metadata.name is missing",
        ),
        (
            "metadata: {name: a}\nspec: x\n",
            "<stdin>:4:1: error unreadable-object: ingress/a in namespace default: spec is not a mapping",
        ),
        (
            "metadata: {name: a}\nspec: {rules: {}}\n",
            "<stdin>:4:8: error unreadable-object",
        ),
        (
            "metadata: {name: a}\nspec:\n  rules:\n  - host: 5\n",
            "<stdin>:6:5: error unreadable-object: ingress/a in namespace default: spec.rules[0].host is not a string",
        ),
        (
            "metadata:\n  name: a\n  annotations:\n    nginx.ingress.kubernetes.io/auth-tls-verify-client: 1\n",
            "<stdin>:6:5: error unreadable-object: ingress/a in namespace default: nginx.ingress.kubernetes.io/auth-tls-verify-client is a number",
        ),
    ] {
        let said = stdin(&format!("{head}{text}"));
        assert!(
            said.code == 1 && said.stdout.contains(words),
            "{text}{}{}",
            said.stdout,
            said.stderr
        );
    }
}

#[test]
fn nothing_behind_a_document_is_passed_over_in_silence() {
    for text in [
        "a: 1\n]\n",
        "a: 1\n...\nb: 2\n",
        "--- {a: 1}\n---\n--- {b: 1}\n--- {c: 1}\n",
    ] {
        let said = stdin(text);
        assert!(
            said.code == 3 && said.stderr.contains("<stdin>:"),
            "{text}{}",
            said.stderr
        );
    }
    let said = stdin(&format!("%YAML 1.2\n---\n{POD}...\n---\n{POD}"));
    assert_eq!(said.code, 0, "{}", said.stderr);
}

#[test]
fn an_object_that_stands_twice_is_said() {
    let ingress = "---\napiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: a}\n";
    let said = stdin(&ingress.repeat(9));
    assert!(
        said.stderr.contains(
            "ingress/a in namespace default stands in <stdin>:2 and in <stdin>:6: the latter counts"
        ),
        "{}",
        said.stderr
    );
    assert!(said.stderr.contains("3 more"), "{}", said.stderr);
}

#[test]
fn names_in_every_script_and_directions() {
    let text = "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: \"ſhop\\u202e\\u001b[2J\\n\", annotations: {nginx.ingress.kubernetes.io/auth-tls-secret: \"ca\\u0000é\"}}\nspec: {ingressClassName: nginx, rules: [{host: \"ﬀ.例え\", http: {paths: []}}]}\n";
    let said = stdin(text);
    assert_eq!(said.code, 1, "{}", said.stderr);
    let steers = |char: char| char.is_control() && char != '\n' || char == '\u{202e}';
    assert!(!said.stdout.contains(steers), "{:?}", said.stdout);
}

#[test]
fn a_list_of_thousands_costs_one_walk() {
    let item = "- apiVersion: networking.k8s.io/v1\n  kind: Ingress\n  metadata: {name: aNUMBER, annotations: {nginx.ingress.kubernetes.io/auth-tls-secret: ca}}\n  spec: {ingressClassName: nginx, rules: [{host: a.example, http: {paths: []}}]}\n";
    let items: String = (0..1000)
        .map(|number| item.replace("NUMBER", &number.to_string()))
        .collect();
    let text = format!("apiVersion: v1\nkind: List\nitems:\n{items}");
    let folder = tempfile::tempdir().unwrap();
    let start = Instant::now();
    let said = mtls(folder.path(), &["lint", "-f", "-", "-o", "json"], &text);
    assert!(
        start.elapsed() < Duration::from_secs(60),
        "{:?}",
        start.elapsed()
    );
    let found: Value = serde_json::from_str(&said.stdout).unwrap();
    let found = found["items"].as_array().unwrap();
    let of_last = found
        .iter()
        .find(|finding| finding["object"]["name"] == "a999");
    assert_eq!(of_last.unwrap()["line"], 4 + 999 * 4 + 2);
}
