//! What a configuration that is applied takes over from the one that holds: the failure policy, what
//! the API server trusts, and the entries that other versions brought, which go after the rest came.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::enforcement::{entries, policy};
use super::inventory::{MANAGER, Owner};
use super::{ROUTES, Trusted};
use crate::cluster::{Cluster, Patched};
use crate::problem::Problem;
use crate::validity::now;

/// How often a configuration is read anew that others change meanwhile.
const TRIES: usize = 5;

/// Lets a configuration keep what the live one must not lose; tells what the caBundles keep. What is
/// trusted is trusted on until the running webhook is known to serve by another CA.
pub(crate) fn take_over(wanted: &mut Value, live: &Value, enforced: bool) -> Option<String> {
    let known = entries(live).map(bundle).find(|bundle| !is_empty(bundle));
    let known = known.cloned();
    let mut kept = None;
    for entry in wanted["webhooks"].as_array_mut().into_iter().flatten() {
        if let Some(policy) = policy(live).filter(|_| entry["name"] == ROUTES) {
            entry["failurePolicy"] = json!(policy.text());
        }
        let name = entry["name"].as_str().unwrap_or_default().to_owned();
        let before = entries(live).find(|other| other["name"] == *name);
        let trusted = match before.map(bundle).filter(|bundle| !is_empty(bundle)) {
            // Entries that are new are served by the same program.
            None => known.clone().filter(|_| is_empty(bundle(entry))),
            Some(old) if !is_empty(bundle(entry)) => {
                let union = enforced.then(|| union(old, bundle(entry))).flatten();
                union.map(|(bundle, words)| {
                    kept = Some(words);
                    bundle
                })
            }
            Some(old) => applied(live, &name, true).then(|| old.clone()),
        };
        if let Some(trusted) = trusted.filter(|bundle| !is_empty(bundle)) {
            entry["clientConfig"]["caBundle"] = trusted;
        }
    }
    bring_along(wanted, live);
    kept
}

/// Adds the entries that were applied before and are not wanted any more: an apply without them would
/// leave their caBundles, which are of others, without the rest.
fn bring_along(wanted: &mut Value, live: &Value) {
    let name = |entry: &Value| entry["name"].as_str().unwrap_or_default().to_owned();
    let dropped = entries(live)
        .filter(|entry| !has(wanted, &entry["name"]) && applied(live, &name(entry), false));
    for mut entry in dropped.cloned().collect::<Vec<_>>() {
        let of_others = !applied(live, &name(&entry), true);
        if let Some(client) = entry["clientConfig"].as_object_mut().filter(|_| of_others) {
            client.remove("caBundle");
        }
        if let Some(list) = wanted["webhooks"].as_array_mut() {
            list.push(entry);
        }
    }
}

fn bundle(entry: &Value) -> &Value {
    &entry["clientConfig"]["caBundle"]
}

fn is_empty(bundle: &Value) -> bool {
    bundle.as_str().is_none_or(str::is_empty)
}

fn has(configuration: &Value, name: &Value) -> bool {
    entries(configuration).any(|entry| entry["name"] == *name)
}

/// The new CAs after those that are trusted, which stay until the installation after this one; `None`
/// where the new ones are trusted already, so that this is that installation.
fn union(old: &Value, new: &Value) -> Option<(Value, String)> {
    let (before, after) = (Trusted::stored(old), Trusted::stored(new));
    let lives = |ca: &&Trusted| ca.ends > now() && !after.contains(ca);
    let kept: Vec<_> = before.iter().filter(lives).map(Trusted::text).collect();
    if kept.is_empty() || after.iter().all(|ca| before.contains(ca)) {
        return None;
    }
    let text = |bundle: &Value| STANDARD.decode(bundle.as_str().unwrap_or_default()).ok();
    let mut pem = text(old)?;
    pem.push(b'\n');
    pem.extend(text(new)?);
    Some((json!(STANDARD.encode(pem)), kept.join(", ")))
}

/// Fields of an entry by manager.
fn claims<'a>(live: &'a Value, name: &str) -> Vec<(&'a Value, &'a Value)> {
    let key = format!("k:{}", json!({"name": name}));
    let managers = live["metadata"]["managedFields"].as_array();
    let managers = managers.into_iter().flatten();
    managers
        .filter_map(|one| Some((one, one["fieldsV1"]["f:webhooks"].get(&key)?)))
        .collect()
}

