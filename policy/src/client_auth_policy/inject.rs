//! What policies put into a route that says nothing: what its dialect would write, as far as that
//! is in the route itself. Nothing new can be made while a change is admitted.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Value, json};

use super::shortfall::DEMAND;
use super::spec::{Inject, InjectOption, PolicyDemand, PolicySpec};
use super::{Applied, Policy};
use crate::dialect::{self, Dialect, Role, WriteRequest, Written};
use crate::fact::{Mode, ObjectFacts};
use crate::gateway::HostKey;
use crate::object::{Object, ObjectRef, SecretRef, escape};
use crate::view::View;

/// A value at a place whose parent is there.
#[derive(Clone, Debug, PartialEq)]
pub struct Addition {
    /// A JSON pointer.
    pub pointer: String,
    /// What is put there; a value that is there goes.
    pub value: Value,
}

/// What policies put into a route.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Injection {
    /// In the order in which they are to be made.
    pub additions: Vec<Addition>,
    /// Why nothing, or not everything, is put in.
    pub notes: Vec<String>,
}

/// What policies put into a new route; `raw` is the whole object as it was sent.
pub fn inject(raw: &Value, object: &Object, view: &View<'_>) -> Injection {
    let settings = view.settings();
    let facts = Arc::new(dialect::read(object, settings));
    let is_route = dialect::kind_of(&object.id).is_some_and(|kind| kind.role == Role::Route);
    let (true, true, Some((dialect, _))) = (
        is_route,
        is_silent(&facts),
        dialect::gateway_of(object, settings),
    ) else {
        return Injection::default();
    };
    let mut view = view.clone();
    view.lay(&object.id, Some(Arc::clone(&facts)));
    let mut injection = Injection::default();
    let Some(policy) = choose(&facts, &view, &mut injection.notes) else {
        return injection;
    };
    match additions(raw, object, dialect, &policy, &view) {
        Ok(additions) => injection.additions = additions,
        Err(why) => injection.notes.push(format!(
            "policy {} puts nothing into {}: {why}",
            policy.name(),
            object.id
        )),
    }
    injection
}

/// Whether an object opens hosts and says nothing about client certificates.
pub fn is_silent(facts: &ObjectFacts) -> bool {
    !facts.routes.is_empty()
        && facts
            .routes
            .iter()
            .all(|route| !route.mentions && route.demand.is_none() && route.option.is_none())
}

/// The policy that holds for every host of the route and has something to put in; of several the
/// strictest, then the first by name.
fn choose(facts: &ObjectFacts, view: &View<'_>, notes: &mut Vec<String>) -> Option<Arc<Policy>> {
    let mut keys = BTreeSet::new();
    for route in &facts.routes {
        keys.extend(route.hosts.iter().map(|host| HostKey {
            gateway: Arc::clone(&route.gateway),
            host: host.clone(),
        }));
    }
    let mut common: Option<Vec<Arc<Policy>>> = None;
    let mut some: BTreeSet<String> = BTreeSet::new();
    let mut falls_short = false;
    for key in &keys {
        let host = dialect::settle(key, view);
        let here: Vec<_> = host.policies_in_force().filter_map(injects).collect();
        let short = |applied: &Applied| {
            let now = view.now().unwrap_or_default();
            let mut missed = host.shortfalls(applied, now).into_iter();
            missed.any(|one| one.rule == DEMAND)
        };
        // What a default option demands already is not replaced.
        falls_short |= host.policies_in_force().any(short);
        some.extend(here.iter().map(|policy| policy.name().to_owned()));
        common = Some(match common {
            None => here,
            Some(before) => before
                .into_iter()
                .filter(|one| here.iter().any(|other| other.name() == one.name()))
                .collect(),
        });
    }
    if !falls_short {
        return None;
    }
    let mut common = common.unwrap_or_default();
    common.sort_by_key(|policy| std::cmp::Reverse(demand(policy)));
    let chosen = common.into_iter().next();
    if let (None, Some(name)) = (&chosen, some.first()) {
        notes.push(format!(
            "policy {name} puts nothing into {}: it does not hold for every host of it",
            facts.object
        ));
    }
    chosen
}

fn injects(applied: &Applied) -> Option<Arc<Policy>> {
    applied.policy.spec.as_ref()?.inject.as_ref()?;
    Some(Arc::clone(&applied.policy))
}

fn demand(policy: &Policy) -> Option<PolicyDemand> {
    policy.spec.as_ref().map(|spec| spec.demand)
}

