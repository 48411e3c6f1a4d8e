//! What is taken away together, and how it is missed. A permission that no step takes fails the
//! test.

use std::collections::BTreeSet;

use serde_json::json;

use super::permission::Permission;
use super::shown::{
    audits_nothing, cas_are_unknown, denies_nothing_by_policy, logged, never_ready,
    reports_on_the_others,
};
use super::stage::{Limited, NS, OWN, POLICY_REPORTS, Stage};

/// One start of the webhook with less than it needs.
pub(super) struct Step {
    pub(super) name: &'static str,
    /// Whether a permission is taken away.
    pub(super) takes: fn(&Permission) -> bool,
    /// What is done while everything is allowed.
    pub(super) before: fn(&Stage),
    pub(super) args: &'static [&'static str],
    /// Sees what is missed.
    pub(super) shows: fn(&Stage, &Limited, &BTreeSet<Permission>),
}

const CLUSTER: &str = "ClusterRole";
const ROLE: &str = "Role";
const OPEN_REPORTS: &str = "reports.openreports.io";
const VALIDATING: &str = "validatingwebhookconfigurations";
const MUTATING: &str = "mutatingwebhookconfigurations";
const POLICY_STATUS: &str = "clientauthpolicies/status";
const EXCEPTION_STATUS: &str = "clientauthexceptions/status";

pub(super) const STEPS: &[Step] = &[
    Step {
        name: "who serves a class is not known",
        takes: |one| one.verb == "list" && one.of_classes(),
        before: nothing,
        args: &[],
        shows: never_ready,
    },
    Step {
        name: "what is there is not known",
        takes: |one| one.verb == "list" && (one.of_gateways().is_some() || one.of_policies()),
        before: nothing,
        args: &[],
        shows: never_ready,
    },
    Step {
        name: "what changes is not known",
        takes: |one| one.verb == "watch",
        before: nothing,
        args: &[],
        shows: logged,
    },
    Step {
        name: "one half cannot be read one by one",
        takes: |one| one.verb == "get" && one.of_gateways().is_some_and(|place| place % 2 == 0),
        before: no_reports,
        args: &[],
        shows: reports_on_the_others,
    },
    Step {
        name: "the other half cannot be read one by one",
        takes: |one| one.verb == "get" && one.of_gateways().is_some_and(|place| place % 2 == 1),
        before: no_reports,
        args: &[],
        shows: reports_on_the_others,
    },
    Step {
        name: "CAs cannot be read",
        takes: |one| one.is(CLUSTER, "get", "secrets") || one.is(CLUSTER, "get", "configmaps"),
        before: no_reports,
        args: &[],
        shows: cas_are_unknown,
    },
    Step {
        name: "the own CA cannot be read",
        takes: |one| one.resource == "secrets" && one.verb == "get",
        before: nothing,
        args: &[],
        shows: never_ready,
    },
    Step {
        name: "the own CA cannot be made",
        takes: |one| one.is(ROLE, "create", "secrets"),
        before: |stage| stage.delete(&["secret", "mtls-webhook-ca", "-n", OWN]),
        args: &[],
        shows: never_ready,
    },
    Step {
        name: "the own CA cannot be replaced",
        takes: |one| one.is(ROLE, "update", "secrets"),
        before: useless_ca,
        args: &[],
        shows: never_ready,
    },
    Step {
        name: "whom the API server trusts is not known",
        takes: |one| one.is(CLUSTER, "get", VALIDATING),
        before: nothing,
        args: &[],
        shows: never_ready,
    },
    Step {
        name: "whom the API server trusts for repairs is not known",
        takes: |one| one.is(CLUSTER, "get", MUTATING),
        before: nothing,
        args: &[],
        shows: never_ready,
    },
    Step {
        name: "the API server cannot be told whom to trust",
        takes: |one| one.is(CLUSTER, "patch", VALIDATING),
        before: no_bundles,
        args: &[],
        shows: never_ready,
    },
    Step {
        name: "the API server cannot be told whom to trust for repairs",
        takes: |one| one.is(CLUSTER, "patch", MUTATING),
        before: no_bundles,
        args: &[],
        shows: never_ready,
    },
    Step {
        name: "there is no Lease",
        takes: |one| one.is(ROLE, "create", "leases"),
        before: |stage| stage.delete(&["lease", "mtls-webhook-audit", "-n", OWN]),
        args: &[],
        shows: audits_nothing,
    },
    Step {
        name: "the Lease cannot be read",
        takes: |one| one.is(ROLE, "get", "leases"),
        before: nothing,
        args: &[],
        shows: audits_nothing,
    },
    Step {
        name: "the Lease cannot be taken",
        takes: |one| one.is(ROLE, "update", "leases"),
        before: free_lease,
        args: &[],
        shows: audits_nothing,
    },
    Step {
        name: "reports are not known, Events not sent, a policy's status not written",
        takes: |one| {
            one.is(CLUSTER, "list", "policyreports")
                || one.is(CLUSTER, "create", "events")
                || one.is(CLUSTER, "patch", POLICY_STATUS)
        },
        before: fresh_policies,
        args: &[],
        shows: logged,
    },
    Step {
        name: "reports are not made, an exception's status is not written",
        takes: |one| {
            one.is(CLUSTER, "create", "policyreports") || one.is(CLUSTER, "patch", EXCEPTION_STATUS)
        },
        before: |stage| {
            no_reports(stage);
            fresh_policies(stage);
        },
        args: &[],
        shows: logged,
    },
    Step {
        name: "reports are not written",
        takes: |one| one.is(CLUSTER, "patch", "policyreports"),
        before: no_reports,
        args: &[],
        shows: logged,
    },
    Step {
        name: "reports are not removed",
        takes: |one| one.is(CLUSTER, "delete", "policyreports"),
        before: |stage| stale_report(stage, "wgpolicyk8s.io/v1alpha2", "PolicyReport"),
        args: &[],
        shows: logged,
    },
    Step {
        name: "open reports are not known",
        takes: |one| one.is(CLUSTER, "list", "reports"),
        before: nothing,
        args: &["--open-reports"],
        shows: logged,
    },
    Step {
        name: "open reports are not made",
        takes: |one| one.is(CLUSTER, "create", "reports"),
        before: |stage| stage.delete(&[OPEN_REPORTS, "-n", NS, "--all"]),
        args: &["--open-reports"],
        shows: logged,
    },
    Step {
        name: "open reports are not written",
        takes: |one| one.is(CLUSTER, "patch", "reports"),
        before: |stage| stage.delete(&[OPEN_REPORTS, "-n", NS, "--all"]),
        args: &["--open-reports"],
        shows: logged,
    },
    Step {
        name: "open reports are not removed",
        takes: |one| one.is(CLUSTER, "delete", "reports"),
        before: |stage| stale_report(stage, "openreports.io/v1alpha1", "Report"),
        args: &["--open-reports"],
        shows: logged,
    },
    Step {
        name: "the labels of a namespace cannot be read before a denial",
        takes: |one| one.is(CLUSTER, "get", "namespaces"),
        before: fresh_policies,
        args: &[],
        shows: denies_nothing_by_policy,
    },
];

