//! The values of Traefik's Helm chart as the arguments that it makes of them
//! (traefik/traefik-helm-chart, `traefik/values.yaml`, `traefik/templates/_podtemplate.tpl`).

use serde_json::{Map, Value, json};

use super::settings::flags;
use crate::GatewayConfig;
use crate::object::strings;
use crate::settings::{Release, merge, scalar, version};

pub(super) fn settings(release: &Release, charts: &[&str]) -> Option<GatewayConfig> {
    if !charts.contains(&release.chart.as_str()) {
        return None;
    }
    let tag = release.value(&["image", "tag"]).as_str();
    let version = tag
        .or(release.value(&["versionOverride"]).as_str())
        .and_then(version);
    let mut args = strings(release.value(&["globalArguments"]));
    args.extend(ports(release.value(&["ports"])));
    args.extend(providers(release.value(&["providers"])));
    if release.value(&["core", "strictTLSOptions"]) == true {
        args.push("--core.strictTLSOptions=true".to_owned());
    }
    args.extend(experimental(release.value(&["experimental"])));
    args.extend(strings(release.value(&["additionalArguments"])));
    Some(GatewayConfig {
        version,
        args,
        args_given: true,
        ..GatewayConfig::default()
    })
}

/// The ports that the Service shows, `web` and `websecure` by default. One of null is none.
fn ports(values: &Value) -> Vec<String> {
    let mut ports = json!({
        "web": {"port": 8000},
        "websecure": {"port": 8443, "http": {"tls": {"enabled": true}}},
        "traefik": {"expose": {"default": false}},
        "metrics": {"expose": {"default": false}},
    });
    merge(&mut ports, values);
    let ports = ports.as_object().into_iter().flatten();
    let shown = ports.filter(|(_, port)| port.is_object() && port["expose"]["default"] != false);
    shown
        .flat_map(|(name, port)| entry_point(name, port))
        .collect()
}

/// Charts before 39 had the settings of `http` beside it.
fn entry_point(name: &str, port: &Value) -> Vec<String> {
    let mut http = port["http"].clone();
    for field in ["middlewares", "redirections", "tls"] {
        if !port[field].is_null() {
            merge(&mut http, &json!({field: &port[field]}));
        }
    }
    let mut settings = Map::new();
    let mut set = |path: &str, value: &Value| {
        let said = !matches!(value, Value::Null | Value::Bool(false)) && *value != "";
        if said && value.as_array().is_none_or(|list| !list.is_empty()) {
            settings.insert(path.to_owned(), value.clone());
        }
    };
    let number = scalar(&port["port"]).unwrap_or_default();
    let protocol = port["protocol"].as_str().unwrap_or("tcp").to_lowercase();
    set("address", &format!(":{number}/{protocol}").into());
    set("asDefault", &port["asDefault"]);
    set("http.middlewares", &http["middlewares"]);
    let to = http["redirections"]["entryPoint"]["to"].clone();
    let older = [&port["redirectTo"]["port"], &port["redirectTo"]];
    let older = older.into_iter().find(|to| to.is_string());
    set("http.redirections.entryPoint.to", older.unwrap_or(&to));
    if http["tls"]["enabled"] == true {
        set("http.tls", &Value::Bool(true));
        set("http.tls.options", &http["tls"]["options"]);
        set("http.tls.certResolver", &http["tls"]["certResolver"]);
    }
    set("http3", &port["http3"]["enabled"]);
    set(
        "forwardedHeaders.insecure",
        &port["forwardedHeaders"]["insecure"],
    );
    set(
        "forwardedHeaders.trustedIPs",
        &port["forwardedHeaders"]["trustedIPs"],
    );
    flags(&json!({"entryPoints": {name: settings}}))
}

