//! What a cluster demands of its hosts: policies, and exceptions with an end.
//!
//! Every policy that matches a host must be met, each judged with its own action; where several are
//! missed in the same way, the strictest action holds. An exception takes a policy away from some
//! hosts until its end. The same objects work in a cluster and among files.

mod applied;
mod crd;
mod fault;
mod inject;
mod pattern;
mod schema;
mod select;
pub(crate) mod shortfall;
mod spec;
mod status;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::dialect::{Kind, Role};
use crate::fact::{Harm, Remark, RemarkKind};
use crate::object::{Object, ObjectRef};
use crate::site::Site;
use select::Labels;

pub(crate) use applied::apply;
pub use applied::{Applied, Spared};
pub use crd::definitions;
pub use fault::Fault;
pub use inject::{Addition, Injection, inject, is_silent};
pub use shortfall::Shortfall;
pub use spec::{
    Action, ExceptionSpec, Expression, GatewayMatch, Inject, InjectOption, InjectTrust, Match,
    Operator, PolicyDemand, PolicySpec, RuleAction, SecretName, Selector, Trust,
};
pub use status::{Condition, ExceptionStatus, PolicyStatus, ShortHost, exception_status, status};

const GROUP: &str = "kubectl-mtls.github.io";
const VERSION: &str = "v1alpha1";

/// `ClientAuthPolicy`.
pub const POLICY: Kind = Kind {
    group: GROUP,
    version: VERSION,
    kind: "ClientAuthPolicy",
    plural: "clientauthpolicies",
    role: Role::Context,
};

/// `ClientAuthException`.
pub const EXCEPTION: Kind = Kind {
    group: GROUP,
    version: VERSION,
    kind: "ClientAuthException",
    plural: "clientauthexceptions",
    role: Role::Context,
};

/// Policies select namespaces by label.
pub const NAMESPACE: Kind = Kind {
    group: "",
    version: "v1",
    kind: "Namespace",
    plural: "namespaces",
    role: Role::Context,
};

/// Every kind that [`Policies`] learns from.
pub const KINDS: [Kind; 3] = [NAMESPACE, EXCEPTION, POLICY];

/// One policy as it was read.
#[derive(Debug, PartialEq)]
pub struct Policy {
    /// The object.
    pub object: Arc<ObjectRef>,
    /// What it says; `None`: it cannot be read, and does not hold.
    pub spec: Option<PolicySpec>,
    /// What is wrong with it.
    pub faults: Vec<Fault>,
    /// Fields that are not known, as JSON pointers.
    pub unknown: Vec<String>,
}

/// One exception as it was read.
#[derive(Debug, PartialEq)]
pub struct Exception {
    /// The object.
    pub object: Arc<ObjectRef>,
    /// What it says; `None`: it cannot be read, and spares nobody.
    pub spec: Option<ExceptionSpec>,
    /// Its end in Unix seconds.
    pub end: i64,
    /// What is wrong with it.
    pub faults: Vec<Fault>,
    /// Fields that are not known, as JSON pointers.
    pub unknown: Vec<String>,
}

impl Exception {
    /// Whether its time is over.
    pub fn has_ended(&self, now: i64) -> bool {
        self.end <= now
    }
}

/// The policies and exceptions of a cluster, and the labels by which they select.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Policies {
    policies: BTreeMap<String, Arc<Policy>>,
    exceptions: BTreeMap<String, Arc<Exception>>,
    namespaces: BTreeMap<String, Labels>,
}

impl Policies {
    /// Takes note of a policy, an exception or a namespace; other objects say nothing here.
    pub fn learn(&mut self, object: &Object) {
        let name = object.id.name.clone();
        if POLICY.is(&object.id) {
            self.policies.insert(name, Arc::new(Policy::read(object)));
        } else if EXCEPTION.is(&object.id) {
            self.exceptions
                .insert(name, Arc::new(Exception::read(object)));
        } else if NAMESPACE.is(&object.id) {
            self.namespaces.insert(name, object.labels.clone());
        }
    }

    /// Puts what others know of some objects in the place of what is known here. Whether that
    /// makes a difference.
    pub fn adopt(&mut self, others: Self) -> bool {
        let policies = adopt(&mut self.policies, others.policies);
        let exceptions = adopt(&mut self.exceptions, others.exceptions);
        let namespaces = adopt(&mut self.namespaces, others.namespaces);
        policies || exceptions || namespaces
    }

    /// Forgets an object. Whether it was known.
    pub fn forget(&mut self, object: &ObjectRef) -> bool {
        let name = &object.name;
        if POLICY.is(object) {
            self.policies.remove(name).is_some()
        } else if EXCEPTION.is(object) {
            self.exceptions.remove(name).is_some()
        } else {
            NAMESPACE.is(object) && self.namespaces.remove(name).is_some()
        }
    }

    /// Whether no policy is there.
    pub fn is_empty(&self) -> bool {
        self.policies.is_empty()
    }

