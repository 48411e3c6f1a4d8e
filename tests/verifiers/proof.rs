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

/// A CA of another host, with a client's certificate in `partner.crt` and `partner.key`.
fn other_ca(folder: &Path) -> std::path::PathBuf {
    let other = folder.join("other");
    let mtls = |args: &[&str]| {
        let mut command = Command::new(binary("kubectl-mtls").unwrap());
        let said = run(command.current_dir(folder).args(args), "").unwrap();
        assert!(said.success, "{}", said.all());
    };
    mtls(&["create", "ca", "others", "--out", "other"]);
    let ca = ["--ca-cert", "other/ca.crt", "--ca-key", "other/ca.key"];
    mtls(&[&["issue", "partner", "--out", "."], &ca[..]].concat());
    other.join("ca.crt")
}

fn outcomes(proof: &Value, case: &str) -> Vec<String> {
    let items = proof["items"].as_array().unwrap().iter();
    let items = items.filter(|item| item["case"] == case);
    let words = items.map(|item| item["outcome"].as_str().unwrap().to_owned());
    words.collect()
}

#[test]
fn http2_is_treated_alike() {
    let (folder, files) = prepared();
    let gateway = tests::gateways::nginx_of_two_hosts(&files, &other_ca(folder.path())).unwrap();
    let said = prove(folder.path(), gateway.port, &CA);
    assert_eq!(said.code, 0, "{}", said.all());
    let proof = verdict(&said);
    assert_eq!(outcomes(&proof, "none-http2"), ["refused", "refused"]);
    assert_eq!(outcomes(&proof, "good-http2"), ["accepted", "accepted"]);
}

/// The certificate of another host's CA gets a session there, which must be of no use here.
const OTHERS: [&str; 6] = [
    "--other-host",
    "other.example",
    "--other-cert",
    "partner.crt",
    "--other-key",
    "partner.key",
];

#[test]
fn a_session_of_another_host_is_of_no_use() {
    let (folder, files) = prepared();
    let gateway = tests::gateways::nginx_of_two_hosts(&files, &other_ca(folder.path())).unwrap();
    let said = prove(folder.path(), gateway.port, &[&CA[..], &OTHERS].concat());
    let resumed = outcomes(&verdict(&said), "resumed");
    assert_eq!(resumed, ["refused", "refused"], "{}", said.all());
}

#[test]
fn a_session_of_another_host_that_is_taken_up_is_a_hole() {
    let (folder, files) = prepared();
    let other = other_ca(folder.path());
    let gateway = tests::gateways::careless_openssl(&files, &other).unwrap();
    let said = prove(folder.path(), gateway.port, &[&CA[..], &OTHERS].concat());
    let proof = verdict(&said);
    assert_eq!(outcomes(&proof, "other-ca"), ["refused", "refused"]);
    let resumed = outcomes(&proof, "resumed");
    assert!(resumed.contains(&"accepted".to_owned()), "{}", said.all());
    assert_eq!(said.code, 1, "{}", said.all());
    // Without it the host does what is expected.
    let said = prove(folder.path(), gateway.port, &CA);
    assert_eq!(said.code, 0, "{}", said.all());
}

#[test]
fn another_name_in_sni_that_gets_in_is_a_hole() {
    let (folder, files) = prepared();
    let gateway = tests::gateways::careless_rustls(&files).unwrap();
    let more = [&CA[..], &["--other-host", "open.example"]].concat();
    let said = prove(folder.path(), gateway.port, &more);
    assert_eq!(said.code, 1, "{}", said.all());
    let proof = verdict(&said);
    assert_eq!(outcomes(&proof, "none"), ["refused", "refused"]);
    assert_eq!(outcomes(&proof, "other-sni"), ["accepted", "accepted"]);
    assert!(proof["reason"].as_str().unwrap().contains("other-sni"));
}

