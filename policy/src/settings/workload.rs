//! The containers of a Deployment or DaemonSet, as far as they are told something.

use serde_json::Value;

use super::ConfigMaps;
use crate::Object;
use crate::object::{SecretRef, strings};

/// The label by which charts name what runs.
const NAME_LABEL: &str = "app.kubernetes.io/name";
const KINDS: [&str; 3] = ["DaemonSet", "Deployment", "StatefulSet"];

/// What runs pods.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workload {
    /// Where it runs.
    pub namespace: String,
    /// The label `app.kubernetes.io/name` of its pods.
    pub app: String,
    /// Its containers.
    pub containers: Vec<Container>,
}

/// One container.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Container {
    /// Its name.
    pub name: String,
    /// The image, with registry and tag.
    pub image: String,
    /// Command and arguments; flags as `--name=value`.
    pub args: Vec<String>,
    /// Environment; what is taken from elsewhere has no value.
    pub env: Vec<(String, Option<String>)>,
    mounts: Vec<Mount>,
}

/// A ConfigMap in the file system.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Mount {
    path: String,
    sub_path: String,
    config_map: String,
    /// Key and file name, where only some are mounted.
    items: Vec<(String, String)>,
}

impl Workload {
    /// Reads a Deployment, DaemonSet or StatefulSet.
    pub(super) fn read(object: &Object) -> Option<Self> {
        if object.id.group() != "apps" || !KINDS.contains(&object.id.kind.as_str()) {
            return None;
        }
        let pod = &object.spec["template"];
        let label = |labels: &Value| labels[NAME_LABEL].as_str().map(str::to_owned);
        let app = label(&pod["metadata"]["labels"])
            .or_else(|| label(&object.spec["selector"]["matchLabels"]));
        let containers = pod["spec"]["containers"].as_array();
        let read = |container| Container::read(container, &pod["spec"], &object.id.namespace);
        Some(Self {
            namespace: object.id.namespace.clone(),
            app: app.unwrap_or_default(),
            containers: containers.into_iter().flatten().map(read).collect(),
        })
    }

    /// The container that fits; where none does, but the label names one of `apps`, the one with
    /// one of the `names`: charts put the label on their other pods too.
    pub fn container(
        &self,
        apps: &[&str],
        names: &[&str],
        fits: impl Fn(&Container) -> bool,
    ) -> Option<&Container> {
        let labelled = apps.contains(&self.app.as_str());
        let named = |container: &&Container| names.contains(&container.name.as_str());
        let by_label = || self.containers.iter().find(named).filter(|_| labelled);
        let fitting = self.containers.iter().find(|container| fits(container));
        fitting.or_else(by_label)
    }
}

impl Container {
    fn read(container: &Value, pod: &Value, namespace: &str) -> Self {
        let text = |field: &str| container[field].as_str().unwrap_or_default().to_owned();
        let env: Vec<_> = entries(&container["env"])
            .filter_map(|entry| variable(entry, namespace))
            .collect();
        let words = [&container["command"], &container["args"]];
        let words = words.into_iter().flat_map(strings);
        let words: Vec<_> = words.map(|word| expanded(&word, &env)).collect();
        Self {
            name: text("name"),
            image: text("image"),
            args: joined(words),
            mounts: entries(&container["volumeMounts"])
                .filter_map(|mount| Mount::read(mount, pod))
                .collect(),
            env,
        }
    }

    /// The last part of the image's name, without registry, tag and digest.
    pub fn image_name(&self) -> &str {
        let image = self.image.split('@').next().unwrap_or_default();
        let last = image.rsplit('/').next().unwrap_or_default();
        last.split(':').next().unwrap_or_default()
    }

    /// The image's tag, where it is a version.
    pub fn version(&self) -> Option<String> {
        let image = self.image.split('@').next().unwrap_or_default();
        let last = image.rsplit('/').next().unwrap_or_default();
        version(last.split_once(':')?.1)
    }

    /// The ConfigMap and key that a path shows; `maps` tells which keys a folder has.
    pub fn file(
        &self,
        path: &str,
        maps: &ConfigMaps,
        namespace: &str,
    ) -> Option<(SecretRef, String)> {
        self.mounts.iter().find_map(|mount| {
            let map = SecretRef::new(namespace, &mount.config_map);
            let key = mount.key(path)?;
            let shown = maps.get(&map).is_none_or(|data| data.contains_key(&key));
            shown.then_some((map, key))
        })
    }
}

impl Mount {
    fn read(mount: &Value, pod: &Value) -> Option<Self> {
        let volume = entries(&pod["volumes"]).find(|volume| volume["name"] == mount["name"])?;
        let source = &volume["configMap"];
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let items = entries(&source["items"]);
        Some(Self {
            path: text(&mount["mountPath"]).trim_end_matches('/').to_owned(),
            sub_path: text(&mount["subPath"]),
            config_map: source["name"].as_str()?.to_owned(),
            items: items
                .map(|item| (text(&item["key"]), text(&item["path"])))
                .collect(),
        })
    }

