//! The roles that ship, verb by verb.

use std::collections::BTreeSet;
use std::fmt;

use policy::client_auth_policy;
use policy::dialect::{self, CLASSES, Kind};
use regex::Regex;
use serde_json::{Value, json};
use tests::webhook::manifests;

/// One verb on one resource.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Permission {
    /// `ClusterRole`, or `Role` for what the webhook has in its own namespace.
    pub(super) role: String,
    pub(super) group: String,
    pub(super) resource: String,
    pub(super) verb: String,
}

impl fmt::Display for Permission {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            role,
            group,
            resource,
            verb,
        } = self;
        write!(out, "{verb} {resource}")?;
        if !group.is_empty() {
            write!(out, ".{group}")?;
        }
        if role == "Role" {
            write!(out, " (own namespace)")?;
        }
        Ok(())
    }
}

impl Permission {
    /// Whether it is this verb on this resource, by the shipped role of this kind.
    pub(super) fn is(&self, role: &str, verb: &str, resource: &str) -> bool {
        (
            self.role.as_str(),
            self.verb.as_str(),
            self.resource.as_str(),
        ) == (role, verb, resource)
    }

    /// Whether it is about a kind.
    pub(super) fn is_of(&self, kind: &Kind) -> bool {
        (self.group.as_str(), self.resource.as_str()) == (kind.group, kind.plural)
    }

    /// Whether it is about a kind by which gateways are configured; its place among them.
    pub(super) fn of_gateways(&self) -> Option<usize> {
        dialect::kinds().iter().position(|kind| self.is_of(kind))
    }

    /// Whether it is about a kind that says who serves a class.
    pub(super) fn of_classes(&self) -> bool {
        CLASSES.iter().any(|kind| self.is_of(kind))
    }

    /// Whether it is about policies, or what they select by.
    pub(super) fn of_policies(&self) -> bool {
        client_auth_policy::KINDS
            .iter()
            .any(|kind| self.is_of(kind))
    }
}

/// For people.
pub(super) fn listed(all: &BTreeSet<Permission>) -> String {
    let all: Vec<_> = all.iter().map(ToString::to_string).collect();
    all.join(", ")
}

/// The roles that ship.
#[derive(Clone)]
pub(super) struct Roles(Vec<Value>);

impl Roles {
    pub(super) fn shipped() -> Self {
        let text = std::fs::read_to_string(manifests().join("rbac.yaml")).unwrap();
        let documents = text.split("\n---\n");
        let documents = documents.map(|text| serde_saphyr::from_str::<Value>(text).unwrap());
        let roles: Vec<_> = documents
            .filter(|document| !document["rules"].is_null())
            .collect();
        assert_eq!(roles.len(), 2, "a ClusterRole and a Role");
        Self(roles)
    }

    pub(super) fn permissions(&self) -> BTreeSet<Permission> {
        let rules = self.0.iter().flat_map(single);
        rules.map(|(permission, _)| permission).collect()
    }

    /// The roles without some permissions, to be applied.
    pub(super) fn without(&self, taken: &BTreeSet<Permission>) -> String {
        let roles = self.0.iter().map(|role| {
            let kept = single(role).into_iter();
            let kept = kept.filter(|(permission, _)| !taken.contains(permission));
            let mut role = role.clone();
            role["rules"] = kept.map(|(_, rule)| rule).collect();
            role
        });
        let roles: Vec<_> = roles.collect();
        json!({"apiVersion": "v1", "kind": "List", "items": roles}).to_string()
    }
}

/// Each permission of a role as a rule of its own.
fn single(role: &Value) -> Vec<(Permission, Value)> {
    let words = |value: &Value| -> Vec<String> {
        let words = value.as_array().unwrap().iter();
        words
            .map(|word| word.as_str().unwrap().to_owned())
            .collect()
    };
    let mut all = Vec::new();
    for rule in role["rules"].as_array().unwrap() {
        for group in words(&rule["apiGroups"]) {
            for resource in words(&rule["resources"]) {
                for verb in words(&rule["verbs"]) {
                    let mut one = rule.clone();
                    one["apiGroups"] = json!([group]);
                    one["resources"] = json!([resource]);
                    one["verbs"] = json!([verb]);
                    let permission = Permission {
                        role: role["kind"].as_str().unwrap().to_owned(),
                        group: group.clone(),
                        resource: resource.clone(),
                        verb,
                    };
                    all.push((permission, one));
                }
            }
        }
    }
    all
}

/// What a log says was forbidden, as verb, resource and group.
pub(super) fn missed(log: &str) -> BTreeSet<(String, String, String)> {
    let words = r#"cannot (\w+) resource "([^"]+)" in API group "([^"]*)""#;
    // The API server's sentence stands in a string of JSON.
    let log = log.replace('\\', "");
    let found = Regex::new(words).unwrap();
    let found = found.captures_iter(&log).map(|found| {
        let [verb, resource, group] = found.extract().1.map(str::to_owned);
        (verb, resource, group)
    });
    found.collect()
}
