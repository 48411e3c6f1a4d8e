//! Annotations: what each value must look like, and what becomes of the Ingress when it does not
//! (`internal/ingress/annotations`).

use regex::Regex;

use super::manifest::{Ingress, Manifests};
use super::number;
use super::secret::{self, Authority};
use super::settings::Settings;

/// The whole Ingress is not loaded.
#[derive(Debug)]
pub(super) struct Refusal(pub(super) String);

/// What the controller keeps of an Ingress's annotations.
#[derive(Clone, Default)]
pub(super) struct Annotations {
    pub(super) authentication: Authentication,
    /// Why its locations answer 503, or its host 403.
    pub(super) denied: bool,
    pub(super) aliases: Vec<String>,
    pub(super) canary: bool,
    pub(super) passthrough: bool,
    pub(super) ssl_redirect: bool,
    pub(super) force_ssl_redirect: bool,
    pub(super) server_snippet: String,
}

/// `authtls.Config`.
#[derive(Clone, Debug, Default)]
pub struct Authentication {
    /// Why the whole host is refused.
    pub error: Option<String>,
    /// File names; none where the Secret holds no CA.
    pub authority: Option<Authority>,
    /// `ssl_verify_client`.
    pub verify: String,
    /// `ssl_verify_depth`.
    pub depth: i64,
    /// Where those go who are refused.
    pub error_page: String,
    /// Whether the certificate is passed on.
    pub pass: bool,
    /// What the subject must match.
    pub match_cn: String,
}

/// `AnnotationRisk` of parser/main.go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Risk {
    Low,
    Medium,
    High,
    Critical,
}

/// What comes of a value, as errors.go classes it.
enum Failure {
    /// Not there, or empty, or of a form that is passed over.
    Absent,
    /// A value that the validator refuses.
    Invalid,
}

/// Annotations with more than a low risk, as docs/user-guide/nginx-configuration/annotations-risk.md
/// has them.
const RISKS: [(&str, Risk); 22] = [
    ("server-alias", Risk::High),
    ("canary-by-cookie", Risk::Medium),
    ("canary-by-header", Risk::Medium),
    ("canary-by-header-pattern", Risk::Medium),
    ("canary-by-header-value", Risk::Medium),
    ("auth-tls-error-page", Risk::High),
    ("auth-tls-match-cn", Risk::High),
    ("auth-tls-secret", Risk::Medium),
    ("auth-tls-verify-client", Risk::Medium),
    ("configuration-snippet", Risk::Critical),
    ("auth-snippet", Risk::Critical),
    ("modsecurity-snippet", Risk::Critical),
    ("server-snippet", Risk::Critical),
    ("stream-snippet", Risk::Critical),
    ("proxy-ssl-ciphers", Risk::Medium),
    ("proxy-ssl-name", Risk::High),
    ("proxy-ssl-secret", Risk::Medium),
    ("app-root", Risk::Medium),
    ("force-ssl-redirect", Risk::Medium),
    ("rewrite-target", Risk::Medium),
    ("permanent-redirect", Risk::Medium),
    ("temporal-redirect", Risk::Medium),
];

impl Risk {
    /// `StringRiskToRisk`: what is no level is the lowest.
    pub(super) fn of(text: &str) -> Self {
        match text.to_lowercase().as_str() {
            "critical" => Self::Critical,
            "high" => Self::High,
            "medium" => Self::Medium,
            _ => Self::Low,
        }
    }
}

struct Reader<'a> {
    ingress: &'a Ingress,
    manifests: &'a Manifests,
    settings: &'a Settings,
}

impl Annotations {
    /// `Extractor.Extract` of annotations.go, and the word list of `syncIngress` before it.
    pub(super) fn extract(
        ingress: &Ingress,
        manifests: &Manifests,
        settings: &Settings,
    ) -> Result<Self, Refusal> {
        let reader = Reader {
            ingress,
            manifests,
            settings,
        };
        reader.words()?;
        reader.risks()?;
        let authentication = reader.authentication()?;
        let upstream_denied = reader.upstream_secret()?;
        let bool_or = |name, default| reader.boolean(name).unwrap_or(default);
        Ok(Self {
            denied: authentication.error.is_some() || upstream_denied,
            authentication,
            aliases: reader.aliases()?,
            // A bool that is none is passed over here (canary/main.go), but refused there
            // (sslpassthrough/main.go).
            canary: bool_or("canary", false),
            passthrough: reader.strict_boolean("ssl-passthrough")?,
            ssl_redirect: bool_or("ssl-redirect", settings.ssl_redirect),
            force_ssl_redirect: bool_or("force-ssl-redirect", settings.force_ssl_redirect),
            server_snippet: reader.snippet(),
        })
    }
}

