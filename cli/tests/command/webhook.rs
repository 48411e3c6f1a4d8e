//! `webhook print` and its neighbours with flags that mean nothing, and without a cluster.

use serde_json::Value;

use crate::{Said, mtls};

fn run(args: &[&str]) -> Said {
    let folder = tempfile::tempdir().unwrap();
    mtls(folder.path(), &[&["webhook"], args].concat(), "")
}

#[track_caller]
fn objects(args: &[&str]) -> Vec<Value> {
    let said = run(&[&["print", "-o", "json"], args].concat());
    assert_eq!(said.code, 0, "{}", said.stderr);
    let list: Value = serde_json::from_str(&said.stdout).unwrap();
    list["items"].as_array().unwrap().clone()
}

fn kinds(objects: &[Value]) -> Vec<&str> {
    objects
        .iter()
        .map(|object| object["kind"].as_str().unwrap())
        .collect()
}

#[test]
fn everything_is_printed_and_what_refuses_comes_last() {
    let objects = objects(&[]);
    let kinds = kinds(&objects);
    assert_eq!(kinds[0], "Namespace");
    assert_eq!(*kinds.last().unwrap(), "ValidatingWebhookConfiguration");
    for kind in [
        "ServiceAccount",
        "ClusterRole",
        "ClusterRoleBinding",
        "ResourceQuota",
        "NetworkPolicy",
        "Service",
        "Deployment",
        "PodDisruptionBudget",
        "MutatingWebhookConfiguration",
    ] {
        assert!(kinds.contains(&kind), "{kind}");
    }
    let routes = &objects.last().unwrap()["webhooks"][0];
    assert_eq!(routes["failurePolicy"], "Ignore");
    // Whoever makes the certificate writes it; here it would be taken away at every apply.
    assert!(routes["clientConfig"]["caBundle"].is_null());
}

#[test]
fn another_namespace_is_another_everywhere() {
    let said = run(&["print", "-n", "edge"]);
    let left: Vec<_> = said
        .stdout
        .lines()
        .filter(|line| line.ends_with("kubectl-mtls"))
        .collect();
    // The names of the two configurations, and the permission to write their caBundles.
    let name = "  name: kubectl-mtls";
    assert_eq!(left, ["  - kubectl-mtls", name, name]);
    let system = objects(&["-n", "kube-system"]);
    assert!(
        !kinds(&system).contains(&"Namespace"),
        "it is there, and labelled by others"
    );
}

#[test]
fn a_webhook_outside_the_cluster_has_a_url_and_no_deployment() {
    let objects = objects(&["--url", "https://10.0.0.7:8443/"]);
    for kind in [
        "Deployment",
        "Service",
        "NetworkPolicy",
        "PodDisruptionBudget",
    ] {
        assert!(!kinds(&objects).contains(&kind), "{kind}");
    }
    let client = &objects.last().unwrap()["webhooks"][0]["clientConfig"];
    assert_eq!(client["url"], "https://10.0.0.7:8443/validate");
    assert!(client["service"].is_null());
}

#[test]
fn secrets_of_some_namespaces_alone() {
    let objects = objects(&["--secret-namespaces", "shop,web"]);
    let role = objects
        .iter()
        .find(|object| object["kind"] == "ClusterRole")
        .unwrap();
    assert!(!role.to_string().contains("\"secrets\""), "{role}");
    let roles = objects
        .iter()
        .filter(|object| object["metadata"]["name"] == "mtls-webhook-secrets");
    let places: Vec<_> = roles
        .map(|role| role["metadata"]["namespace"].as_str().unwrap())
        .collect();
    assert_eq!(places, ["shop", "web", "shop", "web"]);
}

