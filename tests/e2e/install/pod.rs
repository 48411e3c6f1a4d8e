//! The pod template in a namespace that enforces `restricted`.

use std::process::Command;

use serde_json::{Value, json};
use tests::cluster::{Output, run};
use tests::traefik::binary;

use crate::{applied, cluster};

const NS: &str = "restricted-pods";

/// A pod of the printed template, with a change.
fn tried(args: &[&str], change: impl Fn(&mut Value)) -> Output {
    let mut print = Command::new(binary("kubectl-mtls").unwrap());
    let printed = run(
        print.args(["webhook", "print", "-o", "json"]).args(args),
        "",
    )
    .unwrap();
    let list: Value = serde_json::from_str(&printed.stdout).unwrap();
    let mut objects = list["items"].as_array().unwrap().iter();
    let deployment = objects
        .find(|object| object["kind"] == "Deployment")
        .unwrap();
    let template = &deployment["spec"]["template"];
    let mut pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {
        "name": "webhook", "namespace": NS, "labels": template["metadata"]["labels"]},
        "spec": template["spec"]});
    change(&mut pod["spec"]);
    let create = ["create", "--dry-run=server", "-f", "-"];
    cluster().kubectl_with(&create, &pod.to_string()).unwrap()
}

/// What makes a pod laxer.
type Change = (&'static str, fn(&mut Value));

#[test]
fn the_pod_template_passes_restricted_and_a_laxer_one_does_not() {
    applied(&format!(
        "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: {NS}\n  labels: {{pod-security.kubernetes.io/enforce: restricted}}\n"
    ));
    for args in [
        &[][..],
        &["--cert-mode=cert-manager", "--priority-class=none"],
    ] {
        let output = tried(args, |_| {});
        assert!(output.success, "{}", output.all());
    }
    let changes: [Change; 4] = [
        ("seccompProfile", |spec| {
            spec["securityContext"]
                .as_object_mut()
                .unwrap()
                .remove("seccompProfile");
        }),
        ("runAsNonRoot", |spec| {
            spec["securityContext"]["runAsNonRoot"] = json!(false)
        }),
        ("unrestricted capabilities", |spec| {
            spec["containers"][0]["securityContext"]["capabilities"] = json!({});
        }),
        ("allowPrivilegeEscalation", |spec| {
            spec["containers"][0]["securityContext"]["allowPrivilegeEscalation"] = json!(true);
        }),
    ];
    for (words, change) in changes {
        let output = tried(&[], change);
        let said = output.all();
        assert!(
            !output.success && said.contains("PodSecurity") && said.contains(words),
            "{words}: {said}"
        );
    }
}
