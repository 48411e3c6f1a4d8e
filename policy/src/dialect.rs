//! The gateways' ways of speaking. A gateway's words (annotations, field names, kinds) stop at
//! its folder; the table here is all that others see.

mod apisix;
mod foreign;
mod gateway_api;
mod http_route;
mod ingress_nginx;
pub(crate) mod pending;
mod syntax;
mod traefik;
mod write;

use std::sync::Arc;

use crate::bundle::Bundle;
use crate::client_auth_policy;
use crate::fact::{Harm, ObjectFacts, Remark, RemarkKind};
use crate::gateway::{Gateway, HostKey};
use crate::host::Host;
use crate::settings::{
    Assumption, ConfigMaps, GatewayConfig, Installation, Learnt, Settings, class_of,
};
use crate::site::Site;
use crate::trust::TrustState;
use crate::view::View;
use crate::vouch::Library;
use crate::weigh::weigh;
use crate::{Object, ObjectRef, SecretRef};

pub use syntax::{Form, Place, Syntax, When};
pub use write::{GatewayRequest, Removal, WriteRequest, Written, argument};

/// Every dialect. One row, one folder.
pub static DIALECTS: &[&Dialect] = &[&apisix::DIALECT, &ingress_nginx::DIALECT, &traefik::DIALECT];

/// What a kind is to a dialect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It opens hosts.
    Route,
    /// It holds demands that routes refer to.
    Option,
    /// It is read to understand routes, but no change of it is judged.
    Context,
}

/// A kind of object that a dialect reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    /// API group, empty for the core group.
    pub group: &'static str,
    /// API version.
    pub version: &'static str,
    /// The kind.
    pub kind: &'static str,
    /// The resource name in URLs and RBAC.
    pub plural: &'static str,
    /// What it is to the dialect.
    pub role: Role,
}

impl Kind {
    /// `group/version`, or the version alone for the core group.
    pub fn api_version(&self) -> String {
        match self.group {
            "" => self.version.to_owned(),
            group => format!("{group}/{}", self.version),
        }
    }

    /// Whether an object is of this kind.
    pub fn is(&self, object: &ObjectRef) -> bool {
        object.kind == self.kind && object.group() == self.group
    }
}

pub(crate) const INGRESS: Kind = Kind {
    group: "networking.k8s.io",
    version: "v1",
    kind: "Ingress",
    plural: "ingresses",
    role: Role::Route,
};

/// The kind that tells which controller serves a class.
pub const INGRESS_CLASS: Kind = Kind {
    group: "networking.k8s.io",
    version: "v1",
    kind: "IngressClass",
    plural: "ingressclasses",
    role: Role::Context,
};

/// The kinds that tell which controller serves a class.
pub const CLASSES: [Kind; 2] = [INGRESS_CLASS, gateway_api::GATEWAY_CLASS];

/// One gateway's way of speaking.
pub struct Dialect {
    /// The id: `gateway` in output, `dialect` in the configuration.
    pub id: &'static str,
    /// The name as its makers write it.
    pub name: &'static str,
    /// `spec.controller` of its IngressClass.
    pub controller: &'static str,
    /// `spec.controllerName` of its GatewayClass; `None`: it reads no Gateway.
    pub gateway_controller: Option<&'static str>,
    /// The class that its documentation uses.
    pub class: &'static str,
    /// How its annotations begin.
    pub prefix: &'static str,
    /// How its annotations about client certificates begin.
    pub client_auth_prefix: &'static str,
    /// The kinds that it reads.
    pub kinds: &'static [Kind],
    /// The headers by which it tells a backend who the client is.
    pub identity_headers: &'static [&'static str],
    /// How a client without an acceptable certificate is refused.
    pub refuses: &'static str,
    /// The library that verifies client certificates.
    pub library: Library,
    /// Whether the certificates of a key pair beside the CA are trusted for clients too.
    pub trusts_pair: bool,
    /// The data keys of a Secret that it may read as a CA.
    pub ca_keys: &'static [&'static str],
    /// The forms that single fields must have.
    pub syntax: &'static [Syntax],
    /// Reads an object that this gateway serves, without looking anything up.
    pub read: fn(&Object, &Arc<Gateway>, &Settings) -> ObjectFacts,
    /// Resolves and merges as the gateway does.
    pub settle: fn(&HostKey, &View<'_>) -> Host,
    /// What the gateway makes of a Secret's content.
    pub select: fn(&Bundle) -> TrustState,
    /// Puts a route behind a CA.
    pub write: fn(&WriteRequest<'_>) -> Result<Written, String>,
    /// Puts every host behind a CA, but for exceptions; or says what to do instead.
    pub write_gateway: fn(&GatewayRequest<'_>) -> Result<Written, String>,
    /// The label `app.kubernetes.io/name` of the controller's pods, and names of its chart.
    pub apps: &'static [&'static str],
    /// What an object that runs or installs something tells of this controller.
    pub settings: fn(&Installation, &ConfigMaps) -> Option<Learnt>,
    /// The defaults that verdicts can rest on.
    pub assumptions: &'static [Assumption],
}

/// Every label `app.kubernetes.io/name` under which some controller's pods run.
pub fn apps() -> Vec<&'static str> {
    let apps = DIALECTS.iter().flat_map(|dialect| dialect.apps);
    apps.copied().collect()
}