#[test]
fn flags_that_mean_nothing_together_are_wrong_usage() {
    for (args, words) in [
        (&["print", "--cert-mode=files"][..], "needs --ca-bundle"),
        (
            &["print", "--ca-bundle=a"],
            "--ca-bundle has no meaning here",
        ),
        (
            &["install", "--cert-mode=cert-manager", "--ca-bundle=a"],
            "--ca-bundle has no meaning here",
        ),
        (
            &["print", "--cert-mode=cert-manager", "--url=https://a"],
            "exclude one another",
        ),
        (&["print", "--url=http://a"], "an HTTPS URL"),
        (&["print", "--fail-policy=fail"], "Ignore"),
        (&["print", "--warn=none-such"], "there is no rule"),
        (&["print", "--replicas=0"], "0 is not in"),
        (&["print", "--service-port=0"], "0 is not in"),
        (&["print", "--namespace-selector=a=b c"], "no label's value"),
        (&["print", "--secret-namespaces=A"], "lower-case letters"),
        (&["print", "--image="], "a value is required"),
        (&["print", "-n", "A_b"], "lower-case letters"),
        (&["print", "-o", "human"], "yaml and json"),
        (
            &["print", "-o", "json", "--kustomize=a"],
            "cannot be used with",
        ),
        (&["print", "--force"], "--kustomize"),
        (&["install", "-o", "yaml"], "add --dry-run=client"),
        (&["install", "--timeout=soon"], "unit"),
    ] {
        let said = run(args);
        assert_eq!(said.code, 2, "{args:?}: {}", said.stderr);
        assert!(said.stderr.contains(words), "{args:?}: {}", said.stderr);
        assert_eq!(said.stdout, "");
    }
}

#[test]
fn files_that_are_not_what_they_should_be() {
    let folder = tempfile::tempdir().unwrap();
    let made = mtls(folder.path(), &["create", "ca", "a", "--out", "ca"], "");
    assert_eq!(made.code, 0, "{}", made.stderr);
    std::fs::write(folder.path().join("empty"), "").unwrap();
    std::fs::write(folder.path().join("config.yaml"), "kind: Other\n").unwrap();
    let files = |bundle: &str| {
        let print = [
            "webhook",
            "print",
            "--cert-mode=files",
            "--ca-bundle",
            bundle,
        ];
        mtls(folder.path(), &print, "")
    };
    for (bundle, words) in [
        ("ca/ca.key", "holds a private key"),
        ("empty", "holds no certificate"),
        ("none", "none cannot be read"),
    ] {
        let said = files(bundle);
        assert!(
            said.code == 3 && said.stderr.contains(words),
            "{}",
            said.stderr
        );
        assert_eq!(said.stdout, "");
    }
    assert_eq!(files("ca/ca.crt").code, 0);
    let print = ["webhook", "print", "--config", "config.yaml"];
    let said = mtls(folder.path(), &print, "");
    assert!(
        said.code == 3 && said.stderr.contains("config.yaml"),
        "{}",
        said.stderr
    );
    let print = ["webhook", "print", "--kustomize", "empty"];
    let said = mtls(folder.path(), &print, "");
    assert!(
        said.code == 2 && said.stderr.contains("is a file"),
        "{}",
        said.stderr
    );
}

#[test]
fn without_a_cluster_nothing_is_installed_and_a_dry_run_of_the_client_prints() {
    for verb in ["install", "status", "uninstall"] {
        let said = run(&[verb]);
        let told = said.stderr.contains("error: no cluster is configured");
        assert!(
            said.code == 3 && told && said.stderr.contains("hint: "),
            "{}",
            said.stderr
        );
        let said = run(&[verb, "--server", "https://127.0.0.1:1"]);
        assert!(
            said.code == 3 && said.stderr.contains("cannot be reached"),
            "{}",
            said.stderr
        );
    }
    let said = run(&["install", "--dry-run=client"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert!(
        said.stdout
            .contains("deployment/mtls-webhook applied (dry run)"),
        "{}",
        said.stdout
    );
    let yaml = run(&["install", "--dry-run=client", "-o", "yaml"]);
    assert_eq!(yaml.stdout, run(&["print"]).stdout);
}