    /// Whether the labels of a namespace are known, or no policy asks for them.
    pub fn knows(&self, namespace: &str) -> bool {
        let selects = |policy: &Arc<Policy>| {
            let spec = policy.spec.as_ref();
            spec.is_some_and(|spec| spec.r#match.namespace_selector.is_some())
        };
        self.namespaces.contains_key(namespace) || !self.policies.values().any(selects)
    }

    /// Every policy, by name.
    pub fn policies(&self) -> impl Iterator<Item = &Arc<Policy>> {
        self.policies.values()
    }

    /// Every exception, by name.
    pub fn exceptions(&self) -> impl Iterator<Item = &Arc<Exception>> {
        self.exceptions.values()
    }

    /// What is to be said of the policies and exceptions themselves.
    pub(crate) fn remarks(&self, now: i64) -> Vec<Remark> {
        let policies = self.policies.values();
        let policies = policies.flat_map(|policy| faults(&policy.object, &policy.faults));
        let exceptions = self.exceptions.values();
        let exceptions = exceptions.flat_map(|one| faults(&one.object, &one.faults));
        let of_policies = self.policies.values();
        let of_policies = of_policies.flat_map(|one| strange(&one.object, &one.unknown));
        let strange_fields = self
            .exceptions
            .values()
            .flat_map(|one| strange(&one.object, &one.unknown))
            .chain(of_policies);
        let ended = self.exceptions.values();
        let ended = ended.filter(|one| one.spec.is_some() && one.has_ended(now));
        policies
            .chain(exceptions)
            .chain(strange_fields)
            .chain(ended.map(|one| ended_remark(one)))
            .collect()
    }
}

fn adopt<T: PartialEq>(known: &mut BTreeMap<String, T>, others: BTreeMap<String, T>) -> bool {
    let mut differs = false;
    for (name, other) in others {
        differs |= known.get(&name) != Some(&other);
        known.insert(name, other);
    }
    differs
}

impl Policy {
    fn read(object: &Object) -> Self {
        let (spec, faults) = fault::read(&POLICY, &object.spec, fault::of_policy);
        Self {
            object: Arc::clone(&object.id),
            spec,
            faults,
            unknown: unknown(&POLICY, object),
        }
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.object.name
    }

    /// What happens to a change that brings a finding of a rule of this policy's own.
    pub(crate) fn action(&self, rule: &str) -> Action {
        let default = self.spec.as_ref().map(|spec| spec.action);
        self.stated(rule).or(default).unwrap_or_default()
    }

    /// The action that it states for a rule.
    pub(crate) fn stated(&self, rule: &str) -> Option<Action> {
        let mut rules = self.spec.iter().flat_map(|spec| &spec.rules);
        let stated = rules.find(|stated| stated.rule == rule);
        stated.map(|stated| stated.action)
    }
}

impl Exception {
    fn read(object: &Object) -> Self {
        let (spec, faults): (Option<ExceptionSpec>, _) =
            fault::read(&EXCEPTION, &object.spec, fault::of_exception);
        let end = spec.as_ref().and_then(|spec| fault::moment(&spec.end));
        Self {
            object: Arc::clone(&object.id),
            // One that the API server refuses spares nobody, and so does one without an end.
            spec: spec.filter(|_| faults.is_empty() && end.is_some()),
            end: end.unwrap_or(i64::MIN),
            faults,
            unknown: unknown(&EXCEPTION, object),
        }
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.object.name
    }
}

fn unknown(kind: &Kind, object: &Object) -> Vec<String> {
    let mut found = Vec::new();
    schema::unknown(crd::spec(kind), &object.spec, "/spec", &mut found);
    found
}

/// In a cluster such a field is of a newer version, because the API server drops what it does not
/// know: so the webhook refuses nothing for it.
fn strange(object: &Arc<ObjectRef>, pointers: &[String]) -> Vec<Remark> {
    let remark = |pointer: &String| Remark {
        site: Site::new(object, pointer.clone()),
        kind: RemarkKind::Unreadable,
        harm: Harm::Opens,
        message: format!(
            "{} is no field that is known: without it the object says something else",
            crate::field(pointer)
        ),
        hint: "correct its name, or use the version that knows it".to_owned(),
        repair: None,
    };
    pointers.iter().map(remark).collect()
}

fn faults(object: &Arc<ObjectRef>, faults: &[Fault]) -> Vec<Remark> {
    let remark = |fault: &Fault| Remark {
        site: Site::new(object, fault.pointer.clone()),
        kind: RemarkKind::Unreadable,
        harm: Harm::Closes,
        message: format!("{} {}", crate::field(&fault.pointer), fault.reason),
        hint: "correct it: the API server refuses it as it is".to_owned(),
        repair: None,
    };
    faults.iter().map(remark).collect()
}

fn ended_remark(exception: &Exception) -> Remark {
    Remark {
        site: Site::new(&exception.object, "/spec/end"),
        kind: RemarkKind::Ended,
        harm: Harm::Harmless,
        message: format!("the exception ended at {}", fault::time(exception.end)),
        hint: "delete it, or give it a later end and say why in spec.reason".to_owned(),
        repair: None,
    }
}
