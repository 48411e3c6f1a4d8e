//! One Ingress to routes and remarks, as the controller's annotation parsers read it.

use std::sync::Arc;

use serde_json::Value;

use super::PREFIX;
use super::words::{self, KNOWN};
use crate::dialect::host_name;
use crate::fact::{
    Demand, Harm, Malformed, Mode, ObjectFacts, PlainHttp, Protocol, Remark, RemarkKind, Route,
    TrustRef,
};
use crate::object::{SecretRef, annotation_pointer};
use crate::site::Site;
use crate::{Gateway, GatewayConfig, Object, Repair, Settings};

pub(super) fn read(object: &Object, gateway: &Arc<Gateway>, settings: &Settings) -> ObjectFacts {
    let config = settings.gateway(gateway.dialect, &gateway.instance);
    let ingress = Ingress {
        object,
        config: &config,
    };
    let mut facts = ObjectFacts::silent(&object.id);
    let (demand, dropped) = ingress.demand(&mut facts.remarks);
    facts.remarks.extend(words::remarks(object));
    let shared = Shared {
        gateway,
        demand,
        dropped,
        mentions: ingress.mentions(),
    };
    facts.routes = ingress.routes(&shared, &mut facts.remarks);
    facts.depth = super::depth::depth(object);
    facts
}

/// What all routes of an Ingress have in common.
struct Shared<'a> {
    gateway: &'a Arc<Gateway>,
    demand: Option<Demand>,
    dropped: Option<String>,
    mentions: bool,
}

struct Ingress<'a> {
    object: &'a Object,
    config: &'a GatewayConfig,
}

