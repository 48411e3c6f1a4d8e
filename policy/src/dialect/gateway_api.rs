//! Gateway API, as far as more than one gateway reads it: listeners of a Gateway are hosts, and
//! `spec.tls.frontend` demands client certificates on those for HTTPS (GEP-91).
//!
//! The types are those of v1.6, `apis/v1/gateway_types.go`. Where an older CRD is installed the API
//! server drops `spec.tls.frontend`: what is judged is then not what was written.

use std::sync::Arc;

use serde_json::Value;

use super::{DIALECTS, Dialect, Kind, Role, host_name};
use crate::bundle::Bundle;
use crate::fact::{
    Demand, Harm, Malformed, Matching, Mode, ObjectFacts, PlainHttp, Protocol, Remark, RemarkKind,
    Route, TrustRef,
};
use crate::gateway::Gateway;
use crate::object::{Object, SecretRef};
use crate::settings::Settings;
use crate::site::Site;
use crate::trust::TrustState;

const GROUP: &str = "gateway.networking.k8s.io";
const FRONTEND: &str = "/spec/tls/frontend";

const fn kind(kind: &'static str, plural: &'static str, role: Role) -> Kind {
    Kind {
        group: GROUP,
        version: "v1",
        kind,
        plural,
        role,
    }
}

pub(super) const GATEWAY: Kind = kind("Gateway", "gateways", Role::Route);
pub(super) const HTTP_ROUTE: Kind = kind("HTTPRoute", "httproutes", Role::Context);
pub(super) const GATEWAY_CLASS: Kind = kind("GatewayClass", "gatewayclasses", Role::Context);

/// Who serves a Gateway: the controller of its class, or, where the class was not seen, the
/// gateway whose name is in it.
pub(super) fn dialect_of(object: &Object, settings: &Settings) -> Option<&'static Dialect> {
    let class = object.spec["gatewayClassName"].as_str()?;
    let mut dialects = DIALECTS.iter().copied();
    match settings.gateway_classes.get(class) {
        Some(controller) => {
            dialects.find(|dialect| dialect.gateway_controller == Some(controller.as_str()))
        }
        None => dialects
            .find(|dialect| dialect.gateway_controller.is_some() && class.contains(dialect.class)),
    }
}

/// How a gateway takes a Gateway.
pub(super) struct Habits {
    /// Its name.
    pub(super) name: &'static str,
    /// Whether it asks for client certificates where `spec.tls.frontend` says so.
    pub(super) honours_frontend: bool,
    /// Where its listeners for HTTPS and for HTTP stand; empty: no entry points.
    pub(super) entry_points: [&'static [&'static str]; 2],
}

/// Reads a Gateway.
pub(super) fn read(object: &Object, gateway: &Arc<Gateway>, habits: &Habits) -> ObjectFacts {
    let mut facts = ObjectFacts::silent(&object.id);
    let reader = Reader {
        object,
        gateway,
        habits,
    };
    let listeners = object.spec["listeners"].as_array();
    for (at, listener) in listeners.into_iter().flatten().enumerate() {
        let route = reader.listener(at, listener, &mut facts);
        facts.routes.extend(route.map(Arc::new));
        facts.server_secrets.extend(reader.server_secrets(listener));
    }
    facts.remarks.extend(reader.unread());
    facts
}

struct Reader<'a> {
    object: &'a Object,
    gateway: &'a Arc<Gateway>,
    habits: &'a Habits,
}

