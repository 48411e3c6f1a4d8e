//! The chart, the kustomization and what is printed are the same objects.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use tests::cluster::run;
use tests::traefik::binary;

use crate::cluster;

type Objects = BTreeMap<String, Value>;

fn command(program: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(args);
    command
}

#[track_caller]
fn text(mut command: Command) -> String {
    let output = run(&mut command, "").unwrap();
    assert!(output.success, "{}", output.all());
    output.stdout
}

/// The objects of some YAML by kind, namespace and name. kubectl reads it, and asks no cluster.
fn objects(yaml: &str) -> Objects {
    let mut objects = Objects::new();
    for document in yaml.split("\n---") {
        let says = |line: &str| !line.trim().is_empty() && !line.starts_with(['#', '-']);
        if !document.lines().any(says) {
            continue;
        }
        let value: Value = serde_saphyr::from_str(document).unwrap();
        if let Some(kind) = value["kind"].as_str() {
            let metadata = &value["metadata"];
            let key = format!("{kind} {} {}", metadata["namespace"], metadata["name"]);
            assert!(objects.insert(key, value).is_none(), "twice in {yaml}");
        }
    }
    objects
}

fn printed(args: &[&str]) -> Objects {
    let program = binary("kubectl-mtls").unwrap();
    objects(&text(command(
        &program,
        &[&["webhook", "print"], args].concat(),
    )))
}

fn helm(args: &[&str]) -> Command {
    let chart = Path::new(env!("CARGO_MANIFEST_DIR")).join("../charts/kubectl-mtls-webhook");
    let mut helm = Command::new(tests::build::helm().unwrap());
    helm.args(["template", "webhook"])
        .arg(chart)
        .arg("--include-crds")
        .args(args);
    helm
}

/// Compares what `print` writes with what the chart does; Helm leaves the namespace to its user.
#[track_caller]
fn same(args: &[&str], values: &[&str]) {
    let mut printed = printed(args);
    printed.retain(|key, _| !key.starts_with("Namespace "));
    let templated = objects(&text(helm(values)));
    let names = |objects: &Objects| objects.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&printed), names(&templated));
    for (key, object) in &printed {
        assert_eq!(object, &templated[key], "{key}");
    }
}

#[test]
fn the_chart_is_what_is_printed() {
    same(&[], &["-n", "kubectl-mtls"]);
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, content: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path.display().to_string()
    };
    let config = "apiVersion: kubectl-mtls.github.io/v1alpha1\nkind: Config\ngateways:\n- dialect: traefik\n  args: [\"--a=b: {{ c }}\"]\n";
    let config = file("config.yaml", config);
    let values = json!({"failPolicy": "Fail", "certMode": "cert-manager", "image": "example.com/a:b",
        "replicas": 3, "warn": ["missing-ca", "unresolved-option"], "noRepair": true, "openReports": true,
        "priorityClass": "none", "servicePort": 8443, "secretNamespaces": ["shop", "web"],
        "namespaceSelector": [{"key": "env", "operator": "In", "values": ["prod", "test"]},
            {"key": "legacy", "operator": "DoesNotExist"}]});
    let values = file("values.json", &values.to_string());
    same(
        &[
            "-n=mtls",
            "--fail-policy=Fail",
            "--cert-mode=cert-manager",
            "--image=example.com/a:b",
            "--replicas=3",
            "--warn=missing-ca,unresolved-option",
            "--no-repair",
            "--open-reports",
            "--priority-class=none",
            "--service-port=8443",
            "--secret-namespaces=shop,web",
            "--namespace-selector=env in (prod,test),!legacy",
            "--config",
            &config,
        ],
        &[
            "-n",
            "mtls",
            "-f",
            &values,
            "--set-file",
            &format!("config={config}"),
        ],
    );
    let program = binary("kubectl-mtls").unwrap();
    let ca = folder.path().join("ca").display().to_string();
    text(command(&program, &["create", "ca", "a", "--out", &ca]));
    let ca = format!("{ca}/ca.crt");
    same(
        &[
            "--cert-mode=files",
            "--ca-bundle",
            &ca,
            "--api-server-ca",
            &ca,
            "--api-server-name=kube-apiserver",
        ],
        &[
            "-n",
            "kubectl-mtls",
            "--set",
            "certMode=files,apiServerName=kube-apiserver",
            "--set-file",
            &format!("caBundle={ca},apiServerCA={ca}"),
        ],
    );
}

#[test]
fn values_that_mean_nothing_are_refused() {
    for wrong in [
        "failPolicy=fail",
        "certMode=files",
        "replicas=0",
        "unknown=1",
        "caBundle=x",
        "apiServerName=x",
        "servicePort=70000",
    ] {
        let output = run(&mut helm(&["--set", wrong]), "").unwrap();
        assert!(
            !output.success && output.stderr.contains("schema"),
            "{wrong}: {}",
            output.all()
        );
    }
}

#[test]
fn the_kustomization_is_what_is_printed() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("webhook").display().to_string();
    let program = binary("kubectl-mtls").unwrap();
    let write = [
        "webhook",
        "print",
        "-n=mtls",
        "--warn=missing-ca",
        "--kustomize",
        &place,
    ];
    text(command(&program, &write));
    let built = cluster().must(&["kustomize", &place]).unwrap();
    assert_eq!(objects(&built), printed(&["-n=mtls", "--warn=missing-ca"]));
    // What ships as a folder is the same as what is printed without flags.
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../manifests");
    let built = cluster()
        .must(&["kustomize", &shipped.display().to_string()])
        .unwrap();
    assert_eq!(objects(&built), printed(&[]));
    // A second time nothing is overwritten.
    let again = run(&mut command(&program, &write), "").unwrap();
    assert!(
        again.code == 3 && again.stderr.contains("exists"),
        "{}",
        again.all()
    );
}
