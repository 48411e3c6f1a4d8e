//! CAs in the cluster: their records, rotation under load, revocation and backup.

use std::process::Command;
use std::sync::Mutex;
use std::time::Duration;

use serde_json::Value;
use tests::cluster::run;
use tests::traefik::{Traefik, backend, binary, service};
use tests::wait_until;

use crate::{applied, cluster, mtls, must, namespace};

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
fn a_rotation_shuts_nobody_out() {
    let ns = "rotation";
    namespace(ns);
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    must(&["create", "ca", "server", "--out", &path("server")]);
    let (server_ca, server_key) = (path("server/ca.crt"), path("server/ca.key"));
    let host = "rotation.example.com";
    let server = [
        "issue",
        "api",
        "--profile",
        "server",
        "--san",
        host,
        "--ca-cert",
        &server_ca,
        "--ca-key",
        &server_key,
        "-n",
        ns,
        "--to-secret",
        "api-tls",
    ];
    must(&server);
    must(&["create", "ca", "partners", "-n", ns]);
    applied(&service(ns, "backend", backend().unwrap()));
    applied(&format!(
        "apiVersion: traefik.io/v1alpha1
kind: IngressRoute
metadata: {{name: api, namespace: {ns}}}
spec:
  entryPoints: [websecure]
  routes: [{{kind: Rule, match: Host(`{host}`), services: [{{name: backend, port: http}}]}}]
  tls: {{secretName: api-tls}}
"
    ));
    must(&[
        "protect",
        "ingressroute/api",
        "-n",
        ns,
        "--trust",
        "partners-trust",
    ]);
    let traefik = Traefik::start(cluster(), ns).unwrap();
    let call = |name: &str| {
        let connect = format!("127.0.0.1:{}", traefik.websecure);
        let (cert, key) = (path(&format!("{name}.crt")), path(&format!("{name}.key")));
        let url = format!("https://{host}/");
        let said = mtls(&[
            "curl",
            &url,
            "--cert",
            &cert,
            "--key",
            &key,
            "--server-ca",
            &server_ca,
            "--connect",
            &connect,
            "--",
            "-sS",
            "-f",
            "--max-time",
            "5",
        ]);
        match said.code == 0 && said.stdout.contains("backend") {
            true => Ok(()),
            false => Err(anyhow::anyhow!("{name}: {}", said.all())),
        }
    };
    let until = |name: &str, good: bool| {
        let what = format!("{name} to be {}", if good { "let in" } else { "refused" });
        wait_until(&what, Duration::from_secs(30), || {
            match (call(name), good) {
                (Ok(()), true) | (Err(_), false) => Ok(()),
                (Err(error), true) => Err(error),
                (Ok(()), false) => Err(anyhow::anyhow!("{name} is let in")),
            }
        })
        .unwrap();
    };
    let issue = |name: &str| {
        must(&[
            "issue",
            name,
            "--ca",
            "rotation/partners",
            "--out",
            &path(""),
        ])
    };
    let rotate = |step: &str| must(&["rotate", "ca", "partners", "-n", ns, "--step", step]);
    issue("old");
    until("old", true);
    // Who must be let in, again and again, while the CA changes.
    let wanted = Mutex::new(vec!["old"]);
    let failures = Mutex::new(Vec::new());
    let calls = Mutex::new(0);
    std::thread::scope(|scope| {
        let looping = scope.spawn(|| {
            loop {
                let names = wanted.lock().unwrap().clone();
                if names.is_empty() {
                    return;
                }
                for name in names {
                    *calls.lock().unwrap() += 1;
                    let failed = call(name).err().map(|error| error.to_string());
                    // One that is no longer wanted may have been refused.
                    let still = wanted.lock().unwrap().contains(&name);
                    failures.lock().unwrap().extend(failed.filter(|_| still));
                }
            }
        });
        rotate("add");
        rotate("add");
        rotate("promote");
        rotate("promote");
        issue("new");
        until("new", true);
        wanted.lock().unwrap().push("new");
        let refused = mtls(&["rotate", "ca", "partners", "-n", ns, "--step", "prune"]);
        assert!(
            refused.code == 3 && refused.stderr.contains("CN=old"),
            "{}",
            refused.stderr
        );
        let seen = *calls.lock().unwrap();
        wait_until("more calls", Duration::from_secs(30), || {
            anyhow::ensure!(*calls.lock().unwrap() > seen + 10);
            Ok(())
        })
        .unwrap();
        wanted.lock().unwrap().retain(|name| *name == "new");
        must(&[
            "rotate", "ca", "partners", "-n", ns, "--step", "prune", "--force",
        ]);
        until("old", false);
        wanted.lock().unwrap().clear();
        looping.join().unwrap();
    });
    let failures = failures.into_inner().unwrap();
    assert!(failures.is_empty(), "{failures:?}");
    tests::say(&format!(
        "rotation: {} calls, none refused",
        calls.into_inner().unwrap()
    ));
    until("new", true);
}

