//! How what is in a cluster falls short of what `install` would apply there.

use serde_json::Value;

use super::compare::differences;
use super::enforcement::entries;
use super::objects::Part;
use super::{Policy, ROUTES, Selector, Shape, Trusted};
use crate::cluster::Cluster;
use crate::validity::day;

/// A CA that ends within a week, and nobody has made the next.
const SOON: i64 = 7 * 24 * 3600;

/// What would be applied beside what is there.
pub(crate) type Pair = (Part, Option<Value>);

/// Reads what admits and refuses, beside what `install` would make of it where the webhook is.
pub(crate) async fn read(
    cluster: &Cluster,
    validating: &Value,
    selector: &Selector,
    namespace: &str,
) -> anyhow::Result<Vec<Pair>> {
    let shape = Shape::like(validating, selector)?;
    let mut pairs = Vec::new();
    for part in shape.render(namespace, Policy::Ignore)? {
        if let Some(path) = part.path().filter(|_| decides(&part)) {
            let live = cluster.value(&path).await?;
            pairs.push((part, live));
        }
    }
    Ok(pairs)
}

/// Whether an object decides what is admitted.
fn decides(part: &Part) -> bool {
    part.is_configuration() || part.kind().starts_with("ValidatingAdmissionPolicy")
}

/// What is wrong with any of them.
pub(crate) fn problems(pairs: &[Pair], now: i64) -> Vec<String> {
    let mut problems = Vec::new();
    for (part, live) in pairs {
        match live {
            None => problems.push(format!("{} {} does not exist", part.kind(), part.name())),
            Some(live) if part.is_configuration() => {
                problems.extend(compare(&part.object, live, now));
            }
            Some(live) => {
                let found = differences("spec", &part.object["spec"], &live["spec"]);
                problems.extend(found.iter().map(|what| format!("{}: {what}", part.shown())));
            }
        }
    }
    problems
}

fn compare(shipped: &Value, live: &Value, now: i64) -> Vec<String> {
    let mut problems = Vec::new();
    for wanted in entries(shipped) {
        let name = wanted["name"].as_str().unwrap_or_default();
        let Some(entry) = entries(live).find(|entry| entry["name"] == name) else {
            problems.push(format!("there is no entry {name}"));
            continue;
        };
        for missing in beyond(wanted, entry) {
            problems.push(format!("{name} is not asked about {missing}"));
        }
        for more in beyond(entry, wanted) {
            problems.push(format!(
                "{name} is asked about {more}, which is not shipped"
            ));
        }
        let found = differences("", &bare(wanted), &bare(entry));
        problems.extend(found.iter().map(|what| format!("{name}: {what}")));
        problems.extend(certificates(entry, now).map(|why| format!("{name}: {why}")));
    }
    let names: Vec<_> = entries(shipped).map(|entry| &entry["name"]).collect();
    for entry in entries(live).filter(|entry| !names.contains(&&entry["name"])) {
        let name = entry["name"].as_str().unwrap_or_default();
        problems.push(format!("there is an entry {name}, which is not shipped"));
    }
    problems
}

/// An entry without what is judged apart: its rules, whom it trusts, and the policy that is proven
/// before it is turned.
fn bare(entry: &Value) -> Value {
    let mut entry = entry.clone();
    let routes = entry["name"] == ROUTES;
    if let Some(fields) = entry.as_object_mut() {
        fields.remove("rules");
        if routes {
            fields.remove("failurePolicy");
        }
    }
    if let Some(client) = entry.get_mut("clientConfig").and_then(Value::as_object_mut) {
        client.remove("caBundle");
    }
    entry
}

/// What is wrong with the caBundle of an entry. Without one the API server checks against the CAs of
/// its own system, which only a URL can have a certificate of.
fn certificates(entry: &Value, now: i64) -> Option<String> {
    let client = &entry["clientConfig"];
    let trusted = Trusted::stored(&client["caBundle"]);
    let last = trusted.iter().map(|ca| ca.ends).max();
    match last {
        None if client["caBundle"].is_null() && !client["url"].is_null() => None,
        None => Some("its caBundle is empty, so no certificate is accepted".to_owned()),
        Some(end) if end <= now => Some(format!(
            "every CA of its caBundle has ended, on {}",
            day(end)
        )),
        Some(end) if end <= now + SOON => {
            Some(format!("the last CA of its caBundle ends on {}", day(end)))
        }
        Some(_) => None,
    }
}

/// What one entry is asked about and another is not, as `CREATE ingresses.networking.k8s.io`.
fn beyond(entry: &Value, other: &Value) -> Vec<String> {
    let others = asked(other);
    let covered = |one: &[String; 5]| {
        others.iter().any(|other| {
            let mut parts = other.iter().zip(one);
            parts.all(|(other, one)| other == "*" || other == one)
        })
    };
    let lacking = asked(entry).into_iter().filter(|one| !covered(one));
    lacking
        .map(|[operation, group, resource, version, scope]| {
            let dot = if group.is_empty() { "" } else { "." };
            format!("{operation} {resource}{dot}{group} ({version}, scope {scope})")
        })
        .collect()
}