impl Reader<'_> {
    /// A listener without a hostname serves every host.
    fn listener(&self, at: usize, listener: &Value, facts: &mut ObjectFacts) -> Option<Route> {
        let protocol = listener["protocol"].as_str().unwrap_or_default();
        let passes = listener["tls"]["mode"].as_str() == Some("Passthrough");
        let (protocol, tls) = match protocol {
            "HTTPS" => (Protocol::Http, true),
            "HTTP" => (Protocol::Http, false),
            "TLS" if passes => (Protocol::Passthrough, true),
            "TLS" => (Protocol::Tcp, true),
            _ => return None,
        };
        let hostname = listener["hostname"].as_str().unwrap_or_default();
        let mut route = Route {
            site: Site::new(&self.object.id, format!("/spec/listeners/{at}")),
            gateway: Arc::clone(self.gateway),
            hosts: vec![host_name(hostname)],
            created: self.object.created.clone(),
            protocol,
            entry_points: self.entry_points(tls),
            tls,
            demand: None,
            option: None,
            plain: PlainHttp {
                server_certificate: tls,
                ..PlainHttp::default()
            },
            dropped: None,
            mentions: self.old_field(listener),
            rule_length: 0,
            matching: Matching::default(),
        };
        if protocol == Protocol::Http && tls {
            self.demand(listener, &mut route, facts);
        }
        if self.old_field(listener) {
            facts.remarks.push(self.never_read(at));
        }
        Some(route)
    }

    fn entry_points(&self, tls: bool) -> Vec<String> {
        let [https, http] = self.habits.entry_points;
        let names = if tls { https } else { http };
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    /// The entry of the listener's port goes before the default, and one without a validation
    /// turns it off (GEP-91).
    fn demand(&self, listener: &Value, route: &mut Route, facts: &mut ObjectFacts) {
        let frontend = &self.object.spec["tls"]["frontend"];
        let ports = frontend["perPort"].as_array().into_iter().flatten();
        let mut ports = ports.enumerate();
        let own = ports.find(|(_, entry)| entry["port"] == listener["port"]);
        let by_default = &frontend["default"]["validation"];
        let (pointer, validation) = match own {
            Some((at, entry)) => (
                format!("{FRONTEND}/perPort/{at}/tls/validation"),
                &entry["tls"]["validation"],
            ),
            None => (format!("{FRONTEND}/default/validation"), by_default),
        };
        route.mentions |= validation.is_object() || by_default.is_object();
        if !self.habits.honours_frontend {
            return;
        }
        if validation.is_object() {
            route.demand = Some(self.validated(&pointer, validation));
            let unsupported = self.unsupported(&pointer, validation);
            route.dropped = unsupported.as_ref().map(|remark| remark.message.clone());
            facts.remarks.extend(unsupported);
            facts.remarks.extend(self.borrowed(&pointer, validation));
        } else if by_default.is_object() {
            route.demand = Some(Demand {
                mode: Mode::Off,
                site: Site::new(&self.object.id, pointer.trim_end_matches("/tls/validation")),
                spelt: "perPort without validation".to_owned(),
                trust: Vec::new(),
                subject: None,
            });
        }
    }

    fn validated(&self, pointer: &str, validation: &Value) -> Demand {
        let refs = validation["caCertificateRefs"].as_array();
        let refs = refs.into_iter().flatten().enumerate();
        Demand {
            mode: Mode::Required,
            site: Site::new(&self.object.id, pointer),
            spelt: validation["mode"].as_str().unwrap_or_default().to_owned(),
            trust: refs
                .map(|(at, reference)| self.trust(pointer, at, reference))
                .collect(),
            subject: None,
        }
    }

    /// ConfigMap where no kind is said (`translator/gateway.go`, translateFrontendValidation).
    fn trust(&self, pointer: &str, at: usize, reference: &Value) -> TrustRef {
        let name = reference["name"].as_str().unwrap_or_default();
        let namespace = self.namespace(reference);
        let kind = reference["kind"].as_str().unwrap_or("ConfigMap");
        let core = reference["group"].as_str().unwrap_or_default().is_empty();
        let target = match (core, kind, name) {
            (_, _, "") => Err(Malformed::Empty),
            (true, "ConfigMap", _) => Ok(SecretRef::config_map(namespace, name)),
            (true, "Secret", _) => Ok(SecretRef::new(namespace, name)),
            _ => Err(Malformed::OtherKind),
        };
        TrustRef {
            site: Site::new(&self.object.id, format!("{pointer}/caCertificateRefs/{at}")),
            spelt: format!("{kind} {namespace}/{name}"),
            target,
            foreign: false,
            repair: None,
        }
    }

    fn namespace<'b>(&'b self, reference: &'b Value) -> &'b str {
        let named = reference["namespace"].as_str();
        named.unwrap_or(&self.object.id.namespace)
    }

    /// The listener is not accepted, and gets no SSL object (`errInsecureFallbackUnsupported`).
    fn unsupported(&self, pointer: &str, validation: &Value) -> Option<Remark> {
        (validation["mode"] == "AllowInsecureFallback").then(|| {
            self.remark(
                &format!("{pointer}/mode"),
                RemarkKind::Invalid,
                Harm::Closes,
                format!(
                    "{} does not support mode AllowInsecureFallback: it does not serve the listener",
                    self.habits.name
                ),
                "write AllowValidOnly, or leave the mode out",
            )
        })
    }

    /// Another namespace must allow the reference, which is not looked up here.
    fn borrowed(&self, pointer: &str, validation: &Value) -> Vec<Remark> {
        let refs = validation["caCertificateRefs"].as_array();
        let refs = refs.into_iter().flatten().enumerate();
        let own = &self.object.id.namespace;
        let foreign = refs.filter(|(_, reference)| self.namespace(reference) != own);
        foreign
            .map(|(at, reference)| {
                self.remark(
                    &format!("{pointer}/caCertificateRefs/{at}"),
                    RemarkKind::Foreign,
                    Harm::Harmless,
                    format!(
                        "the CA is in namespace {}: without a ReferenceGrant there the listener is \
                         not served",
                        self.namespace(reference)
                    ),
                    "keep the CA in the namespace of the Gateway, or grant the reference",
                )
            })
            .collect()
    }

    /// A gateway that knows nothing of `spec.tls.frontend` passes over it without a word.
    fn unread(&self) -> Option<Remark> {
        let frontend = &self.object.spec["tls"]["frontend"];
        (frontend.is_object() && !self.habits.honours_frontend).then(|| {
            self.remark(
                FRONTEND,
                RemarkKind::NoEffect,
                Harm::Opens,
                format!(
                    "{} does not read spec.tls.frontend: nobody is asked for a certificate",
                    self.habits.name
                ),
                "demand client certificates in the gateway's own words",
            )
        })
    }

    /// Where the field stood before v1.4, in the experimental channel.
    fn old_field(&self, listener: &Value) -> bool {
        listener["tls"]["frontendValidation"].is_object()
    }

    fn never_read(&self, at: usize) -> Remark {
        self.remark(
            &format!("/spec/listeners/{at}/tls/frontendValidation"),
            RemarkKind::NoEffect,
            Harm::Opens,
            format!(
                "{} does not read frontendValidation of a listener, which Gateway API took away in \
                 v1.4",
                self.habits.name
            ),
            "write it to spec.tls.frontend.default.validation",
        )
    }

    fn server_secrets(&self, listener: &Value) -> Vec<SecretRef> {
        let refs = listener["tls"]["certificateRefs"].as_array();
        let named = refs.into_iter().flatten().filter_map(|reference| {
            let name = reference["name"].as_str()?;
            Some(SecretRef::new(self.namespace(reference), name))
        });
        named.collect()
    }

    fn remark(
        &self,
        pointer: &str,
        kind: RemarkKind,
        harm: Harm,
        message: String,
        hint: &str,
    ) -> Remark {
        Remark {
            site: Site::new(&self.object.id, pointer),
            kind,
            harm,
            message,
            hint: hint.to_owned(),
            repair: None,
        }
    }
}

