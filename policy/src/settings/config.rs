//! One controller's settings, in its own spelling: from the configuration, or from its objects.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Deserialize;
use serde_json::Value;

use crate::dialect;

/// One controller's settings, in the controller's own spelling.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GatewayConfig {
    /// The id of the dialect, as in `kubectl mtls get hosts`.
    pub dialect: String,
    /// The IngressClass that this controller serves; without it, all of the dialect.
    #[serde(default)]
    pub ingress_class: Option<String>,
    /// The controller's version, `1.15.1` or `v3.7.9`.
    #[serde(default)]
    pub version: Option<String>,
    /// The container's arguments, verbatim.
    #[serde(default)]
    #[schemars(extend("default" = null))]
    pub args: Vec<String>,
    /// The ConfigMap's data, verbatim.
    #[serde(default)]
    #[schemars(extend("default" = null))]
    pub config: BTreeMap<String, String>,
    /// Whether `args` are all arguments there are, even if there are none.
    #[serde(skip)]
    pub args_given: bool,
    /// Whether `config` is all that the ConfigMap holds, even if that is nothing.
    #[serde(skip)]
    pub config_given: bool,
}

/// A part of the settings that is known as a whole or not at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The container's arguments.
    Args,
    /// The ConfigMap.
    Config,
    /// The version.
    Version,
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

    /// Whether a part is known; otherwise the controller's defaults are assumed.
    pub fn knows(&self, part: Part) -> bool {
        match part {
            Part::Args => self.args_given || !self.args.is_empty(),
            Part::Config => self.config_given || !self.config.is_empty(),
            Part::Version => self.version.is_some(),
        }
    }

    /// These settings, and those of `other` for every part that is not known here. A part is
    /// taken whole: arguments and ConfigMap of two sources are never mixed.
    #[must_use]
    pub fn or(mut self, other: &Self) -> Self {
        if !self.knows(Part::Args) {
            self.args.clone_from(&other.args);
            self.args_given = other.args_given;
        }
        if !self.knows(Part::Config) {
            self.config.clone_from(&other.config);
            self.config_given = other.config_given;
        }
        if !self.knows(Part::Version) {
            self.version.clone_from(&other.version);
        }
        self
    }

    /// The schema of an entry, as OpenAPI 3 has them.
    pub fn schema() -> Value {
        let settings =
            SchemaSettings::openapi3().with(|settings| settings.inline_subschemas = true);
        settings
            .into_generator()
            .into_root_schema_for::<Self>()
            .to_value()
    }

    /// Reads the document of kind `Config`.
    ///
    /// # Errors
    /// When it has another form, with the reason.
    pub fn from_document(document: &Value) -> Result<Vec<Self>, String> {
        let document = Document::deserialize(document).map_err(|error| error.to_string())?;
        document.gateways.iter().map(Self::from_entry).collect()
    }

    /// One entry of such a document.
    ///
    /// # Errors
    /// When a field is unknown or of another type, or there is no such dialect.
    pub fn from_entry(entry: &Value) -> Result<Self, String> {
        let mut config = Self::deserialize(entry).map_err(|error| error.to_string())?;
        if dialect::by_id(&config.dialect).is_none() {
            return Err(format!("there is no dialect {:?}", config.dialect));
        }
        config.args_given = !entry["args"].is_null();
        config.config_given = !entry["config"].is_null();
        Ok(config)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Document {
    #[serde(rename = "apiVersion")]
    _api_version: String,
    #[serde(rename = "kind")]
    _kind: String,
    #[serde(default)]
    gateways: Vec<Value>,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

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

    #[test]
    fn what_is_given_wins_part_by_part() {
        let document = json!({"apiVersion": "x", "kind": "Config", "gateways":
            [{"dialect": "ingress-nginx", "args": [], "config": {"a": "1"}}]});
        let given = GatewayConfig::from_document(&document).unwrap().remove(0);
        let learnt = GatewayConfig {
            version: Some("1.15.1".into()),
            args: vec!["--x".into()],
            config: BTreeMap::from([("b".into(), "2".into())]),
            ..GatewayConfig::default()
        };
        let merged = given.or(&learnt);
        assert_eq!(merged.version.as_deref(), Some("1.15.1"));
        assert!(merged.args.is_empty() && merged.knows(Part::Args));
        assert_eq!(merged.config.len(), 1);
        assert!(merged.config.contains_key("a"));
    }
}
