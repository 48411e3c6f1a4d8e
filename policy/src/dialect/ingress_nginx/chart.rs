//! The values of the Helm chart as what it makes of them: flags and ConfigMap
//! (`charts/ingress-nginx/templates/_params.tpl`, `controller-configmap.yaml`).

use std::collections::BTreeMap;

use serde_json::Value;

use super::DIALECT;
use super::settings::{APPS, learnt};
use crate::GatewayConfig;
use crate::settings::{Learnt, Release, scalar, version};

pub(super) fn settings(release: &Release) -> Option<Learnt> {
    if !APPS.contains(&release.chart.as_str()) {
        return None;
    }
    let value = |path: &[&str]| release.value(&[&["controller"], path].concat());
    let mut args: Vec<_> = flags(release).collect();
    args.extend(
        entries(value(&["extraArgs"])).map(|(key, value)| match value.as_str() {
            "" => format!("--{key}"),
            value => format!("--{key}={value}"),
        }),
    );
    let mut config: BTreeMap<_, _> = entries(value(&["config"])).collect();
    if value(&["allowSnippetAnnotations"]) == true {
        config
            .entry("allow-snippet-annotations".to_owned())
            .or_insert("true".to_owned());
    }
    let tag = value(&["image", "tag"]).as_str();
    let mut learnt = learnt(
        GatewayConfig {
            version: tag.and_then(version),
            args,
            args_given: true,
            config,
            config_given: true,
            ..GatewayConfig::default()
        },
        None,
    );
    let class = value(&["ingressClassResource", "name"]).as_str();
    learnt.config.ingress_class = class.map(str::to_owned).or(learnt.config.ingress_class);
    Some(learnt)
}

/// The flags that the chart makes of values of their own.
fn flags(release: &Release) -> impl Iterator<Item = String> {
    let value = |path: &[&str]| scalar(release.value(&[&["controller"], path].concat()));
    let class = value(&["ingressClassResource", "controllerValue"]);
    let named = [
        ("controller-class", class),
        (
            "ingress-class",
            value(&["ingressClass"]).or(Some(DIALECT.class.to_owned())),
        ),
        ("ingress-class-by-name", value(&["ingressClassByName"])),
        (
            "watch-ingress-without-class",
            value(&["watchIngressWithoutClass"]),
        ),
        (
            "enable-annotation-validation",
            value(&["enableAnnotationValidations"]),
        ),
    ];
    named
        .into_iter()
        .filter_map(|(name, value)| Some(format!("--{name}={}", value?)))
}

fn entries(map: &Value) -> impl Iterator<Item = (String, String)> {
    let entries = map.as_object().into_iter().flatten();
    entries.filter_map(|(key, value)| Some((key.clone(), scalar(value)?)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use crate::{Object, Settings};
    use serde_json::{Value, json};

    fn learnt(object: &Value) -> Settings {
        let mut settings = Settings::default();
        settings.learn(&Object::from_value(object).unwrap());
        settings
    }

    #[test]
    fn the_values_of_the_chart() {
        let values = "controller:
  image: {tag: v1.14.5}
  config: {ssl-redirect: false, use-forwarded-headers: \"true\"}
  extraArgs: {enable-ssl-passthrough: \"\", v: 3}
  ingressClassResource: {name: inside, controllerValue: k8s.io/inside}
";
        let object = json!({"apiVersion": "helm.cattle.io/v1", "kind": "HelmChartConfig",
            "metadata": {"name": "rke2-ingress-nginx", "namespace": "kube-system"},
            "spec": {"valuesContent": values}});
        let config = learnt(&object).gateway("ingress-nginx", "inside");
        assert_eq!(config.release(), Some((1, 14)));
        assert_eq!(
            (config.flag("v"), config.flag("controller-class")),
            (Some("3"), Some("k8s.io/inside"))
        );
        assert!(config.is_on("enable-ssl-passthrough"));
        assert!(
            !config.config_is_on("ssl-redirect", true)
                && config.config_is_on("use-forwarded-headers", false)
        );
    }
}
