//! Why the controller does not load an Ingress, whatever its Secret: risk, words, values that one
//! of the parsers refuses, and what its deep inspection finds.

use super::controller::Risk;
use super::values::{Ingress, is_basic, is_server_name, parse_bool};
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

/// Annotations whose invalid value drops the whole Ingress, because their parsers pass the error
/// on, with their validators. Values are validated as they stand, or without blanks.
const STRICT: [(&str, fn(&str) -> bool); 5] = [
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
                format!("{suffix} {value:?} is not valid"),
            ))
        });
        bad.collect()
    }

    /// `inspector.DeepInspect` looks for directives in hosts, paths and names of server certificates.
    fn inspected(&self) -> Option<(String, String)> {
        if !self.controller.inspects() {
            return None;
        }
        let list = |value: &serde_json::Value| value.as_array().cloned().unwrap_or_default();
        let spec = &self.object.spec;
        for (index, rule) in list(&spec["rules"]).iter().enumerate() {
            let paths = list(&rule["http"]["paths"]);
            let texts = paths
                .iter()
                .map(|path| &path["path"])
                .chain([&rule["host"]]);
            if let Some(text) = texts
                .filter_map(|text| text.as_str())
                .find(|text| is_directive(text))
            {
                let reason = format!("{text:?} looks like a directive of nginx");
                return Some((format!("/spec/rules/{index}"), reason));
            }
        }
        for (index, tls) in list(&spec["tls"]).iter().enumerate() {
            let hosts = list(&tls["hosts"]);
            let mut texts = hosts
                .iter()
                .chain([&tls["secretName"]])
                .filter_map(|text| text.as_str());
            if let Some(text) = texts.find(|text| is_directive(text)) {
                let reason = format!("{text:?} looks like a directive of nginx");
                return Some((format!("/spec/tls/{index}"), reason));
            }
        }
        None
    }
}

/// The regular expressions of `internal/ingress/inspector/rules.go`.
fn is_directive(text: &str) -> bool {
    let ended = |word: &str| {
        text.find(word)
            .is_some_and(|at| text[at + word.len()..].contains(';'))
    };
    let etc = ["passwd", "shadow", "group", "nginx", "ingress-controller"];
    ended("alias")
        || ended("root")
        || text.contains("_by_lua")
        || text.contains("/var/run/secrets")
        || etc
            .iter()
            .any(|name| text.contains(&format!("/etc/{name}")))
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
