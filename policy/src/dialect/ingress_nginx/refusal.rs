//! Why the controller does not load an Ingress, whatever its Secret: risk, words, values that one
//! of the parsers refuses, and what its deep inspection finds.

use serde_json::Value;

use super::controller::Risk;
use super::values::{Ingress, is_basic, is_server_name, parse_bool, shown};
use crate::fact::{Harm, Remark, RemarkKind};

/// Annotations above low risk, as their parsers state it (`internal/ingress/annotations/*/main.go`).
/// Those about client certificates are among them.
const RISKS: [(Risk, &[&str]); 3] = [
    (
        Risk::Critical,
        &[
            "auth-snippet",
            "configuration-snippet",
            "modsecurity-snippet",
            "server-snippet",
            "stream-snippet",
        ],
    ),
    (
        Risk::High,
        &[
            "auth-signin",
            "auth-tls-error-page",
            "auth-tls-match-cn",
            "auth-url",
            "mirror-host",
            "mirror-target",
            "modsecurity-transaction-id",
            "proxy-ssl-name",
            "server-alias",
            "upstream-hash-by",
        ],
    ),
    (
        Risk::Medium,
        &[
            "affinity-mode",
            "allowlist-source-range",
            "app-root",
            "auth-cache-duration",
            "auth-cache-key",
            "auth-proxy-set-headers",
            "auth-realm",
            "auth-request-redirect",
            "auth-response-headers",
            "auth-secret",
            "auth-signin-redirect-param",
            "auth-tls-secret",
            "auth-tls-verify-client",
            "canary-by-cookie",
            "canary-by-header",
            "canary-by-header-pattern",
            "canary-by-header-value",
            "cors-allow-headers",
            "cors-allow-methods",
            "cors-allow-origin",
            "cors-expose-headers",
            "custom-headers",
            "denylist-source-range",
            "fastcgi-index",
            "fastcgi-params-configmap",
            "force-ssl-redirect",
            "opentelemetry-operation-name",
            "preserve-trailing-slash",
            "proxy-body-size",
            "proxy-cookie-domain",
            "proxy-cookie-path",
            "proxy-next-upstream",
            "proxy-redirect-from",
            "proxy-redirect-to",
            "proxy-ssl-ciphers",
            "proxy-ssl-secret",
            "rewrite-target",
            "session-cookie-domain",
            "session-cookie-expires",
            "session-cookie-max-age",
            "session-cookie-name",
            "session-cookie-path",
            "whitelist-source-range",
            "x-forwarded-prefix",
        ],
    ),
];

/// Whether a value is taken.
type Validator = fn(&str) -> bool;

/// Annotations whose invalid value drops the whole Ingress, because their parsers pass the error
/// on, with their validators. Values are validated as they stand, or without blanks.
const STRICT: [(&str, Validator); 5] = [
    ("http2-push-preload", |value| parse_bool(value).is_some()),
    ("proxy-ssl-secret", |value| {
        value.replace(' ', "").chars().all(is_basic)
    }),
    ("server-alias", |value| value.split(',').all(is_server_name)),
    ("ssl-passthrough", |value| parse_bool(value).is_some()),
    ("upstream-vhost", is_server_name),
];

