//! A TLSOption, and what Traefik makes of it (`crd/kubernetes.go:1300-1374`,
//! `pkg/tls/tlsmanager.go:442-488`).

use std::sync::Arc;

use crate::bundle::Bundle;
use crate::fact::{
    Demand, Harm, Malformed, Mode, ObjectFacts, Remark, RemarkKind, TlsOption, TrustRef,
};
use crate::host::{Admits, Because, Host};
use crate::lookup::Lookup;
use crate::object::{SecretRef, strings};
use crate::site::Site;
use crate::trust::{TrustState, TrustUse};
use crate::view::View;
use crate::{Gateway, Object};

pub(super) fn read(object: &Object, gateway: &Arc<Gateway>, facts: &mut ObjectFacts) {
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
    let site = match spelt {
        "" => Site::new(&object.id, "/spec/clientAuth"),
        _ => Site::new(&object.id, "/spec/clientAuth/clientAuthType"),
    };
    let stated = !trust.is_empty() || mode.is_some_and(|mode| mode != Mode::Off);
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
            name => format!("{}-{name}", object.id.namespace),
        },
        demand,
        trust,
        mode,
        unusable: None,
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

/// Whom an option lets in, and what the answer rests on.
pub(super) struct Outcome {
    pub(super) admits: Admits,
    pub(super) because: Because,
    pub(super) site: Site,
    pub(super) unseen: Option<String>,
}

/// Resolves an option's CAs and applies the table of `buildTLSConfig`.
pub(super) fn outcome(option: &TlsOption, host: &mut Host, view: &View<'_>) -> Outcome {
    host.rests_on.insert(Arc::clone(&option.site.object));
    take_remarks(option, host, view);
    let used: Vec<_> = option
        .trust
        .iter()
        .map(|trust| look_up(option, trust, host, view))
        .collect();
    let usable = used.iter().any(is_usable);
    let unseen = used.iter().find_map(|used| match &used.found {
        Lookup::Unknown(what) => Some(what.clone()),
        Lookup::Found(_) | Lookup::Missing => None,
    });
    let broken = used
        .iter()
        .find(|used| matches!(used.state, Some(TrustState::Unusable(_))));
    let broken = broken.map(|used| used.reference.site.clone());
    host.trust.extend(used);
    if let Some(site) = broken {
        return Outcome {
            admits: Admits::Nobody,
            because: Because::BrokenReference,
            site,
            unseen,
        };
    }
    resolved(option, usable || unseen.is_some(), unseen, host)
}

/// The truth table [T `TestClientAuth`]: with a CA an absent type means the strictest; without
/// one it means that nobody is asked.
fn resolved(option: &TlsOption, has_ca: bool, unseen: Option<String>, host: &mut Host) -> Outcome {
    let site = option
        .demand
        .as_ref()
        .map_or(&option.site, |demand| &demand.site)
        .clone();
    let spelt = option
        .demand
        .as_ref()
        .map_or("", |demand| demand.spelt.as_str())
        .to_owned();
    let mode = option
        .mode
        .unwrap_or(if has_ca { Mode::Required } else { Mode::Off });
    let (admits, because) = match (mode, has_ca) {
        (Mode::Off, _) if option.mode.is_some() => (Admits::Everyone, Because::TurnedOff),
        (Mode::Off, _) if option.trust.is_empty() => (Admits::Everyone, Because::NothingSaid),
        (Mode::Off, _) => (Admits::Everyone, Because::BrokenReference),
        (Mode::OptionalUnverified, _) => (Admits::Optional, Because::Demanded),
        (Mode::Unverified, _) => (Admits::AnyCertificate, Because::Demanded),
        (Mode::Optional | Mode::Required, false) => (Admits::Nobody, Because::BrokenReference),
        (Mode::Optional, true) => (Admits::Optional, Because::Demanded),
        (Mode::Required, true) => (Admits::Trusted, Because::Demanded),
    };
    if option.demand.is_some() || option.mode.is_some() {
        host.modes.push((mode, site.clone(), spelt));
    }
    // A mode that never looks at the CA does not hang on it.
    let hangs = option
        .mode
        .is_none_or(|mode| matches!(mode, Mode::Optional | Mode::Required));
    Outcome {
        admits,
        because,
        site,
        unseen: unseen.filter(|_| hangs),
    }
}

fn take_remarks(option: &TlsOption, host: &mut Host, view: &View<'_>) {
    if let Some(facts) = view.object(&option.site.object) {
        let new = facts
            .remarks
            .iter()
            .filter(|remark| !host.remarks.iter().any(|known| known.site == remark.site));
        let new: Vec<_> = new.cloned().collect();
        host.remarks.extend(new);
    }
}

/// A Secret that is missing, or has no CA key, is skipped; one with garbage breaks the option.
fn look_up(option: &TlsOption, trust: &TrustRef, host: &mut Host, view: &View<'_>) -> TrustUse {
    let found = match &trust.target {
        Ok(target) => {
            host.rests_on.insert(Arc::new(target.object()));
            view.bundle(target).unwrap_or_else(|| {
                host.wanted.insert(target.clone());
                Lookup::Unknown(format!("Secret {target}"))
            })
        }
        Err(_) => Lookup::Missing,
    };
    let state = match &found {
        Lookup::Found(bundle) => Some(select(bundle)),
        Lookup::Missing | Lookup::Unknown(_) => None,
    };
    TrustUse {
        reference: trust.clone(),
        found,
        state,
        crl_key: None,
        consequence: consequence(option),
    }
}

fn consequence(option: &TlsOption) -> &'static str {
    match option.mode {
        None => "Traefik skips it, and without any other CA it asks nobody for a certificate",
        Some(Mode::Optional | Mode::Required) => {
            "Traefik skips it, and without any other CA it closes every connection"
        }
        Some(Mode::Off | Mode::OptionalUnverified | Mode::Unverified) => {
            "Traefik skips it, and with this clientAuthType would not use it either"
        }
    }
}

fn is_usable(used: &TrustUse) -> bool {
    matches!(used.state, Some(TrustState::Usable { .. }))
}

/// `getCABlocks` (`crd/kubernetes.go:1580-1592`): `tls.ca` goes before `ca.crt`; a value without
/// a certificate breaks the option (`tlsmanager.go:456-461`), unreadable ones beside a good one
/// are passed over.
pub(super) fn select(bundle: &Bundle) -> TrustState {
    let key = ["tls.ca", "ca.crt"].into_iter().find(|key| bundle.has(key));
    let Some(key) = key else {
        return TrustState::Skipped("it has neither key tls.ca nor ca.crt".to_owned());
    };
    match bundle.certificates(key) {
        Some(ca) if !ca.certificates.is_empty() => TrustState::Usable { key },
        Some(_) | None => TrustState::Unusable(format!("its {key} holds no certificate")),
    }
}
