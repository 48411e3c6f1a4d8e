//! One Kubernetes object as the dialects need it: identity, annotations, `spec`, and of a Secret
//! only what a gateway reads as a CA. Everything else (managedFields, status, private keys) is
//! skipped while parsing.

mod data;
mod spec;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::de::{Deserialize, Deserializer};
use serde_json::Value;

use crate::shape;
use data::{Data, data, texts};

pub use crate::secret_ref::SecretRef;

/// The kind of a `kustomization.yaml`, which has neither a name nor a `spec`.
const KUSTOMIZATION: &str = "Kustomization";

/// Which object is meant.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectRef {
    /// `group/version`, or `v1` for the core group.
    pub api_version: String,
    /// The kind, as in the manifest.
    pub kind: String,
    /// Empty for a cluster-scoped object.
    pub namespace: String,
    /// The name.
    pub name: String,
}

impl ObjectRef {
    /// The API group, empty for the core group.
    pub fn group(&self) -> &str {
        self.api_version
            .split_once('/')
            .map_or("", |(group, _)| group)
    }
}

impl fmt::Display for ObjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = self.kind.to_lowercase();
        if self.namespace.is_empty() {
            write!(f, "{kind}/{}", self.name)
        } else {
            write!(f, "{kind}/{} in namespace {}", self.name, self.namespace)
        }
    }
}

/// Why a document is no object that can be judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// The field at fault as a JSON pointer; empty for the whole document.
    pub pointer: String,
    /// What is wrong, a sentence fragment.
    pub reason: String,
}

/// One object, reduced to what decides about client certificates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// Which object.
    pub id: Arc<ObjectRef>,
    /// `metadata.creationTimestamp` in RFC 3339, empty where it is not known.
    pub created: String,
    /// Whether `metadata.deletionTimestamp` is set.
    pub deleting: bool,
    /// The annotations whose values are strings.
    pub annotations: BTreeMap<String, String>,
    /// The labels; none where one is no string, which the API server refuses.
    pub labels: BTreeMap<String, String>,
    /// Fields whose type the API server would refuse, with the reason.
    pub oddities: Vec<Unreadable>,
    /// `spec`, `Null` where absent.
    pub spec: Value,
    /// Certificate data by key; other keys are present with no value.
    pub data: BTreeMap<String, Option<Vec<u8>>>,
    /// The data of a ConfigMap as text, where it was read with [`Object::from_value`].
    pub texts: BTreeMap<String, String>,
    /// Whether the values are encrypted in the file (SOPS): what they are, nobody sees here.
    pub encrypted: bool,
}

impl Object {
    /// Reads an object that is already JSON.
    ///
    /// # Errors
    /// When the document has no `apiVersion`, `kind` or `metadata.name`, or is no mapping at all.
    pub fn from_value(value: &Value) -> Result<Self, Unreadable> {
        if !value.is_object() {
            return Err(whole("is not a Kubernetes object: a mapping is expected"));
        }
        for field in ["metadata", "data", "stringData"] {
            let found = &value[field];
            if !found.is_object() && !found.is_null() {
                return Err(at(&format!("/{field}"), "is not a mapping"));
            }
        }
        let mut wire = Wire::deserialize(value).map_err(|error| whole(&error.to_string()))?;
        if wire.kind == KUSTOMIZATION && text(&wire.metadata.name).is_empty() {
            wire.metadata.name = generators(value).into();
            wire.metadata.namespace = value["namespace"].clone();
            wire.spec = value.clone();
        }
        let mut object = Self::from_wire(wire)?;
        if object.id.kind == "ConfigMap" {
            object.texts = texts(&value["data"]);
        }
        Ok(object)
    }

    /// Reads an object from JSON text without keeping what is not needed of it.
    ///
    /// # Errors
    /// As [`Object::from_value`], and when the text is no JSON.
    pub fn from_json(text: &str) -> Result<Self, Unreadable> {
        let wire = serde_json::from_str::<Wire>(text).map_err(|error| whole(&error.to_string()))?;
        Self::from_wire(wire)
    }

    /// Reads an item of an API list, which says neither its version nor its kind.
    ///
    /// # Errors
    /// As [`Object::from_json`].
    pub fn from_list_item(api_version: &str, kind: &str, text: &str) -> Result<Self, Unreadable> {
        let mut wire =
            serde_json::from_str::<Wire>(text).map_err(|error| whole(&error.to_string()))?;
        wire.api_version = api_version.into();
        wire.kind = kind.into();
        Self::from_wire(wire)
    }

