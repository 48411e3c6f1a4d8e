//! The annotations of ingress-nginx, as Traefik's provider for them reads or drops each
//! (`ingress-nginx/annotations.go`, docs "Unsupported Annotations").

use super::nginx_provider::PREFIX;
use super::version::{NGINX_CLIENT_AUTH, NGINX_VERIFY, has};
use crate::fact::{Harm, Mode, Remark, RemarkKind};
use crate::object::annotation_pointer;
use crate::site::Site;
use crate::{GatewayConfig, Object};

pub(super) fn value<'a>(object: &'a Object, suffix: &str) -> Option<&'a str> {
    object.annotation(&format!("{PREFIX}{suffix}"))
}

pub(super) fn is_on(object: &Object, suffix: &str) -> bool {
    value(object, suffix).is_some_and(|value| value.eq_ignore_ascii_case("true"))
}

/// Whether the Ingress speaks of client certificates at all.
pub(super) fn mentions(object: &Object) -> bool {
    let prefix = format!("{PREFIX}auth-tls-");
    object
        .annotations
        .keys()
        .any(|key| key.starts_with(&prefix))
}

/// `clientAuthTypeFromString` (`build.go:1037-1057`).
pub(super) fn mode(verify: Option<&str>) -> Mode {
    match verify {
        Some("off") => Mode::Off,
        Some("optional") => Mode::Optional,
        Some("optional_no_ca") => Mode::OptionalUnverified,
        Some(_) | None => Mode::Required,
    }
}

/// What the provider makes of the annotations that it does not take as they are meant.
pub(super) fn remarks(object: &Object, config: &GatewayConfig) -> Vec<Remark> {
    let reader = Reader { object };
    if !has(config, NGINX_CLIENT_AUTH) {
        let upstream = reader.early_verification(config);
        return reader
            .unread_client_auth()
            .into_iter()
            .chain(upstream)
            .collect();
    }
    let mut remarks = Vec::new();
    if value(object, "auth-tls-secret").is_some() {
        remarks.extend(reader.passed_through());
        remarks.extend(reader.unread());
        remarks.extend(reader.unknown_mode());
        remarks.extend(reader.unset_headers());
    } else {
        remarks.extend(reader.orphan());
    }
    remarks.extend(reader.upstream());
    remarks
}

struct Reader<'a> {
    object: &'a Object,
}