/// The Kubernetes providers that are on, with their settings.
fn providers(values: &Value) -> Vec<String> {
    let defaults =
        json!({"kubernetesCRD": {"enabled": true}, "kubernetesIngress": {"enabled": true}});
    let mut providers = defaults;
    merge(&mut providers, values);
    let providers = providers.as_object().into_iter().flatten();
    let on = providers.filter(|(_, provider)| provider["enabled"] == true);
    on.flat_map(|(name, provider)| {
        let settings = provider.as_object().into_iter().flatten();
        let said = settings.filter(|(key, value)| *key != "enabled" && is_said(value));
        let said: Map<_, _> = said
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        let mut args = vec![format!("--providers.{name}=true")];
        if !said.is_empty() {
            args.extend(flags(&json!({"providers": {name: said}})));
        }
        args
    })
    .collect()
}

fn is_said(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Bool(_) | Value::Number(_) | Value::Object(_) => true,
    }
}

/// `experimental.NAME.enabled`, or `experimental.NAME: true`.
fn experimental(values: &Value) -> Vec<String> {
    let values = values.as_object().into_iter().flatten();
    let on = values.filter(|(_, value)| **value == true || value["enabled"] == true);
    on.map(|(name, _)| format!("--experimental.{name}=true"))
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use crate::{GatewayConfig, Object, Settings};
    use serde_json::{Value, json};

    fn object(kind: &str, values: &str) -> Value {
        json!({"apiVersion": "helm.cattle.io/v1", "kind": kind,
            "metadata": {"name": "traefik", "namespace": "kube-system"},
            "spec": {"chart": "https://%{KUBERNETES_API}%/static/charts/traefik-38.0.201+up38.0.2.tgz",
                "valuesContent": values}})
    }

    fn learnt(objects: &[Value]) -> GatewayConfig {
        let mut settings = Settings::default();
        for object in objects {
            settings.learn(&Object::from_value(object).unwrap());
        }
        settings.gateway("traefik", "traefik")
    }

    #[test]
    fn what_k3s_is_told_is_laid_over_the_chart() {
        let config = learnt(&[
            object(
                "HelmChartConfig",
                "ports:
  web:
    redirections: {entryPoint: {to: websecure}}
  websecure:
    tls: {options: shop-mtls@kubernetescrd}
providers:
  kubernetesCRD: {allowCrossNamespace: true}
additionalArguments: [--log.level=DEBUG]
",
            ),
            object(
                "HelmChart",
                "image: {tag: 3.6.4}\nports: {web: {redirections: {entryPoint: {to: other}}}}\n",
            ),
        ]);
        assert_eq!(config.release(), Some((3, 6)));
        assert_eq!(
            config.flag("entryPoints.web.http.redirections.entryPoint.to"),
            Some("websecure")
        );
        assert_eq!(
            config.flag("entryPoints.websecure.http.tls.options"),
            Some("shop-mtls@kubernetescrd")
        );
        assert!(config.is_on("providers.kubernetescrd.allowcrossnamespace"));
        assert!(config.is_on("entryPoints.websecure.http.tls"));
        assert_eq!(config.flag("entryPoints.metrics.address"), None);
        assert_eq!(config.flag("log.level"), Some("DEBUG"));
    }

    #[test]
    fn ports_that_are_taken_away_and_tls_that_is_switched_off() {
        let config = learnt(&[object(
            "HelmChartConfig",
            "ports:
  web: null
  websecure: {http: {tls: {enabled: false}}}
  plain: {port: 9000, asDefault: true}
",
        )]);
        assert_eq!(config.flag("entryPoints.web.address"), None);
        assert_eq!(config.flag("entryPoints.websecure.http.tls"), None);
        assert!(config.is_on("entryPoints.plain.asDefault"));
    }

    #[test]
    fn the_chart_of_the_definitions_is_another() {
        let mut crds = object("HelmChart", "");
        crds["spec"]["chart"] = "https://x/traefik-crd-38.0.201.tgz".into();
        assert_eq!(learnt(&[crds]), GatewayConfig::default());
    }
}
