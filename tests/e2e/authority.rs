//! CAs in the cluster: their records, rotation under load, revocation and backup.

mod revocation;
mod rotation;

use std::process::Command;

use serde_json::Value;
use tests::cluster::run;
use tests::traefik::binary;

use crate::{cluster, mtls, must, namespace};

pub(super) fn json(args: &[&str]) -> Value {
    serde_json::from_str(&must(args)).unwrap()
}

pub(super) fn data(ns: &str, secret: &str, key: &str) -> String {
    use base64::Engine as _;
    let path = format!("jsonpath={{.data.{}}}", key.replace('.', "\\."));
    let text = cluster()
        .must(&["get", "secret", secret, "-n", ns, "-o", &path])
        .unwrap();
    let bytes = base64::engine::general_purpose::STANDARD
        .decode(text)
        .unwrap();
    String::from_utf8(bytes).unwrap()
}

#[test]
fn two_issuers_at_once_lose_no_record() {
    let ns = "records";
    namespace(ns);
    must(&["create", "ca", "partners", "-n", ns]);
    let folder = tempfile::tempdir().unwrap();
    let issue = |side: &str| {
        for number in 0..100 {
            let name = format!("{side}-{number}");
            let mut command = Command::new(binary("kubectl-mtls").unwrap());
            let said = run(
                command
                    .args(["issue", &name, "--ca", "records/partners", "--out"])
                    .arg(folder.path())
                    .env("KUBECONFIG", &cluster().kubeconfig),
                "",
            );
            let said = said.unwrap();
            assert!(
                said.success && !said.stderr.contains("warning"),
                "{}",
                said.stderr
            );
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(|| issue("left"));
        scope.spawn(|| issue("right"));
    });
    let certs = json(&["get", "certs", "--ca", "records/partners", "-o", "json"]);
    let serials = certs["items"].as_array().unwrap().iter();
    let serials: std::collections::BTreeSet<_> = serials
        .map(|item| item["serial"].as_str().unwrap())
        .collect();
    assert_eq!(serials.len(), 200);
    let said = mtls(&["get", "certs", "-n", ns, "--expiring", "100d", "-o", "name"]);
    assert_eq!((said.code, said.stdout.lines().count()), (1, 200));
    assert_eq!(mtls(&["get", "cas", "-n", ns, "--expiring", "30d"]).code, 0);
}

#[test]
fn a_backup_comes_back_as_it_was() {
    let ns = "backup";
    namespace(ns);
    must(&["create", "ca", "partners", "-n", ns]);
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (file, password) = (path("partners.age"), path("pw"));
    std::fs::write(&password, "geheim\n").unwrap();
    must(&[
        "issue",
        "alice",
        "--ca",
        "backup/partners",
        "--out",
        &path(""),
    ]);
    must(&[
        "backup",
        "--ca",
        "backup/partners",
        "--out",
        &file,
        "--password-file",
        &password,
    ]);
    let restore = |password: &str| mtls(&["restore", &file, "--password-file", password]);
    let again = restore(&password);
    assert!(
        again.success && again.stderr.contains("is there already"),
        "{}",
        again.all()
    );
    let key = data(ns, "partners", "tls.key");
    let delete =
        |kind: &str, name: &str| cluster().must(&["delete", kind, name, "-n", ns]).unwrap();
    delete("secret", "partners");
    delete("secret", "partners-trust");
    delete("configmap", "partners-issued");
    let other = path("other");
    std::fs::write(&other, "falsch\n").unwrap();
    let wrong = restore(&other);
    assert!(
        wrong.code == 3 && wrong.stderr.contains("password is wrong"),
        "{}",
        wrong.stderr
    );
    let restored = restore(&password);
    assert!(restored.success, "{}", restored.all());
    assert_eq!(data(ns, "partners", "tls.key"), key);
    let certs = must(&["get", "certs", "--ca", "backup/partners"]);
    assert!(certs.contains("CN=alice"), "{certs}");
    delete("secret", "partners");
    must(&[
        "create",
        "ca",
        "partners",
        "-n",
        ns,
        "--trust-namespace",
        "default",
    ]);
    let refused = restore(&password);
    assert!(
        refused.code == 3 && refused.stderr.contains("not overwritten"),
        "{}",
        refused.stderr
    );
    let mut bytes = std::fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    assert!(restore(&password).stderr.contains("damaged"));
    cluster()
        .must(&["delete", "secret", "partners-trust", "-n", "default"])
        .unwrap();
}

#[test]
fn a_host_that_demands_a_certificate_is_inspected() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    must(&["create", "ca", "clients", "--out", &path("clients")]);
    must(&["create", "ca", "server", "--out", &path("server")]);
    let (cert, key) = (path("server/ca.crt"), path("server/ca.key"));
    let args = [
        "issue",
        "api.example.com",
        "--profile",
        "server",
        "--ca-cert",
        &cert,
        "--ca-key",
        &key,
        "--out",
        &path(""),
    ];
    must(&args);
    let files = tests::gateways::Files {
        folder: folder.path().to_owned(),
        cert: path("api.example.com.crt").into(),
        key: path("api.example.com.key").into(),
        server_ca: path("server/ca.crt").into(),
        client_ca: path("clients/ca.crt").into(),
        crl: None,
    };
    let gateway = tests::gateways::rustls(&files).unwrap();
    let connect = format!("127.0.0.1:{}", gateway.port);
    let shown = json(&[
        "inspect",
        "https://api.example.com",
        "--connect",
        &connect,
        "-o",
        "json",
    ]);
    let (handshake, leaf) = (&shown["items"][0], &shown["items"][1]);
    assert_eq!(handshake["asksForClientCertificate"], true);
    assert_eq!(handshake["acceptableCas"][0], "CN=clients");
    assert!(
        handshake["withoutCertificate"]
            .as_str()
            .unwrap()
            .contains("refused"),
        "{handshake}"
    );
    assert_eq!(leaf["sans"][0], "DNS:api.example.com");
    let nobody = mtls(&["inspect", "https://127.0.0.1:1"]);
    assert!(
        nobody.code == 3 && nobody.stderr.contains("hint:"),
        "{}",
        nobody.stderr
    );
}