/// The dialect with an id.
pub fn by_id(id: &str) -> Option<&'static Dialect> {
    DIALECTS.iter().copied().find(|dialect| dialect.id == id)
}

/// Every kind that some dialect reads, each once.
pub fn kinds() -> Vec<Kind> {
    let mut kinds: Vec<Kind> = Vec::new();
    for kind in DIALECTS.iter().flat_map(|dialect| dialect.kinds) {
        if !kinds.contains(kind) {
            kinds.push(*kind);
        }
    }
    kinds
}

/// The kind of an object, where some dialect reads it.
pub fn kind_of(object: &ObjectRef) -> Option<&'static Kind> {
    kind_named(object.group(), &object.kind)
}

/// The kind of a group and a name, where some dialect reads it.
pub fn kind_named(group: &str, name: &str) -> Option<&'static Kind> {
    let mut kinds = DIALECTS.iter().flat_map(|dialect| dialect.kinds);
    kinds.find(|kind| kind.kind == name && kind.group == group)
}

/// Every data key that some dialect reads as a CA, each once.
pub fn ca_keys() -> Vec<&'static str> {
    let mut keys: Vec<_> = DIALECTS
        .iter()
        .flat_map(|dialect| dialect.ca_keys)
        .copied()
        .collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}

/// Reads any object: a route or an option in its gateway's dialect, a Secret, or nothing.
pub fn read(object: &Object, settings: &Settings) -> ObjectFacts {
    let mut facts = match gateway_of(object, settings) {
        Some((dialect, gateway)) => {
            let mut facts = (dialect.read)(object, &gateway, settings);
            let own_words = dialect.id == traefik::DIALECT.id;
            if !(own_words && traefik::reads_nginx(object, settings)) {
                facts.remarks.extend(foreign::words(object, dialect));
            }
            facts
        }
        None => plain(object),
    };
    facts.ignore = object.annotation(crate::IGNORE).map(str::to_owned);
    if INGRESS.is(&object.id) {
        facts.server_secrets = server_secrets(object);
    }
    facts.remarks.extend(object.oddities.iter().map(|oddity| {
        Remark {
            site: Site::new(&object.id, oddity.pointer.clone()),
            kind: RemarkKind::Unreadable,
            harm: Harm::Closes,
            message: format!("{} {}", crate::field(&oddity.pointer), oddity.reason),
            hint:
                "correct the field; `kubectl apply --dry-run=server` shows what the API server says"
                    .to_owned(),
            repair: None,
        }
    }));
    facts
}

/// The Secrets of `spec.tls` of an Ingress.
fn server_secrets(object: &Object) -> Vec<SecretRef> {
    let entries = object.spec["tls"].as_array().into_iter().flatten();
    let names = entries.filter_map(|entry| entry["secretName"].as_str());
    names
        .map(|name| SecretRef::new(&object.id.namespace, name))
        .collect()
}

/// Resolves and merges one host.
pub fn settle(key: &HostKey, view: &View<'_>) -> Host {
    let dialect = by_id(key.gateway.dialect).expect("a host key carries the id of a dialect");
    let mut host = (dialect.settle)(key, view);
    weigh(&mut host, view);
    client_auth_policy::apply(&mut host, view);
    host
}

/// Which gateway serves an object, as far as the object and the settings tell.
pub fn gateway_of(
    object: &Object,
    settings: &Settings,
) -> Option<(&'static Dialect, Arc<Gateway>)> {
    let (dialect, instance) = if INGRESS.is(&object.id) {
        let class = class_of(object);
        let dialect = ingress_dialect(object, class, settings)?;
        (dialect, class.unwrap_or(dialect.class))
    } else if gateway_api::GATEWAY.is(&object.id) {
        let dialect = gateway_api::dialect_of(object, settings)?;
        (dialect, dialect.class)
    } else {
        let reads = |dialect: &&&Dialect| dialect.kinds.iter().any(|kind| kind.is(&object.id));
        let dialect = DIALECTS.iter().find(reads)?;
        (*dialect, dialect.class)
    };
    let instance = match dialect.kinds.len() {
        1 => instance.to_owned(),
        _ => shared_instance(dialect, instance, settings),
    };
    Some((
        dialect,
        Arc::new(Gateway {
            dialect: dialect.id,
            instance,
        }),
    ))
}

