//! What the API server is told of who asks, and what a user can see of it.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::mpsc;
use std::thread;

use crate::{mtls, must};

/// Runs the command against a server that refuses, and returns what it was sent.
fn sent(args: &[&str]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = format!("http://{}", listener.local_addr().unwrap());
    let (send, receive) = mpsc::channel();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = [0; 8192];
        let read = stream.read(&mut request).unwrap();
        let _ = stream.write_all(
            b"HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\nset-cookie: chocolate\r\n\r\n{}",
        );
        send.send(String::from_utf8_lossy(&request[..read]).into_owned())
            .unwrap();
    });
    let said = mtls(&[args, &["--server", &server]].concat());
    assert_eq!(said.code, 3, "{}", said.all());
    receive.recv().unwrap().to_lowercase()
}

#[test]
fn requests_say_who_sent_them() {
    let request = sent(&["get", "cas", "-A"]);
    assert!(
        request.contains("\r\nkubectl-command: kubectl mtls get cas\r\n"),
        "{request}"
    );
    assert!(request.contains("\r\nkubectl-session: "), "{request}");
    let agent = format!(
        "\r\nuser-agent: kubectl-mtls/v{} (",
        env!("CARGO_PKG_VERSION")
    );
    assert!(request.contains(&agent), "{request}");
}

#[test]
fn who_is_impersonated_is_sent_whole() {
    let who = [
        "--as",
        "jane",
        "--as-uid",
        "7",
        "--as-group",
        "a",
        "--as-group",
        "b",
    ];
    let extra = [
        "--as-user-extra",
        "scopes=view",
        "--as-user-extra",
        "scopes=edit",
    ];
    let request = sent(&[&["get", "cas"], &who[..], &extra[..]].concat());
    for line in [
        "impersonate-user: jane",
        "impersonate-uid: 7",
        "impersonate-group: a",
        "impersonate-group: b",
        "impersonate-extra-scopes: view",
        "impersonate-extra-scopes: edit",
    ] {
        assert!(
            request.contains(&format!("\r\n{line}\r\n")),
            "{line}: {request}"
        );
    }
    let alone = mtls(&["get", "cas", "--as-group", "a"]);
    assert_eq!(alone.code, 2, "{}", alone.all());
}

#[test]
fn requests_are_shown_as_far_as_one_asks() {
    let quiet = mtls(&["get", "cas", "-A", "-v", "5"]).stderr;
    assert!(!quiet.contains("request: "), "{quiet}");
    let requests = mtls(&["get", "cas", "-A", "-v=6"]).stderr;
    let line = requests.lines().find(|line| line.starts_with("request: "));
    let line = line.unwrap_or_default();
    assert!(line.contains("GET https://127.0.0.1:"), "{requests}");
    assert!(
        line.contains("/api/v1/secrets?") && line.contains(" 200 OK in "),
        "{requests}"
    );
    assert!(!requests.contains("user-agent"), "{requests}");
    let headers = mtls(&["get", "cas", "-A", "-v", "9"]).stderr;
    assert!(
        headers.contains("    user-agent: kubectl-mtls/"),
        "{headers}"
    );
    assert!(
        headers.contains("    content-type: application/json"),
        "{headers}"
    );
    let secret = tests::cluster::TOKEN;
    assert!(!headers.contains(secret), "{headers}");
    assert!(!headers.contains("\"kind\""), "no bodies: {headers}");
}

#[test]
fn what_the_flags_name_must_be_there() {
    for (flag, what) in [
        ("--context", "context"),
        ("--user", "user"),
        ("--cluster", "cluster"),
    ] {
        let said = mtls(&["get", "hosts", flag, "nowhere"]);
        assert_eq!(said.code, 3, "{}", said.all());
        let words = format!("the kubeconfig has no {what} \"nowhere\"");
        assert!(said.stderr.contains(&words), "{}", said.stderr);
        assert!(said.stderr.contains("can be: test"), "{}", said.stderr);
    }
    let bare = mtls(&["get", "hosts", "--server", "127.0.0.1:1"]);
    assert_eq!(bare.code, 2, "{}", bare.all());
    assert!(
        bare.stderr.contains("write https://127.0.0.1:1"),
        "{}",
        bare.stderr
    );
    assert!(!must(&["get", "hosts", "--context", "test", "-A", "-o", "json"]).is_empty());
}