impl Ingress<'_> {
    /// The first reason, and a remark for each that concerns client certificates.
    pub(super) fn refused(&self, remarks: &mut Vec<Remark>) -> Option<String> {
        let mut reasons = self.too_risky();
        reasons.extend(self.blocked());
        reasons.extend(self.refused_by_parsers());
        reasons.extend(self.inspected());
        if self.mentions() {
            remarks.extend(
                reasons
                    .iter()
                    .map(|(pointer, reason)| self.not_loaded(pointer, reason)),
            );
        }
        reasons.into_iter().next().map(|(_, reason)| reason)
    }

    fn not_loaded(&self, pointer: &str, reason: &str) -> Remark {
        super::values::remark(
            self.at(pointer),
            RemarkKind::Invalid,
            Harm::Closes,
            &format!("{reason}: the controller does not load the Ingress"),
            "change the Ingress, or what the controller is told",
        )
    }

    /// `CheckAnnotationRisk` (`validators.go:253-266`), even where the value is empty.
    fn too_risky(&self) -> Vec<(String, String)> {
        let borne = self.controller.risk();
        let bad = RISKS
            .iter()
            .filter(|(risk, _)| *risk > borne)
            .flat_map(|(risk, names)| {
                let here = names.iter().filter(|name| self.has(name));
                here.map(move |name| (*name, *risk))
            });
        bad.map(|(name, risk)| {
            let reason =
                format!("{name} is of risk {risk:?}, and annotations-risk-level is {borne:?}");
            (self.site(name).pointer, reason)
        })
        .collect()
    }

    /// `checkBadAnnotationValue` (`store/store.go:901-916`).
    fn blocked(&self) -> Option<(String, String)> {
        let words = self.controller.blocked_words();
        let own = self
            .object
            .annotations
            .iter()
            .filter(|(key, _)| key.starts_with(&self.controller.prefix));
        own.filter(|_| !words.is_empty()).find_map(|(key, value)| {
            let word = words.iter().find(|word| value.contains(**word))?;
            let reason =
                format!("{key} contains {word:?}, a word of annotation-value-word-blocklist");
            Some((crate::object::annotation_pointer(key), reason))
        })
    }

    fn refused_by_parsers(&self) -> Vec<(String, String)> {
        if !self.controller.validates() {
            return Vec::new();
        }
        let bad = STRICT.iter().filter_map(|(suffix, valid)| {
            let value = self.raw(suffix).filter(|value| !valid(value))?;
            Some((
                self.site(suffix).pointer,
                format!("{suffix} {} is not valid", shown(value)),
            ))
        });
        bad.collect()
    }

    /// `inspector.DeepInspect` looks for directives in hosts, paths and names of server certificates.
    fn inspected(&self) -> Option<(String, String)> {
        if !self.controller.inspects() {
            return None;
        }
        let spec = &self.object.spec;
        let rules = list(&spec["rules"]).enumerate().map(|(index, rule)| {
            let paths = list(&rule["http"]["paths"]).map(|path| &path["path"]);
            let found = directive(paths.chain([&rule["host"]]));
            (found, format!("/spec/rules/{index}"))
        });
        let tls = list(&spec["tls"]).enumerate().map(|(index, tls)| {
            let found = directive(list(&tls["hosts"]).chain([&tls["secretName"]]));
            (found, format!("/spec/tls/{index}"))
        });
        let (text, pointer) = rules
            .chain(tls)
            .find_map(|(found, at)| Some((found?, at)))?;
        let reason = format!("{} looks like a directive of nginx", shown(text));
        Some((pointer, reason))
    }
}

/// The items of a list; none of anything else.
fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// The first text that looks like a directive.
fn directive<'a>(texts: impl Iterator<Item = &'a Value>) -> Option<&'a str> {
    let mut texts = texts.filter_map(Value::as_str);
    texts.find(|text| is_directive(text))
}

/// Files that no Ingress has to name.
const FILES: [&str; 5] = [
    "/etc/passwd",
    "/etc/shadow",
    "/etc/group",
    "/etc/nginx",
    "/etc/ingress-controller",
];

/// The regular expressions of `internal/ingress/inspector/rules.go`.
fn is_directive(text: &str) -> bool {
    let ended = |word: &str| {
        text.find(word)
            .is_some_and(|at| text[at + word.len()..].contains(';'))
    };
    ended("alias")
        || ended("root")
        || text.contains("_by_lua")
        || text.contains("/var/run/secrets")
        || FILES.iter().any(|name| text.contains(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directives_are_seen() {
        for text in [
            "/a;alias /etc;",
            "root x;",
            "/x_by_lua",
            "/etc/nginx/x",
            "/var/run/secrets/a",
        ] {
            assert!(is_directive(text), "{text}");
        }
        for text in ["/alias", "/root", ";alias", "/etc/hosts"] {
            assert!(!is_directive(text), "{text}");
        }
    }
}
