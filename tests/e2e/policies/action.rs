//! What is denied, warned of or counted, where and until when.

use anyhow::ensure;
use serde_json::{Value, json};
use tests::wait_until;

use super::{PATIENCE, dry_run, object, open, owned, policy, prepared, protected, until_said};
use crate::{applied, cluster, denied, mtls, namespace, refused};

#[test]
fn a_policy_denies_where_it_matches_until_an_exception_spares() {
    let ns = "policy-deny";
    let _webhook = prepared(ns, &[]);
    namespace("policy-elsewhere");
    let mut owned = owned(&[ns]);
    applied(&policy(
        ns,
        ns,
        json!({"match": {"namespaceSelector": {"matchLabels": {"webhook": ns}},
        "hosts": [format!("*.{ns}.example.com")]}}),
    ));
    until_said(&open(ns, "a"), "policy-demand");
    let said = denied(&open(ns, "a"), "policy-demand");
    assert!(
        said.contains(&format!(
            "policy {ns} demands a certificate of every client"
        )),
        "{said}"
    );
    applied(&open("policy-elsewhere", "a"));
    applied(&protected(ns, "b"));
    // A namespace that has just been made is judged by its labels.
    let late = "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: policy-late\n  labels: {webhook: policy-deny}\n";
    applied(late);
    let mut elsewhere: Value = serde_json::from_str(&open(ns, "late")).unwrap();
    elsewhere["metadata"]["namespace"] = "policy-late".into();
    denied(&elsewhere.to_string(), "policy-demand");

    let exception = |end: &str| {
        object(
            "ClientAuthException",
            ns,
            &json!({"policies": [ns],
            "hosts": [format!("a.{ns}.example.com")], "reason": "not ready", "end": end}),
        )
    };
    denied(&exception("2020-01-01T00:00:00Z"), "in the past");
    owned.0.push(("clientauthexception", ns.to_owned()));
    let end = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(20);
    applied(&exception(&end.to_string()));
    // The policies are read live before a denial: nothing has to be waited for.
    assert!(dry_run(&open(ns, "a")).success);
    denied(&open(ns, "c"), "policy-demand");
    until_said(&open(ns, "a"), "policy-demand");
    denied(&open(ns, "a"), &format!("the exception {ns} ended at"));
    let lint = mtls(&["lint", "-A", "-o", "json"]);
    assert!(lint.stdout.contains("exception-expired"), "{}", lint.all());
}

#[test]
fn warn_warns_and_audit_only_counts() {
    let ns = "policy-warn";
    let webhook = prepared(ns, &[]);
    let _owned = owned(&[ns]);
    applied(&policy(ns, ns, json!({"action": "Warn"})));
    until_said(&open(ns, "a"), "policy-demand");
    let said = dry_run(&open(ns, "a"));
    assert!(
        said.success && said.stderr.contains("Warning: policy-demand"),
        "{}",
        said.all()
    );
    applied(&policy(ns, ns, json!({"action": "Audit"})));
    wait_until("no warning", PATIENCE, || {
        let said = dry_run(&open(ns, "a"));
        ensure!(
            said.success && !said.stderr.contains("policy-demand"),
            "{}",
            said.all()
        );
        Ok(())
    })
    .unwrap();
    let metrics = webhook.health("metrics").unwrap();
    assert!(
        metrics.contains("audited_findings_total{rule=\"policy-demand\"}"),
        "{metrics}"
    );
}

/// Without a policy, a deletion that leaves a host broken only warns.
#[test]
fn a_policy_may_refuse_a_deletion_that_only_breaks() {
    let ns = "policy-breaks";
    let _webhook = prepared(ns, &[]);
    let _owned = owned(&[ns]);
    applied(&protected(ns, "a"));
    let delete = ["delete", "secret", "partners-trust", "-n", ns];
    let dry = [&delete[..], &["--dry-run=server"]].concat();
    wait_until("the warning", PATIENCE, || {
        let said = cluster().kubectl(&dry)?;
        ensure!(
            said.success && said.stderr.contains("missing-ca"),
            "{}",
            said.all()
        );
        Ok(())
    })
    .unwrap();
    applied(&policy(
        ns,
        ns,
        json!({"rules": [{"rule": "missing-ca", "action": "Deny"}]}),
    ));
    wait_until("the denial", PATIENCE, || {
        let said = cluster().kubectl(&dry)?;
        ensure!(!said.success, "{}", said.all());
        Ok(())
    })
    .unwrap();
    refused(&cluster().kubectl(&delete).unwrap(), "missing-ca");
}