/// Whether an entry, or its caBundle, is there because `install` applied it: an apply without it
/// takes it away.
fn applied(live: &Value, name: &str, its_bundle: bool) -> bool {
    claims(live, name).iter().any(|(one, fields)| {
        let bundle = !fields["f:clientConfig"]["f:caBundle"].is_null();
        one["manager"] == MANAGER && one["operation"] == "Apply" && (bundle || !its_bundle)
    })
}

/// Whose an entry is. Who writes the caBundle does not own it.
fn owner(live: &Value, name: &str) -> Owner {
    let foreign = claims(live, name)
        .into_iter()
        .filter(|(one, fields)| one["manager"] == MANAGER || !is_bundle(fields));
    let managers: Vec<_> = foreign
        .map(|(one, _)| json!({"manager": one["manager"]}))
        .collect();
    Owner::of(&json!({"metadata": {"managedFields": managers}}))
}

fn is_bundle(fields: &Value) -> bool {
    let within = |value: &Value, allowed: &[&str]| {
        let fields = value.as_object().into_iter().flatten();
        fields
            .into_iter()
            .all(|(key, _)| allowed.contains(&key.as_str()))
    };
    within(fields, &[".", "f:clientConfig", "f:name"])
        && within(&fields["f:clientConfig"], &[".", "f:caBundle"])
}

/// Which entries go that `wanted` does not have, and which stay because others have a part in them.
pub(crate) fn dropped(
    wanted: &Value,
    live: &Value,
    force: bool,
) -> (Vec<String>, Vec<(String, Owner)>) {
    let names = entries(live)
        .filter(|entry| !has(wanted, &entry["name"]))
        .filter_map(|entry| entry["name"].as_str());
    let all = names.map(|name| (name.to_owned(), owner(live, name)));
    let (gone, left): (Vec<_>, Vec<_>) = all.partition(|(_, owner)| owner.yields(force));
    (gone.into_iter().map(|(name, _)| name).collect(), left)
}

/// Takes the entries away that `wanted` does not have, and nothing else.
pub(crate) async fn drop_entries(
    cluster: &Cluster,
    path: &str,
    wanted: &Value,
    force: bool,
) -> anyhow::Result<(Vec<String>, Vec<(String, Owner)>)> {
    for _ in 0..TRIES {
        let live = cluster.value(path).await?.unwrap_or_default();
        let (gone, left) = dropped(wanted, &live, force);
        if gone.is_empty() || cluster.patch(path, &patch(&live, &gone)).await? == Patched::Done {
            return Ok((gone, left));
        }
    }
    Err(
        Problem::world(format!("{path} is changed by others all the time"))
            .hint("`kubectl get` with --show-managed-fields -o yaml shows by whom"),
    )
}