    /// Gives an object that names no namespace the one that it would be created in.
    #[must_use]
    pub fn in_namespace(mut self, namespace: &str) -> Self {
        let cluster_scoped = [
            "Bundle",
            "ClientAuthException",
            "ClientAuthPolicy",
            "ClusterBundle",
            "ClusterRole",
            "GatewayClass",
            "IngressClass",
            "Namespace",
        ];
        if self.id.namespace.is_empty() && !cluster_scoped.contains(&self.id.kind.as_str()) {
            Arc::make_mut(&mut self.id).namespace = namespace.to_owned();
        }
        self
    }

    /// The value of an annotation.
    pub fn annotation(&self, name: &str) -> Option<&str> {
        self.annotations.get(name).map(String::as_str)
    }

    fn from_wire(wire: Wire) -> Result<Self, Unreadable> {
        let name = match text(&wire.metadata.name) {
            "" => text(&wire.metadata.generate_name),
            name => name,
        };
        let id = ObjectRef {
            api_version: demanded(&wire.api_version, "/apiVersion")?,
            kind: demanded(&wire.kind, "/kind")?,
            namespace: text(&wire.metadata.namespace).to_owned(),
            name: name.to_owned(),
        };
        if id.name.is_empty() && !id.kind.ends_with("List") {
            return Err(at("/metadata/name", "is missing"));
        }
        let (annotations, mut oddities) = annotations(wire.metadata.annotations);
        oddities.extend(shape::misfits(&id, &wire.spec));
        Ok(Self {
            texts: BTreeMap::new(),
            encrypted: wire.data.is_encrypted() || wire.string_data.is_encrypted(),
            data: data(&id.kind, wire.data, wire.string_data),
            id: Arc::new(id),
            created: text(&wire.metadata.creation_timestamp).to_owned(),
            deleting: !text(&wire.metadata.deletion_timestamp).is_empty(),
            annotations,
            labels: serde_json::from_value(wire.metadata.labels).unwrap_or_default(),
            oddities,
            spec: wire.spec,
        })
    }
}

/// The part of an object that is read; everything is optional because bad input is data.
#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    #[serde(default)]
    api_version: Value,
    #[serde(default)]
    kind: Value,
    #[serde(default, deserialize_with = "lenient")]
    metadata: Metadata,
    #[serde(default, deserialize_with = "spec::spec")]
    spec: Value,
    #[serde(default)]
    data: Data,
    #[serde(default)]
    string_data: Data,
}

#[derive(Default, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    #[serde(default)]
    name: Value,
    #[serde(default)]
    generate_name: Value,
    #[serde(default)]
    namespace: Value,
    #[serde(default)]
    creation_timestamp: Value,
    #[serde(default)]
    deletion_timestamp: Value,
    #[serde(default)]
    annotations: Value,
    #[serde(default)]
    labels: Value,
}

/// What tells one Kustomization from another: the names of what it generates.
fn generators(kustomization: &Value) -> String {
    let generators = kustomization["secretGenerator"].as_array();
    let names = generators.into_iter().flatten();
    let names: Vec<_> = names.map(|generator| text(&generator["name"])).collect();
    match names.is_empty() {
        true => KUSTOMIZATION.to_lowercase(),
        false => names.join(","),
    }
}

/// `metadata: null` is the same as no metadata.
fn lenient<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Metadata, D::Error> {
    Ok(Option::<Metadata>::deserialize(deserializer)?.unwrap_or_default())
}

/// Splits annotations into strings and values of a type that the API server refuses.
fn annotations(value: Value) -> (BTreeMap<String, String>, Vec<Unreadable>) {
    let mut strings = BTreeMap::new();
    let mut odd = Vec::new();
    match value {
        Value::Null => {}
        Value::Object(map) => {
            for (key, value) in map {
                match value {
                    Value::String(value) => drop(strings.insert(key, value)),
                    other => odd.push(not_a_string(&key, &other)),
                }
            }
        }
        _ => odd.push(at("/metadata/annotations", "is not a mapping")),
    }
    (strings, odd)
}

fn not_a_string(key: &str, value: &Value) -> Unreadable {
    let pointer = annotation_pointer(key);
    let reason = match value {
        Value::Bool(_) => "is a boolean, because YAML reads an unquoted on, off, yes, no, true or \
             false so; the API server refuses it: put it in quotes"
            .to_owned(),
        Value::Number(_) => "is a number; the API server refuses it: put it in quotes".to_owned(),
        Value::Null => "has no value; the API server stores an empty string".to_owned(),
        _ => "is not a string; the API server refuses it".to_owned(),
    };
    Unreadable { pointer, reason }
}

