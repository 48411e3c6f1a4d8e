//! The values that a Helm chart is given by an object: k3s' HelmChart and HelmChartConfig, Flux'
//! HelmRelease, Argo CD's Application.

use serde_json::{Map, Value};

use crate::{Object, yaml};

/// What one object says about a release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    /// The namespace of the object that tells of it.
    pub namespace: String,
    /// The release's name.
    pub name: String,
    /// The chart's name, without repository and version.
    pub chart: String,
    /// The values.
    pub values: Value,
}

impl Release {
    /// Reads an object that installs a chart.
    pub(super) fn read(object: &Object) -> Option<Self> {
        let spec = &object.spec;
        let (chart, values) = match (object.id.group(), object.id.kind.as_str()) {
            ("helm.cattle.io", "HelmChart") => (&spec["chart"], content(&spec["valuesContent"])),
            // It adds to the HelmChart of its name, and knows no chart itself.
            ("helm.cattle.io", "HelmChartConfig") => {
                (&Value::Null, content(&spec["valuesContent"]))
            }
            ("helm.toolkit.fluxcd.io", "HelmRelease") => (
                &spec["chart"]["spec"]["chart"],
                Some(spec["values"].clone()),
            ),
            ("argoproj.io", "Application") => argo(spec),
            _ => return None,
        };
        Some(Self {
            namespace: object.id.namespace.clone(),
            name: object.id.name.clone(),
            chart: chart_name(chart.as_str().unwrap_or(&object.id.name)).to_owned(),
            values: values.filter(Value::is_object)?,
        })
    }

    /// The value at a path of keys.
    pub fn value(&self, path: &[&str]) -> &Value {
        path.iter().fold(&self.values, |value, key| &value[*key])
    }

    /// Lays the values of another object over these.
    pub(super) fn lay(&mut self, other: &Value) {
        merge(&mut self.values, other);
    }
}

/// `source`, or the one of several that has a chart.
fn argo(spec: &Value) -> (&Value, Option<Value>) {
    let several = spec["sources"].as_array().into_iter().flatten();
    let mut sources = std::iter::once(&spec["source"]).chain(several);
    let source = sources.find(|source| source["chart"].is_string());
    let source = source.unwrap_or(&Value::Null);
    let helm = &source["helm"];
    let object = Some(&helm["valuesObject"]).filter(|values| values.is_object());
    let values = object.cloned().or_else(|| content(&helm["values"]));
    (&source["chart"], values)
}

/// YAML in a string; no string is no value.
fn content(text: &Value) -> Option<Value> {
    let Some(text) = text.as_str() else {
        return Some(Value::Object(Map::new()));
    };
    match yaml::parse(text).ok()? {
        Value::Null => Some(Value::Object(Map::new())),
        values => Some(values),
    }
}

/// `https://…/traefik-38.0.2+up38.0.2.tgz` and `repo/traefik` are both `traefik`.
fn chart_name(chart: &str) -> &str {
    let last = chart.rsplit('/').next().unwrap_or_default();
    let last = last.strip_suffix(".tgz").unwrap_or(last);
    let version = last
        .match_indices('-')
        .find(|(at, _)| last[at + 1..].starts_with(|first: char| first.is_ascii_digit()));
    version.map_or(last, |(at, _)| &last[..at])
}

/// As Helm merges values: mappings key by key, everything else is replaced. Null, which removes
/// a default there, is kept, and is no value for who reads it.
pub(crate) fn merge(into: &mut Value, from: &Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                merge(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (into, from) => into.clone_from(from),
    }
}

/// A scalar as Helm's templates print it; `None` for mappings, lists and null.
pub(crate) fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    #[test]
    fn every_installer_is_read() {
        let content = "a:\n  b: 1\n";
        for (api_version, kind, spec) in [
            (
                "helm.cattle.io/v1",
                "HelmChart",
                json!({"chart": "https://x/gate-38.0.2+up1.tgz", "valuesContent": content}),
            ),
            (
                "helm.cattle.io/v1",
                "HelmChartConfig",
                json!({"valuesContent": content}),
            ),
            (
                "helm.toolkit.fluxcd.io/v2",
                "HelmRelease",
                json!({"chart": {"spec": {"chart": "gate"}}, "values": {"a": {"b": 1}}}),
            ),
            (
                "argoproj.io/v1alpha1",
                "Application",
                json!({"source": {"chart": "gate", "helm": {"values": content}}}),
            ),
            (
                "argoproj.io/v1alpha1",
                "Application",
                json!({"sources": [{}, {"chart": "gate", "helm": {"valuesObject": {"a": {"b": 1}}}}]}),
            ),
        ] {
            let object = json!({"apiVersion": api_version, "kind": kind,
                "metadata": {"name": "gate", "namespace": "n"}, "spec": spec});
            let release = Release::read(&Object::from_value(&object).unwrap()).unwrap();
            assert_eq!(
                (release.chart.as_str(), release.value(&["a", "b"])),
                ("gate", &json!(1)),
                "{kind}"
            );
        }
    }

    #[test]
    fn values_are_merged_as_in_helm() {
        let mut values = json!({"ports": {"web": {"port": 80}, "x": 1}});
        merge(&mut values, &json!({"ports": {"web": null, "y": [2]}}));
        assert_eq!(values, json!({"ports": {"web": null, "x": 1, "y": [2]}}));
    }
}
