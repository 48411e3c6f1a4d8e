//! What the controller makes of a Secret (`internal/ingress/controller/store/backend_ssl.go`).

use std::sync::Arc;

use crate::bundle::Bundle;
use crate::fact::TrustRef;
use crate::gateway::HostKey;
use crate::host::Host;
use crate::lookup::Lookup;
use crate::trust::{TrustState, TrustUse};
use crate::view::View;

/// A reference to a Secret and what the controller makes of it.
pub(super) fn look_up(reference: &TrustRef, key: &HostKey, view: &View<'_>) -> TrustUse {
    let found = match &reference.target {
        Ok(target) if !reference.foreign => view
            .bundle(target)
            .unwrap_or_else(|| Lookup::Unknown(format!("Secret {target}"))),
        Ok(_) | Err(_) => Lookup::Missing,
    };
    let state = match &found {
        Lookup::Found(bundle) => Some(select(bundle)),
        Lookup::Missing | Lookup::Unknown(_) => None,
    };
    TrustUse {
        reference: reference.clone(),
        found,
        state,
        crl_key: Some("ca.crl"),
        consequence: match key.host.as_str() {
            "*" => {
                "ingress-nginx answers 403 on its default server, to health checks too; without \
                another host nginx refuses the whole configuration"
            }
            _ => "ingress-nginx answers 403 to every request for the host",
        },
    }
}

pub(super) fn is_denied(used: &TrustUse) -> bool {
    matches!(used.found, Lookup::Missing) || matches!(used.state, Some(TrustState::Unusable(_)))
}

/// A Secret that the answer rests on, and that is to be fetched where nothing is known of it.
pub(super) fn note_secret(
    reference: &TrustRef,
    found: &Lookup<Arc<Bundle>>,
    host: &mut Host,
    view: &View<'_>,
) {
    let Ok(target) = &reference.target else {
        return;
    };
    if !reference.foreign {
        host.rests_on.insert(Arc::new(target.object()));
        if matches!(found, Lookup::Unknown(_)) && view.bundle(target).is_none() {
            host.wanted.insert(target.clone());
        }
    }
}

/// Key selection (`backend_ssl.go:76-192`): a key pair without `ca.crt` is a server certificate
/// and turns client authentication off without an error. After an error the controller goes on
/// with what it read before (`:44-50`).
pub(super) fn select(bundle: &Bundle) -> TrustState {
    match read_secret(bundle) {
        Err(why) => TrustState::Unusable(format!(
            "{why} (a controller that read a good one before goes on with that until it restarts)"
        )),
        Ok(state) => state,
    }
}

fn read_secret(bundle: &Bundle) -> Result<TrustState, &'static str> {
    let pair = bundle
        .certificates("tls.crt")
        .filter(|_| bundle.has("tls.key"));
    if pair.is_some_and(|pair| pair.certificates.is_empty()) {
        return Err("its tls.crt and tls.key are no key pair");
    }
    let no_demand = |why: &str| Ok(TrustState::NoDemand(why.to_owned()));
    match bundle.certificates("ca.crt") {
        None if pair.is_some() => no_demand("it is a key pair without ca.crt"),
        None => Err("it has no key ca.crt"),
        Some(ca) if ca.is_blank() && pair.is_some() => {
            no_demand("it is a key pair and its ca.crt is empty")
        }
        Some(ca) if ca.certificates.is_empty() && ca.unreadable == 0 => {
            Err("its ca.crt holds no certificate")
        }
        Some(ca) if ca.unreadable > 0 => Err("its ca.crt holds a certificate that cannot be \
            read"),
        Some(ca) if ca.private_keys + ca.crls.len() + ca.other.len() > 0 => {
            Err("its ca.crt holds something that is no certificate")
        }
        Some(_) if bundle.certificates("ca.crl").is_some_and(is_no_list) => {
            Err("its ca.crl holds no revocation list")
        }
        Some(_) => Ok(TrustState::Usable { key: "ca.crt" }),
    }
}

/// The first block must be a revocation list (`ConfigureCRL`, `ssl.go:216-244`); an empty value
/// is none at all, and one that was not read may be one.
fn is_no_list(list: &x509::Bundle) -> bool {
    let others = list.certificates.len() + list.private_keys + list.unreadable + list.other.len();
    list.crls.is_empty() && (others > 0 || list.is_junk())
}
