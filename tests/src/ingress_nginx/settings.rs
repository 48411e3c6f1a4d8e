//! What the controller is told: arguments (`pkg/flags/flags.go`), ConfigMap
//! (`internal/ingress/controller/config/config.go`) and what its version takes for granted.

use std::collections::BTreeMap;

use anyhow::Context as _;
use serde_json::Value;

use super::annotation::Risk;
use super::manifest::Manifests;
use super::number;

/// Arguments and ConfigMap.
pub struct Settings {
    pub(super) class: String,
    pub(super) controller_class: String,
    pub(super) class_by_name: bool,
    pub(super) without_class: bool,
    pub(super) namespace: Option<String>,
    pub(super) prefix: String,
    pub(super) validates: bool,
    /// Whether the mode is matched as a whole.
    pub(super) anchored: bool,
    pub(super) risk: Risk,
    pub(super) blocklist: String,
    pub(super) cross_namespace: bool,
    pub(super) ssl_redirect: bool,
    pub(super) force_ssl_redirect: bool,
    pub(super) no_tls_redirect: String,
    /// Whether `X-Forwarded-Proto` of clients is believed.
    pub forwarded_headers: bool,
    /// `--enable-ssl-passthrough`.
    pub passthrough: bool,
    /// `allow-snippet-annotations`.
    pub(super) snippets: bool,
    /// Whether nobody is served by a server of that name.
    pub(super) reject_handshake: bool,
}

impl Settings {
    /// From a document of kind `Config`, and from the controller's workload and ConfigMap where
    /// they are among the objects.
    ///
    /// # Errors
    /// When the document cannot be read.
    pub(super) fn read(manifests: &Manifests, config: Option<&str>) -> anyhow::Result<Self> {
        let gateway = gateway(config)?;
        let told = |key: &str| serde_json::from_value(gateway[key].clone());
        let controller = |args: &&Vec<String>| {
            args.iter()
                .any(|arg| arg.trim_start_matches('/') == "nginx-ingress-controller")
        };
        let mut args: Vec<String> = told("args").unwrap_or_default();
        if args.is_empty() {
            args.extend(
                manifests
                    .containers
                    .iter()
                    .find(controller)
                    .into_iter()
                    .flatten()
                    .cloned(),
            );
        }
        let flags = flags(&args);
        let mut data: BTreeMap<String, String> =
            serde_json::from_value(gateway["config"].clone()).unwrap_or_default();
        if let Some(named) = flags.get("configmap").and_then(|name| map(manifests, name)) {
            named.iter().for_each(|(key, value)| {
                data.entry(key.clone()).or_insert_with(|| value.clone());
            });
        }
        let version = gateway["version"].as_str().unwrap_or("1.15.1");
        let mut settings = Self::told(&flags, &data, since(version, &[1, 12]));
        // changelog/controller-1.11.2.md: #11717 to #11719.
        settings.anchored = since(version, &[1, 11, 2]);
        if let Some(own) = manifests.controller_class()
            && !flags.contains_key("controller-class")
        {
            own.clone_into(&mut settings.controller_class);
        }
        if let Some(class) = gateway["ingressClass"].as_str()
            && !flags.contains_key("ingress-class")
        {
            class.clone_into(&mut settings.class);
        }
        Ok(settings)
    }

    /// `strict`: from 1.12.0 on, annotations are validated, other namespaces are closed, and the
    /// risk level is High (changelog/controller-1.12.0.md).
    fn told(
        flags: &BTreeMap<String, String>,
        data: &BTreeMap<String, String>,
        strict: bool,
    ) -> Self {
        let word =
            |key: &str, default: &str| flags.get(key).map_or(default, String::as_str).to_owned();
        let flag = |key: &str, default| {
            let value = flags.get(key).map(String::as_str);
            value.and_then(number::boolean).unwrap_or(default)
        };
        let on = |key: &str, default| {
            let value = data.get(key).map(String::as_str);
            value.and_then(number::boolean).unwrap_or(default)
        };
        let text =
            |key: &str, default: &str| data.get(key).map_or(default, String::as_str).to_owned();
        Self {
            class: word("ingress-class", "nginx"),
            controller_class: word("controller-class", "k8s.io/ingress-nginx"),
            class_by_name: flag("ingress-class-by-name", false),
            without_class: flag("watch-ingress-without-class", false),
            namespace: flags
                .get("watch-namespace")
                .cloned()
                .filter(|name| !name.is_empty()),
            prefix: word("annotations-prefix", "nginx.ingress.kubernetes.io"),
            anchored: true,
            validates: flag("enable-annotation-validation", strict),
            risk: Risk::of(&text(
                "annotations-risk-level",
                if strict { "High" } else { "Critical" },
            )),
            blocklist: text("annotation-value-word-blocklist", ""),
            cross_namespace: on("allow-cross-namespace-resources", !strict),
            ssl_redirect: on("ssl-redirect", true),
            force_ssl_redirect: on("force-ssl-redirect", false),
            no_tls_redirect: text("no-tls-redirect-locations", "/.well-known/acme-challenge"),
            forwarded_headers: on("use-forwarded-headers", false),
            passthrough: flag("enable-ssl-passthrough", false),
            snippets: on("allow-snippet-annotations", false),
            reject_handshake: on("ssl-reject-handshake", false),
        }
    }
}

/// The row of the document that is meant for this controller.
fn gateway(config: Option<&str>) -> anyhow::Result<Value> {
    let Some(config) = config else {
        return Ok(Value::Null);
    };
    let config: Value = serde_saphyr::from_str(config).context("reading the configuration")?;
    let rows = config["gateways"].as_array().into_iter().flatten();
    let mut rows = rows.filter(|row| row["dialect"] == "ingress-nginx");
    Ok(rows.next().cloned().unwrap_or_default())
}

/// The ConfigMap of `--configmap`, where `$(POD_NAMESPACE)` stands for any namespace.
fn map<'a>(manifests: &'a Manifests, name: &str) -> Option<&'a BTreeMap<String, String>> {
    let (namespace, name) = name.split_once('/')?;
    let found = manifests.config_maps.iter().find(|(key, _)| {
        key.split_once('/').is_some_and(|(place, own)| {
            own == name && (place == namespace || namespace.starts_with("$("))
        })
    });
    found.map(|(_, data)| data)
}

/// `--name=value`, `--name value` and `--name`.
fn flags(args: &[String]) -> BTreeMap<String, String> {
    let mut flags = BTreeMap::new();
    for word in args {
        let Some(word) = word.strip_prefix("--") else {
            continue;
        };
        let (name, value) = match word.split_once('=') {
            Some((name, value)) => (name, value.to_owned()),
            None => (word, "true".to_owned()),
        };
        flags.insert(name.to_owned(), value);
    }
    flags
}

fn since(version: &str, least: &[u32]) -> bool {
    let numbers = version.trim_start_matches('v').split('.');
    let numbers: Vec<u32> = numbers.map_while(|number| number.parse().ok()).collect();
    numbers.as_slice() >= least
}