    fn key(&self, path: &str) -> Option<String> {
        let file = match self.sub_path.as_str() {
            "" => path.strip_prefix(&self.path)?.strip_prefix('/')?,
            sub_path if path == self.path => sub_path,
            _ => return None,
        };
        match self.items.as_slice() {
            [] => Some(file.to_owned()),
            items => {
                let item = items.iter().find(|(_, path)| path == file)?;
                Some(item.0.clone())
            }
        }
    }
}

/// A tag or `appVersion` that is a version: `v3.7.9`, `3.7.9-rc1`; `latest` is none.
pub(crate) fn version(tag: &str) -> Option<String> {
    let digit = tag.trim_start_matches('v').bytes().next()?;
    (digit.is_ascii_digit() && tag.contains('.')).then(|| tag.to_owned())
}

fn entries(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

fn variable(entry: &Value, namespace: &str) -> Option<(String, Option<String>)> {
    let name = entry["name"].as_str()?.to_owned();
    let field = entry.pointer("/valueFrom/fieldRef/fieldPath");
    let value = match (entry["value"].as_str(), field.and_then(Value::as_str)) {
        (Some(value), _) => Some(value.to_owned()),
        (None, Some("metadata.namespace")) => Some(namespace.to_owned()),
        (None, _) => None,
    };
    Some((name, value))
}

/// `$(NAME)` as the kubelet expands it; what is not known stays.
fn expanded(word: &str, env: &[(String, Option<String>)]) -> String {
    let known = env
        .iter()
        .filter_map(|(name, value)| Some((name, value.as_ref()?)));
    known.fold(word.to_owned(), |word, (name, value)| {
        word.replace(&format!("$({name})"), value)
    })
}

/// `--name value` as `--name=value`.
fn joined(words: Vec<String>) -> Vec<String> {
    let mut args: Vec<String> = Vec::new();
    for word in words {
        match args.last_mut() {
            Some(last) if takes_value(last) && !word.starts_with('-') && !word.starts_with('/') => {
                last.push('=');
                last.push_str(&word);
            }
            _ => args.push(word),
        }
    }
    args
}

fn takes_value(flag: &str) -> bool {
    flag.starts_with("--") && flag.len() > 2 && !flag.contains('=')
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    fn workload(container: Value) -> Workload {
        let object = json!({"apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "c", "namespace": "edge"},
            "spec": {"template": {"metadata": {"labels": {NAME_LABEL: "gate"}}, "spec": {
                "containers": [{"name": "sidecar"}, container],
                "volumes": [{"name": "v", "configMap": {"name": "m"}}]}}}});
        Workload::read(&Object::from_value(&object).unwrap()).unwrap()
    }

    #[test]
    fn arguments_are_expanded_and_joined() {
        let found = workload(
            json!({"name": "gate", "image": "r:5000/a/gate:v1.2.3@sha256:00",
            "args": ["/gate", "--map=$(NS)/$(X)", "--class", "a", "--on", "--", "/x"],
            "env": [{"name": "NS", "valueFrom": {"fieldRef": {"fieldPath": "metadata.namespace"}}},
                {"name": "X", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}]}),
        );
        let container = found.container(&["gate"], &["gate"], |_| false).unwrap();
        assert_eq!(
            container.args,
            ["/gate", "--map=edge/$(X)", "--class=a", "--on", "--", "/x"]
        );
        assert_eq!(
            (container.image_name(), container.version().as_deref()),
            ("gate", Some("v1.2.3"))
        );
        assert!(found.container(&["other"], &["gate"], |_| false).is_none());
        assert!(found.container(&["gate"], &["other"], |_| false).is_none());
    }

    #[test]
    fn a_path_leads_to_its_key() {
        let found = workload(json!({"name": "gate", "volumeMounts": [
            {"name": "v", "mountPath": "/etc/gate/"},
            {"name": "v", "mountPath": "/one.yaml", "subPath": "k"}]}));
        let container = &found.containers[1];
        let file = |path: &str| container.file(path, &ConfigMaps::default(), "edge");
        assert_eq!(file("/etc/gate/a.yaml").unwrap().1, "a.yaml");
        assert_eq!(
            file("/one.yaml"),
            Some((SecretRef::new("edge", "m"), "k".to_owned()))
        );
        assert_eq!(file("/etc/other"), None);
    }

    #[test]
    fn a_tag_that_is_no_version() {
        assert_eq!(version("latest"), None);
        assert_eq!(version("3"), None);
        assert_eq!(version("v3.7.9").as_deref(), Some("v3.7.9"));
    }
}
