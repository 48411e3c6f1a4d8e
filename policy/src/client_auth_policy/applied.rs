//! The policies that match a settled host.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::pattern::pin;
use super::spec::{Action, PolicySpec, Trust};
use super::{Exception, Policies, Policy};
use crate::dialect::{self, Role};
use crate::finding::Severity;
use crate::gateway::HostKey;
use crate::host::Host;
use crate::lookup::Lookup;
use crate::object::SecretRef;
use crate::trust::TrustState;
use crate::view::View;

/// A policy that matches a host.
#[derive(Clone, Debug)]
pub struct Applied {
    /// The policy.
    pub policy: Arc<Policy>,
    /// By what the host is spared from it.
    pub spared: Spared,
    /// The public keys of the CAs that may be trusted, as far as seen.
    pub(super) allowed: BTreeSet<[u8; 32]>,
    /// Secrets of the policy that are not there.
    pub missing: Vec<SecretRef>,
    /// What was not seen of the policy's Secrets.
    pub unseen: Vec<String>,
}

/// Whether an exception takes a policy away from a host.
#[derive(Clone, Debug)]
pub enum Spared {
    /// None does.
    No,
    /// One did, and has ended.
    NoLonger(Arc<Exception>),
    /// One does.
    By(Arc<Exception>),
}

impl Applied {
    /// Whether the policy holds.
    pub fn holds(&self) -> bool {
        !matches!(self.spared, Spared::By(_))
    }

    /// Whether the CAs that may be trusted are all known.
    pub(super) fn knows_cas(&self) -> bool {
        self.missing.is_empty() && self.unseen.is_empty()
    }

    /// What the policy says of CAs.
    pub(super) fn trust(&self) -> Option<&Trust> {
        self.policy.spec.as_ref()?.trust.as_ref()
    }
}

impl Host {
    /// The policies that hold here.
    pub fn policies_in_force(&self) -> impl Iterator<Item = &Applied> {
        self.policies.iter().filter(|applied| applied.holds())
    }

    /// The action that policies state here for a rule that is not about policies: the strictest.
    fn stated_action(&self, rule: &str) -> Option<Action> {
        let holding = self.policies_in_force();
        holding.filter_map(|one| one.policy.stated(rule)).max()
    }

    /// How bad a finding of a rule that is not about policies is here: as policies state it, else
    /// as it is anyway.
    pub fn severity(&self, rule: &str, anyway: Severity) -> Severity {
        self.stated_action(rule).map_or(anyway, Action::severity)
    }

    /// Whether policies decide here what a finding of a rule leads to.
    pub fn is_governed(&self, rule: &str) -> bool {
        super::shortfall::RULES.contains(&rule) || self.stated_action(rule).is_some()
    }
}

/// Takes note of the policies that match a settled host.
pub(crate) fn apply(host: &mut Host, view: &View<'_>) {
    let policies = view.policies();
    if policies.is_empty() {
        return;
    }
    let namespaces = namespaces(host, view);
    let namespaces: BTreeSet<_> = namespaces.iter().map(String::as_str).collect();
    let served = |name: &str| {
        let key = HostKey {
            gateway: Arc::clone(&host.key.gateway),
            host: name.to_owned(),
        };
        !view.routes(&key).is_empty()
    };
    let mut applied = Vec::new();
    for policy in policies.policies() {
        let Some(spec) = &policy.spec else { continue };
        if spec.r#match.fits(&host.key, &namespaces, policies, served) {
            let spared = spared(policies, policy, &host.key, &namespaces, view.now());
            applied.push(one(policy, spec, spared));
        }
    }
    for one in &mut applied {
        resolve(one, host, view);
    }
    host.policies = applied;
}

/// The namespaces of the routes that open a host.
fn namespaces(host: &Host, view: &View<'_>) -> BTreeSet<String> {
    let is_route = |object: &&Arc<crate::ObjectRef>| {
        dialect::kind_of(object).is_some_and(|kind| kind.role == Role::Route)
    };
    let objects = host.rests_on.iter().filter(is_route);
    let named = objects.map(|object| object.namespace.clone());
    let routes = view.routes(&host.key);
    let routes = routes.iter().map(|route| &route.site.object.namespace);
    named.chain(routes.cloned()).collect()
}

fn one(policy: &Arc<Policy>, spec: &PolicySpec, spared: Spared) -> Applied {
    let pins = spec.trust.iter().flat_map(|trust| &trust.pins);
    Applied {
        policy: Arc::clone(policy),
        spared,
        allowed: pins.filter_map(|text| pin(text)).collect(),
        missing: Vec::new(),
        unseen: Vec::new(),
    }
}

/// The exception that lasts longest decides.
fn spared(
    policies: &Policies,
    policy: &Policy,
    key: &HostKey,
    namespaces: &BTreeSet<&str>,
    now: Option<i64>,
) -> Spared {
    let spares = |exception: &&Arc<Exception>| {
        let spec = exception.spec.as_ref();
        spec.is_some_and(|spec| spec.spares(policy.name(), key, namespaces))
    };
    let last = policies
        .exceptions()
        .filter(spares)
        .max_by_key(|one| one.end);
    match last {
        None => Spared::No,
        Some(one) if now.is_some_and(|now| one.has_ended(now)) => Spared::NoLonger(Arc::clone(one)),
        Some(one) => Spared::By(Arc::clone(one)),
    }
}

/// The CAs in the policy's Secrets, as the host's gateway would read them.
fn resolve(applied: &mut Applied, host: &mut Host, view: &View<'_>) {
    let secrets = applied.trust().map(|trust| trust.secrets.clone());
    let Some(dialect) = dialect::by_id(host.key.gateway.dialect) else {
        return;
    };
    for name in secrets.into_iter().flatten() {
        let secret = SecretRef::new(&name.namespace, &name.name);
        match view.bundle(&secret) {
            Some(Lookup::Found(bundle)) => {
                let TrustState::Usable { key } = (dialect.select)(&bundle) else {
                    applied.unseen.push(format!("a CA in Secret {secret}"));
                    continue;
                };
                let found = bundle.certificates(key);
                let found = found.map_or(&[][..], |found| &found.certificates);
                applied.allowed.extend(found.iter().map(|ca| ca.spki));
            }
            Some(Lookup::Missing) => applied.missing.push(secret),
            Some(Lookup::Unknown(why)) => applied.unseen.push(why),
            None => {
                applied.unseen.push(format!("Secret {secret}"));
                host.wanted.insert(secret);
            }
        }
    }
}