impl Reader<'_> {
    /// `checkBadAnnotationValue` of store.go.
    fn words(&self) -> Result<(), Refusal> {
        let prefix = format!("{}/", self.settings.prefix);
        let words = self.settings.blocklist.trim();
        if words.is_empty() {
            return Ok(());
        }
        for (name, value) in &self.ingress.metadata.annotations {
            let bad = words.split(',').find(|word| value.contains(word));
            if let (true, Some(word)) = (name.starts_with(&prefix), bad) {
                return Err(Refusal(format!("{name} contains the word {word}")));
            }
        }
        Ok(())
    }

    /// `CheckAnnotationRisk` of parser/validators.go.
    fn risks(&self) -> Result<(), Refusal> {
        for name in self.ingress.metadata.annotations.keys() {
            let pure = name.strip_prefix(&format!("{}/", self.settings.prefix));
            let row = RISKS.iter().find(|(own, _)| pure == Some(*own));
            if row.is_some_and(|(_, risk)| *risk > self.settings.risk) {
                return Err(Refusal(format!("{name} is too risky")));
            }
        }
        Ok(())
    }

    fn raw(&self, name: &str) -> Option<&str> {
        let name = format!("{}/{name}", self.settings.prefix);
        let value = self.ingress.metadata.annotations.get(&name);
        value.map(String::as_str)
    }

    /// `checkAnnotation` and `parseString`: an empty value is not validated, and is as none.
    fn string(&self, name: &str, valid: impl Fn(&str) -> bool) -> Result<String, Failure> {
        let value = self.raw(name).ok_or(Failure::Absent)?;
        if self.settings.validates && !value.is_empty() && !valid(value) {
            return Err(Failure::Invalid);
        }
        let lines: Vec<_> = value.split('\n').map(str::trim).collect();
        match lines.join("\n") {
            text if text.is_empty() => Err(Failure::Absent),
            text => Ok(text),
        }
    }

    /// The value, nothing where there is none, or the end of the Ingress.
    fn strict_string(&self, name: &str, valid: impl Fn(&str) -> bool) -> Result<String, Refusal> {
        match self.string(name, valid) {
            Ok(text) => Ok(text),
            Err(Failure::Absent) => Ok(String::new()),
            Err(Failure::Invalid) => Err(Refusal(format!("{name} is invalid"))),
        }
    }

    /// `GetBoolAnnotation` where every error means the default.
    fn boolean(&self, name: &str) -> Option<bool> {
        number::boolean(self.raw(name)?)
    }

    fn strict_boolean(&self, name: &str) -> Result<bool, Refusal> {
        match self.raw(name) {
            Some(value) if !value.is_empty() && self.settings.validates => {
                number::boolean(value).ok_or_else(|| Refusal(format!("{name} is invalid")))
            }
            _ => Ok(self.boolean(name).unwrap_or(false)),
        }
    }

    /// `authTLS.Parse` of authtls/main.go, in its order: the reference and its Secret come before
    /// everything else.
    fn authentication(&self) -> Result<Authentication, Refusal> {
        let name = "auth-tls-secret";
        let reference = self.strict_string(name, |text| matches(BASIC, &text.replace(' ', "")))?;
        if reference.is_empty() {
            return Ok(Authentication::default());
        }
        let authority = match self.authority(&reference) {
            Ok(authority) => authority,
            Err(error) => {
                return Ok(Authentication {
                    error: Some(error),
                    ..Authentication::default()
                });
            }
        };
        let spaceless = |form| move |text: &str| matches(form, &text.replace(' ', ""));
        let mode = match self.settings.anchored {
            true => MODE,
            false => UNANCHORED_MODE,
        };
        let verify = self.string("auth-tls-verify-client", spaceless(mode));
        let verify = verify.ok().filter(|text| matches(mode, text));
        let depth = self.raw("auth-tls-verify-depth").and_then(number::integer);
        Ok(Authentication {
            error: None,
            authority,
            verify: verify.unwrap_or_else(|| "on".to_owned()),
            depth: depth.filter(|depth| *depth != 0).unwrap_or(1),
            error_page: self.strict_string("auth-tls-error-page", spaceless(PAGE))?,
            pass: self.strict_boolean("auth-tls-pass-certificate-to-upstream")?,
            match_cn: self.strict_string("auth-tls-match-cn", is_common_name)?,
        })
    }

    /// The CA of a reference; `None` where its Secret holds a key pair alone; an error denies.
    fn authority(&self, reference: &str) -> Result<Option<Authority>, String> {
        let parts: Vec<_> = reference.split('/').collect();
        let [namespace, _] = parts[..] else {
            return Err(format!(
                "invalid format (namespace/name) found in '{reference}'"
            ));
        };
        let own = &self.ingress.metadata.namespace;
        if !namespace.is_empty() && namespace != own && !self.settings.cross_namespace {
            return Err("cross namespace secrets are not supported".to_owned());
        }
        // The look-up takes the reference as it stands, so that "/name" is never found.
        let secret = self.manifests.secret(reference);
        let secret = secret.ok_or_else(|| format!("no Secret {reference}"))?;
        secret::store(secret).map(|stored| stored.authority)
    }

    /// `proxySSL.Parse` of proxyssl/main.go, as far as it denies: an absent namespace is another.
    fn upstream_secret(&self) -> Result<bool, Refusal> {
        let name = "proxy-ssl-secret";
        let reference = self.strict_string(name, |text| matches(BASIC, &text.replace(' ', "")))?;
        if reference.is_empty() {
            return Ok(false);
        }
        let bare = reference.starts_with('/') && !self.settings.cross_namespace;
        Ok(bare || self.authority(&reference).is_err())
    }

    /// `alias.Parse` of alias/main.go.
    fn aliases(&self) -> Result<Vec<String>, Refusal> {
        let valid = |text: &str| {
            text.split(',')
                .all(|name| matches(SERVER_NAME, name.trim()))
        };
        let text = self.strict_string("server-alias", valid)?;
        let names = text
            .split(',')
            .map(str::trim)
            .filter(|name| !name.is_empty());
        let mut names: Vec<_> = names.map(str::to_owned).collect();
        names.sort();
        names.dedup();
        Ok(names)
    }

    /// `dropSnippetDirectives` of controller.go: off unless the ConfigMap allows them.
    fn snippet(&self) -> String {
        let text = self.string("server-snippet", |_| true);
        text.ok()
            .filter(|_| self.settings.snippets)
            .unwrap_or_default()
    }
}

/// `CommonNameAnnotationValidator` of parser/validators.go.
fn is_common_name(text: &str) -> bool {
    let pattern = text.strip_prefix("CN=");
    pattern.is_some_and(|pattern| Regex::new(pattern).is_ok())
}

/// `BasicCharsRegex` of parser/validators.go; Go's `$` is the end of the text, as Rust's.
const BASIC: &str = r"^[/\-._~a-zA-Z0-9:]*$";
/// `IsValidRegex` of parser/validators.go.
const SERVER_NAME: &str = r"^[/\-._~a-zA-Z0-9:\^$\[\](){}*+?|&=\\]*$";
/// `authVerifyClientRegex` of authtls/main.go.
const MODE: &str = "^(on|off|optional|optional_no_ca)$";
/// The same before 1.11.2.
const UNANCHORED_MODE: &str = "on|off|optional|optional_no_ca";
/// `redirectRegex` of authtls/main.go.
const PAGE: &str =
    r"^(@[A-Za-z0-9_-]+|((https?://)?[A-Za-z0-9\-.]+(:\d+)?)?(/[A-Za-z0-9\-_.]+)*/?)$";

fn matches(form: &str, text: &str) -> bool {
    Regex::new(form).is_ok_and(|form| form.is_match(text))
}