fn additions(
    raw: &Value,
    object: &Object,
    dialect: &Dialect,
    policy: &Policy,
    view: &View<'_>,
) -> Result<Vec<Addition>, String> {
    let Some(PolicySpec {
        inject: Some(inject),
        demand,
        ..
    }) = &policy.spec
    else {
        return Ok(Vec::new());
    };
    let mode = match demand {
        PolicyDemand::Optional => Mode::Optional,
        PolicyDemand::Required => Mode::Required,
    };
    let write = |places: Places| {
        (dialect.write)(&WriteRequest {
            object,
            trust: &places.trust,
            mode,
            option: places.option.as_ref().map(|(ns, name)| (&**ns, &**name)),
            server_certificate: None,
            settings: view.settings(),
            view,
        })
    };
    // What the route itself says, if that is enough: an Ingress of Traefik's provider for
    // ingress-nginx has no TLSOption, and its Secret is in its own namespace.
    let alone = write(Places::of(inject, object, None));
    let written = match (&inject.option, alone) {
        (Some(option), alone) if !alone.as_ref().is_ok_and(is_complete) => {
            write(Places::of(inject, object, Some(option)))?
        }
        (_, alone) => alone?,
    };
    if let Some(removal) = written.remove.first() {
        return Err(format!("{} must go from {}", removal.field, removal.object));
    }
    let mut additions = Vec::new();
    for config in &written.apply {
        let target = Object::from_value(config).map_err(|unread| unread.reason)?;
        if target.id == object.id {
            // The name may still be made by the API server: only annotations are put in.
            let annotations = json!({"annotations": config["metadata"]["annotations"]});
            let metadata = raw.get("metadata");
            add("/metadata", metadata, &annotations, &mut additions)?;
            add("/spec", raw.get("spec"), &config["spec"], &mut additions)?;
        } else {
            stands(&target.id, mode, view)?;
        }
    }
    Ok(additions)
}

/// Where the CA and the option are.
struct Places {
    trust: SecretRef,
    option: Option<(String, String)>,
}

impl Places {
    fn of(inject: &Inject, object: &Object, option: Option<&InjectOption>) -> Self {
        let own = object.id.namespace.as_str();
        let or_own = |namespace: &str| match namespace {
            "" => own.to_owned(),
            other => other.to_owned(),
        };
        let option = option.map(|one| (or_own(&one.namespace), one.name.clone()));
        let trust = match (&option, inject.trust.namespace.as_str()) {
            (Some((namespace, _)), "") => namespace.clone(),
            (_, namespace) => or_own(namespace),
        };
        Self {
            trust: SecretRef::new(&trust, &inject.trust.name),
            option,
        }
    }
}

/// Whether what is written makes no object on which the route rests.
fn is_complete(written: &Written) -> bool {
    let keeps_demands = |config: &Value| {
        let object = Object::from_value(config).ok();
        let kind = object.and_then(|object| dialect::kind_of(&object.id));
        kind.is_some_and(|kind| kind.role == Role::Option)
    };
    !written.apply.iter().any(keeps_demands)
}

/// Another object that the route would rest on must be there and demand as much.
fn stands(id: &ObjectRef, mode: Mode, view: &View<'_>) -> Result<(), String> {
    let Some(facts) = view.object(id) else {
        return Err(format!(
            "it needs {id}, which is not there: make it, or name another in spec.inject.option"
        ));
    };
    let demands = |option: &Arc<crate::TlsOption>| {
        option.demand.as_ref().is_some_and(|one| {
            // An option that takes any certificate verifies nobody, though it is the stricter word.
            one.mode == mode || one.mode == Mode::Required
        })
    };
    match facts.options.iter().any(demands) {
        true => Ok(()),
        false => Err(format!("{id} does not demand as much")),
    }
}

/// Puts in what is written and not there. Lists are left alone: what an item replaces is in doubt.
fn add(
    pointer: &str,
    there: Option<&Value>,
    wanted: &Value,
    additions: &mut Vec<Addition>,
) -> Result<(), String> {
    let Value::Object(wanted) = wanted else {
        return Ok(());
    };
    let there = match there {
        Some(Value::Object(there)) => there,
        None | Some(Value::Null) => {
            additions.push(Addition {
                pointer: pointer.to_owned(),
                value: Value::Object(wanted.clone()),
            });
            return Ok(());
        }
        Some(_) => return Err(format!("{} is no mapping", crate::field(pointer))),
    };
    for (key, value) in wanted.iter().filter(|(_, value)| !value.is_null()) {
        let below = format!("{pointer}/{}", escape(key));
        match there.get(key) {
            Some(present) if present == value => {}
            Some(present @ Value::Object(_)) if value.is_object() => {
                add(&below, Some(present), value, additions)?;
            }
            Some(Value::Array(_)) => {
                return Err(format!("{} is a list", crate::field(&below)));
            }
            Some(_) | None => additions.push(Addition {
                pointer: below,
                value: value.clone(),
            }),
        }
    }
    Ok(())
}
