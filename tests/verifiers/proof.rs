//! `kubectl mtls test` against real gateways, and against servers that prove nothing.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use tests::cluster::{Output, run};
use tests::gateways::{Files, Gateway, envoy, nginx, rustls, traefik};
use tests::traefik::binary;

use super::{files, root};

/// A folder with the client CA in `ca.crt` and `ca.key`.
pub(super) fn prepared() -> (tempfile::TempDir, Files) {
    let folder = tempfile::tempdir().unwrap();
    let mut create = Command::new(binary("kubectl-mtls").unwrap());
    create
        .args(["create", "ca", "partners", "--out"])
        .arg(folder.path());
    assert!(run(&mut create, "").unwrap().success);
    let ca = fs::read_to_string(folder.path().join("ca.crt")).unwrap();
    let files = files(folder.path(), &ca, None);
    (folder, files)
}

pub(super) fn prove(folder: &Path, port: u16, more: &[&str]) -> Output {
    let mut command = Command::new(binary("kubectl-mtls").unwrap());
    command
        .current_dir(folder)
        .env("NO_COLOR", "1")
        .args(["test", &format!("https://localhost:{port}/"), "--connect"])
        .arg(format!("127.0.0.1:{port}"))
        .args(["--server-ca", "server-ca.crt"])
        .args(more);
    if !more.contains(&"-o") {
        command.args(["-o", "json"]);
    }
    run(&mut command, "").unwrap()
}

pub(super) const CA: [&str; 4] = ["--ca-cert", "ca.crt", "--ca-key", "ca.key"];

#[track_caller]
pub(super) fn verdict(said: &Output) -> Value {
    serde_json::from_str(&said.stdout).unwrap_or_else(|_| panic!("{}", said.all()))
}

fn proven(start: fn(&Files) -> anyhow::Result<Gateway>) {
    let (folder, files) = prepared();
    let gateway = start(&files).unwrap();
    let said = prove(folder.path(), gateway.port, &CA);
    let proof = verdict(&said);
    assert_eq!(
        (said.code, &proof["verdict"]),
        (0, &"proven".into()),
        "{}",
        said.all()
    );
    let of = |case: &str| {
        let items = proof["items"].as_array().unwrap().iter();
        let items = items.filter(|item| item["case"] == case);
        items
            .map(|item| item["outcome"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(of("none"), ["refused", "refused"]);
    assert_eq!(of("good"), ["accepted", "accepted"]);
    assert_eq!(of("expired"), ["refused", "refused"]);
    // Nothing of a wrong expectation is proven.
    let said = prove(
        folder.path(),
        gateway.port,
        &[&CA[..], &["--expect", "none"]].concat(),
    );
    assert_eq!(said.code, 1, "{}", said.all());
}

#[test]
fn nginx_is_proven() {
    proven(nginx);
}

#[test]
fn traefik_is_proven() {
    proven(traefik);
}

#[test]
fn envoy_is_proven() {
    proven(envoy);
}

#[test]
fn rustls_is_proven() {
    proven(rustls);
}

#[test]
fn a_certificate_without_its_ca_proves_less() {
    let (folder, files) = prepared();
    let gateway = nginx(&files).unwrap();
    let mut issue = Command::new(binary("kubectl-mtls").unwrap());
    issue
        .current_dir(folder.path())
        .args(["issue", "alice", "--out", "."])
        .args(CA);
    assert!(run(&mut issue, "").unwrap().success);
    let said = prove(
        folder.path(),
        gateway.port,
        &["--cert", "alice.crt", "--key", "alice.key"],
    );
    let proof = verdict(&said);
    assert_eq!(said.code, 0, "{}", said.all());
    let untried = proof["untried"].as_array().unwrap();
    assert!(
        untried.iter().any(|one| one["case"] == "expired"),
        "{untried:?}"
    );
    let said = prove(folder.path(), gateway.port, &[]);
    assert_eq!(said.code, 3, "{}", said.all());
    assert!(
        verdict(&said)["reason"]
            .as_str()
            .unwrap()
            .contains("no good certificate")
    );
}

#[test]
fn the_wrong_ca_leaves_no_control() {
    let (folder, files) = prepared();
    let gateway = rustls(&files).unwrap();
    let other = root(pki::KeyType::default(), 0);
    fs::write(folder.path().join("other.crt"), other.chain_pem()).unwrap();
    tests::keys::authority(&folder.path().join("other.key"), &other).unwrap();
    let args = ["--ca-cert", "other.crt", "--ca-key", "other.key"];
    let said = prove(folder.path(), gateway.port, &args);
    assert_eq!(said.code, 3, "{}", said.all());
    assert!(
        verdict(&said)["reason"]
            .as_str()
            .unwrap()
            .contains("good certificate is refused too")
    );
}

#[test]
fn the_wrong_server_certificate_is_said_as_such() {
    let (folder, files) = prepared();
    let gateway = rustls(&files).unwrap();
    fs::copy(
        folder.path().join("ca.crt"),
        folder.path().join("server-ca.crt"),
    )
    .unwrap();
    let said = prove(folder.path(), gateway.port, &CA);
    assert_eq!(said.code, 3, "{}", said.all());
    let reason = verdict(&said)["reason"].to_string();
    assert!(reason.contains("server's own certificate"), "{reason}");
}

/// A server that does one thing to every connection.
fn server(act: impl Fn(std::net::TcpStream) + Send + Sync + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let act = std::sync::Arc::new(act);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let act = std::sync::Arc::clone(&act);
            std::thread::spawn(move || act(stream));
        }
    });
    port
}

