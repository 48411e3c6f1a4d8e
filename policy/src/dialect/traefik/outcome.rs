//! What Traefik makes of an option, and whom it lets in (`pkg/tls/tlsmanager.go:442-488`).

use std::sync::Arc;

use super::conflict::is_shadowed;
use super::nginx_provider;
use crate::bundle::Bundle;
use crate::fact::{Harm, Mode, Remark, RemarkKind, TlsOption, TrustRef};
use crate::host::{Admits, Because, Host};
use crate::lookup::Lookup;
use crate::site::Site;
use crate::trust::{TrustState, TrustUse};
use crate::view::View;
use crate::{Gateway, ObjectRef};

/// Whom an option lets in, and what the answer rests on.
#[derive(Clone, Debug)]
pub(super) struct Outcome {
    pub(super) admits: Admits,
    pub(super) because: Because,
    pub(super) site: Site,
    pub(super) unseen: Option<String>,
}

/// Takes note of the CAs that an option names, without asking what follows.
pub(super) fn take_note(option: &TlsOption, host: &mut Host, view: &View<'_>) {
    let used = option.trust.iter();
    let used: Vec<_> = used
        .map(|trust| look_up(option, trust, host, view))
        .collect();
    host.trust.extend(used);
}

/// The options with an id, without those of the old API group that one of the new one shadows.
pub(super) fn options(view: &View<'_>, gateway: &Arc<Gateway>, id: &str) -> Vec<Arc<TlsOption>> {
    let mut options = view.options(gateway, id);
    options.retain(|option| !is_shadowed(&option.site.object, view));
    options
}

/// Of several options with one id the last that is listed holds, in no certain order
/// (`crd/kubernetes.go:1335`): the weakest counts.
pub(super) fn of_any(options: &[Arc<TlsOption>], host: &mut Host, view: &View<'_>) -> Outcome {
    let outcomes = options
        .iter()
        .map(|option| (option, of(option, host, view)));
    let mut outcomes: Vec<_> = outcomes.collect();
    outcomes.sort_by_key(|(_, outcome)| rank(outcome.admits));
    let (weakest, strictest) = match outcomes.as_slice() {
        [] => return closed_for_good(host),
        [(_, only)] => return only.clone(),
        [first, .., last] => (first, last),
    };
    if weakest.1.admits != strictest.1.admits {
        host.remarks.push(overruled(strictest.0, weakest.0));
    }
    weakest.1.clone()
}

/// The one of two that lets more in.
pub(super) fn weaker(one: Admits, other: Admits) -> Admits {
    if rank(other) < rank(one) { other } else { one }
}

fn rank(admits: Admits) -> u8 {
    match admits {
        Admits::Everyone => 0,
        Admits::Optional => 1,
        Admits::AnyCertificate => 2,
        Admits::AnyPublic | Admits::OtherCa => 3,
        Admits::AnySubject => 4,
        Admits::Trusted => 5,
        Admits::Nobody | Admits::Redirected => 6,
    }
}

fn closed_for_good(host: &Host) -> Outcome {
    let object = ObjectRef {
        api_version: String::new(),
        kind: "TLSOption".to_owned(),
        namespace: String::new(),
        name: host.key.host.clone(),
    };
    Outcome {
        admits: Admits::Nobody,
        because: Because::BrokenReference,
        site: Site::new(&Arc::new(object), ""),
        unseen: None,
    }
}

fn overruled(option: &TlsOption, by: &TlsOption) -> Remark {
    Remark {
        site: option.site.clone(),
        kind: RemarkKind::Overruled,
        harm: Harm::Opens,
        message: format!(
            "{} has the same id {}: which of the two holds is not certain",
            by.site.object, option.id
        ),
        hint: "rename one of them, or run Traefik with providers.kubernetesCRD.safeNaming"
            .to_owned(),
        repair: None,
    }
}

/// Resolves an option's CAs and applies the table of `buildTLSConfig`.
pub(super) fn of(option: &TlsOption, host: &mut Host, view: &View<'_>) -> Outcome {
    host.rests_on.insert(Arc::clone(&option.site.object));
    take_remarks(option, host, view);
    if option.unusable.is_some() {
        return Outcome {
            admits: Admits::Nobody,
            because: Because::BrokenReference,
            site: option.site.clone(),
            unseen: None,
        };
    }
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
        (Mode::Required, true) if nginx_provider::forgets_subject(option) => {
            (Admits::AnySubject, Because::Demanded)
        }
        (Mode::Required, true) => (Admits::Trusted, Because::Demanded),
    };
    if option.mentions() {
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
        host.remarks.extend(facts.remarks.iter().cloned());
    }
}

/// A Secret that is missing, or has no CA key, is skipped; one with garbage breaks the option.
fn look_up(option: &TlsOption, trust: &TrustRef, host: &mut Host, view: &View<'_>) -> TrustUse {
    let found = match &trust.target {
        Ok(_) if trust.foreign => Lookup::Missing,
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
        Lookup::Found(bundle) if nginx_provider::made(option) => {
            Some(nginx_provider::select(bundle))
        }
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
    if nginx_provider::made(option) {
        return "Traefik skips the whole Ingress";
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_weaker_of_two() {
        assert_eq!(weaker(Admits::Trusted, Admits::Optional), Admits::Optional);
        assert_eq!(weaker(Admits::Optional, Admits::Trusted), Admits::Optional);
    }
}