/// Operation, API group, resource, version and scope.
fn asked(entry: &Value) -> Vec<[String; 5]> {
    let mut all = Vec::new();
    for rule in entry["rules"].as_array().into_iter().flatten() {
        let scope = rule["scope"].as_str().unwrap_or("*");
        let list = |field: &str| -> Vec<String> {
            let items = rule[field].as_array().into_iter().flatten();
            let items = items.filter_map(Value::as_str);
            items.map(str::to_owned).collect()
        };
        for (operation, group) in pairs(&list("operations"), &list("apiGroups")) {
            for (resource, version) in pairs(&list("resources"), &list("apiVersions")) {
                let (operation, group) = (operation.clone(), group.clone());
                all.push([operation, group, resource, version, scope.to_owned()]);
            }
        }
    }
    all
}

fn pairs(left: &[String], right: &[String]) -> Vec<(String, String)> {
    let pair = |one: &String| {
        let one = one.clone();
        right.iter().map(move |two| (one.clone(), two.clone()))
    };
    left.iter().flat_map(pair).collect()
}

/// The base of the URL at which an entry asks.
fn base(entry: &Value) -> Option<String> {
    let url = entry["clientConfig"]["url"].as_str()?;
    Some(url.strip_suffix("/validate").unwrap_or(url).to_owned())
}

impl Shape {
    /// What `install` was told of how the API server gets to the webhook; the proof shows that it does.
    fn like(validating: &Value, selector: &Selector) -> Result<Self, clap::Error> {
        let routes = super::enforcement::routes(validating);
        let port = routes.and_then(|entry| entry["clientConfig"]["service"]["port"].as_u64());
        Ok(Self {
            url: routes.and_then(base),
            service_port: port.and_then(|port| port.try_into().ok()).unwrap_or(443),
            namespace_selector: selector.clone(),
            ..Self::of(&[])?
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    /// What is applied by these flags.
    fn applied(flags: &[&str]) -> Vec<Value> {
        let shape = Shape::of(flags).unwrap();
        let parts = shape.render("ns", Policy::Ignore).unwrap();
        let parts = parts.into_iter().filter(decides);
        parts.map(|part| part.object).collect()
    }

    fn found(live: &[Value], selector: &str) -> Vec<String> {
        let validating = live.last().cloned().unwrap_or_default();
        let shape = Shape::like(&validating, &Selector::parse(selector).unwrap()).unwrap();
        let parts = shape.render("ns", Policy::Ignore).unwrap();
        let pairs: Vec<_> = parts
            .into_iter()
            .filter(decides)
            .map(|part| {
                let same = |one: &&Value| {
                    one["kind"] == *part.kind() && one["metadata"]["name"] == *part.name()
                };
                let live = live.iter().find(same).cloned();
                (part, live)
            })
            .collect();
        problems(&pairs, 0)
    }

    #[test]
    fn what_is_applied_does_not_fall_short_of_itself() {
        let url = applied(&["--url", "https://a:1"]);
        assert_eq!(found(&url, ""), Vec::<String>::new());
        let some = applied(&["--url=https://a:1", "--namespace-selector=env=prod"]);
        assert_eq!(found(&some, "env=prod"), Vec::<String>::new());
        assert!(found(&some, "").join("\n").contains("env in (prod)"));
        let service = found(&applied(&["--service-port=8443"]), "");
        let bundles = service
            .iter()
            .filter(|what| what.contains("its caBundle is empty"));
        assert!(
            !service.is_empty() && bundles.count() == service.len(),
            "{service:?}"
        );
    }

    #[test]
    fn what_differs_is_named() {
        let mut live = applied(&["--url", "https://a:1"]);
        live.remove(0);
        let policy = live
            .iter_mut()
            .find(|one| one["kind"] == "ValidatingAdmissionPolicy");
        policy.unwrap()["spec"]["validations"][0]["expression"] = json!("true");
        let validating = live.last_mut().unwrap();
        let routes = &mut validating["webhooks"][0];
        let rules = routes["rules"].as_array_mut().unwrap();
        rules.retain(|rule| rule["apiGroups"] != json!(["networking.k8s.io"]));
        rules[0]["scope"] = json!("*");
        routes["timeoutSeconds"] = json!(1);
        routes["matchConditions"].as_array_mut().unwrap().clear();
        let entries = validating["webhooks"].as_array_mut().unwrap();
        entries[1]["clientConfig"] = json!({"url": "https://a:1/validate", "caBundle": ""});
        entries[1]["failurePolicy"] = json!("Fail");
        entries.truncate(2);
        entries.push(json!({"name": "more"}));
        let found = found(&live, "").join("\n");
        for words in [
            "does not exist",
            "validations[0].expression is \"true\", not ",
            "routes.kubectl-mtls.github.io is not asked about DELETE ingresses.networking.k8s.io (v1, scope Namespaced)",
            "(v2, scope *), which is not shipped",
            "routes.kubectl-mtls.github.io: timeoutSeconds is 1, not 5",
            "routes.kubectl-mtls.github.io: matchConditions is [], not ",
            "secrets.kubectl-mtls.github.io: failurePolicy is \"Fail\", not \"Ignore\"",
            "secrets.kubectl-mtls.github.io: its caBundle is empty",
            "there is no entry probe.kubectl-mtls.github.io",
            "there is an entry more, which is not shipped",
        ] {
            assert!(found.contains(words), "{words} in {found}");
        }
    }
}
