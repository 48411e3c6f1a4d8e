//! Where certificates go: many at once, for GitOps, for Java, and what stands there when it fails.

use std::fs;
use std::process::Command;

use serde_json::Value;

use crate::mtls;
use crate::pki::{CA, good, issue, openssl, prepared, refused};

#[test]
fn every_case_and_its_index() {
    let folder = prepared();
    let args = [&["create", "fixtures", "F"][..], &CA[..]].concat();
    good(folder.path(), &args);
    let index = fs::read(folder.path().join("F/index.json")).unwrap();
    let index: Value = serde_json::from_slice(&index).unwrap();
    let items = index["items"].as_array().unwrap();
    assert_eq!(items.len(), 11);
    for item in items {
        let cert = format!("F/{}", item["cert"].as_str().unwrap());
        let args = ["verify", &cert, "--ca-cert", "F/ca.crt"];
        let expected = i32::from(!item["accepted"]["webpki"].as_bool().unwrap());
        let said = mtls(folder.path(), &args, "");
        assert_eq!(said.code, expected, "{}: {}", item["case"], said.stdout);
    }
    let args = [
        "verify",
        "F/revoked.crt",
        "--ca-cert",
        "F/ca.crt",
        "--crl",
        "F/ca.crl",
    ];
    let said = mtls(folder.path(), &args, "");
    assert!(
        said.code == 1 && said.stdout.contains("revoked"),
        "{}",
        said.stdout
    );
    let said = issue(folder.path(), &["bad", "--case", "nonsense", "--out", "."]);
    assert!(
        said.code == 2 && said.stderr.contains("not-yet-valid"),
        "{}",
        said.stderr
    );
    refused(
        &mtls(
            folder.path(),
            &[&["create", "fixtures", "F"][..], &CA[..]].concat(),
            "",
        ),
        3,
        "exists",
    );
}

