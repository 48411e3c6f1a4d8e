//! What the status of a policy says, and when it is written.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::ensure;
use serde_json::{Value, json};
use tests::wait_until;
use tests::webhook::Webhook;

use super::{PATIENCE, object, open, owned, policy};
use crate::{applied, cluster, must, namespace};

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