/// A gateway with kinds of its own serves them together with its Ingresses: they are one
/// instance, unless the configuration tells several apart by class.
fn shared_instance(dialect: &Dialect, class: &str, settings: &Settings) -> String {
    let classes = settings
        .gateways
        .iter()
        .filter(|config| config.dialect == dialect.id);
    let classes: Vec<_> = classes
        .filter_map(|config| config.ingress_class.as_deref())
        .collect();
    match classes.as_slice() {
        [] => dialect.class.to_owned(),
        some if some.contains(&class) => class.to_owned(),
        [first, ..] => (*first).to_owned(),
    }
}

/// Who serves an Ingress: the configuration, the IngressClass, the class' name, the annotations.
fn ingress_dialect(
    object: &Object,
    class: Option<&str>,
    settings: &Settings,
) -> Option<&'static Dialect> {
    // Traefik can serve in ingress-nginx' place, if that is not there itself.
    let rival = |config: &GatewayConfig| config.dialect == ingress_nginx::DIALECT.id;
    if !settings.gateways.iter().any(rival) && traefik::reads_nginx(object, settings) {
        return Some(&traefik::DIALECT);
    }
    let Some(class) = class else {
        return classless(object, settings);
    };
    let configured = settings
        .gateways
        .iter()
        .find(|config| config.ingress_class.as_deref() == Some(class));
    if let Some(dialect) = configured.and_then(|config| by_id(&config.dialect)) {
        return Some(dialect);
    }
    if let Some(dialect) = settings.learnt_dialect(class).and_then(by_id) {
        return Some(dialect);
    }
    if let Some(controller) = settings.classes.get(class) {
        return DIALECTS
            .iter()
            .copied()
            .find(|dialect| dialect.controller == controller)
            .or_else(|| ingress_nginx::claims(object, controller, settings));
    }
    let by_name = DIALECTS
        .iter()
        .copied()
        .find(|dialect| class.contains(dialect.class));
    by_name.or_else(|| by_annotations(object))
}

/// An Ingress without a class: its annotations tell, then the IngressClass that it gets when it
/// is created, then the only gateway that is configured, then the one that serves such Ingresses
/// by default.
fn classless(object: &Object, settings: &Settings) -> Option<&'static Dialect> {
    // The API server gives it the default class when it is created.
    let default = || {
        let class = settings.default_class()?;
        ingress_dialect(object, Some(class), settings)
    };
    by_annotations(object)
        .or_else(default)
        .or_else(|| match settings.gateways.as_slice() {
            [sole] => by_id(&sole.dialect),
            _ => None,
        })
        .or(Some(&traefik::DIALECT))
}

fn by_annotations(object: &Object) -> Option<&'static Dialect> {
    let speaks = |dialect: &&Dialect| {
        object
            .annotations
            .keys()
            .any(|key| key.starts_with(dialect.prefix))
    };
    DIALECTS.iter().copied().find(speaks)
}

/// A Secret or ConfigMap, an object that promises one, or an object without meaning here.
fn plain(object: &Object) -> ObjectFacts {
    let mut facts = ObjectFacts::silent(&object.id);
    let holds_ca = object.data.values().any(Option::is_some);
    let is_bundle = SecretRef::is_one(&object.id) && (holds_ca || object.id.kind == "Secret");
    if is_bundle && !object.encrypted {
        facts.bundle = Some(Arc::new(Bundle::read(object)));
    }
    facts.promises = pending::promises(object);
    facts
}

/// A host name as gateways compare it.
pub(crate) fn host_name(host: &str) -> String {
    match host.trim_end_matches('.') {
        "" => "*".to_owned(),
        host => host.to_lowercase(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_folder_is_a_row() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/dialect");
        let entries = std::fs::read_dir(folder).unwrap();
        let names = entries
            .map(|entry| entry.unwrap())
            .filter(|entry| entry.path().is_dir());
        let mut folders: Vec<_> = names
            .map(|entry| entry.file_name().to_str().unwrap().replace('_', "-"))
            .collect();
        folders.sort();
        let rows: Vec<_> = DIALECTS
            .iter()
            .map(|dialect| dialect.id.to_owned())
            .collect();
        assert_eq!(folders, rows);
    }
}