fn nothing(_: &Stage) {}

fn no_reports(stage: &Stage) {
    stage.delete(&[POLICY_REPORTS, "-n", NS, "--all"]);
}

/// A Secret whose key does not fit.
fn useless_ca(stage: &Stage) {
    // The step before may have left none.
    let webhook = stage.start(&[]);
    webhook.is_ready();
    let junk = r#"{"data": {"tls.key": "anVuaw=="}}"#;
    let patch = ["patch", "secret", "mtls-webhook-ca", "-n", OWN, "-p", junk];
    drop(webhook);
    stage.cluster().must(&patch).unwrap();
}

/// Configurations as they are when they have just been applied.
fn no_bundles(stage: &Stage) {
    let remove = r#"[{"op": "remove", "path": "/webhooks/0/clientConfig/caBundle"}]"#;
    let webhook = stage.start(&[]);
    webhook.is_ready();
    drop(webhook);
    for kind in [VALIDATING, MUTATING] {
        let patch = ["patch", kind, "kubectl-mtls", "--type=json", "-p", remove];
        stage.cluster().must(&patch).unwrap();
    }
}

/// A policy and an exception whose status nobody has written.
fn fresh_policies(stage: &Stage) {
    let kinds = [
        (
            "ClientAuthPolicy",
            json!({"match": {"namespaceSelector": {"matchLabels": {"webhook": NS}}},
                "demand": "required"}),
        ),
        (
            "ClientAuthException",
            json!({"hosts": ["spared.needs.example.com"], "reason": "later",
                "end": "2999-01-01T00:00:00Z"}),
        ),
    ];
    for (kind, spec) in kinds {
        stage.delete(&[kind, NS]);
        let object = json!({"apiVersion": "kubectl-mtls.github.io/v1alpha1", "kind": kind,
            "metadata": {"name": NS}, "spec": spec});
        stage.apply(&object.to_string());
    }
}

/// A Lease that nobody holds.
fn free_lease(stage: &Stage) {
    let lease = json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
        "metadata": {"name": "mtls-webhook-audit", "namespace": OWN}});
    stage.apply(&lease.to_string());
}

/// A report on nothing.
fn stale_report(stage: &Stage, version: &str, kind: &str) {
    let report = json!({"apiVersion": version, "kind": kind, "metadata": {
        "name": "stale", "namespace": NS,
        "labels": {"app.kubernetes.io/managed-by": "kubectl-mtls"}}});
    stage.apply(&report.to_string());
}
