//! The command in a terminal of 80 columns: a pseudo-terminal of util-linux' `script`.

use std::net::TcpListener;
use std::process::Command;

use tests::cluster::{Output, run};
use tests::traefik::binary;

use crate::{applied, cluster, mtls, must, namespace};

/// Runs the command on a terminal: stdout and stderr as they come there.
fn on_terminal(args: &[&str], no_color: bool) -> Output {
    let program = binary("kubectl-mtls").unwrap();
    let size = "stty cols 80 rows 24";
    let line = format!("{size}; {} {}", program.display(), args.join(" "));
    let mut command = Command::new("script");
    command
        .args(["--quiet", "--return", "--command", &line, "/dev/null"])
        .env("KUBECONFIG", &cluster().kubeconfig)
        .env("TERM", "xterm")
        .env_remove("NO_COLOR");
    if no_color {
        command.env("NO_COLOR", "1");
    }
    run(&mut command, "").unwrap()
}

#[track_caller]
fn fits(text: &str) {
    for line in text.lines() {
        // Progress comes first, and is wiped from its line.
        let line = line.rsplit("\u{1b}[K").next().unwrap_or(line);
        assert!(line.trim_end().chars().count() <= 80, "{line:?} in {text}");
    }
}

fn route(ns: &str, host: &str) -> String {
    format!(
        "apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: api
  namespace: {ns}
spec:
  ingressClassName: nginx
  rules:
  - host: {host}
    http: {{paths: [{{path: /, pathType: Prefix, backend: {{service: {{name: api, port: {{number: 80}}}}}}}}]}}
"
    )
}

#[test]
fn what_is_shown_fits_a_terminal_and_what_is_piped_is_whole() {
    let ns = "terminal-fits";
    namespace(ns);
    let host = format!("a.{}.{}.example.com", "b".repeat(60), "c".repeat(60));
    applied(&route(ns, &host));
    let protect = ["protect", "ingress/api", "-n", ns, "--trust", "missing"];
    let shown = on_terminal(&protect, true);
    assert_eq!(shown.code, 1, "an error was shown: {}", shown.all());
    assert!(
        shown.stdout.contains("error: missing-ca: "),
        "{}",
        shown.stdout
    );
    let get = ["get", "hosts", "-n", ns];
    let table = on_terminal(&get, true).stdout;
    fits(&table);
    assert!(
        table.contains('…') && table.contains("missing-ca"),
        "{table}"
    );
    assert!(must(&get).contains(&host), "piped");
    assert!(
        on_terminal(&[&get[..], &["-o", "wide"]].concat(), true)
            .stdout
            .contains(&host)
    );
    must(&["create", "ca", "partners", "-n", ns]);
    must(&["issue", "alice", "--ca", "partners", "-n", ns, "--out", "-"]);
    for verb in [
        &["get", "cas"][..],
        &["get", "certs"],
        &["rotate", "ca", "partners", "--status"],
        &["webhook", "status"],
        &["lint"],
        &["explain"],
        &["explain", "missing-ca"],
        &["options"],
    ] {
        fits(&on_terminal(&[verb, &["-n", ns]].concat(), true).stdout);
    }
    fits(&on_terminal(&[], true).stdout);
}

/// Progress, which comes where a command is slow, wipes its line and has no colour.
fn is_coloured(text: &str) -> bool {
    text.replace("\u{1b}[K", "").contains('\u{1b}')
}

#[test]
fn colours_are_for_terminals_and_for_who_wants_them() {
    let ns = "terminal-colours";
    namespace(ns);
    applied(&route(ns, "terminal-colours.example.com"));
    let get = ["get", "hosts", "-n", ns];
    let with = |more: &[&'static str]| [&get[..], more].concat();
    assert!(is_coloured(&on_terminal(&get, false).stdout));
    assert!(!is_coloured(&on_terminal(&get, true).stdout));
    let never = on_terminal(&with(&["--color=never"]), false);
    assert!(!is_coloured(&never.stdout));
    assert!(!is_coloured(&must(&get)));
    assert!(is_coloured(&must(&with(&["--color", "always"]))));
    let wrong = mtls(&["get", "hosts", "--color=never", "--bogus"]);
    assert!(!is_coloured(&wrong.all()), "{}", wrong.all());
}

#[test]
fn nothing_is_said_in_a_sentence() {
    let ns = "terminal-empty";
    namespace(ns);
    for (what, words) in [
        ("hosts", "no route opens a host in namespace terminal-empty"),
        ("cas", "there is no CA in namespace terminal-empty"),
        (
            "certs",
            "no certificate is on record in namespace terminal-empty",
        ),
    ] {
        let output = mtls(&["get", what, "-n", ns]);
        assert!(
            output.success && output.stdout.is_empty(),
            "{}",
            output.all()
        );
        assert!(output.stderr.contains(words), "{}", output.stderr);
        let json = must(&["get", what, "-n", ns, "-o", "json"]);
        assert!(json.contains("\"items\": []"), "{json}");
    }
}

#[test]
fn who_waits_is_told_what_for_and_a_log_is_not() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = format!("https://{}", silent.local_addr().unwrap());
    let get = ["get", "cas", "--server", &server, "--request-timeout", "3s"];
    let waiting = format!("asking {server}/ (");
    let shown = on_terminal(&get, true);
    assert!(shown.stdout.contains(&waiting), "{}", shown.stdout);
    assert!(
        shown
            .stdout
            .contains("error: the cluster cannot be reached"),
        "{}",
        shown.stdout
    );
    let log = mtls(&get);
    assert!(!log.all().contains("asking "), "{}", log.all());
}
