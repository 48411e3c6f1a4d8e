//! The controller's own side towards the backend: `proxy-ssl-*`
//! (`internal/ingress/annotations/proxyssl/main.go`, template lines 951-972 and 1432-1452).

use super::values::Ingress;
use crate::fact::{Harm, Remark, RemarkKind};
use crate::server::Upstream;

const SECRET: &str = "proxy-ssl-secret";
const VERIFY: &str = "proxy-ssl-verify";
const NAME: &str = "proxy-ssl-name";

/// What `proxy-ssl-*` says besides the Secret.
const OTHERS: [&str; 6] = [
    "proxy-ssl-ciphers",
    NAME,
    "proxy-ssl-protocols",
    "proxy-ssl-server-name",
    VERIFY,
    "proxy-ssl-verify-depth",
];

impl Ingress<'_> {
    pub(super) fn upstream(&self, remarks: &mut Vec<Remark>) -> Upstream {
        let trust = self.secret(SECRET);
        let protocol = self.protocol();
        match &trust {
            None => self.without_secret(remarks),
            Some(_) => {
                self.unused(protocol, remarks);
                self.verification(protocol, remarks);
            }
        }
        let location_only = self
            .controller
            .config
            .config_is_on("proxy-ssl-location-only", false);
        Upstream {
            trust,
            tls: speaks_tls(protocol),
            server_wide: !location_only,
        }
    }

    /// Case does not matter, and what is none of them is HTTP (`backendprotocol/main.go`).
    fn protocol(&self) -> &'static str {
        let value = self.value("backend-protocol").unwrap_or("HTTP");
        let known = ["AUTO_HTTP", "HTTPS", "GRPC", "GRPCS", "FCGI"];
        let known = known.iter().find(|known| value.eq_ignore_ascii_case(known));
        known.copied().unwrap_or("HTTP")
    }

    /// The parser returns before it reads any of them (`proxyssl/main.go:192-195`).
    fn without_secret(&self, remarks: &mut Vec<Remark>) {
        for suffix in OTHERS.iter().filter(|suffix| self.value(suffix).is_some()) {
            let meant = *suffix == VERIFY && self.value(VERIFY) != Some("off");
            let (harm, makes) = match meant {
                true => (Harm::Opens, "the backend's certificate is not verified"),
                false => (Harm::Harmless, "the controller ignores it"),
            };
            let message = format!("{suffix} has no effect without {SECRET}: {makes}");
            let hint = format!(
                "name the Secret with the backend's CA in {}{SECRET}",
                self.controller.prefix
            );
            remarks.push(self.remark(suffix, RemarkKind::Upstream, harm, &message, &hint));
        }
    }

    /// Only `proxy_ssl_*` is written, which means nothing to plain HTTP and gRPC.
    fn unused(&self, protocol: &str, remarks: &mut Vec<Remark>) {
        if speaks_tls(protocol) {
            return;
        }
        let why = match protocol {
            "GRPCS" => "nginx gets no grpc_ssl directives",
            _ => "the backend is spoken to without TLS",
        };
        let message = format!(
            "{SECRET} has no effect with backend-protocol {protocol}: {why}, no certificate is \
             sent and none verified"
        );
        let hint = "set backend-protocol HTTPS, if the backend speaks it";
        remarks.push(self.remark(SECRET, RemarkKind::Upstream, Harm::Opens, &message, hint));
    }

    /// `proxy-ssl-verify` is off unless it is exactly `on`; the name is by default one that no
    /// certificate has.
    fn verification(&self, protocol: &str, remarks: &mut Vec<Remark>) {
        if !speaks_tls(protocol) {
            return;
        }
        let valid = |value: &str| ["on", "off"].contains(&value);
        let verify = self
            .value(VERIFY)
            .filter(|value| valid(value) && self.passes(VERIFY, valid));
        let named = self.value(NAME).is_some();
        match (self.value(VERIFY), verify) {
            (_, Some("on")) if !named => {
                let message = format!(
                    "{VERIFY} is on without {NAME}: nginx looks for the name upstream_balancer in \
                     the backend's certificate and answers 502"
                );
                let hint =
                    format!("name the backend in {NAME}, and set proxy-ssl-server-name to \"on\"");
                remarks.push(self.remark(
                    VERIFY,
                    RemarkKind::Upstream,
                    Harm::Closes,
                    &message,
                    &hint,
                ));
            }
            (_, Some("on")) => {}
            (Some(value), None) => {
                let message = format!(
                    "{VERIFY} {value:?} is neither on nor off: the controller takes it for \"off\", and \
                     the backend's certificate is not verified"
                );
                remarks.push(self.remark(
                    VERIFY,
                    RemarkKind::Upstream,
                    Harm::Opens,
                    &message,
                    "write \"on\"",
                ));
            }
            _ => {
                let message = "the backend's certificate is not verified: proxy-ssl-verify is off";
                let hint = format!("set {VERIFY} to \"on\", with {NAME}");
                let site = if verify.is_some() { VERIFY } else { SECRET };
                remarks.push(self.remark(
                    site,
                    RemarkKind::Upstream,
                    Harm::Harmless,
                    message,
                    &hint,
                ));
            }
        }
    }
}

fn speaks_tls(protocol: &str) -> bool {
    matches!(protocol, "HTTPS" | "AUTO_HTTP")
}
