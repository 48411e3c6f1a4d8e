//! Policies and exceptions on the real API server: the schema, admissions, injection, status.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::ensure;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tests::wait_until;
use tests::webhook::Webhook;

use crate::{applied, cluster, denied, mtls, must, namespace, refused, without_default};

const PATIENCE: Duration = Duration::from_secs(20);

fn ingress(ns: &str, name: &str, annotations: &Value) -> String {
    let host = format!("{name}.{ns}.example.com");
    let path = json!({"path": "/", "pathType": "Prefix",
        "backend": {"service": {"name": "a", "port": {"number": 80}}}});
    json!({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
        "metadata": {"name": name, "namespace": ns, "annotations": annotations},
        "spec": {"ingressClassName": "nginx", "tls": [{"hosts": [host]}],
            "rules": [{"host": host, "http": {"paths": [path]}}]}})
    .to_string()
}

fn open(ns: &str, name: &str) -> String {
    ingress(ns, name, &json!({}))
}

fn protected(ns: &str, name: &str) -> String {
    ingress(
        ns,
        name,
        &json!({"nginx.ingress.kubernetes.io/auth-tls-secret": format!("{ns}/partners-trust"),
            "nginx.ingress.kubernetes.io/force-ssl-redirect": "true"}),
    )
}

fn object(kind: &str, name: &str, spec: &Value) -> String {
    json!({"apiVersion": "kubectl-mtls.github.io/v1alpha1", "kind": kind,
        "metadata": {"name": name}, "spec": spec})
    .to_string()
}

/// A policy for one namespace.
fn policy(ns: &str, name: &str, more: Value) -> String {
    let selector = json!({"matchLabels": {"webhook": ns}});
    let mut spec = json!({"match": {"namespaceSelector": selector}, "demand": "required"});
    if let Value::Object(fields) = more {
        for (key, value) in fields {
            spec[key] = value;
        }
    }
    object("ClientAuthPolicy", name, &spec)
}

