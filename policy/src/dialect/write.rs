//! What a dialect writes: configurations to apply, fields to take away, and what else to know.

use std::sync::Arc;

use serde_json::Value;

use super::Role;
use crate::gateway::{Gateway, HostKey};
use crate::object::{Object, ObjectRef, SecretRef};
use crate::settings::Settings;
use crate::view::View;
use crate::{Mode, Route};

/// What `write` is to do: put a route behind a CA.
pub struct WriteRequest<'a> {
    /// The route as it is.
    pub object: &'a Object,
    /// The Secret with the client CAs.
    pub trust: &'a SecretRef,
    /// How much to ask of clients.
    pub mode: Mode,
    /// Namespace and name of an option that is there and makes the demand, where the gateway keeps
    /// demands in objects of their own; `None`: the dialect chooses.
    pub option: Option<(&'a str, &'a str)>,
    /// The name of a Secret with the server's certificate, where the route does not say.
    pub server_certificate: Option<&'a str>,
    /// What is known of the gateways.
    pub settings: &'a Settings,
    /// What else is there, the route among it.
    pub view: &'a View<'a>,
}

impl WriteRequest<'_> {
    /// The hosts of the route, each with its gateway.
    pub(crate) fn hosts(&self) -> Vec<HostKey> {
        let facts = super::read(self.object, self.settings);
        let keys = facts.routes.iter().flat_map(|route| keys_of(route));
        let mut keys: Vec<_> = keys.collect();
        keys.sort();
        keys.dedup();
        keys
    }

    /// All routes on the hosts of the route, its own among them.
    pub(crate) fn neighbours(&self) -> Vec<Arc<Route>> {
        let hosts = self.hosts();
        hosts.iter().flat_map(|key| self.view.routes(key)).collect()
    }
}

fn keys_of(route: &Route) -> impl Iterator<Item = HostKey> {
    route.hosts.iter().map(|host| HostKey {
        gateway: Arc::clone(&route.gateway),
        host: host.clone(),
    })
}

/// What `write_gateway` is to do: put every host behind a CA, with exceptions.
pub struct GatewayRequest<'a> {
    /// Which gateway.
    pub gateway: &'a Arc<Gateway>,
    /// The Secret with the client CAs.
    pub trust: &'a SecretRef,
    /// How much to ask of clients.
    pub mode: Mode,
    /// Hosts that ask for nothing.
    pub except: &'a [String],
    /// What is there.
    pub view: &'a View<'a>,
}

/// What is to be done.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Written {
    /// Server-side apply configurations, in the order in which they are applied.
    pub apply: Vec<Value>,
    /// Fields to take away, which no apply can.
    pub remove: Vec<Removal>,
    /// What else follows from it.
    pub notes: Vec<String>,
}

/// A field that has to go.
#[derive(Clone, Debug, PartialEq)]
pub struct Removal {
    /// Of which object.
    pub object: ObjectRef,
    /// Below `spec`.
    pub field: &'static str,
    /// Why, a sentence fragment.
    pub why: String,
}

impl Removal {
    /// The JSON merge patch (RFC 7386) that takes it away.
    pub fn patch(&self) -> Value {
        serde_json::json!({"spec": {self.field: null}})
    }
}

impl From<Vec<Value>> for Written {
    fn from(apply: Vec<Value>) -> Self {
        Self {
            apply,
            ..Self::default()
        }
    }
}

impl Written {
    /// The objects as they will be: those of `objects` that are written, merged, and the new ones.
    pub fn merged<'a>(&self, objects: impl Iterator<Item = &'a Object> + Clone) -> Vec<Object> {
        let written = self.apply.iter().filter_map(|config| {
            let written = Object::from_value(config).ok()?;
            let known = objects.clone().find(|object| object.id == written.id);
            Some(match known {
                Some(known) => merged(known, written),
                None => written,
            })
        });
        let mut all: Vec<Object> = Vec::new();
        for object in written {
            all.retain(|earlier| earlier.id != object.id);
            all.push(object);
        }
        for removal in &self.remove {
            if !all.iter().any(|object| *object.id == removal.object) {
                let known = objects.clone().find(|object| *object.id == removal.object);
                all.extend(known.cloned());
            }
            let target = all.iter_mut().find(|object| *object.id == removal.object);
            if let Some(Value::Object(spec)) = target.map(|object| &mut object.spec) {
                spec.remove(removal.field);
            }
        }
        all
    }
}

fn merged(known: &Object, written: Object) -> Object {
    let mut object = known.clone();
    object.annotations.extend(written.annotations);
    merge(&mut object.spec, written.spec);
    object
}

/// Maps are merged, everything else is replaced, as a server-side apply does by default.
fn merge(into: &mut Value, from: Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                merge(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (_, Value::Null) => {}
        (into, from) => *into = from,
    }
}

/// How a route is named on the command line, `ingress/api -n shop`; `None`: it is no route.
pub fn argument(object: &ObjectRef) -> Option<String> {
    let kind = super::kind_of(object).filter(|kind| kind.role == Role::Route)?;
    let kind = kind.kind.to_lowercase();
    Some(format!("{kind}/{} -n {}", object.name, object.namespace))
}
