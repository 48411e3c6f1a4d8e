//! A TLSOption to facts (`crd/kubernetes.go:1300-1374`).

use std::sync::Arc;

use super::reference;
use super::syntax::VERIFYING;
use super::words::{is_cipher, is_curve, is_version};
use crate::fact::{
    Demand, Harm, Malformed, Mode, ObjectFacts, Remark, RemarkKind, TlsOption, TrustRef,
};
use crate::object::{SecretRef, strings};
use crate::site::Site;
use crate::{Gateway, GatewayConfig, Object};

pub(super) fn read(
    object: &Object,
    gateway: &Arc<Gateway>,
    config: &GatewayConfig,
    facts: &mut ObjectFacts,
) {
    let section = &object.spec["clientAuth"];
    let names = strings(&section["secretNames"]);
    let trust: Vec<_> = names
        .iter()
        .enumerate()
        .map(|named| trust(object, named))
        .collect();
    let spelt = section["clientAuthType"].as_str().unwrap_or_default();
    let mode = mode(spelt);
    if mode.is_none() && !spelt.is_empty() {
        facts.remarks.push(unknown_type(object, spelt));
    }
    let unknown = mode.is_none() && !spelt.is_empty();
    let unusable = unusable(object, &mut facts.remarks)
        .or_else(|| unknown.then(|| format!("clientAuthType {spelt:?} does not exist")));
    facts.remarks.extend(without_ca(object, spelt, &names));
    facts.remarks.extend(unknown_versions(object));
    facts.remarks.extend(strict_alone(object));
    let site = match spelt {
        "" => Site::new(&object.id, "/spec/clientAuth"),
        _ => Site::new(&object.id, "/spec/clientAuth/clientAuthType"),
    };
    let stated = !trust.is_empty() || mode.is_some();
    let demand = stated.then(|| Demand {
        mode: mode.unwrap_or(Mode::Required),
        site,
        spelt: spelt.to_owned(),
        trust: trust.clone(),
        subject: None,
    });
    facts.options.push(Arc::new(TlsOption {
        site: Site::new(&object.id, ""),
        gateway: Arc::clone(gateway),
        id: match object.id.name.as_str() {
            "default" => "default".to_owned(),
            name => reference::id(&object.id.namespace, name, config),
        },
        demand,
        trust,
        mode,
        unusable,
    }));
}

fn trust(object: &Object, (index, name): (usize, &String)) -> TrustRef {
    let target = match name.as_str() {
        "" => Err(Malformed::Empty),
        name if name.contains('/') => Err(Malformed::WrongParts),
        name => Ok(SecretRef::new(&object.id.namespace, name)),
    };
    TrustRef {
        site: Site::new(&object.id, format!("/spec/clientAuth/secretNames/{index}")),
        spelt: name.clone(),
        target,
        foreign: false,
        repair: None,
    }
}

fn mode(spelt: &str) -> Option<Mode> {
    Some(match spelt {
        "NoClientCert" => Mode::Off,
        "RequestClientCert" => Mode::OptionalUnverified,
        "RequireAnyClientCert" => Mode::Unverified,
        "VerifyClientCertIfGiven" => Mode::Optional,
        "RequireAndVerifyClientCert" => Mode::Required,
        _ => return None,
    })
}

fn unknown_type(object: &Object, spelt: &str) -> Remark {
    Remark {
        site: Site::new(&object.id, "/spec/clientAuth/clientAuthType"),
        kind: RemarkKind::Invalid,
        harm: Harm::Closes,
        message: format!(
            "clientAuthType {spelt:?} does not exist: the API server refuses the object"
        ),
        hint: "write RequireAndVerifyClientCert".to_owned(),
        repair: None,
    }
}

/// Traefik does not build an option that verifies and names nothing to verify by.
fn without_ca(object: &Object, spelt: &str, names: &[String]) -> Option<Remark> {
    (VERIFYING.contains(&spelt) && names.is_empty()).then(|| Remark {
        site: Site::new(&object.id, "/spec/clientAuth/clientAuthType"),
        kind: RemarkKind::Invalid,
        harm: Harm::Closes,
        message: format!(
            "{spelt} without secretNames: Traefik closes every connection to the hosts of this TLSOption"
        ),
        hint: "name the Secret with the client CA in spec.clientAuth.secretNames".to_owned(),
        repair: None,
    })
}

/// A cipher suite or a curve that Traefik does not know breaks the option, and with it every
/// router that names it.
fn unusable(object: &Object, remarks: &mut Vec<Remark>) -> Option<String> {
    let ciphers = unknown_names(object, "cipherSuites", is_cipher);
    let curves = unknown_names(object, "curvePreferences", is_curve);
    let unknown: Vec<_> = ciphers.into_iter().chain(curves).collect();
    let reason = unknown.first().map(|remark| remark.message.clone());
    remarks.extend(unknown);
    reason
}

fn unknown_names(object: &Object, field: &str, is_known: fn(&str) -> bool) -> Vec<Remark> {
    let names = strings(&object.spec[field]).into_iter().enumerate();
    let unknown = names.filter(|(_, name)| !is_known(name));
    let remark = |(index, name)| Remark {
        site: Site::new(&object.id, format!("/spec/{field}/{index}")),
        kind: RemarkKind::Invalid,
        harm: Harm::Closes,
        message: format!(
            "{field} has no {name:?}: Traefik closes every connection to the hosts of this TLSOption"
        ),
        hint: "write the name as Go's crypto/tls has it, or remove it".to_owned(),
        repair: None,
    };
    unknown.map(remark).collect()
}

fn unknown_versions(object: &Object) -> Vec<Remark> {
    let fields = ["minVersion", "maxVersion"].into_iter();
    let unknown = fields.filter_map(|field| {
        let value = object.spec[field].as_str().unwrap_or_default();
        let unknown = !value.is_empty() && !is_version(value);
        unknown.then(|| Remark {
            site: Site::new(&object.id, format!("/spec/{field}")),
            kind: RemarkKind::Invalid,
            harm: Harm::Harmless,
            message: format!("{field} has no {value:?}: Traefik ignores it"),
            hint: "write VersionTLS12 or VersionTLS13".to_owned(),
            repair: None,
        })
    });
    unknown.collect()
}

/// What a name says that is not in the object: an option called for client certificates whose
/// only strictness is about the server's (`tlsmanager.go:277-281`).
fn strict_alone(object: &Object) -> Option<Remark> {
    let strict = object.spec["sniStrict"].as_bool().unwrap_or(false);
    let name = object.id.name.to_lowercase();
    let meant = ["mtls", "client-auth", "clientauth", "client-cert"];
    let meant = meant.iter().any(|word| name.contains(word));
    let silent = object.spec["clientAuth"]
        .as_object()
        .is_none_or(|auth| auth.is_empty());
    (strict && meant && silent).then(|| Remark {
        site: Site::new(&object.id, "/spec/sniStrict"),
        kind: RemarkKind::NoEffect,
        harm: Harm::Opens,
        message: "sniStrict only refuses server names without a server certificate: nobody is asked for a client certificate".to_owned(),
        hint: "add clientAuth with secretNames and clientAuthType RequireAndVerifyClientCert".to_owned(),
        repair: None,
    })
}