/// The key `ca.crt` alone (`ExtractCAFromConfigMap`, `ExtractCAFromSecret`).
pub(super) fn select(bundle: &Bundle) -> TrustState {
    match bundle.certificates("ca.crt") {
        None => TrustState::Unusable("it has no key ca.crt".to_owned()),
        Some(ca) if ca.certificates.is_empty() => {
            TrustState::Unusable("its ca.crt holds no certificate".to_owned())
        }
        Some(_) => TrustState::Usable { key: "ca.crt" },
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    fn gateway(class: &str) -> Object {
        let gateway = json!({"apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway",
            "metadata": {"name": "edge", "namespace": "shop"},
            "spec": {"gatewayClassName": class, "listeners": []}});
        Object::from_value(&gateway).unwrap()
    }

    #[test]
    fn the_class_tells_who_serves_it() {
        let mut settings = Settings::default();
        let id = |settings: &Settings, class| {
            dialect_of(&gateway(class), settings).map(|dialect| dialect.id)
        };
        assert_eq!(id(&settings, "apisix-edge"), Some("apisix"));
        assert_eq!(id(&settings, "edge"), None);
        let controller = json!({"controllerName": "traefik.io/gateway-controller"});
        let class = json!({"apiVersion": "gateway.networking.k8s.io/v1", "kind": "GatewayClass",
            "metadata": {"name": "edge"}, "spec": controller});
        let class = Object::from_value(&class).unwrap();
        settings.learn(&class);
        assert_eq!(id(&settings, "edge"), Some("traefik"));
        settings.forget(&class.id);
        assert_eq!(id(&settings, "edge"), None);
    }
}