#[test]
fn what_is_revoked_is_listed_for_every_ca() {
    let ns = "revocation";
    namespace(ns);
    must(&["create", "ca", "partners", "-n", ns]);
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().display().to_string();
    for name in ["alice", "bob"] {
        must(&["issue", name, "--ca", "revocation/partners", "--out", &out]);
    }
    must(&["revoke", "alice", "--ca", "revocation/partners"]);
    must(&["rotate", "ca", "partners", "-n", ns, "--step", "add"]);
    let write = |name: &str, text: &str| {
        std::fs::write(folder.path().join(name), text).unwrap();
        format!("{out}/{name}")
    };
    let crl = write("ca.crl", &data(ns, "partners-trust", "ca.crl"));
    let bundle = write("ca.crt", &data(ns, "partners-trust", "ca.crt"));
    let (crls, cas) = (
        std::fs::read_to_string(&crl).unwrap(),
        std::fs::read_to_string(&bundle).unwrap(),
    );
    assert_eq!(crls.matches("BEGIN X509 CRL").count(), 2);
    assert_eq!(cas.matches("BEGIN CERTIFICATE").count(), 2);
    let verify = |name: &str| {
        let mut openssl = Command::new("openssl");
        let cert = folder.path().join(format!("{name}.crt"));
        let openssl = openssl.args([
            "verify",
            "-crl_check_all",
            "-CRLfile",
            &crl,
            "-CAfile",
            &bundle,
        ]);
        run(openssl.arg(cert), "").unwrap()
    };
    assert!(verify("bob").success, "{}", verify("bob").all());
    assert!(verify("alice").all().contains("certificate revoked"));
    let state = |name: &str| {
        let certs = json(&["get", "certs", "--ca", "revocation/partners", "-o", "json"]);
        let items = certs["items"].as_array().unwrap().clone();
        let subject = format!("CN={name}");
        let item = items.into_iter().find(|item| item["subject"] == subject);
        item.unwrap()["state"].as_str().unwrap().to_owned()
    };
    assert_eq!(
        (state("alice"), state("bob")),
        ("revoked".into(), "good".into())
    );
    let again = mtls(&["revoke", "alice", "--ca", "revocation/partners"]);
    assert!(
        again.code == 3 && again.stderr.contains("no living certificate"),
        "{}",
        again.stderr
    );
    must(&[
        "revoke",
        &format!("{out}/bob.crt"),
        "--ca",
        "revocation/partners",
    ]);
    assert_eq!(state("bob"), "revoked");
    let before = data(ns, "partners-trust", "ca.crl");
    must(&["revoke", "--ca", "revocation/partners", "--refresh"]);
    assert_ne!(data(ns, "partners-trust", "ca.crl"), before);
}

#[test]
fn two_revocations_at_once_are_both_listed() {
    let ns = "revoking";
    namespace(ns);
    must(&["create", "ca", "partners", "-n", ns]);
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().display().to_string();
    let names: Vec<_> = (0..8).map(|number| format!("client-{number}")).collect();
    for name in &names {
        must(&["issue", name, "--ca", "revoking/partners", "--out", &out]);
    }
    std::thread::scope(|scope| {
        for name in &names {
            scope.spawn(move || must(&["revoke", name, "--ca", "revoking/partners"]));
        }
    });
    for secret in ["partners", "partners-trust"] {
        let lists = pki::crl::read(&data(ns, secret, "ca.crl")).unwrap();
        assert_eq!(lists[0].revoked.len(), names.len(), "{secret}");
    }
}

#[test]
fn an_immutable_trust_is_not_rotated() {
    let ns = "immutable";
    namespace(ns);
    must(&[
        "create",
        "ca",
        "partners",
        "-n",
        ns,
        "--immutable",
        "--trust-kind",
        "configmap",
    ]);
    let said = mtls(&["rotate", "ca", "partners", "-n", ns, "--step", "add"]);
    assert!(
        said.code == 3 && said.stderr.contains("immutable"),
        "{}",
        said.stderr
    );
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