#[test]
fn many_at_once_by_number_and_by_list() {
    let folder = prepared();
    let said = issue(folder.path(), &["load", "--count", "250", "--out", "L"]);
    assert!(
        said.code == 0 && said.stderr.contains("250 certificates in "),
        "{}",
        said.stderr
    );
    assert_eq!(fs::read_dir(folder.path().join("L")).unwrap().count(), 500);
    fs::write(
        folder.path().join("list.csv"),
        "# who\nann, ann@example.com\nben\n",
    )
    .unwrap();
    let said = issue(folder.path(), &["all", "--csv", "list.csv", "--out", "C"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    let shown = good(folder.path(), &["inspect", "C/ann.crt"]);
    assert!(shown.contains("email:ann@example.com"), "{shown}");
    fs::write(folder.path().join("bad.csv"), "ann\nann\n").unwrap();
    let said = issue(folder.path(), &["all", "--csv", "bad.csv", "--out", "B"]);
    refused(&said, 3, "line 2");
}

#[test]
fn a_sealed_secret_and_a_folder_for_gitops() {
    let folder = prepared();
    let args = [
        "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "s.key", "-out", "s.crt",
        "-subj", "/CN=s",
    ];
    assert!(openssl(folder.path(), &args).0);
    let seal = [
        "-n",
        "shop",
        "--to-secret",
        "alice",
        "--seal",
        "--seal-cert",
    ];
    let said = issue(
        folder.path(),
        &[&["alice"], &seal[..], &["s.crt", "-o", "json"]].concat(),
    );
    let list: Value = serde_json::from_str(&said.stdout).unwrap();
    let sealed = &list["items"][0];
    assert_eq!(sealed["kind"], "SealedSecret");
    assert_eq!(sealed["spec"]["template"]["type"], "kubernetes.io/tls");
    assert!(
        sealed["spec"]["encryptedData"]["tls.key"]
            .as_str()
            .unwrap()
            .len()
            > 400
    );
    let gitops = [&["alice"], &seal[..], &["s.crt", "--kustomize", "K"]].concat();
    assert_eq!(issue(folder.path(), &gitops).code, 0);
    let text = fs::read_to_string(folder.path().join("K/kustomization.yaml")).unwrap();
    assert!(text.contains("- alice-sealedsecret.yaml"), "{text}");
    let past = [
        "x509", "-req", "-in", "p.csr", "-signkey", "s.key", "-days", "-1", "-out", "p.crt",
    ];
    let csr = [
        "req", "-new", "-key", "s.key", "-subj", "/CN=p", "-out", "p.csr",
    ];
    assert!(openssl(folder.path(), &csr).0 && openssl(folder.path(), &past).0);
    let expired = [&["bob"], &seal[..], &["p.crt"]].concat();
    refused(&issue(folder.path(), &expired), 3, "expired");
    let ec = [&["bob"], &seal[..], &["D/ca.crt"]].concat();
    refused(&issue(folder.path(), &ec), 3, "not RSA");
}

#[test]
fn too_much_is_refused_and_nothing_is_left_behind() {
    let folder = prepared();
    fs::write(folder.path().join("huge.crt"), vec![b'x'; 6 << 20]).unwrap();
    let said = mtls(folder.path(), &["inspect", "huge.crt"], "");
    refused(&said, 3, "longer than 5 MiB");
    let one = fs::read_to_string(folder.path().join("D/ca.crt")).unwrap();
    fs::write(folder.path().join("many.crt"), one.repeat(5_000)).unwrap();
    let shown = good(folder.path(), &["inspect", "many.crt", "-o", "json"]);
    let shown: Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(shown["items"].as_array().unwrap().len(), 5_000);
    // The second file cannot be placed, so the first goes again.
    fs::create_dir_all(folder.path().join("X/a.key")).unwrap();
    let said = issue(folder.path(), &["a", "--out", "X", "--force"]);
    assert_eq!(said.code, 3, "{}", said.stderr);
    assert!(!folder.path().join("X/a.crt").exists());
}

/// Runs a script with a file system of 64 KiB at `disk`, in a mount namespace of its own.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_leaves_nothing_behind() {
    let folder = prepared();
    let script = format!(
        "mkdir disk && mount -t tmpfs -o size=64k tmpfs disk && \
         {} issue load --count 90 --out disk {} ; echo code $?; ls -A disk",
        env!("CARGO_BIN_EXE_kubectl-mtls"),
        CA.join(" ")
    );
    let mut unshare = Command::new("unshare");
    unshare.args(["--mount", "--map-root-user", "bash", "-c", &script]);
    let output = unshare.current_dir(folder.path()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        said.contains("error: ") && said.contains("No space left"),
        "{said}"
    );
    assert_eq!(String::from_utf8_lossy(&output.stdout), "code 3\n");
}

#[cfg(target_os = "linux")]
#[test]
fn an_end_in_the_middle_leaves_whole_files_only() {
    let folder = prepared();
    let target = folder.path().join("L");
    let mut child = Command::new(env!("CARGO_BIN_EXE_kubectl-mtls"))
        .args(["issue", "load", "--count", "20000", "--out", "L"])
        .args(CA)
        .current_dir(folder.path())
        .spawn()
        .unwrap();
    let begun = std::time::Instant::now();
    while fs::read_dir(&target).map_or(0, Iterator::count) < 200 {
        assert!(begun.elapsed().as_secs() < 60, "nothing is written");
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let names = fs::read_dir(&target)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    for path in names {
        let text = fs::read_to_string(&path).unwrap();
        let name = path.file_name().unwrap().to_str().unwrap();
        assert!(name.starts_with("load-"), "{name} is left behind");
        assert!(text.ends_with("-----\n"), "{name} is cut off");
    }
}

#[test]
fn java_reads_both_profiles() {
    if Command::new("keytool").arg("-help").output().is_err() {
        // Where there is no Java, nobody imports into it.
        return;
    }
    let folder = prepared();
    for profile in ["compat", "modern"] {
        let args = [
            "alice",
            "--p12",
            profile,
            "--p12-profile",
            profile,
            "--password-file",
            "pw",
        ];
        assert_eq!(issue(folder.path(), &args).code, 0);
        let mut keytool = Command::new("keytool");
        keytool.args(["-list", "-keystore", profile, "-storepass", "geheim"]);
        let output = keytool.current_dir(folder.path()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(said.contains("PrivateKeyEntry"), "{profile}: {said}");
    }
}
