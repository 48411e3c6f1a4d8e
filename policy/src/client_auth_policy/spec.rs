//! `spec` of a `ClientAuthPolicy`. The CRD's schema is generated from these types, comments and all.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::pattern::{HOST, LABEL, NAME, PIN, TEXT};
use crate::finding::Severity;

/// What a cluster demands of the hosts that it matches.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [
    {"rule": "!has(self.inject) || self.action != 'Audit'",
     "message": "a policy that only audits puts nothing in: take out inject, or set action to Warn or Deny"},
]))]
pub struct PolicySpec {
    /// Which hosts. Every part that is given must fit; {} fits every host of the cluster.
    pub r#match: Match,
    /// Whether clients must have a certificate (required), or may come without one (optional).
    pub demand: PolicyDemand,
    /// Which CAs may be trusted at these hosts; whatever the routes name, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Trust")]
    pub trust: Option<Trust>,
    /// What happens to a change that leaves a host short of this policy.
    #[serde(default)]
    pub action: Action,
    /// Another action for single rules. Rules of other names than policy-* are judged by it too, as
    /// missing-ca or expiring-ca, at the hosts of this policy.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), extend("x-kubernetes-list-type" = "map",
        "x-kubernetes-list-map-keys" = ["rule"]))]
    pub rules: Vec<RuleAction>,
    /// What is put into a new route that says nothing about client certificates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Inject")]
    pub inject: Option<Inject>,
}

/// Which hosts a policy is for.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Match {
    /// Namespaces of the routes, by label; all, if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Selector")]
    pub namespace_selector: Option<Selector>,
    /// Host names; *.example.com is every name below example.com, however deep. All, if absent.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1, max = 128), inner(regex(pattern = HOST), length(max = 253)),
        extend("x-kubernetes-list-type" = "set"))]
    pub hosts: Vec<String>,
    /// Gateways; all, if absent.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1, max = 32))]
    pub gateways: Vec<GatewayMatch>,
}

/// Labels that a namespace must have.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Selector {
    /// Labels with these values.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 32))]
    pub match_labels: BTreeMap<String, String>,
    /// Labels with one of some values, or with none of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    pub match_expressions: Vec<Expression>,
}

/// What is demanded of one label.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[schemars(extend("x-kubernetes-validations" = [
    {"rule": "(self.operator in ['In', 'NotIn']) == (has(self.values) && size(self.values) > 0)",
     "message": "In and NotIn need values; Exists and DoesNotExist have none"},
]))]
pub struct Expression {
    /// The label.
    #[schemars(regex(pattern = LABEL), length(max = 317))]
    pub key: String,
    /// How it is compared.
    pub operator: Operator,
    /// With what.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(max = 63)))]
    pub values: Vec<String>,
}

/// How a label is compared.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[schemars(extend("description" = "How it is compared."))]
pub enum Operator {
    /// One of the values.
    In,
    /// None of the values, or no such label.
    NotIn,
    /// There is such a label.
    Exists,
    /// There is no such label.
    DoesNotExist,
}

/// One gateway, or all of one kind.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(default)]
#[schemars(extend("x-kubernetes-validations" = [
    {"rule": "has(self.dialect) || has(self.instance)",
     "message": "say the dialect, the instance, or both"},
]))]
pub struct GatewayMatch {
    /// The kind of gateway, as `kubectl mtls get hosts -o wide` names it.
    #[serde(skip_serializing_if = "String::is_empty")]
    #[schemars(extend("enum" = dialects()))]
    pub dialect: String,
    /// The instance: its class.
    #[serde(skip_serializing_if = "String::is_empty")]
    #[schemars(length(min = 1, max = 253))]
    pub instance: String,
}

/// Whether a client needs a certificate.
#[derive(
    Clone, Copy, Debug, Deserialize, Eq, JsonSchema, Ord, PartialEq, PartialOrd, Serialize,
)]
#[serde(rename_all = "lowercase")]
#[schemars(extend("description" =
    "Whether clients must have a certificate (required), or may come without one (optional)."))]
pub enum PolicyDemand {
    /// It may come without one; one that it has must verify.
    Optional,
    /// It must have one.
    Required,
}

