//! Objects, as far as the controller reads them.

use std::collections::BTreeMap;

use anyhow::Context as _;
use serde::Deserialize;
use serde_json::Value;

use super::settings::Settings;

/// The objects of a cluster.
#[derive(Default)]
pub struct Manifests {
    ingresses: Vec<Ingress>,
    secrets: BTreeMap<String, Secret>,
    classes: Vec<IngressClass>,
    /// ConfigMaps by `namespace/name`.
    pub(super) config_maps: BTreeMap<String, BTreeMap<String, String>>,
    /// The arguments of every container, and the namespace of its workload.
    pub(super) containers: Vec<Vec<String>>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Metadata {
    pub(super) name: String,
    pub(super) namespace: String,
    pub(super) annotations: BTreeMap<String, String>,
    pub(super) creation_timestamp: String,
}

#[derive(Clone, Deserialize)]
pub(super) struct Ingress {
    pub(super) metadata: Metadata,
    pub(super) spec: Spec,
}

#[derive(Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Spec {
    pub(super) ingress_class_name: Option<String>,
    pub(super) default_backend: Option<Backend>,
    pub(super) tls: Vec<Tls>,
    pub(super) rules: Vec<Rule>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Tls {
    pub(super) hosts: Vec<String>,
    pub(super) secret_name: String,
}

#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Rule {
    pub(super) host: String,
    pub(super) http: Option<Http>,
}

#[derive(Clone, Deserialize)]
pub(super) struct Http {
    pub(super) paths: Vec<HttpPath>,
}

#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct HttpPath {
    #[serde(default)]
    pub(super) path: String,
    #[serde(default)]
    pub(super) path_type: String,
    pub(super) backend: Backend,
}

#[derive(Clone, Deserialize)]
pub(super) struct Backend {
    pub(super) service: Option<Service>,
}

#[derive(Clone, Deserialize)]
pub(super) struct Service {
    pub(super) name: String,
    pub(super) port: Value,
}

#[derive(Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Secret {
    pub(super) metadata: Metadata,
    data: BTreeMap<String, Option<String>>,
    string_data: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct IngressClass {
    metadata: Metadata,
    #[serde(default)]
    spec: ClassSpec,
}

#[derive(Default, Deserialize)]
struct ClassSpec {
    #[serde(default)]
    controller: String,
}

impl Service {
    /// `upstreamName` of controller.go: namespace, name and port.
    pub(super) fn upstream(&self, namespace: &str) -> String {
        let port = self.port.get("number").or_else(|| self.port.get("name"));
        let port = port.map_or_else(String::new, |port| port.to_string().replace('"', ""));
        format!("{namespace}-{}-{port}", self.name)
    }
}

impl Ingress {
    pub(super) fn key(&self) -> String {
        format!("{}/{}", self.metadata.namespace, self.metadata.name)
    }
}

impl Secret {
    pub(super) fn key(&self) -> String {
        format!("{}/{}", self.metadata.namespace, self.metadata.name)
    }

    /// The bytes of a key; `None` where it is absent.
    pub(super) fn get(&self, key: &str) -> Option<Vec<u8>> {
        use base64::Engine as _;
        if let Some(text) = self.string_data.get(key) {
            return Some(text.clone().into_bytes());
        }
        let encoded = self.data.get(key)?.as_deref().unwrap_or_default();
        let encoded: String = encoded.split_whitespace().collect();
        base64::engine::general_purpose::STANDARD
            .decode(encoded)
            .ok()
    }
}

impl Manifests {
    /// Reads documents separated by `---`, and Lists in them.
    ///
    /// # Errors
    /// When one is no YAML.
    pub fn read(text: &str) -> anyhow::Result<Self> {
        let mut manifests = Self::default();
        for document in text.split("---\n") {
            let value: Option<Value> =
                serde_saphyr::from_str(document).with_context(|| document.to_owned())?;
            manifests.take(&value.unwrap_or_default());
        }
        // Two IngressClasses would be a test of the class store; without any there is the chart's.
        if manifests.classes.is_empty() {
            let class = serde_json::json!({"metadata": {"name": "nginx"},
                "spec": {"controller": "k8s.io/ingress-nginx"}});
            manifests.classes.extend(read(&class));
        }
        manifests.default_class();
        Ok(manifests)
    }

