//! Where nothing more can be written: an error that says so, and no file that is half there.
#![cfg(target_os = "linux")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// An Ingress with a finding that `lint --fix` mends, and comments that fill 32 KiB with it.
fn ingress() -> String {
    let comments = "# why this host is as it is\n".repeat(1_130);
    format!(
        "{comments}apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata:\n  name: api\n  \
         namespace: shop\n  annotations:\n    \
         nginx.ingress.kubernetes.io/auth-tls-secret: partners-trust\nspec:\n  \
         ingressClassName: nginx\n  tls:\n  - hosts: [api.example.com]\n    secretName: api-tls\n  \
         rules:\n  - host: api.example.com\n    http: {{paths: [{{path: /, pathType: Prefix, \
         backend: {{service: {{name: a, port: {{number: 80}}}}}}}}]}}\n"
    )
}

fn mtls(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kubectl-mtls"));
    command.current_dir(folder).env("HOME", folder);
    command.env("NO_COLOR", "1");
    command
}

#[track_caller]
fn failed(output: &Output, words: &str) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{said}");
    let errors = said.lines().filter(|line| line.starts_with("error: "));
    assert!(errors.clone().count() == 1, "{said}");
    assert!(errors.clone().all(|line| line.contains(words)), "{said}");
    assert!(!said.contains("panicked"), "{said}");
}

#[test]
fn output_that_goes_nowhere_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.yaml"), ingress()).unwrap();
    for verb in [&["get", "hosts"][..], &["lint"]] {
        for format in ["json", "yaml", "human"] {
            let full = fs::File::options().write(true).open("/dev/full").unwrap();
            let mut command = mtls(folder.path());
            command.args(verb).args(["-f", "a.yaml", "-o", format]);
            let output = command.stdout(Stdio::from(full)).output().unwrap();
            failed(&output, "writing to stdout: No space left on device");
        }
    }
}

/// Runs `lint` on a file system of 32 KiB that holds a manifest of nearly as much; what it printed
/// and what the manifest and the names beside it are then.
fn on_a_full_disk(args: &str) -> (Output, String, String) {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.yaml"), ingress()).unwrap();
    let script = format!(
        "mkdir disk && mount -t tmpfs -o size=32k tmpfs disk && cp a.yaml disk && cd disk && \
         {} lint -f a.yaml --complete {args} 1>&2; code=$?; \
         cat a.yaml > ../after; ls -A > ../names; exit $code",
        env!("CARGO_BIN_EXE_kubectl-mtls")
    );
    let mut unshare = Command::new("unshare");
    unshare.args(["--mount", "--map-root-user", "bash", "-c", &script]);
    let output = unshare.current_dir(folder.path()).output().unwrap();
    let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
    (output, read("after"), read("names"))
}

#[test]
fn a_full_disk_leaves_no_half_report() {
    for args in [
        "--output-file sarif=out.sarif",
        "--write-baseline base.json",
    ] {
        let (output, after, names) = on_a_full_disk(args);
        failed(&output, "No space left on device");
        assert_eq!((after, names.as_str()), (ingress(), "a.yaml\n"), "{args}");
    }
}

#[test]
fn a_full_disk_leaves_the_manifest_as_it_was() {
    let (output, after, names) = on_a_full_disk("--fix");
    failed(&output, "No space left on device");
    assert_eq!((after, names.as_str()), (ingress(), "a.yaml\n"));
}

#[test]
fn a_killed_repair_leaves_whole_files_alone() {
    let folder = tempfile::tempdir().unwrap();
    let name = |number: usize| format!("{number:03}.yaml");
    let before = |number: usize| {
        let host = format!("api{number}.example.com");
        ingress().replace("api.example.com", &host)
    };
    for number in 0..100 {
        fs::write(folder.path().join(name(number)), before(number)).unwrap();
    }
    let read = |number: usize| fs::read_to_string(folder.path().join(name(number))).unwrap();
    let mut command = mtls(folder.path());
    command.args(["lint", "-f", ".", "--complete", "--fix"]);
    let command = command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut running = command.spawn().unwrap();
    let untouched = || (0..100).all(|number| read(number) == before(number));
    while untouched() && running.try_wait().unwrap().is_none() {}
    assert!(!untouched(), "nothing is repaired");
    running.kill().unwrap();
    running.wait().unwrap();
    for number in 0..100 {
        let repaired = before(number).replace(" partners-trust", " shop/partners-trust");
        let now = read(number);
        assert!(now == before(number) || now == repaired, "{number}: {now}");
    }
    // Between its name and its place a file may stand beside: it is whole, and no manifest.
    let names = fs::read_dir(folder.path()).unwrap();
    let others =
        names.filter(|entry| entry.as_ref().unwrap().path().extension().unwrap() != "yaml");
    assert!(others.count() <= 1);
}

#[test]
fn a_report_is_written_to_what_is_no_file_and_through_links() {
    use std::os::unix::fs::FileTypeExt as _;
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::write(path("a.yaml"), ingress()).unwrap();
    fs::write(path("old.html"), "old").unwrap();
    std::os::unix::fs::symlink("old.html", path("link.html")).unwrap();
    let made = Command::new("mkfifo").arg(path("pipe")).status().unwrap();
    assert!(made.success());
    let read = std::thread::spawn({
        let pipe = path("pipe");
        move || fs::read_to_string(pipe).unwrap()
    });
    for name in ["link.html", "pipe"] {
        let mut command = mtls(folder.path());
        let output = command
            .args(["report", "-f", "a.yaml", "--out", name])
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
    }
    assert!(read.join().unwrap().contains("api.example.com"));
    assert!(fs::metadata(path("pipe")).unwrap().file_type().is_fifo());
    assert!(fs::read_link(path("link.html")).is_ok());
    assert!(
        fs::read_to_string(path("old.html"))
            .unwrap()
            .contains("api.example.com")
    );
}