/// Which CAs may be trusted.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("x-kubernetes-validations" = [
    {"rule": "has(self.secrets) || has(self.pins) || has(self.minRemainingDays)",
     "message": "say at least one of secrets, pins and minRemainingDays"},
]))]
pub struct Trust {
    /// Secrets with the CAs that may be trusted. Copies of the same CAs elsewhere may be, too.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1, max = 32), extend("x-kubernetes-list-type" = "map",
        "x-kubernetes-list-map-keys" = ["namespace", "name"]))]
    pub secrets: Vec<SecretName>,
    /// SHA-256 of the public keys of CAs that may be trusted, in lower-case hexadecimal, as
    /// `kubectl mtls inspect -o json` shows them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1, max = 64), inner(regex(pattern = PIN)),
        extend("x-kubernetes-list-type" = "set"))]
    pub pins: Vec<String>,
    /// For how many days each CA must still be valid.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "u32", range(min = 1, max = 3650))]
    pub min_remaining_days: Option<u32>,
}

/// A Secret by its full name.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct SecretName {
    /// Its namespace.
    #[schemars(regex(pattern = NAME), length(max = 63))]
    pub namespace: String,
    /// Its name.
    #[schemars(regex(pattern = NAME), length(max = 253))]
    pub name: String,
}

/// What happens to a change that leaves a host short.
#[derive(
    Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, Ord, PartialEq, PartialOrd, Serialize,
)]
#[schemars(extend("description" = "Deny refuses the change, Warn tells who makes it, Audit only counts it."))]
pub enum Action {
    /// It is counted and reported.
    Audit,
    /// Who makes it is told.
    Warn,
    /// It is refused.
    #[default]
    Deny,
}

impl Action {
    /// How bad a finding is that has this action.
    pub fn severity(self) -> Severity {
        match self {
            Self::Audit => Severity::Info,
            Self::Warn => Severity::Warning,
            Self::Deny => Severity::Error,
        }
    }
}

/// The action of one rule.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct RuleAction {
    /// The rule, as `kubectl mtls explain` names it.
    #[schemars(extend("enum" = rules()))]
    pub rule: String,
    /// What happens to a change that brings a finding of it.
    pub action: Action,
}

/// What is put into a new route that says nothing about client certificates.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Inject {
    /// The Secret with the client CAs.
    pub trust: InjectTrust,
    /// The option that a route is given where its gateway keeps demands in objects of their own.
    /// It must be there: nothing new is made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "InjectOption")]
    pub option: Option<InjectOption>,
}

/// A Secret that is put into routes.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct InjectTrust {
    /// Its namespace; if absent, that of the option that is put in, else that of the route.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(regex(pattern = NAME), length(max = 63))]
    pub namespace: String,
    /// Its name.
    #[schemars(regex(pattern = NAME), length(max = 253))]
    pub name: String,
}

/// An option that routes are given.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct InjectOption {
    /// Its namespace; that of the route, if absent.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(regex(pattern = NAME), length(max = 63))]
    pub namespace: String,
    /// Its name.
    #[schemars(regex(pattern = NAME), length(max = 253))]
    pub name: String,
}

/// What a `ClientAuthException` spares from policies.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [
    {"rule": "has(self.hosts) || has(self.namespaces)",
     "message": "say which hosts or namespaces are spared"},
]))]
pub struct ExceptionSpec {
    /// The names of the policies that do not hold; all, if absent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1, max = 64), inner(regex(pattern = NAME), length(max = 253)),
        extend("x-kubernetes-list-type" = "set"))]
    pub policies: Vec<String>,
    /// Host names; *.example.com is every name below example.com, however deep.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1, max = 128), inner(regex(pattern = HOST), length(max = 253)),
        extend("x-kubernetes-list-type" = "set"))]
    pub hosts: Vec<String>,
    /// Namespaces of the routes. With hosts, both must fit.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1, max = 128), inner(regex(pattern = NAME), length(max = 63)),
        extend("x-kubernetes-list-type" = "set"))]
    pub namespaces: Vec<String>,
    /// Why, for those who read it later.
    #[schemars(regex(pattern = TEXT), length(min = 1, max = 1024))]
    pub reason: String,
    /// Until when (RFC 3339). From then on the policies hold again.
    #[schemars(extend("format" = "date-time"))]
    pub end: String,
}

fn dialects() -> serde_json::Value {
    let ids = crate::dialect::DIALECTS.iter().map(|dialect| dialect.id);
    json!(ids.collect::<Vec<_>>())
}

fn rules() -> serde_json::Value {
    let ids = crate::rule::RULES.iter().map(|rule| rule.id);
    json!(ids.collect::<Vec<_>>())
}
