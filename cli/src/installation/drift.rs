//! How the configurations of a cluster fall short of what this program ships.

use serde_json::Value;

use super::enforcement::entries;
use super::objects::shipped;
use super::{CONFIGURATION, Trusted};
use crate::validity::day;

/// A CA that ends within a week, and nobody has made the next.
const SOON: i64 = 7 * 24 * 3600;

/// What is wrong with either configuration.
pub(crate) fn problems(
    validating: Option<&Value>,
    mutating: Option<&Value>,
    now: i64,
) -> anyhow::Result<Vec<String>> {
    let mut problems = Vec::new();
    for part in shipped()? {
        let live = match part.kind() {
            "ValidatingWebhookConfiguration" => validating,
            "MutatingWebhookConfiguration" => mutating,
            _ => continue,
        };
        match live {
            Some(live) => problems.extend(compare(&part.object, live, now)),
            None => problems.push(format!("{} {CONFIGURATION} does not exist", part.kind())),
        }
    }
    Ok(problems)
}

fn compare(shipped: &Value, live: &Value, now: i64) -> Vec<String> {
    let mut problems = Vec::new();
    for wanted in entries(shipped) {
        let name = wanted["name"].as_str().unwrap_or_default();
        let Some(entry) = entries(live).find(|entry| entry["name"] == name) else {
            problems.push(format!("there is no entry {name}"));
            continue;
        };
        for missing in missing(wanted, entry) {
            problems.push(format!("{name} is not asked about {missing}"));
        }
        problems.extend(certificates(entry, now).map(|why| format!("{name}: {why}")));
    }
    problems
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

/// The resources and operations that an entry is not asked about, as `CREATE ingresses.networking.k8s.io`.
fn missing(wanted: &Value, entry: &Value) -> Vec<String> {
    let asked = triples(entry);
    let wanted = triples(wanted).into_iter();
    let missing = wanted.filter(|(operation, group, resource)| {
        !asked.iter().any(|(other, others, name)| {
            is(other, operation) && is(others, group) && is(name, resource)
        })
    });
    missing
        .map(|(operation, group, resource)| match group.as_str() {
            "" => format!("{operation} {resource}"),
            group => format!("{operation} {resource}.{group}"),
        })
        .collect()
}

fn is(found: &str, wanted: &str) -> bool {
    found == "*" || found == wanted
}

/// Operation, API group and resource.
fn triples(entry: &Value) -> Vec<(String, String, String)> {
    let list = |value: &Value| -> Vec<String> {
        let items = value
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str);
        items.map(str::to_owned).collect()
    };
    let mut triples = Vec::new();
    for rule in entry["rules"].as_array().into_iter().flatten() {
        for operation in list(&rule["operations"]) {
            for group in list(&rule["apiGroups"]) {
                for resource in list(&rule["resources"]) {
                    triples.push((operation.clone(), group.clone(), resource));
                }
            }
        }
    }
    triples
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::installation::{Policy, Shape};
    use clap::Parser as _;
    use serde_json::json;

    #[derive(clap::Parser)]
    struct Flags {
        #[command(flatten)]
        shape: Shape,
    }

    fn configurations() -> (Value, Value) {
        let shape = Flags::parse_from(["x", "--url", "https://a:1"]).shape;
        let parts = shape.render("kubectl-mtls", Policy::Ignore).unwrap();
        let of = |kind: &str| {
            let part = parts.iter().find(|part| part.kind() == kind);
            part.unwrap().object.clone()
        };
        (
            of("ValidatingWebhookConfiguration"),
            of("MutatingWebhookConfiguration"),
        )
    }

    #[test]
    fn what_ships_does_not_fall_short_of_itself() {
        let (validating, mutating) = configurations();
        let found = problems(Some(&validating), Some(&mutating), 0).unwrap();
        assert_eq!(found, Vec::<String>::new());
    }

    #[test]
    fn what_is_lacking_is_named() {
        let (mut validating, _) = configurations();
        validating["webhooks"][0]["rules"]
            .as_array_mut()
            .unwrap()
            .retain(|rule| rule["apiGroups"] != json!(["networking.k8s.io"]));
        validating["webhooks"][1]["clientConfig"] = json!({"service": {}});
        validating["webhooks"].as_array_mut().unwrap().truncate(2);
        let found = problems(Some(&validating), None, 0).unwrap().join("\n");
        for words in [
            "routes.kubectl-mtls.github.io is not asked about DELETE ingresses.networking.k8s.io",
            "secrets.kubectl-mtls.github.io: its caBundle is empty",
            "there is no entry probe.kubectl-mtls.github.io",
            "MutatingWebhookConfiguration kubectl-mtls does not exist",
        ] {
            assert!(found.contains(words), "{words} in {found}");
        }
    }
}
