//! An object as the API server sends it. Nothing of it is read but who it is until its turn comes,
//! so that one that cannot be read does not end the list, or the watch, of all others.

use std::borrow::Cow;
use std::fmt;

use kube::Resource;
use kube::api::{ApiResource, DynamicObject, ObjectMeta};
use policy::dialect::Kind;
use policy::{Object, ObjectRef};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// An object as text.
#[derive(Clone)]
pub(super) struct Sent {
    meta: ObjectMeta,
    text: Box<RawValue>,
}

#[derive(Default, Deserialize)]
struct Head {
    #[serde(default)]
    metadata: Identity,
}

/// The part of the metadata that the watch itself needs.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Identity {
    name: Option<String>,
    namespace: Option<String>,
    resource_version: Option<String>,
}

impl Sent {
    /// The object; why not, otherwise.
    pub(super) fn read(&self, kind: &Kind) -> Result<Object, String> {
        let read = Object::from_list_item(&kind.api_version(), kind.kind, self.text.get());
        read.map_err(|unreadable| match unreadable.pointer.as_str() {
            // Such a reason may quote the text.
            "" => "it is not written as an object, or is nested too deep".to_owned(),
            pointer => format!("{} {}", policy::field(pointer), unreadable.reason),
        })
    }

    /// Which object it is.
    pub(super) fn id(&self, kind: &Kind) -> ObjectRef {
        ObjectRef {
            api_version: kind.api_version(),
            kind: kind.kind.to_owned(),
            namespace: self.meta.namespace.clone().unwrap_or_default(),
            name: self.meta.name.clone().unwrap_or_default(),
        }
    }
}

impl<'de> Deserialize<'de> for Sent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Box::<RawValue>::deserialize(deserializer)?;
        let head: Head = serde_json::from_str(text.get()).unwrap_or_default();
        let meta = ObjectMeta {
            name: head.metadata.name,
            namespace: head.metadata.namespace,
            resource_version: head.metadata.resource_version,
            ..ObjectMeta::default()
        };
        Ok(Self { meta, text })
    }
}

/// Never its content.
impl fmt::Debug for Sent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (namespace, name) = (&self.meta.namespace, &self.meta.name);
        write!(f, "{namespace:?} {name:?}")
    }
}

impl Resource for Sent {
    type DynamicType = ApiResource;
    type Scope = <DynamicObject as Resource>::Scope;

    fn kind(resource: &ApiResource) -> Cow<'_, str> {
        DynamicObject::kind(resource)
    }

    fn group(resource: &ApiResource) -> Cow<'_, str> {
        DynamicObject::group(resource)
    }

    fn version(resource: &ApiResource) -> Cow<'_, str> {
        DynamicObject::version(resource)
    }

    fn plural(resource: &ApiResource) -> Cow<'_, str> {
        DynamicObject::plural(resource)
    }

    fn meta(&self) -> &ObjectMeta {
        &self.meta
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.meta
    }
}