#[test]
fn headers_about_the_client_are_the_gateways_own() {
    let (folder, files) = prepared();
    for (kept, code) in [(true, 0), (false, 1)] {
        let gateway = tests::gateways::echoing_nginx(&files, kept).unwrap();
        let more = [&CA[..], &["--echo=ssl-client-verify"]].concat();
        let said = prove(folder.path(), gateway.port, &more);
        assert_eq!(said.code, code, "{}", said.all());
        let word = if kept { "kept-off" } else { "passed-on" };
        assert_eq!(outcomes(&verdict(&said), "spoofed-headers"), [word, word]);
    }
    // A backend that repeats nothing shows nothing.
    let gateway = nginx(&files).unwrap();
    let said = prove(
        folder.path(),
        gateway.port,
        &[&CA[..], &["--echo"]].concat(),
    );
    let shown = outcomes(&verdict(&said), "spoofed-headers");
    assert_eq!(shown, ["not-offered", "not-offered"]);
}

#[test]
fn other_paths_are_tried_too() {
    let (folder, files) = prepared();
    let gateway = nginx(&files).unwrap();
    let more = [&CA[..], &["--path", "/admin", "--path", "/v1"]].concat();
    let said = prove(folder.path(), gateway.port, &more);
    assert_eq!(said.code, 0, "{}", said.all());
    assert_eq!(outcomes(&verdict(&said), "other-path"), ["refused"; 4]);
}

#[test]
fn a_revoked_certificate_decides_where_it_must() {
    let (folder, mut files) = prepared();
    let mut fixtures = Command::new(binary("kubectl-mtls").unwrap());
    fixtures.current_dir(folder.path());
    fixtures.args(["create", "fixtures", "cases"]).args(CA);
    assert!(run(&mut fixtures, "").unwrap().success);
    let revoked = [
        "--revoked-cert",
        "cases/revoked.crt",
        "--revoked-key",
        "cases/revoked.key",
    ];
    let more = [&CA[..], &revoked].concat();
    let gateway = nginx(&files).unwrap();
    let said = prove(folder.path(), gateway.port, &more);
    assert_eq!(said.code, 0, "{}", said.all());
    let said = prove(
        folder.path(),
        gateway.port,
        &[&more[..], &["--strict"]].concat(),
    );
    assert_eq!(said.code, 1, "{}", said.all());
    drop(gateway);
    files.crl = Some(folder.path().join("cases/ca.crl"));
    let gateway = nginx(&files).unwrap();
    let said = prove(folder.path(), gateway.port, &more);
    assert_eq!(outcomes(&verdict(&said), "revoked"), ["refused", "refused"]);
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

/// `curl` with what stands between target and options.
fn curl(folder: &Path, port: u16, path: &str, more: &[&str]) -> Output {
    let mut command = Command::new(binary("kubectl-mtls").unwrap());
    command
        .current_dir(folder)
        .env("PATH", path)
        .args(["curl", &format!("https://localhost:{port}/"), "--connect"])
        .arg(format!("127.0.0.1:{port}"))
        .args(["--server-ca", "server-ca.crt"])
        .args(more);
    run(&mut command, "").unwrap()
}

#[test]
fn curl_explains_the_alert_and_does_without_curl() {
    let (folder, files) = prepared();
    let gateway = rustls(&files).unwrap();
    let path = std::env::var("PATH").unwrap();
    for path in [path.as_str(), "/nonexistent"] {
        let let_in = curl(
            folder.path(),
            gateway.port,
            path,
            &[&CA[..], &["--", "-sS"]].concat(),
        );
        assert_eq!(
            (let_in.code, let_in.stdout.as_str()),
            (0, "hello"),
            "{}",
            let_in.all()
        );
        let refused = curl(folder.path(), gateway.port, path, &["--", "-sS"]);
        assert!([35, 55, 56].contains(&refused.code), "{}", refused.all());
        assert!(
            refused
                .stderr
                .contains("certificate_required: the gateway demands"),
            "{}",
            refused.all()
        );
    }
    let said = curl(
        folder.path(),
        gateway.port,
        "/nonexistent",
        &["--", "--data", "x"],
    );
    assert_eq!(said.code, 3);
    assert!(said.stderr.contains("--data needs curl"), "{}", said.stderr);
    fs::copy(
        folder.path().join("ca.crt"),
        folder.path().join("server-ca.crt"),
    )
    .unwrap();
    let said = curl(folder.path(), gateway.port, &path, &["--", "-sS"]);
    assert_eq!(said.code, 60, "{}", said.all());
    assert!(
        said.stderr.contains("server's own certificate"),
        "{}",
        said.stderr
    );
}