/// Objects of the cluster that go with the test.
struct Owned(Vec<(&'static str, String)>);

impl Drop for Owned {
    fn drop(&mut self) {
        for (kind, name) in &self.0 {
            let _ = cluster().kubectl(&["delete", kind, name, "--ignore-not-found"]);
        }
    }
}

fn owned(policies: &[&str]) -> Owned {
    let named = policies.iter();
    Owned(
        named
            .map(|name| ("clientauthpolicy", (*name).to_owned()))
            .collect(),
    )
}

fn dry_run(manifest: &str) -> tests::Output {
    let args = ["apply", "--dry-run=server", "-f", "-"];
    cluster().kubectl_with(&args, manifest).unwrap()
}

/// Waits until a dry run says some words: the webhook has seen what its answer rests on.
#[track_caller]
fn until_said(manifest: &str, words: &str) {
    wait_until(words, PATIENCE, || {
        let said = dry_run(manifest).all();
        ensure!(said.contains(words), "{said}");
        Ok(())
    })
    .unwrap();
}

fn prepared(ns: &str, args: &[&str]) -> Webhook {
    namespace(ns);
    must(&["create", "ca", "partners", "-n", ns]);
    Webhook::start(cluster(), ns, args).unwrap()
}

#[test]
fn the_schema_refuses_nonsense() {
    let policy = |more: Value| {
        let mut spec = json!({"match": {}, "demand": "required"});
        for (key, value) in more.as_object().unwrap().clone() {
            spec[key] = value;
        }
        object("ClientAuthPolicy", "nonsense", &spec)
    };
    let exception = |spec: Value| object("ClientAuthException", "nonsense", &spec);
    let rule = |rule: &str| json!({"rule": rule, "action": "Warn"});
    let table = [
        (
            object(
                "ClientAuthPolicy",
                "nonsense",
                &json!({"demand": "required"}),
            ),
            "spec.match: Required",
        ),
        (
            policy(json!({"demand": "always"})),
            "spec.demand: Unsupported value",
        ),
        (
            policy(json!({"action": "Refuse"})),
            "spec.action: Unsupported value",
        ),
        (
            policy(json!({"trust": {}})),
            "say at least one of secrets, pins and minRemainingDays",
        ),
        (
            policy(json!({"trust": {"minRemainingDays": 0}})),
            "spec.trust.minRemainingDays",
        ),
        (
            policy(json!({"trust": {"pins": ["abc"]}})),
            "spec.trust.pins[0]",
        ),
        (
            policy(json!({"trust": {"secrets": [{"name": "ca"}]}})),
            "namespace: Required",
        ),
        (
            policy(json!({"rules": [rule("missing-ca"), rule("missing-ca")]})),
            "Duplicate value",
        ),
        (
            policy(json!({"rules": [rule("no-such-rule")]})),
            "Unsupported value: \"no-such-rule\"",
        ),
        (
            policy(json!({"match": {"hosts": ["*.*.example.com"]}})),
            "spec.match.hosts[0]",
        ),
        (
            policy(json!({"match": {"hosts": ["https://example.com"]}})),
            "spec.match.hosts[0]",
        ),
        (
            policy(json!({"match": {"hosts": ["a", "a"]}})),
            "Duplicate value",
        ),
        (
            policy(json!({"match": {"gateways": [{}]}})),
            "say the dialect, the instance, or both",
        ),
        (
            policy(json!({"match": {"gateways": [{"dialect": "envoy"}]}})),
            "Unsupported value: \"envoy\"",
        ),
        (
            policy(json!({"match": {"namespaceSelector": {"matchExpressions": [
            {"key": "a", "operator": "In"}]}}})),
            "In and NotIn need values",
        ),
        (
            policy(json!({"match": {"namespaceSelector": {"matchExpressions": [
            {"key": "a", "operator": "Exists", "values": ["b"]}]}}})),
            "In and NotIn need values",
        ),
        (
            policy(json!({"action": "Audit", "inject": {"trust": {"name": "ca"}}})),
            "only audits puts nothing in",
        ),
        (policy(json!({"inject": {}})), "spec.inject.trust: Required"),
        (
            exception(json!({"hosts": ["a"], "end": "2999-01-01T00:00:00Z"})),
            "spec.reason: Required",
        ),
        (
            exception(json!({"hosts": ["a"], "reason": " ", "end": "2999-01-01T00:00:00Z"})),
            "spec.reason",
        ),
        (
            exception(json!({"hosts": ["a"], "reason": "r"})),
            "spec.end: Required",
        ),
        (
            exception(json!({"hosts": ["a"], "reason": "r", "end": "soon"})),
            "spec.end",
        ),
        (
            exception(json!({"reason": "r", "end": "2999-01-01T00:00:00Z"})),
            "say which hosts or namespaces",
        ),
        (
            exception(json!({"hosts": [], "reason": "r", "end": "2999-01-01T00:00:00Z"})),
            "spec.hosts",
        ),
    ];
    for (manifest, words) in table {
        let said = dry_run(&manifest);
        assert!(
            !said.success && said.all().contains(words),
            "{words}: {}\n{manifest}",
            said.all()
        );
    }
    let good = policy(json!({"match": {"hosts": ["*.example.com"],
        "gateways": [{"dialect": "traefik"}], "namespaceSelector": {"matchExpressions": [
            {"key": "a.b/c", "operator": "NotIn", "values": ["d"]}]}},
        "trust": {"secrets": [{"namespace": "pki", "name": "ca"}], "pins": ["0a".repeat(32)],
            "minRemainingDays": 30},
        "rules": [rule("missing-ca")], "inject": {"trust": {"name": "ca"}, "option": {"name": "o"}}}));
    let said = dry_run(&good);
    assert!(said.success, "{}", said.all());
    let good =
        exception(json!({"namespaces": ["a"], "reason": "r", "end": "2999-01-01T00:00:00+01:00"}));
    assert!(dry_run(&good).success);
}

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
    let end = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(8);
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

#[test]
fn what_says_nothing_is_protected() {
    let _quiet = without_default();
    let ns = "policy-inject";
    let _webhook = prepared(ns, &[]);
    let _owned = owned(&[ns]);
    let inject = json!({"trust": {"name": "partners-trust"}, "option": {"name": "mtls"}});
    applied(&policy(ns, ns, json!({"inject": inject})));
    wait_until("the injection", PATIENCE, || {
        let said = dry_run(&open(ns, "a"));
        ensure!(said.success, "{}", said.all());
        Ok(())
    })
    .unwrap();
    applied(&open(ns, "a"));
    let stored = cluster()
        .must(&["get", "ingress", "a", "-n", ns, "-o", "yaml"])
        .unwrap();
    assert!(
        stored.contains(&format!("auth-tls-secret: {ns}/partners-trust")),
        "{stored}"
    );
    let hosts: Value =
        serde_json::from_str(&must(&["get", "hosts", "-n", ns, "-o", "json"])).unwrap();
    assert_eq!(hosts["items"][0]["verdict"], "enforced");
    assert_eq!(
        hosts["items"][0]["policies"],
        json!([{"name": ns, "exception": null, "met": true}])
    );
    // Once more the same: nothing changes.
    let again = applied(&open(ns, "a"));
    assert!(
        again.contains("unchanged") || again.contains("configured"),
        "{again}"
    );

    // Another object cannot be made while a route is admitted: it must be there.
    let route = json!({"apiVersion": "traefik.io/v1alpha1", "kind": "IngressRoute",
        "metadata": {"name": "r", "namespace": ns}, "spec": {"entryPoints": ["websecure"],
            "routes": [{"kind": "Rule", "match": format!("Host(`r.{ns}.example.com`)"),
                "services": [{"name": "a", "port": 80}]}], "tls": {}}})
    .to_string();
    let said = denied(&route, "policy-demand");
    assert!(said.contains("puts nothing into"), "{said}");
    let option = json!({"apiVersion": "traefik.io/v1alpha1", "kind": "TLSOption",
        "metadata": {"name": "mtls", "namespace": ns}, "spec": {"clientAuth": {
            "secretNames": ["partners-trust"], "clientAuthType": "RequireAndVerifyClientCert"}}});
    applied(&option.to_string());
    wait_until("the option", PATIENCE, || {
        let said = dry_run(&route);
        ensure!(said.success, "{}", said.all());
        Ok(())
    })
    .unwrap();
    applied(&route);
    let stored = cluster()
        .must(&[
            "get",
            "ingressroutes.traefik.io",
            "r",
            "-n",
            ns,
            "-o",
            "jsonpath={.spec.tls.options.name}",
        ])
        .unwrap();
    assert_eq!(stored, "mtls");
}

#[test]
fn the_status_names_short_hosts_and_conflicts() {
    let ns = "policy-status";
    namespace(ns);
    for name in 0..22 {
        applied(&open(ns, &format!("h{name}")));
    }
    must(&["create", "ca", "partners", "-n", ns]);
    let _webhook = Webhook::start(cluster(), ns, &["--audit", "--audit-interval=2"]).unwrap();
    let (strict, lax) = (format!("{ns}-strict"), format!("{ns}-lax"));
    let mut owned = owned(&[&strict, &lax]);
    let missing = json!({"secrets": [{"namespace": ns, "name": "none"}]});
    applied(&policy(
        ns,
        &strict,
        json!({"action": "Audit", "trust": missing}),
    ));
    applied(&policy(
        ns,
        &lax,
        json!({"demand": "optional", "action": "Warn"}),
    ));
    let status = |kind: &str, name: &str| -> anyhow::Result<Value> {
        let text = cluster().must(&["get", kind, name, "-o", "json"])?;
        Ok(serde_json::from_str::<Value>(&text)?["status"].clone())
    };
    let conditions = |status: &Value| -> BTreeMap<String, (String, String)> {
        let all = status["conditions"].as_array().cloned().unwrap_or_default();
        let text = |one: &Value, key: &str| one[key].as_str().unwrap_or_default().to_owned();
        all.iter()
            .map(|one| {
                (
                    text(one, "type"),
                    (text(one, "status"), text(one, "message")),
                )
            })
            .collect()
    };
    let kind = "clientauthpolicy";
    let found = wait_until("the status", PATIENCE, || {
        let found = status(kind, &strict)?;
        ensure!(found["shortHosts"] == 22, "{found}");
        ensure!(conditions(&found)["Conflicting"].0 == "True", "{found}");
        Ok(found)
    })
    .unwrap();
    assert_eq!(found["short"].as_array().unwrap().len(), 20);
    assert_eq!(found["observedGeneration"], 1);
    assert_eq!(found["short"][0]["rules"], json!(["policy-demand"]));
    let of = conditions(&found);
    assert_eq!(of["Compliant"].0, "False");
    assert_eq!(of["Accepted"].0, "True");
    let said = format!("policy {lax} says optional, this one required: required holds");
    assert!(of["Conflicting"].1.contains(&said), "{of:?}");
    assert_eq!(of["ResolvedRefs"].0, "False");
    assert!(
        of["ResolvedRefs"]
            .1
            .contains(&format!("Secret {ns}/none does not exist")),
        "{of:?}"
    );
    let other = wait_until("the other status", PATIENCE, || {
        let other = status(kind, &lax)?;
        ensure!(
            conditions(&other)
                .get("Conflicting")
                .is_some_and(|one| one.0 == "True"),
            "{other}"
        );
        Ok(other)
    })
    .unwrap();
    assert!(
        conditions(&other)["Conflicting"]
            .1
            .contains("required holds"),
        "{other}"
    );

    let exception = object(
        "ClientAuthException",
        ns,
        &json!({"namespaces": [ns],
        "policies": [strict], "reason": "r", "end": "2999-01-01T00:00:00Z"}),
    );
    owned.0.push(("clientauthexception", ns.to_owned()));
    applied(&exception);
    wait_until("hosts that are spared", PATIENCE, || {
        let found = status(kind, &strict)?;
        ensure!(
            found["sparedHosts"] == 22 && found["shortHosts"] == 0,
            "{found}"
        );
        let own = status("clientauthexception", ns)?;
        ensure!(
            conditions(&own)
                .get("Active")
                .is_some_and(|one| one.0 == "True"),
            "{own}"
        );
        Ok(())
    })
    .unwrap();
    let table = cluster().must(&["get", "cap", &strict]).unwrap();
    assert!(
        table.contains("DEMAND") && table.contains("SHORT") && table.contains("Audit"),
        "{table}"
    );
    // A status that stays is not written again.
    let version = || {
        let path = "jsonpath={.metadata.resourceVersion}";
        cluster().must(&["get", kind, &strict, "-o", path]).unwrap()
    };
    let before = version();
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(version(), before);
}

/// An admission review of a new object.
fn review(ns: &str, object: &Value) -> String {
    json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {
        "uid": "u", "operation": "CREATE", "namespace": ns, "object": object}})
    .to_string()
}

