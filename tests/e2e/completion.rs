//! Completion as a user meets it: by a real bash with the script sourced, by the real kubectl
//! through the program beside the plugin, and by zsh and fish where they are installed.

use std::ffi::OsString;
use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use tests::cluster::{Output, run};
use tests::traefik::binary;

use crate::{applied, cluster, must, namespace};

/// What bash's readline does, for a line whose words are the arguments.
const ASK_BASH: &str = r#"
source <(kubectl-mtls completion bash)
function=$(complete -p kubectl-mtls | sed 's/.*-F \([^ ]*\) .*/\1/')
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_TYPE=9; COMPREPLY=()
"$function" kubectl-mtls "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"
printf '%s\n' "${COMPREPLY[@]}"
"#;

const ROUTES: &str = "apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: complete-api, namespace: NS}
spec:
  ingressClassName: nginx
  rules:
  - host: api.NS.example.com
    http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: api, port: {number: 80}}}}]}
---
apiVersion: apisix.apache.org/v2
kind: ApisixRoute
metadata: {name: complete-web, namespace: NS}
spec:
  http:
  - name: web
    match: {hosts: [web.NS.example.com], paths: ['/*']}
    backends: [{serviceName: web, servicePort: 80}]
";

/// The PATH with the plugin, kubectl, and a folder before them.
fn path(first: &Path) -> OsString {
    let own = binary("kubectl-mtls").unwrap();
    let mut folders = vec![
        first.to_owned(),
        own.parent().unwrap().to_owned(),
        cluster().programs.control_plane.clone(),
    ];
    folders.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap()));
    std::env::join_paths(folders).unwrap()
}

fn ran(program: &str, args: &[&str], first: &Path) -> Output {
    let mut command = Command::new(program);
    command
        .args(args)
        .env("PATH", path(first))
        .env("KUBECONFIG", &cluster().kubeconfig);
    run(&mut command, "").unwrap()
}

/// What bash offers for the last word of a line.
#[track_caller]
fn bash(line: &[&str]) -> Vec<String> {
    let args = [&["-c", ASK_BASH, "bash", "kubectl-mtls"][..], line].concat();
    let output = ran("bash", &args, Path::new("/"));
    assert!(
        output.success && output.stderr.is_empty(),
        "{}",
        output.all()
    );
    output.stdout.lines().map(str::to_owned).collect()
}

#[test]
fn bash_is_answered_with_what_is_in_the_cluster() {
    let ns = "complete-bash";
    namespace(ns);
    applied(&ROUTES.replace("NS", ns));
    must(&["create", "ca", "partners", "-n", ns]);
    assert_eq!(bash(&["get", ""]), ["cas", "certs", "hosts"]);
    assert_eq!(bash(&["explain", "missing-c"]), ["missing-ca"]);
    assert_eq!(
        bash(&["test", "-n", ns, ""]),
        [
            "apisixroute/complete-web",
            "ingress/complete-api",
            "host/",
            "https://"
        ]
    );
    assert_eq!(
        bash(&["describe", "host", "api.complete-bash"]),
        ["api.complete-bash.example.com"]
    );
    assert_eq!(
        bash(&["protect", "ingress/x", "-n", ns, "--trust", ""]),
        ["partners-trust"]
    );
    // bash takes an equals sign for a word of its own.
    let equals = ["issue", "alice", "--ca", "=", "complete-bash/"];
    assert_eq!(bash(&equals), ["complete-bash/partners"]);
    assert_eq!(bash(&["rotate", "ca", "-n", ns, "par"]), ["partners"]);
    must(&["issue", "zoe", "--ca", "partners", "-n", ns, "--out", "-"]);
    let revoked = ["revoke", "-n", ns, "--ca", "partners", "zo"];
    assert_eq!(bash(&revoked), ["zoe"]);
    assert_eq!(bash(&["get", "hosts", "-o", "y"]), ["yaml"]);
    assert_eq!(bash(&["lint", "-o", "sa"]), ["sarif"]);
    assert_eq!(bash(&["get", "hosts", "--context", ""]), ["test"]);
    assert_eq!(
        bash(&["get", "hosts", "--namesp"]),
        ["--namespace"],
        "an option"
    );
}

/// What the real kubectl offers, without what it says on stderr.
#[track_caller]
fn kubectl(shim: &Path, line: &[&str]) -> Vec<String> {
    let output = ran(
        "kubectl",
        &[&["__complete", "mtls"][..], line].concat(),
        shim,
    );
    assert!(output.success, "{}", output.all());
    assert!(
        output
            .stderr
            .contains(&format!("About to call: {}", shim.display())),
        "{}",
        output.stderr
    );
    output.stdout.lines().map(str::to_owned).collect()
}

