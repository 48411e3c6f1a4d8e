//! What a gateway is told outside the objects: version, flags, ConfigMap, IngressClasses.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use crate::Object;

/// The annotation that named an Ingress' class before `spec.ingressClassName`.
pub(crate) const CLASS_ANNOTATION: &str = "kubernetes.io/ingress.class";

/// The annotation that makes an IngressClass the default.
const DEFAULT_CLASS: &str = "ingressclass.kubernetes.io/is-default-class";

/// Everything that is known about the gateways themselves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// One entry for every controller that the configuration names.
    pub gateways: Vec<GatewayConfig>,
    /// IngressClass name to `spec.controller`, as far as seen.
    pub classes: BTreeMap<String, String>,
    /// GatewayClass name to `spec.controllerName`, as far as seen.
    pub gateway_classes: BTreeMap<String, String>,
    /// The IngressClasses that are the default.
    pub default_classes: BTreeSet<String>,
}

/// One controller's settings, in the controller's own spelling.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GatewayConfig {
    /// The id of the dialect, as in `kubectl mtls get hosts`.
    pub dialect: String,
    /// The IngressClass that this controller serves.
    #[serde(default)]
    pub ingress_class: Option<String>,
    /// The controller's version, `1.15.1` or `v3.7.9`.
    #[serde(default)]
    pub version: Option<String>,
    /// The container's arguments, verbatim.
    #[serde(default)]
    pub args: Vec<String>,
    /// The ConfigMap's data, verbatim.
    #[serde(default)]
    pub config: BTreeMap<String, String>,
}

impl GatewayConfig {
    /// The value of a flag, `--name=value` or a bare `--name` (then `true`); names are compared
    /// without case, as Traefik does. The last one wins.
    pub fn flag(&self, name: &str) -> Option<&str> {
        self.args.iter().rev().find_map(|arg| {
            let arg = arg.trim_start_matches('-');
            let (key, value) = arg.split_once('=').unwrap_or((arg, "true"));
            key.eq_ignore_ascii_case(name).then_some(value)
        })
    }

    /// Whether a boolean flag is on.
    pub fn is_on(&self, name: &str) -> bool {
        self.flag(name)
            .is_some_and(|value| value.eq_ignore_ascii_case("true") || value == "1")
    }

    /// Whether a key of the ConfigMap says `true`; `default` where it is absent.
    pub fn config_is_on(&self, key: &str, default: bool) -> bool {
        self.config
            .get(key)
            .map_or(default, |value| value.trim() == "true")
    }

    /// Major and minor version, where known.
    pub fn release(&self) -> Option<(u32, u32)> {
        let version = self.version.as_deref()?.trim_start_matches('v');
        let mut parts = version.split('.').map(str::parse);
        Some((parts.next()?.ok()?, parts.next()?.ok()?))
    }
}

impl Settings {
    /// The settings of one gateway; the controller's defaults where the configuration is silent.
    pub fn gateway(&self, dialect: &str, instance: &str) -> GatewayConfig {
        let named = |config: &&GatewayConfig| {
            config.dialect == dialect && config.ingress_class.as_deref() == Some(instance)
        };
        let sole =
            |config: &&GatewayConfig| config.dialect == dialect && config.ingress_class.is_none();
        let found = self
            .gateways
            .iter()
            .find(named)
            .or_else(|| self.gateways.iter().find(sole));
        found.cloned().unwrap_or_default()
    }

    /// Takes note of an IngressClass or a GatewayClass; other kinds are no settings.
    pub fn learn(&mut self, object: &Object) {
        let name = &object.id.name;
        let text = |field: &str| object.spec[field].as_str().unwrap_or_default().to_owned();
        match object.id.kind.as_str() {
            "IngressClass" => {
                self.classes.insert(name.clone(), text("controller"));
                match object.annotation(DEFAULT_CLASS) {
                    Some("true") => drop(self.default_classes.insert(name.clone())),
                    Some(_) | None => drop(self.default_classes.remove(name)),
                }
            }
            "GatewayClass" => {
                self.gateway_classes
                    .insert(name.clone(), text("controllerName"));
            }
            _ => {}
        }
    }

    /// Forgets a class of either kind.
    pub fn forget(&mut self, kind: &str, name: &str) {
        if kind == "GatewayClass" {
            self.gateway_classes.remove(name);
        } else {
            self.classes.remove(name);
            self.default_classes.remove(name);
        }
    }

    /// The default class of a controller.
    pub(crate) fn default_class(&self, controller: &str) -> Option<&str> {
        let serves = |name: &&String| self.classes.get(*name).is_some_and(|who| who == controller);
        self.default_classes.iter().find(serves).map(String::as_str)
    }
}

/// The class that an Ingress asks for; `spec.ingressClassName` goes before the annotation.
pub(crate) fn class_of(object: &Object) -> Option<&str> {
    object.spec["ingressClassName"]
        .as_str()
        .or_else(|| object.annotation(CLASS_ANNOTATION))
        .filter(|class| !class.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_found_without_case_and_the_last_wins() {
        let config = GatewayConfig {
            args: vec!["--a.B=1".into(), "--a.b=x".into(), "--on".into()],
            version: Some("v3.7.9".into()),
            ..GatewayConfig::default()
        };
        assert_eq!(config.flag("A.b"), Some("x"));
        assert!(config.is_on("on"));
        assert_eq!(config.release(), Some((3, 7)));
    }
}