#[test]
fn a_server_that_says_nothing_proves_nothing() {
    let (folder, _) = prepared();
    let down = tests::ports::free::<1>().unwrap()[0];
    let resets = server(drop);
    let stalls = server(|mut stream| {
        let _ = stream.read(&mut [0; 100]);
        std::thread::sleep(Duration::from_secs(20));
    });
    let other = server(|mut stream| {
        let _ = stream.write_all(b"SSH-2.0-OpenSSH\r\n");
    });
    for (port, word) in [
        (down, "Connection refused"),
        (resets, "none: unclear"),
        (stalls, "no answer in 1s"),
        (other, "none: unclear"),
    ] {
        let said = prove(
            folder.path(),
            port,
            &[&CA[..], &["--timeout", "1s"]].concat(),
        );
        let proof = verdict(&said);
        assert_eq!(
            (said.code, &proof["verdict"]),
            (3, &"inconclusive".into()),
            "{}",
            said.all()
        );
        let reason = proof["reason"].as_str().unwrap();
        assert!(reason.contains(word), "{reason}");
        let items = proof["items"].as_array().unwrap();
        let over_tls = items.iter().filter(|item| item["over"] != "HTTP");
        assert!(over_tls.clone().count() > 20);
        for item in over_tls {
            assert_ne!(item["outcome"], "refused", "{item}");
        }
    }
}

/// rustls that asks nobody, and answers with a status.
fn open(files: &Files, status: &'static str) -> u16 {
    tests::gateways::open(files, status).unwrap().port
}

#[test]
fn a_server_that_accepts_everything_is_a_hole() {
    let (folder, files) = prepared();
    let port = open(&files, "200 OK");
    let said = prove(folder.path(), port, &CA);
    assert_eq!(
        (said.code, &verdict(&said)["verdict"]),
        (1, &"hole".into()),
        "{}",
        said.all()
    );
    let said = prove(
        folder.path(),
        port,
        &[&CA[..], &["--expect", "none"]].concat(),
    );
    assert_eq!(said.code, 0, "{}", said.all());
}

#[test]
fn a_server_that_answers_500_proves_nothing() {
    let (folder, files) = prepared();
    let port = open(&files, "500 Internal Server Error");
    let said = prove(folder.path(), port, &CA);
    let proof = verdict(&said);
    assert_eq!((said.code, &proof["verdict"]), (3, &"inconclusive".into()));
    let reason = proof["reason"].as_str().unwrap();
    assert!(reason.contains("HTTP 500"), "{reason}");
}

#[test]
fn junit_opens_elsewhere() {
    let (folder, files) = prepared();
    let gateway = rustls(&files).unwrap();
    let said = prove(
        folder.path(),
        gateway.port,
        &[&CA[..], &["-o", "junit"]].concat(),
    );
    assert_eq!(said.code, 0, "{}", said.all());
    fs::write(folder.path().join("junit.xml"), &said.stdout).unwrap();
    let script = "import sys, xml.etree.ElementTree as t; r = t.parse('junit.xml').getroot(); \
        print(len(list(r.iter('testcase'))), r[0].get('failures'))";
    let mut python = Command::new("python3");
    let read = run(python.current_dir(folder.path()).args(["-c", script]), "").unwrap();
    assert_eq!(read.stdout.trim(), "34 0", "{}", read.all());
}

#[test]
fn a_target_that_resolves_nowhere_is_said_at_once() {
    let (folder, _) = prepared();
    let mut command = Command::new(binary("kubectl-mtls").unwrap());
    command.current_dir(folder.path());
    command.args(["test", "https://nowhere.invalid/"]).args(CA);
    let said = run(&mut command, "").unwrap();
    assert_eq!(said.code, 3, "{}", said.all());
    assert!(said.stderr.contains("resolves nowhere"), "{}", said.stderr);
    assert!(said.stderr.contains("--connect"), "{}", said.stderr);
}
