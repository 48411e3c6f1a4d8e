//! What the backends of a host learn of the client, and how they and the gateway know each other.

use std::collections::HashSet;
use std::sync::Arc;

use super::conflict::{Conflicts, is_on};
use super::extras::parts;
use crate::bundle::Bundle;
use crate::fact::{Credential, Filter, Harm, Mode, Remark, RemarkKind, Route};
use crate::host::Host;
use crate::lookup::Lookup;
use crate::view::View;

pub(super) fn settle(host: &mut Host, routes: &[Arc<Route>], conflicts: &Conflicts<'_>) {
    let mut seen = HashSet::new();
    for route in routes {
        let named = route.matching.transports.iter();
        for id in named.filter(|id| seen.insert((*id).clone())) {
            transport(host, route, id, conflicts.view);
        }
    }
    let mut seen = HashSet::new();
    for route in routes {
        let named = route.plain.filters.iter().filter(|id| !id.contains('@'));
        for id in named.filter(|id| seen.insert((*id).clone())) {
            if let Lookup::Found(filter) = conflicts.view.filter(&route.gateway, id) {
                identity(host, route, &filter, conflicts);
            }
        }
    }
}

fn transport(host: &mut Host, route: &Route, id: &str, view: &View<'_>) {
    let Lookup::Found(transport) = view.filter(&route.gateway, id) else {
        return;
    };
    host.rests_on.insert(Arc::clone(&transport.site.object));
    let remarks = view
        .object(&transport.site.object)
        .map(|facts| &facts.remarks);
    host.remarks.extend(remarks.into_iter().flatten().cloned());
    for credential in &transport.credentials {
        if let Some(fault) = fault(credential, host, view) {
            host.remarks.push(fault);
        }
    }
}

/// A Secret that is not there, or has not what is needed (`crd/kubernetes.go:376-434`).
fn fault(credential: &Credential, host: &mut Host, view: &View<'_>) -> Option<Remark> {
    let secret = &credential.secret;
    host.rests_on.insert(Arc::new(secret.object()));
    let Some(found) = view.bundle(secret) else {
        host.wanted.insert(secret.clone());
        return None;
    };
    let lacks = |bundle: &Bundle| {
        let groups = credential.keys.iter();
        let mut missing = groups.filter(|keys| !keys.iter().any(|key| bundle.has(key)));
        missing.next().map(|keys| keys.join(" or "))
    };
    let what = match found {
        Lookup::Unknown(_) => return None,
        Lookup::Missing => "does not exist".to_owned(),
        Lookup::Found(bundle) => format!("has no {}", lacks(&bundle)?),
    };
    Some(Remark {
        site: credential.site.clone(),
        kind: RemarkKind::Upstream,
        harm: Harm::Harmless,
        message: format!("Secret {secret} {what}: {}", credential.without),
        hint: "create it, or name one that exists".to_owned(),
        repair: None,
    })
}

/// The header with the client's certificate is worth as much as the certificate was verified
/// (`pass_tls_client_cert.go:145-167`), and a client's own is taken off only where the entry point
/// trusts nobody (`forwarded_header.go:17-29`).
fn identity(host: &mut Host, route: &Route, filter: &Filter, conflicts: &Conflicts<'_>) {
    let parts = parts(filter, conflicts.view);
    let tells = std::iter::once(filter).chain(parts.iter().map(AsRef::as_ref));
    let Some(teller) = { tells }.find(|filter| filter.tells_identity) else {
        return;
    };
    let lax =
        |(mode, ..): &(Mode, _, _)| matches!(mode, Mode::OptionalUnverified | Mode::Unverified);
    let trusting = conflicts
        .entries
        .iter()
        .find(|entry| entry.trusts_headers && is_on(route, entry));
    let message = if let Some(entry) = trusting {
        format!(
            "entry point {} trusts every forwarded header: clients can send X-Forwarded-Tls-Client-Cert themselves",
            entry.name
        )
    } else if host.modes.iter().any(lax) {
        "X-Forwarded-Tls-Client-Cert tells of certificates that nobody verified".to_owned()
    } else {
        return;
    };
    host.remarks.push(Remark {
        site: teller.site.clone(),
        kind: RemarkKind::Spoofable,
        harm: Harm::Opens,
        message,
        hint: "set clientAuthType RequireAndVerifyClientCert, and let entry points trust the addresses of proxies alone".to_owned(),
        repair: None,
    });
}
