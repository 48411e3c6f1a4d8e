//! What the controller was told, with its defaults by version.

use crate::{GatewayConfig, Settings};

/// `parser.DefaultAnnotationsPrefix`.
const DEFAULT_PREFIX: &str = super::PREFIX;
/// The last release; what holds where no version is known.
const LAST: (u32, u32, u32) = (1, 15, 1);

/// How much risk of an annotation is borne (`annotations/parser/validators.go`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Risk {
    Low,
    Medium,
    High,
    Critical,
}

/// One controller.
pub(super) struct Controller {
    pub(super) config: GatewayConfig,
    pub(super) version: (u32, u32, u32),
    /// How its annotations begin, with the slash (`--annotations-prefix`).
    pub(super) prefix: String,
}

impl Controller {
    pub(super) fn of(settings: &Settings, instance: &str) -> Self {
        let config = settings.gateway(super::DIALECT.id, instance);
        let prefix = match config.flag("annotations-prefix") {
            Some(prefix) => format!("{prefix}/"),
            None => DEFAULT_PREFIX.to_owned(),
        };
        Self {
            version: config.version.as_deref().and_then(version).unwrap_or(LAST),
            prefix,
            config,
        }
    }

    /// Whether the annotations' prefix is the usual one.
    pub(super) fn has_usual_prefix(&self) -> bool {
        self.prefix == DEFAULT_PREFIX
    }

    /// `--enable-annotation-validation`, on since 1.12 (`pkg/flags/flags.go:162`).
    pub(super) fn validates(&self) -> bool {
        match self.config.flag("enable-annotation-validation") {
            Some(_) => self.config.is_on("enable-annotation-validation"),
            None => self.version >= (1, 12, 0),
        }
    }

    /// `annotations-risk-level`: High since 1.12, Critical before; a word that is none of the
    /// four means Low (`annotations/parser/main.go:200-211`).
    pub(super) fn risk(&self) -> Risk {
        let told = self.config.config.get("annotations-risk-level");
        match told.map(|level| level.to_lowercase()).as_deref() {
            Some("critical") => Risk::Critical,
            Some("high") => Risk::High,
            Some("medium") => Risk::Medium,
            Some(_) => Risk::Low,
            None if self.version >= (1, 12, 0) => Risk::High,
            None => Risk::Critical,
        }
    }

    /// `allow-snippet-annotations`, off since 1.9.
    pub(super) fn reads_snippets(&self) -> bool {
        let by_default = self.version < (1, 9, 0);
        self.config
            .config_is_on("allow-snippet-annotations", by_default)
    }

    /// `allow-cross-namespace-resources`, off since 1.12.
    pub(super) fn crosses_namespaces(&self) -> bool {
        let by_default = self.version < (1, 12, 0);
        self.config
            .config_is_on("allow-cross-namespace-resources", by_default)
    }

    /// `annotation-value-word-blocklist`; an empty word is in every value (`store/store.go:902`).
    pub(super) fn blocked_words(&self) -> Vec<&str> {
        let words = self.config.config.get("annotation-value-word-blocklist");
        let words = words.filter(|words| !words.is_empty());
        words.map_or(Vec::new(), |words| words.trim().split(',').collect())
    }

    /// `--deep-inspect`, on by default.
    pub(super) fn inspects(&self) -> bool {
        self.config.flag("deep-inspect").is_none() || self.config.is_on("deep-inspect")
    }

    /// Before 1.11.2 and 1.10.4 a mode needed only to contain a valid one.
    pub(super) fn anchors_modes(&self) -> bool {
        self.version >= (1, 11, 2) || (self.version >= (1, 10, 4) && self.version < (1, 11, 0))
    }

    /// Named error pages are understood since 1.12.6 and 1.13.2.
    pub(super) fn knows_named_pages(&self) -> bool {
        self.version >= (1, 13, 2) || (self.version >= (1, 12, 6) && self.version < (1, 13, 0))
    }

    /// Versions in which a pattern for the subject can smuggle directives into nginx
    /// (CVE-2025-1097).
    pub(super) fn injects_patterns(&self) -> bool {
        self.version < (1, 11, 5) || self.version == (1, 12, 0)
    }

    /// Path prefixes that are never redirected to HTTPS (`config.go:908`).
    pub(super) fn unredirected(&self) -> Vec<&str> {
        let told = self.config.config.get("no-tls-redirect-locations");
        let list = told.map_or("/.well-known/acme-challenge", String::as_str);
        let list = list.split(',').map(|item| item.trim_matches(' '));
        list.filter(|item| !item.is_empty()).collect()
    }
}

/// `v1.15.1`, `1.15`, `1.15.0-beta.1`.
fn version(text: &str) -> Option<(u32, u32, u32)> {
    let mut parts = text.trim_start_matches('v').splitn(3, '.');
    let (major, minor) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    let patch = parts.next().unwrap_or("0");
    let digits: String = patch.chars().take_while(char::is_ascii_digit).collect();
    Some((major, minor, digits.parse().unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(version: &str, config: &[(&str, &str)]) -> Controller {
        let config = GatewayConfig {
            dialect: "ingress-nginx".to_owned(),
            version: Some(version.to_owned()),
            config: config
                .iter()
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
                .collect(),
            ..GatewayConfig::default()
        };
        let settings = Settings {
            gateways: vec![config],
            ..Settings::default()
        };
        Controller::of(&settings, "nginx")
    }

    #[test]
    fn defaults_follow_the_version() {
        let (old, new) = (told("v1.11.1", &[]), told("1.15.1", &[]));
        assert_eq!((old.validates(), new.validates()), (false, true));
        assert_eq!((old.risk(), new.risk()), (Risk::Critical, Risk::High));
        assert!(old.crosses_namespaces() && !new.crosses_namespaces());
        assert!(!old.anchors_modes() && new.anchors_modes());
        assert!(told("1.12.0", &[]).injects_patterns() && !told("1.11.5", &[]).injects_patterns());
        assert!(
            told("1.12.6", &[]).knows_named_pages() && !told("1.13.1", &[]).knows_named_pages()
        );
        assert!(told("1.10.4", &[]).anchors_modes() && !told("1.11.0-beta.1", &[]).anchors_modes());
    }

    #[test]
    fn a_word_that_is_no_risk_level_means_low() {
        let level = |word: &str| told("1.15.1", &[("annotations-risk-level", word)]).risk();
        assert_eq!(
            [level("CRITICAL"), level("Medium"), level("none")],
            [Risk::Critical, Risk::Medium, Risk::Low]
        );
    }

    #[test]
    fn an_empty_word_is_in_every_value() {
        let list = |words: &str| {
            let controller = told("1.15.1", &[("annotation-value-word-blocklist", words)]);
            controller.blocked_words().len()
        };
        assert_eq!([list(""), list("a,b"), list("a,")], [0, 2, 2]);
    }
}
