//! `kubectl mtls curl`, with curl and without it.

use std::fs;
use std::path::Path;
use std::process::Command;

use tests::cluster::{Output, run};
use tests::gateways::rustls;
use tests::traefik::binary;

use super::proof::{CA, prepared};

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
