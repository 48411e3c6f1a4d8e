//! CAs and certificates in files: what is made, and what is refused.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::{Said, mtls};

/// A folder with `D/ca.crt`, the encrypted `D/ca.key`, and the password in `pw`.
pub(super) fn prepared() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("pw"), "geheim\n").unwrap();
    let args = [
        "create",
        "ca",
        "partners",
        "--out",
        "D",
        "--password-file",
        "pw",
    ];
    good(folder.path(), &args);
    folder
}

pub(super) const CA: [&str; 6] = [
    "--ca-cert",
    "D/ca.crt",
    "--ca-key",
    "D/ca.key",
    "--ca-password-file",
    "pw",
];

/// Issues from the CA in `D`.
pub(super) fn issue(folder: &Path, args: &[&str]) -> Said {
    mtls(folder, &[&["issue"], args, &CA[..]].concat(), "")
}

#[track_caller]
pub(super) fn good(folder: &Path, args: &[&str]) -> String {
    let said = mtls(folder, args, "");
    assert_eq!(said.code, 0, "{args:?}: {}", said.stderr);
    said.stdout
}

/// One `error:` line with these words, one `hint:` line, and exit code 2 or 3.
#[track_caller]
pub(super) fn refused(said: &Said, code: i32, words: &str) {
    let errors = said
        .stderr
        .lines()
        .filter(|line| line.starts_with("error: "));
    assert_eq!(errors.count(), 1, "{}", said.stderr);
    assert!(said.stderr.contains("\nhint: "), "{}", said.stderr);
    assert!(said.stderr.contains(words), "{words:?} in {}", said.stderr);
    assert_eq!(said.code, code, "{}", said.stderr);
}

pub(super) fn openssl(folder: &Path, args: &[&str]) -> (bool, String) {
    let output = Command::new("openssl")
        .current_dir(folder)
        .args(args)
        .output()
        .unwrap();
    let text = [output.stdout, output.stderr].concat();
    (
        output.status.success(),
        String::from_utf8_lossy(&text).into_owned(),
    )
}

#[test]
fn keys_are_encrypted_as_openssl_reads_them() {
    let folder = prepared();
    let pkey = ["pkey", "-in", "D/ca.key", "-noout", "-passin"];
    assert!(openssl(folder.path(), &[&pkey[..], &["pass:geheim"]].concat()).0);
    assert!(!openssl(folder.path(), &[&pkey[..], &["pass:falsch"]].concat()).0);
    let without = [
        "issue",
        "a",
        "--ca-cert",
        "D/ca.crt",
        "--ca-key",
        "D/ca.key",
        "--out",
        ".",
    ];
    refused(&mtls(folder.path(), &without, ""), 3, "encrypted");
    fs::write(folder.path().join("wrong"), "x\n").unwrap();
    let wrong = [&without[..], &["--ca-password-file", "wrong"]].concat();
    refused(&mtls(folder.path(), &wrong, ""), 3, "password is wrong");
    assert!(!folder.path().join("a.key").exists());
}

#[test]
fn a_p12_file_opens_with_its_password_and_never_with_an_empty_one() {
    let folder = prepared();
    for profile in ["compat", "modern"] {
        let file = format!("{profile}.p12");
        let args = [
            "alice",
            "--p12",
            &file,
            "--p12-profile",
            profile,
            "--password-file",
            "pw",
        ];
        assert_eq!(issue(folder.path(), &args).code, 0);
        let read = ["pkcs12", "-in", &file, "-noout", "-passin", "file:pw"];
        let (opened, said) = openssl(folder.path(), &read);
        assert!(opened, "{profile}: {said}");
        let shown = good(folder.path(), &["inspect", &file, "--password-file", "pw"]);
        assert!(
            shown.contains("CN=alice") && shown.contains("Private key"),
            "{shown}"
        );
        let wrong = mtls(folder.path(), &["inspect", &file], "");
        refused(&wrong, 3, "PKCS#12");
    }
    fs::write(folder.path().join("empty"), "\n").unwrap();
    let args = ["bob", "--p12", "bob.p12", "--password-file", "empty"];
    refused(&issue(folder.path(), &args), 2, "holds no password");
    let made = issue(folder.path(), &["carl", "--p12", "carl.p12"]);
    assert!(
        made.stderr.contains("the password of carl.p12 is "),
        "{}",
        made.stderr
    );
}

#[test]
fn a_request_gives_its_key_and_names_and_nothing_else() {
    let folder = prepared();
    let request = |name: &str, extension: &str| {
        let (key, csr) = (format!("{name}.pem"), format!("{name}.csr"));
        let args = [
            "req",
            "-new",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-keyout",
            &key,
            "-out",
            &csr,
            "-subj",
            "/O=Acme/CN=eve",
            "-addext",
            extension,
        ];
        let (made, said) = openssl(folder.path(), &args);
        assert!(made, "{said}");
        csr
    };
    let csr = request("eve", "subjectAltName=email:eve@example.com");
    assert_eq!(
        issue(folder.path(), &["eve", "--from-csr", &csr, "--out", "."]).code,
        0
    );
    let shown = good(folder.path(), &["inspect", "eve.crt", "-o", "json"]);
    let shown: Value = serde_json::from_str(&shown).unwrap();
    let shown = &shown["items"][0];
    assert_eq!(shown["subject"], "O=Acme, CN=eve");
    assert_eq!(shown["sans"][0], "email:eve@example.com");
    assert_eq!(
        shown["extendedKeyUsages"],
        serde_json::json!(["clientAuth"])
    );
    assert!(!folder.path().join("eve.key").exists());
    let ca = request("mallory", "basicConstraints=CA:TRUE");
    let said = issue(folder.path(), &["mallory", "--from-csr", &ca, "--out", "."]);
    refused(&said, 3, "asks to be a CA");
    let odd = request("odd", "1.2.3.4=ASN1:UTF8String:x");
    let said = issue(folder.path(), &["odd", "--from-csr", &odd, "--out", "."]);
    assert!(
        said.code == 0 && said.stderr.contains("1.2.3.4"),
        "{}",
        said.stderr
    );
    let text = fs::read_to_string(folder.path().join(&csr)).unwrap();
    let broken = text.replacen("MII", "MIJ", 1);
    fs::write(folder.path().join("broken.csr"), broken).unwrap();
    let said = issue(
        folder.path(),
        &["broken", "--from-csr", "broken.csr", "--out", "."],
    );
    refused(&said, 3, "request");
}

