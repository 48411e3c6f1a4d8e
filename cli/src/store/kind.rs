//! Secrets and ConfigMaps, which hold text each in their way.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use zeroize::Zeroizing;

/// Where text can be kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
#[value(rename_all = "lower")]
pub(crate) enum Kind {
    /// Values in plain.
    ConfigMap,
    /// Values in base64.
    #[default]
    Secret,
}

impl Kind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::ConfigMap => "ConfigMap",
            Self::Secret => "Secret",
        }
    }

    pub(super) fn plural(self) -> &'static str {
        match self {
            Self::ConfigMap => "configmaps",
            Self::Secret => "secrets",
        }
    }

    pub(super) fn encode(self, value: &str) -> Value {
        match self {
            Self::ConfigMap => value.into(),
            Self::Secret => Zeroizing::new(STANDARD.encode(value)).as_str().into(),
        }
    }

    pub(super) fn decode(self, value: &str) -> Option<Zeroizing<String>> {
        let bytes = match self {
            Self::ConfigMap => return Some(Zeroizing::new(value.to_owned())),
            Self::Secret => Zeroizing::new(STANDARD.decode(value).ok()?),
        };
        std::str::from_utf8(&bytes)
            .ok()
            .map(|text| Zeroizing::new(text.to_owned()))
    }
}