impl Ingress<'_> {
    /// An annotation as the controller reads it: lines trimmed; an empty value is none at all.
    fn value(&self, suffix: &str) -> Option<&str> {
        let value = self.object.annotation(&format!("{PREFIX}{suffix}"))?.trim();
        (!value.is_empty()).then_some(value)
    }

    fn site(&self, suffix: &str) -> Site {
        Site::new(
            &self.object.id,
            annotation_pointer(&format!("{PREFIX}{suffix}")),
        )
    }

    /// `strconv.ParseBool`; anything else is an error there.
    fn boolean(&self, suffix: &str) -> Option<Result<bool, &str>> {
        let value = self.value(suffix)?;
        Some(match value {
            "1" | "t" | "T" | "TRUE" | "true" | "True" => Ok(true),
            "0" | "f" | "F" | "FALSE" | "false" | "False" => Ok(false),
            other => Err(other),
        })
    }

    /// Whether anything here speaks of client certificates, in this or a mistaken spelling.
    fn mentions(&self) -> bool {
        self.object.annotations.keys().any(|key| {
            let suffix = key.rsplit('/').next().unwrap_or(key);
            suffix.starts_with("auth-tls-")
        })
    }

    /// The demand, and why the controller does not load the Ingress, where it does not.
    /// Without the Secret the other settings are never looked at (`authtls/main.go:151-174`).
    fn demand(&self, remarks: &mut Vec<Remark>) -> (Option<Demand>, Option<String>) {
        let Some(trust) = self.trust(remarks) else {
            self.remark_orphans(remarks);
            return (None, None);
        };
        if !trust.spelt.chars().all(is_basic) {
            let reason = format!(
                "{:?} has characters that a Secret's name cannot have",
                trust.spelt
            );
            remarks.push(self.dropped("auth-tls-secret", &reason));
            return (None, Some(reason));
        }
        let dropped = self.refused_values(remarks);
        let mode = self.mode(remarks);
        self.remark_depth(remarks);
        let demand = Demand {
            mode,
            site: match self.value("auth-tls-verify-client") {
                Some(_) => self.site("auth-tls-verify-client"),
                None => trust.site.clone(),
            },
            spelt: self
                .value("auth-tls-verify-client")
                .unwrap_or_default()
                .to_owned(),
            trust: vec![trust],
            subject: self.value("auth-tls-match-cn").map(str::to_owned),
        };
        (Some(demand), dropped)
    }

    /// The reference to the Secret; an empty one is ignored (`parser/main.go:117-128`).
    fn trust(&self, remarks: &mut Vec<Remark>) -> Option<TrustRef> {
        let suffix = "auth-tls-secret";
        let raw = self.object.annotation(&format!("{PREFIX}{suffix}"))?;
        let spelt = raw.trim();
        if spelt.is_empty() {
            remarks.push(self.remark(suffix, RemarkKind::NoEffect, Harm::Opens,
                "auth-tls-secret is empty: the controller ignores it and asks nobody for a certificate",
                "name the Secret with the client CA as namespace/name"));
            return None;
        }
        let target = self.secret(spelt);
        let foreign = target
            .as_ref()
            .is_ok_and(|target| self.forbids(&target.namespace));
        let repair = self.repaired_secret(spelt).map(|value| Repair {
            pointer: self.site(suffix).pointer,
            value: Value::String(value),
        });
        Some(TrustRef {
            site: self.site(suffix),
            spelt: raw.to_owned(),
            target,
            foreign,
            repair,
        })
    }

    /// `k8s.ParseNameNS`: exactly two parts (`internal/k8s/main.go:36-43`). An empty part is
    /// never found, because the look-up key is the value as it stands.
    fn secret(&self, spelt: &str) -> Result<SecretRef, Malformed> {
        match spelt.split('/').collect::<Vec<_>>().as_slice() {
            [_] => Err(Malformed::NoNamespace),
            [namespace, name] if !namespace.is_empty() && !name.is_empty() => {
                Ok(SecretRef::new(namespace, name))
            }
            _ => Err(Malformed::WrongParts),
        }
    }

    /// A bare name can only mean the Ingress' own namespace, a stray blank nothing at all.
    fn repaired_secret(&self, spelt: &str) -> Option<String> {
        let compact: String = spelt.split_whitespace().collect();
        let namespace = self.object.id.namespace.as_str();
        let repaired = match self.secret(&compact) {
            Ok(_) => compact,
            Err(Malformed::NoNamespace) if !namespace.is_empty() => {
                format!("{namespace}/{compact}")
            }
            Err(_) => return None,
        };
        let plain = |char: char| is_basic(char) && char != ':' && char != '~';
        (repaired != spelt && repaired.chars().all(plain)).then_some(repaired)
    }

    /// Another namespace is refused unless the ConfigMap allows it; before 1.12 it was allowed.
    fn forbids(&self, namespace: &str) -> bool {
        let by_default = self
            .config
            .release()
            .is_some_and(|release| release < (1, 12));
        let allowed = self
            .config
            .config_is_on("allow-cross-namespace-resources", by_default);
        namespace != self.object.id.namespace && !allowed
    }

    /// A value outside the four becomes `on` (`authtls/main.go:176-180`).
    fn mode(&self, remarks: &mut Vec<Remark>) -> Mode {
        let suffix = "auth-tls-verify-client";
        match self.value(suffix) {
            None | Some("on") => Mode::Required,
            Some("off") => Mode::Off,
            Some("optional") => Mode::Optional,
            Some("optional_no_ca") => Mode::OptionalUnverified,
            Some(other) => {
                let message = format!(
                    "{suffix} {other:?} is not one of on, off, optional and \
                    optional_no_ca: the controller takes it for \"on\""
                );
                let mut remark = self.remark(
                    suffix,
                    RemarkKind::Invalid,
                    Harm::Harmless,
                    &message,
                    "write \"on\"",
                );
                remark.repair = repaired_mode(other).map(|value| Repair {
                    pointer: self.site(suffix).pointer,
                    value: Value::String(value),
                });
                remarks.push(remark);
                Mode::Required
            }
        }
    }

    /// `strconv.Atoi`: no number, or 0, becomes 1; a negative number blocks every reload.
    fn remark_depth(&self, remarks: &mut Vec<Remark>) {
        let suffix = "auth-tls-verify-depth";
        let Some(value) = self.value(suffix) else {
            return;
        };
        let (harm, makes) = match value.parse::<i64>() {
            Ok(depth) if depth > 0 => return,
            Ok(0) | Err(_) => (Harm::Harmless, "the controller takes it for 1"),
            Ok(_) => (
                Harm::Closes,
                "nginx refuses the whole configuration, and no change of any \
                Ingress takes effect until it is corrected",
            ),
        };
        let message = format!("{suffix} {value:?} is no number of intermediate CAs: {makes}");
        remarks.push(self.remark(
            suffix,
            RemarkKind::Invalid,
            harm,
            &message,
            "write \"1\" or more",
        ));
    }

    /// Values that make the controller drop the whole Ingress (`annotations.go:192-195`).
    fn refused_values(&self, remarks: &mut Vec<Remark>) -> Option<String> {
        let mut dropped = None;
        let suffix = "auth-tls-pass-certificate-to-upstream";
        if let Some(Err(value)) = self.boolean(suffix) {
            dropped = Some(format!("{suffix} {value:?} is neither true nor false"));
            remarks.extend(dropped.iter().map(|reason| self.dropped(suffix, reason)));
        }
        let suffix = "auth-tls-match-cn";
        if self
            .value(suffix)
            .is_some_and(|value| !value.starts_with("CN="))
        {
            let reason = format!("{suffix} does not begin with CN=");
            remarks.push(self.dropped(suffix, &reason));
            dropped = Some(reason);
        }
        dropped
    }

    fn dropped(&self, suffix: &str, reason: &str) -> Remark {
        let message = format!("{reason}: the controller does not load the Ingress");
        self.remark(
            suffix,
            RemarkKind::Invalid,
            Harm::Closes,
            &message,
            "correct the value",
        )
    }

    /// Settings beside a Secret that is not named.
    fn remark_orphans(&self, remarks: &mut Vec<Remark>) {
        let empty = self
            .object
            .annotation(&format!("{PREFIX}auth-tls-secret"))
            .is_some();
        let orphans = KNOWN
            .iter()
            .filter(|known| **known != "auth-tls-secret" && !empty);
        for suffix in orphans.filter(|suffix| self.value(suffix).is_some()) {
            let message = format!(
                "{suffix} has no effect without auth-tls-secret: nobody is asked \
                for a certificate"
            );
            remarks.push(self.remark(
                suffix,
                RemarkKind::NoEffect,
                Harm::Opens,
                &message,
                "name the Secret with the client CA in nginx.ingress.kubernetes.io/auth-tls-secret",
            ));
        }
    }

    fn remark(
        &self,
        suffix: &str,
        kind: RemarkKind,
        harm: Harm,
        message: &str,
        hint: &str,
    ) -> Remark {
        Remark {
            site: self.site(suffix),
            kind,
            harm,
            message: message.to_owned(),
            hint: hint.to_owned(),
            repair: None,
        }
    }

    /// One route a rule, one for the default backend.
    fn routes(&self, shared: &Shared<'_>, remarks: &mut Vec<Remark>) -> Vec<Arc<Route>> {
        let mut routes = Vec::new();
        let rules = self.object.spec["rules"]
            .as_array()
            .map_or(&[][..], Vec::as_slice);
        for (index, rule) in rules.iter().enumerate() {
            let host = rule["host"].as_str().unwrap_or_default();
            let pointer = match host {
                "" => format!("/spec/rules/{index}"),
                _ => format!("/spec/rules/{index}/host"),
            };
            let reaches = rule["http"].is_object();
            if !reaches && shared.mentions {
                remarks.push(self.bypassed(&pointer, "a rule without http"));
            }
            routes.push(self.route(shared, host, &pointer, reaches));
        }
        if rules.is_empty() && self.object.spec["defaultBackend"].is_object() {
            if shared.mentions {
                remarks
                    .push(self.bypassed("/spec/defaultBackend", "a default backend without rules"));
            }
            routes.push(self.route(shared, "", "/spec/defaultBackend", false));
        }
        routes
    }

    /// The controller's loop over rules never reaches the client settings of these
    /// (`controller.go:745-760`).
    fn bypassed(&self, pointer: &str, what: &str) -> Remark {
        Remark {
            site: Site::new(&self.object.id, pointer),
            kind: RemarkKind::NoEffect,
            harm: Harm::Opens,
            message: format!("the auth-tls annotations have no effect on {what}"),
            hint: "give the host a rule with http.paths".to_owned(),
            repair: None,
        }
    }

    fn route(&self, shared: &Shared<'_>, host: &str, pointer: &str, reaches: bool) -> Arc<Route> {
        let passthrough = matches!(self.boolean("ssl-passthrough"), Some(Ok(true)))
            && self.config.is_on("enable-ssl-passthrough");
        let tls = self.object.spec["tls"]
            .as_array()
            .is_some_and(|tls| !tls.is_empty());
        Arc::new(Route {
            site: Site::new(&self.object.id, pointer),
            gateway: Arc::clone(shared.gateway),
            hosts: vec![host_name(host)],
            created: self.object.created.clone(),
            protocol: if passthrough {
                Protocol::Passthrough
            } else {
                Protocol::Http
            },
            entry_points: Vec::new(),
            tls,
            demand: shared.demand.clone().filter(|_| reaches),
            option: None,
            plain: PlainHttp {
                redirect: self.boolean("ssl-redirect").and_then(Result::ok),
                always: self.boolean("force-ssl-redirect").and_then(Result::ok),
                server_certificate: tls,
                filters: Vec::new(),
            },
            dropped: shared.dropped.clone(),
            mentions: shared.mentions,
            rule_length: 0,
        })
    }
}

/// `BasicCharsRegex`; blanks are stripped before matching (`parser/validators.go`).
fn is_basic(char: char) -> bool {
    char.is_ascii_alphanumeric() || "-._~/:".contains(char) || char == ' '
}

/// `On`, `TRUE`, `o n`: what can only mean `on`. Never a word that might mean off.
fn repaired_mode(value: &str) -> Option<String> {
    let compact: String = value.split_whitespace().collect::<String>().to_lowercase();
    ["on", "true", "yes", "enabled", "required"]
        .contains(&compact.as_str())
        .then(|| "on".to_owned())
}