/// The object after `/mutate`; `None`: it stays.
fn mutated(webhook: &Webhook, ns: &str, object: &Value) -> Option<Value> {
    let (status, answer) = webhook
        .post("/mutate?timeout=10s", &review(ns, object))
        .unwrap();
    assert_eq!(status, 200, "{answer}");
    let answer: Value = serde_json::from_str(&answer).unwrap();
    let patch = STANDARD
        .decode(answer["response"]["patch"].as_str()?)
        .unwrap();
    let patch: json_patch::Patch = serde_json::from_slice(&patch).unwrap();
    let mut object = object.clone();
    json_patch::patch(&mut object, &patch).unwrap();
    Some(object)
}

fn allowed(webhook: &Webhook, ns: &str, object: &Value) -> bool {
    let (_, answer) = webhook
        .post("/validate?timeout=10s", &review(ns, object))
        .unwrap();
    let answer: Value = serde_json::from_str(&answer).unwrap();
    answer["response"]["allowed"].as_bool().unwrap()
}

/// Every combination of some annotations: what is put in is put in once, and never has a change
/// refused that is allowed without it.
#[test]
fn mutations_are_idempotent_and_never_deny_themselves() {
    let ns = "policy-property";
    let webhook = prepared(ns, &[]);
    let name = |which: &str| format!("{ns}-{which}");
    let names = [name("good"), name("bad")];
    let _owned = owned(&[&names[0], &names[1]]);
    let words = [
        (
            "auth-tls-secret",
            [
                "",
                "partners-trust",
                "policy-property/partners-trust",
                "policy-property/none",
            ],
        ),
        ("auth-tls-verify-client", ["", "on", "On", "optional"]),
        ("force-ssl-redirect", ["", "true", "false", "yes"]),
    ];
    let (mut changed, mut denied) = (0, 0);
    for (action, trust) in [
        ("Deny", "partners-trust"),
        ("Warn", "none"),
        ("Deny", "none"),
    ] {
        let inject = json!({"trust": {"name": trust}});
        let which = usize::from(trust == "none");
        let manifest = policy(
            ns,
            &names[which],
            json!({"action": action, "inject": inject}),
        );
        let other = &names[1 - which];
        cluster()
            .kubectl(&["delete", "cap", other, "--ignore-not-found"])
            .unwrap();
        applied(&manifest);
        until_said(
            &open(ns, "probe"),
            if which == 0 {
                "created"
            } else {
                "policy-demand"
            },
        );
        for combination in 0..64 {
            let mut annotations = serde_json::Map::new();
            for (place, (key, values)) in words.iter().enumerate() {
                let value = values[(combination >> (2 * place)) & 3];
                if !value.is_empty() {
                    annotations.insert(format!("nginx.ingress.kubernetes.io/{key}"), value.into());
                }
            }
            let text = ingress(ns, &format!("c{combination}"), &Value::Object(annotations));
            let mut object: Value = serde_json::from_str(&text).unwrap();
            if object["metadata"]["annotations"] == json!({}) {
                object["metadata"]
                    .as_object_mut()
                    .unwrap()
                    .remove("annotations");
            }
            let Some(after) = mutated(&webhook, ns, &object) else {
                continue;
            };
            changed += 1;
            assert_eq!(mutated(&webhook, ns, &after), None, "twice: {object}");
            let (before, after_allowed) = (
                allowed(&webhook, ns, &object),
                allowed(&webhook, ns, &after),
            );
            assert!(
                after_allowed || !before,
                "denies itself: {object} -> {after}"
            );
            denied += usize::from(!before && after_allowed);
        }
    }
    assert!(
        changed > 30 && denied > 0,
        "{changed} changed, {denied} saved from denial"
    );
}