impl Reader<'_> {
    fn remark(
        &self,
        suffix: &str,
        kind: RemarkKind,
        harm: Harm,
        message: &str,
        hint: &str,
    ) -> Remark {
        let pointer = annotation_pointer(&format!("{PREFIX}{suffix}"));
        Remark {
            site: Site::new(&self.object.id, pointer),
            kind,
            harm,
            message: message.to_owned(),
            hint: hint.to_owned(),
            repair: None,
        }
    }

    fn unread_client_auth(&self) -> Option<Remark> {
        value(self.object, "auth-tls-secret")?;
        Some(self.remark(
            "auth-tls-secret",
            RemarkKind::NoEffect,
            Harm::Opens,
            "Traefik before 3.7 does not read auth-tls-secret: nobody is asked for a certificate",
            "update Traefik to 3.7 or later",
        ))
    }

    /// CVE-2025-66491: `on` switched verification off.
    fn early_verification(&self, config: &GatewayConfig) -> Option<Remark> {
        let on = value(self.object, "proxy-ssl-verify") == Some("on");
        (on && !has(config, NGINX_VERIFY)).then(|| {
            self.remark(
                "proxy-ssl-verify",
                RemarkKind::Outdated,
                Harm::Opens,
                "this version of Traefik takes proxy-ssl-verify on for off: whatever answers is taken for the backend (CVE-2025-66491)",
                "update Traefik to 3.6.3 or later",
            )
        })
    }

    fn passed_through(&self) -> Option<Remark> {
        is_on(self.object, "ssl-passthrough").then(|| {
            self.remark(
                "auth-tls-secret",
                RemarkKind::NoEffect,
                Harm::Opens,
                "with ssl-passthrough TLS goes to the backend, and auth-tls-secret has no effect",
                "remove ssl-passthrough, or have the backend ask for client certificates",
            )
        })
    }

    fn unread(&self) -> Vec<Remark> {
        let unread = [
            (
                "auth-tls-match-cn",
                Harm::Opens,
                "every certificate of the CA is accepted, whatever its subject",
            ),
            (
                "auth-tls-verify-depth",
                Harm::Harmless,
                "chains may have any length",
            ),
            (
                "auth-tls-error-page",
                Harm::Harmless,
                "refused clients see a TLS alert",
            ),
        ];
        let set = unread
            .into_iter()
            .filter(|(suffix, ..)| value(self.object, suffix).is_some());
        let remark = |(suffix, harm, follows): (&str, Harm, &str)| {
            let message = format!("Traefik does not read {suffix}: {follows}");
            let hint = "remove it, or check what it says in the backend";
            self.remark(suffix, RemarkKind::NoEffect, harm, &message, hint)
        };
        set.map(remark).collect()
    }

    fn unknown_mode(&self) -> Option<Remark> {
        let verify = value(self.object, "auth-tls-verify-client")?;
        let known = ["on", "off", "optional", "optional_no_ca"].contains(&verify);
        (!known).then(|| {
            let message =
                format!("auth-tls-verify-client has no {verify:?}: Traefik takes it for \"on\"");
            let suffix = "auth-tls-verify-client";
            self.remark(
                suffix,
                RemarkKind::Invalid,
                Harm::Harmless,
                &message,
                "write on or off",
            )
        })
    }

    /// `translator.go:508-512`: ingress-nginx sets `ssl-client-verify` and `ssl-client-subject-dn`
    /// whenever it asks for certificates, Traefik only where the certificate is passed on.
    fn unset_headers(&self) -> Option<Remark> {
        let off = mode(value(self.object, "auth-tls-verify-client")) == Mode::Off;
        let passes = is_on(self.object, "auth-tls-pass-certificate-to-upstream");
        (!off && !passes).then(|| {
            self.remark(
                "auth-tls-secret",
                RemarkKind::Spoofable,
                Harm::Harmless,
                "without auth-tls-pass-certificate-to-upstream Traefik passes on ssl-client-* headers as clients send them",
                "set auth-tls-pass-certificate-to-upstream to \"true\", or have the backend ignore ssl-client-*",
            )
        })
    }

    fn orphan(&self) -> Option<Remark> {
        let verify = value(self.object, "auth-tls-verify-client")?;
        (mode(Some(verify)) != Mode::Off).then(|| {
            self.remark(
                "auth-tls-verify-client",
                RemarkKind::NoEffect,
                Harm::Opens,
                "auth-tls-verify-client without auth-tls-secret has no effect: nobody is asked for a certificate",
                "name the Secret with the client CA in auth-tls-secret",
            )
        })
    }

    /// `proxy-ssl-*` counts only towards backends that speak TLS, and verification is off unless
    /// switched on (`build.go:598-650`).
    fn upstream(&self) -> Vec<Remark> {
        let set = |suffix: &&&str| value(self.object, suffix).is_some();
        let spoken = ["proxy-ssl-secret", "proxy-ssl-verify", "proxy-ssl-name"];
        let Some(first) = spoken.iter().find(set) else {
            return self.server_name().into_iter().collect();
        };
        let warn = |suffix: &str, message: &str, hint: &str| {
            self.remark(suffix, RemarkKind::Upstream, Harm::Harmless, message, hint)
        };
        if !self.speaks_tls() {
            let message = "proxy-ssl-* has no effect: the backend is spoken to without TLS";
            return vec![warn(first, message, "set backend-protocol to HTTPS")];
        }
        let verified = value(self.object, "proxy-ssl-verify")
            .is_some_and(|verify| verify.eq_ignore_ascii_case("on"));
        let unverified = (!verified).then(|| {
            let message = "proxy-ssl-verify is not on: whatever answers is taken for the backend";
            warn(first, message, "set proxy-ssl-verify to \"on\"")
        });
        unverified.into_iter().chain(self.server_name()).collect()
    }

    fn speaks_tls(&self) -> bool {
        let protocol = value(self.object, "backend-protocol").unwrap_or_default();
        let tls = ["HTTPS", "GRPCS"];
        tls.iter().any(|tls| protocol.eq_ignore_ascii_case(tls))
    }

    fn server_name(&self) -> Option<Remark> {
        let value = value(self.object, "proxy-ssl-server-name")?;
        let switch = ["on", "off"].contains(&value) && self.speaks_tls();
        switch.then(|| {
            let message = format!("Traefik takes proxy-ssl-server-name for a host name, and asks the backend for {value:?}");
            self.remark(
                "proxy-ssl-server-name",
                RemarkKind::Upstream,
                Harm::Harmless,
                &message,
                "name the backend in proxy-ssl-name, and remove proxy-ssl-server-name",
            )
        })
    }
}