/// The JSON pointer (RFC 6901) of an annotation.
pub(crate) fn annotation_pointer(key: &str) -> String {
    format!("/metadata/annotations/{}", escape(key))
}

/// Escapes one reference token of a JSON pointer (RFC 6901 §3).
pub(crate) fn escape(token: &str) -> String {
    token.replace('~', "~0").replace('/', "~1")
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn demanded(value: &Value, pointer: &str) -> Result<String, Unreadable> {
    match value.as_str() {
        Some(text) if !text.is_empty() => Ok(text.to_owned()),
        Some(_) | None => Err(at(pointer, "is missing: this is no Kubernetes object")),
    }
}

pub(crate) fn at(pointer: &str, reason: &str) -> Unreadable {
    Unreadable {
        pointer: pointer.to_owned(),
        reason: reason.to_owned(),
    }
}

fn whole(reason: &str) -> Unreadable {
    at("", reason)
}

/// The strings of a list; anything else is passed over.
pub(crate) fn strings(list: &Value) -> Vec<String> {
    let list = list.as_array().map_or(&[][..], Vec::as_slice);
    let strings = list.iter().filter_map(Value::as_str);
    strings.map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    #[test]
    fn a_private_key_is_never_kept() {
        let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a", "namespace": "n"},
            "data": {"tls.key": "c2VjcmV0", "ca.crt": "YWJj"}});
        let object = Object::from_json(&secret.to_string()).unwrap();
        assert_eq!(object.data["ca.crt"].as_deref(), Some(b"abc".as_slice()));
        assert_eq!(object.data["tls.key"], None);
    }

    #[test]
    fn of_a_backend_it_is_kept_whether_it_is_a_service() {
        let spec = json!({"defaultBackend": {"service": {"name": "a"}}, "rules": [{"http": {
            "paths": [{"path": "/", "backend": {"service": {"name": "a", "port": {"number": 80}}}},
                {"backend": {"service": "odd", "resource": {"kind": "Bucket"}}}]}}],
            "numbers": [1, -1, 1.5, null, true]});
        let ingress = json!({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
            "metadata": {"name": "a"}, "spec": spec});
        let mut kept = spec;
        kept["rules"][0]["http"]["paths"][0]["backend"]["service"] = json!({});
        assert_eq!(Object::from_value(&ingress).unwrap().spec, kept);
        assert_eq!(Object::from_json(&ingress.to_string()).unwrap().spec, kept);
    }

    #[test]
    fn an_unquoted_on_is_an_oddity() {
        let ingress = json!({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
            "metadata": {"name": "a", "annotations": {"x/y": true, "z": "on"}}});
        let object = Object::from_value(&ingress).unwrap();
        assert_eq!(object.annotation("z"), Some("on"));
        assert_eq!(object.oddities[0].pointer, "/metadata/annotations/x~1y");
    }

    #[test]
    fn a_config_map_keeps_its_texts_and_a_secret_none() {
        let read = |kind: &str| {
            let object = json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": "a"},
                "data": {"ssl-redirect": "false", "tls.key": "secret"}});
            Object::from_value(&object).unwrap()
        };
        assert_eq!(read("ConfigMap").texts["ssl-redirect"], "false");
        assert!(read("Secret").texts.is_empty());
    }

    #[test]
    fn what_sops_has_encrypted_is_known_as_such() {
        let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a"},
            "stringData": {"ca.crt": "ENC[AES256_GCM,data:YQ==,type:str]"}});
        assert!(Object::from_value(&secret).unwrap().encrypted);
    }

    #[test]
    fn a_kustomization_has_no_name() {
        let value = json!({"apiVersion": "kustomize.config.k8s.io/v1beta1",
            "kind": "Kustomization", "secretGenerator": [{"name": "ca"}]});
        let object = Object::from_value(&value).unwrap();
        assert_eq!(object.spec["secretGenerator"][0]["name"], "ca");
        assert_eq!(object.id.name, "ca");
    }

    #[test]
    fn a_document_without_kind_is_no_object() {
        let error = Object::from_value(&json!({"apiVersion": "v1"})).unwrap_err();
        assert_eq!(error.pointer, "/kind");
        assert!(Object::from_value(&json!([1])).is_err());
        assert!(Object::from_json("{").is_err());
    }
}