    /// Takes what the API server would take: what it refuses never reaches the controller.
    fn take(&mut self, object: &Value) {
        match object["kind"].as_str() {
            Some("List") => {
                let items = object["items"].as_array();
                items.into_iter().flatten().for_each(|item| self.take(item));
            }
            Some("Ingress") if object["apiVersion"] == "networking.k8s.io/v1" => {
                self.ingresses.extend(read(object));
            }
            Some("Secret") => {
                let secret: Option<Secret> = read(object);
                self.secrets
                    .extend(secret.map(|secret| (secret.key(), secret)));
            }
            Some("IngressClass") => self.classes.extend(read(object)),
            Some("ConfigMap") => {
                let data = read(&object["data"]).unwrap_or_default();
                let text = |key: &str| object["metadata"][key].as_str().unwrap_or_default();
                let key = format!("{}/{}", text("namespace"), text("name"));
                self.config_maps.insert(key, data);
            }
            Some("Deployment" | "DaemonSet") => {
                let containers = &object["spec"]["template"]["spec"]["containers"];
                let containers = containers.as_array().into_iter().flatten();
                let words = containers.filter_map(|container| read(&container["args"]));
                self.containers.extend(words);
            }
            _ => {}
        }
    }

    /// The admission plugin `DefaultIngressClass`: an Ingress that names none gets the default one.
    fn default_class(&mut self) {
        let default = |class: &&IngressClass| {
            let key = "ingressclass.kubernetes.io/is-default-class";
            let value = class.metadata.annotations.get(key);
            value.is_some_and(|value| value == "true")
        };
        let Some(class) = self.classes.iter().find(default) else {
            return;
        };
        for ingress in &mut self.ingresses {
            let annotated = ingress.metadata.annotations.contains_key(CLASS);
            if ingress.spec.ingress_class_name.is_none() && !annotated {
                ingress.spec.ingress_class_name = Some(class.metadata.name.clone());
            }
        }
    }

    /// The Ingresses that the controller reads, in the order in which it reads them: by creation,
    /// and backwards by name where that is the same (`sortIngressSlice` of store.go).
    pub(super) fn ingresses(&self, settings: &Settings) -> Vec<&Ingress> {
        let mine = |ingress: &&Ingress| self.is_mine(ingress, settings);
        let mut ingresses: Vec<_> = self.ingresses.iter().filter(mine).collect();
        ingresses.sort_by(|one, other| {
            let time = |ingress: &Ingress| ingress.metadata.creation_timestamp.clone();
            let times = time(one).cmp(&time(other));
            times.then_with(|| other.key().cmp(&one.key()))
        });
        ingresses
    }

    /// `GetIngressClass` of store.go, and `--watch-namespace`.
    fn is_mine(&self, ingress: &Ingress, settings: &Settings) -> bool {
        if settings
            .namespace
            .as_ref()
            .is_some_and(|only| *only != ingress.metadata.namespace)
        {
            return false;
        }
        if let Some(name) = &ingress.spec.ingress_class_name {
            return self.classes.iter().any(|class| {
                class.metadata.name == *name
                    && (class.spec.controller == settings.controller_class
                        || (settings.class_by_name && *name == settings.class))
            });
        }
        match ingress.metadata.annotations.get(CLASS) {
            Some(class) => *class == settings.class,
            None => settings.without_class,
        }
    }

    /// The name under which ingress-nginx is installed here, where an IngressClass tells it (the
    /// chart's `controller.ingressClassResource.controllerValue`).
    pub(super) fn controller_class(&self) -> Option<&str> {
        let mut names = self
            .classes
            .iter()
            .map(|class| class.spec.controller.as_str());
        names.find(|name| name.ends_with("ingress-nginx"))
    }

    /// Every path of every rule.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        let rules = self
            .ingresses
            .iter()
            .flat_map(|ingress| &ingress.spec.rules);
        let http = rules.filter_map(|rule| rule.http.as_ref());
        http.flat_map(|http| &http.paths)
            .map(|path| path.path.as_str())
    }

    /// The values of an annotation, wherever it stands.
    pub fn annotated(&self, name: &str) -> impl Iterator<Item = &str> {
        let found = self
            .ingresses
            .iter()
            .filter_map(move |ingress| ingress.metadata.annotations.get(name));
        found.map(String::as_str)
    }

    pub(super) fn secret(&self, key: &str) -> Option<&Secret> {
        self.secrets.get(key)
    }

    pub(super) fn secrets(&self) -> impl Iterator<Item = &Secret> {
        self.secrets.values()
    }
}

/// Objects of a fixture that are not what the API server holds: annotations that are no strings.
///
/// # Errors
/// When one is no YAML.
pub fn unreadable(text: &str) -> anyhow::Result<bool> {
    let count = text.matches("kind: Ingress\n").count();
    Ok(Manifests::read(text)?.ingresses.len() < count)
}

const CLASS: &str = "kubernetes.io/ingress.class";

fn read<T: serde::de::DeserializeOwned>(value: &Value) -> Option<T> {
    serde_json::from_value(value.clone()).ok()
}