#[test]
fn an_offline_root_stays_out_of_the_manifests() {
    let folder = prepared();
    let args = [
        "create",
        "ca",
        "edge",
        "-n",
        "pki",
        "--offline-root",
        "R",
        "--password-file",
        "pw",
        "--dry-run=client",
        "-o",
        "json",
    ];
    let list: Value = serde_json::from_str(&good(folder.path(), &args)).unwrap();
    let data = &list["items"][0]["data"];
    assert!(data["root.crl"].is_string() && data["tls.key"].is_string());
    let key = fs::read_to_string(folder.path().join("R/root.key")).unwrap();
    assert!(key.contains("BEGIN ENCRYPTED PRIVATE KEY"));
    let crl = [
        "crl",
        "-in",
        "R/root.crl",
        "-CAfile",
        "R/root.crt",
        "-noout",
    ];
    assert!(openssl(folder.path(), &crl).1.contains("verify OK"));
    let args = [
        "create",
        "ca",
        "edge",
        "--parent-cert",
        "R/root.crt",
        "--parent-key",
        "R/root.key",
        "--parent-password-file",
        "pw",
        "--out",
        "E",
    ];
    good(folder.path(), &args);
    let verify = ["verify", "-CAfile", "R/root.crt", "E/ca.crt"];
    assert!(openssl(folder.path(), &verify).0);
    let again = [
        "create",
        "ca",
        "x",
        "--parent-cert",
        "E/ca.crt",
        "--parent-key",
        "E/ca.key",
        "--out",
        "X",
    ];
    refused(&mtls(folder.path(), &again, ""), 3, "allows 0 CAs");
}

#[test]
fn a_ca_may_speak_for_its_own_names_only() {
    let folder = tempfile::tempdir().unwrap();
    let args = [
        "create",
        "ca",
        "x",
        "--permit-dns",
        "example.com",
        "--permit-ip",
        "10.0.0.0/8",
        "--out",
        "D",
    ];
    good(folder.path(), &args);
    let issue = |san: &str| {
        let name = san.replace(['/', ':'], "-");
        let args = [
            "issue",
            &name,
            "--profile",
            "server",
            "--san",
            san,
            "--ca-cert",
            "D/ca.crt",
            "--ca-key",
            "D/ca.key",
            "--out",
            ".",
        ];
        mtls(folder.path(), &args, "")
    };
    for inside in ["api.example.com", "10.1.2.3", "a@b.example"] {
        assert_eq!(issue(inside).code, 0, "{inside}");
    }
    for outside in ["example.org", "notexample.com", "192.168.0.1"] {
        refused(&issue(outside), 3, "name constraints");
    }
    let args = [
        "create",
        "ca",
        "y",
        "--permit-dns",
        "https://a",
        "--out",
        "Y",
    ];
    refused(&mtls(folder.path(), &args, ""), 3, "name constraint");
}

#[test]
fn ends_and_imports_are_checked() {
    let folder = prepared();
    let said = issue(
        folder.path(),
        &["a", "--not-after", "2020-01-01", "--out", "."],
    );
    refused(&said, 3, "in the past");
    let said = issue(folder.path(), &["b", "--duration", "90y", "--out", "."]);
    assert!(
        said.code == 0 && said.stderr.contains("ends with its CA"),
        "{}",
        said.stderr
    );
    let import = |cert: &str, key: &str| {
        let args = [
            "create",
            "ca",
            "i",
            "--from-cert",
            cert,
            "--from-key",
            key,
            "--dry-run=client",
            "-o",
            "name",
        ];
        mtls(
            folder.path(),
            &[&args[..], &["--password-file", "pw"]].concat(),
            "",
        )
    };
    assert_eq!(
        import("D/ca.crt", "D/ca.key").stdout,
        "secret/i\nsecret/i-trust\n"
    );
    refused(&import("b.crt", "b.key"), 3, "not a CA");
    refused(&import("D/ca.crt", "b.key"), 3, "does not belong");
    let both = [
        fs::read(folder.path().join("D/ca.crt")).unwrap(),
        fs::read(folder.path().join("b.key")).unwrap(),
    ];
    fs::write(folder.path().join("both"), both.concat()).unwrap();
    refused(&import("both", "D/ca.key"), 3, "private key stands among");
    let v1 = [
        "req",
        "-x509",
        "-newkey",
        "rsa:1024",
        "-nodes",
        "-keyout",
        "weak.key",
        "-out",
        "weak.crt",
        "-subj",
        "/CN=weak",
        "-addext",
        "keyUsage=keyCertSign",
    ];
    assert!(openssl(folder.path(), &v1).0);
    refused(&import("weak.crt", "weak.key"), 3, "weak key");
}