#[test]
fn kubectl_completes_the_plugin() {
    let ns = "complete-kubectl";
    namespace(ns);
    applied(&ROUTES.replace("NS", ns));
    let folder = tempfile::tempdir().unwrap();
    let shim = folder.path();
    let install = ["completion", "kubectl", "--install", "--dir"];
    let place = shim.display().to_string();
    let said = must(&[&install[..], &[&place]].concat());
    assert_eq!(said.trim(), format!("{place}/kubectl_complete-mtls"));
    let namespaces = kubectl(shim, &["get", "hosts", "-n", ""]);
    assert!(namespaces.contains(&ns.to_owned()), "{namespaces:?}");
    assert_eq!(namespaces.last().map(String::as_str), Some(":4"));
    assert_eq!(
        kubectl(shim, &["test", "-n", ns, "ingress"]),
        ["ingress/complete-api", ":4"]
    );
    // A word that goes on is not followed by a blank.
    assert_eq!(kubectl(shim, &["curl", "http"]), ["https://", ":6"]);
    assert_eq!(
        kubectl(shim, &["get", "ho"]),
        [
            "hosts\tSay for every host whether client certificates are enforced",
            ":4"
        ]
    );
}

#[test]
fn other_shells_are_answered() {
    let asked = [
        (
            "fish",
            "kubectl-mtls completion fish | source; complete -C 'kubectl-mtls get ho'",
            "hosts\tSay for every host whether client certificates are enforced\n",
        ),
        (
            "zsh",
            // The completion system needs a terminal; its words are set here as it sets them.
            "compdef() { :; }; _describe() { eval 'print -l $'$3; }; source <(kubectl-mtls completion zsh); \
             words=(kubectl-mtls get ho); CURRENT=3; _clap_dynamic_completer_kubectl_mtls",
            "hosts:Say for every host whether client certificates are enforced\n",
        ),
    ];
    for (shell, script, expected) in asked {
        if Command::new(shell).arg("--version").output().is_err() {
            let ci = std::env::var_os("CI").is_some();
            assert!(!ci, "{shell} is not installed, and .ci/run installs it");
            tests::say(&format!("skipped: {shell} is not installed"));
            continue;
        }
        let output = ran(shell, &["-c", script], Path::new("/"));
        assert_eq!(output.stdout, expected, "{shell}: {}", output.stderr);
    }
}

#[test]
fn a_server_that_is_silent_or_gone_holds_nobody_up() {
    let folder = tempfile::tempdir().unwrap();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = silent.local_addr().unwrap().to_string();
    for server in [silent.as_str(), "127.0.0.1:1"] {
        let kubeconfig = folder.path().join("kubeconfig");
        let text = format!(
            "apiVersion: v1\nkind: Config\nclusters: [{{name: a, cluster: {{server: 'https://{server}'}}}}]\n\
             users: [{{name: a, user: {{token: t}}}}]\n\
             contexts: [{{name: far, context: {{cluster: a, user: a}}}}]\ncurrent-context: far\n"
        );
        fs::write(&kubeconfig, text).unwrap();
        let kubeconfig = kubeconfig.display().to_string();
        let began = Instant::now();
        let ask = |line: &[&str]| {
            let args = [&["__complete", "--kubeconfig", &kubeconfig][..], line].concat();
            let output = crate::mtls(&args);
            assert!(
                output.success && output.stderr.is_empty(),
                "{}",
                output.all()
            );
            output.stdout
        };
        assert_eq!(ask(&["issue", "a", "--ca", ""]), ":6\n");
        assert!(began.elapsed() < Duration::from_secs(2), "{server}");
        assert_eq!(ask(&["get", "hosts", "--context", ""]), "far\n:4\n");
    }
}

#[test]
fn the_script_for_kubectl_is_never_written_over_another_program() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().display().to_string();
    let install = ["completion", "kubectl", "--install", "--dir", &place];
    let first = crate::mtls(&install);
    assert!(first.success, "{}", first.all());
    assert!(
        first.stderr.contains("is not on the PATH"),
        "{}",
        first.all()
    );
    assert!(crate::mtls(&install).success, "a second time");
    let shim = folder.path().join("kubectl_complete-mtls");
    fs::write(&shim, "#!/bin/sh\n").unwrap();
    let other = crate::mtls(&install);
    assert_eq!(other.code, 3, "{}", other.all());
    assert!(
        other.stderr.contains("is another program"),
        "{}",
        other.all()
    );
    assert_eq!(fs::read_to_string(&shim).unwrap(), "#!/bin/sh\n");
    let nowhere = ["completion", "kubectl", "--install", "--dir", "/proc"];
    let nowhere = crate::mtls(&nowhere);
    assert_eq!(nowhere.code, 3, "{}", nowhere.all());
    assert!(nowhere.stderr.contains("hint: "), "{}", nowhere.all());
}