fn patch(live: &Value, gone: &[String]) -> Value {
    let version = &live["metadata"]["resourceVersion"];
    let mut steps =
        vec![json!({"op": "test", "path": "/metadata/resourceVersion", "value": version})];
    let all: Vec<_> = entries(live).collect();
    for (place, entry) in all.iter().enumerate().rev() {
        if gone.iter().any(|name| entry["name"] == **name) {
            steps.push(json!({"op": "remove", "path": format!("/webhooks/{place}")}));
        }
    }
    json!(steps)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn entry(name: &str, bundle: &Value) -> Value {
        json!({"name": name, "failurePolicy": "Ignore", "clientConfig": {"caBundle": bundle}})
    }

    fn claim(manager: &str, operation: &str, name: &str, fields: Value) -> Value {
        json!({"manager": manager, "operation": operation,
            "fieldsV1": {"f:webhooks": {format!("k:{{\"name\":\"{name}\"}}"): fields}}})
    }

    fn ca(name: &str) -> Value {
        let params = pki::CaParams::new(name, now() + 1000);
        let ca = pki::create_root(&params, now()).unwrap();
        json!(STANDARD.encode(ca.certificate_pem()))
    }

    fn whole() -> Value {
        json!({".": {}, "f:name": {}, "f:clientConfig": {"f:caBundle": {}}, "f:rules": {}})
    }

    fn written() -> Value {
        json!({"f:clientConfig": {"f:caBundle": {}}})
    }

    #[test]
    fn a_policy_that_holds_and_a_bundle_that_was_applied_stay() {
        let mut live = json!({"webhooks": [entry(ROUTES, &json!("QQ=="))], "metadata": {
            "managedFields": [claim(MANAGER, "Apply", ROUTES, whole())]}});
        live["webhooks"][0]["failurePolicy"] = json!("Fail");
        let mut wanted =
            json!({"webhooks": [entry(ROUTES, &Value::Null), entry("new", &Value::Null)]});
        assert_eq!(take_over(&mut wanted, &live, true), None);
        assert_eq!(wanted["webhooks"][0]["failurePolicy"], "Fail");
        assert_eq!(wanted["webhooks"][0]["clientConfig"]["caBundle"], "QQ==");
        assert_eq!(wanted["webhooks"][1]["failurePolicy"], "Ignore");
        assert_eq!(wanted["webhooks"][1]["clientConfig"]["caBundle"], "QQ==");
    }

    #[test]
    fn a_bundle_that_others_write_is_left_to_them() {
        let live = json!({"webhooks": [entry(ROUTES, &json!("QQ=="))], "metadata": {
            "managedFields": [claim("injector", "Update", ROUTES, written())]}});
        let mut wanted = json!({"webhooks": [entry(ROUTES, &Value::Null)]});
        take_over(&mut wanted, &live, true);
        assert!(wanted["webhooks"][0]["clientConfig"]["caBundle"].is_null());
    }

    #[test]
    fn entries_of_before_come_along_and_go_afterwards() {
        let names = ["old", "shared", "foreign"];
        let live: Vec<_> = names
            .iter()
            .map(|name| entry(name, &json!("QQ==")))
            .collect();
        let live = json!({"webhooks": live, "metadata": {"resourceVersion": "7", "managedFields": [
            claim(MANAGER, "Apply", "old", json!({".": {}, "f:rules": {}})),
            claim("mtls-webhook", "Update", "old", written()),
            claim(MANAGER, "Apply", "shared", whole()),
            claim("jane", "Update", "shared", json!({"f:timeoutSeconds": {}})),
            claim("jane", "Update", "foreign", whole())]}});
        let pristine = json!({"webhooks": []});
        let mut wanted = pristine.clone();
        take_over(&mut wanted, &live, true);
        let come: Vec<_> = entries(&wanted)
            .map(|entry| entry["name"].clone())
            .collect();
        assert_eq!(come, ["old", "shared"]);
        assert!(wanted["webhooks"][0]["clientConfig"]["caBundle"].is_null());
        assert_eq!(wanted["webhooks"][1]["clientConfig"]["caBundle"], "QQ==");
        let jane = || vec!["jane".to_owned()];
        let (gone, left) = dropped(&pristine, &live, false);
        assert_eq!(gone, ["old"]);
        assert_eq!(
            left,
            [
                ("shared".to_owned(), Owner::Shared(jane())),
                ("foreign".to_owned(), Owner::Others(jane()))
            ]
        );
        let (gone, _) = dropped(&pristine, &live, true);
        assert_eq!(patch(&live, &gone)[1]["path"], "/webhooks/1");
        assert_eq!(patch(&live, &gone)[2]["path"], "/webhooks/0");
    }

    #[test]
    fn a_new_ca_is_trusted_beside_the_old_one_first() {
        let (old, new) = (ca("old"), ca("new"));
        let (both, words) = union(&old, &new).unwrap();
        assert!(words.starts_with("CN=old until "), "{words}");
        assert_eq!(Trusted::stored(&both).len(), 2);
        assert_eq!(union(&both, &new), None);
        assert_eq!(union(&old, &old), None);
        let live = json!({"webhooks": [entry(ROUTES, &old)]});
        let rendered = json!({"webhooks": [entry(ROUTES, &new)]});
        for (enforced, count) in [(false, 1), (true, 2)] {
            let mut wanted = rendered.clone();
            let kept = take_over(&mut wanted, &live, enforced);
            assert_eq!(kept.is_some(), enforced);
            assert_eq!(Trusted::stored(bundle(&wanted["webhooks"][0])).len(), count);
        }
    }
}
