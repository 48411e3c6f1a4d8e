//! What `kubectl mtls test` tries beyond the certificate: HTTP/2, other hosts and paths, sessions,
//! headers, revocation.

use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tests::cluster::run;
use tests::gateways::nginx;
use tests::traefik::binary;

use super::proof::{CA, prepared, prove, verdict};

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
