//! What goes to the backend: headers about the client, and the controller's own certificate.

use super::block::Member;
use super::merged::push;
use super::secret::{look_up, note_secret};
use super::settle::Server;
use crate::fact::{Harm, RemarkKind};
use crate::host::{Admits, Host};
use crate::lookup::Lookup;
use crate::site::Site;
use crate::trust::{TrustState, TrustUse};

/// Only where an Ingress says that the backend gets the certificate does the backend read the
/// header; then it must not come from the client (template lines 1286-1293).
pub(super) fn spoofable(server: &Server<'_>, host: &mut Host) {
    let sets = server
        .merged
        .winner()
        .is_some_and(|(member, _)| member.part.passes_certificate.is_some());
    let reached = host
        .doors
        .iter()
        .any(|door| !door.plain && door.admits != Admits::Nobody);
    if sets || !reached || server.merged.passthrough.is_some() || server.merged.unseen.is_some() {
        return;
    }
    let mut members = server
        .block
        .members
        .iter()
        .filter(|member| member.is_loaded());
    let Some(site) = members.find_map(|member| member.part.passes_certificate.as_ref()) else {
        return;
    };
    let message = match server.merged.has_ca {
        true => {
            "another Ingress decides for the host and does not set ssl-client-cert: the \
                backend gets the header as the client sent it"
        }
        false => {
            "no client CA is in force: the backend gets ssl-client-cert, ssl-client-verify and \
                ssl-client-subject-dn as the client sent them"
        }
    };
    push(
        host,
        site,
        RemarkKind::Spoofable,
        Harm::Opens,
        message,
        "put the host behind a client CA and pass the certificate on in the Ingress that decides",
    );
}

/// The Secret of `proxy-ssl-secret`, and who else uses it (`controller.go:777-788`).
pub(super) fn upstream(server: &Server<'_>, host: &mut Host) {
    let members: Vec<_> = server
        .block
        .members
        .iter()
        .filter(|member| member.is_loaded())
        .collect();
    let mut first = None;
    let mut last: Option<&Site> = None;
    for member in &members {
        let Some(reference) = &member.part.upstream.trust else {
            continue;
        };
        if last == Some(&reference.site) {
            continue;
        }
        last = Some(&reference.site);
        let used = look_up(reference, &server.block.key, server.view);
        note_secret(reference, &used.found, host, server.view);
        let fine = matches!(used.state, Some(TrustState::Usable { .. }));
        if let Some((harm, message)) = unfit(&used) {
            push(
                host,
                &reference.site,
                RemarkKind::Upstream,
                harm,
                &message,
                "name a Secret of the Ingress' own namespace with tls.crt, tls.key and ca.crt",
            );
        } else if fine && first.is_none() && is_pair(&used) && member.part.upstream.server_wide {
            first = Some((*member, &reference.site));
        }
    }
    let Some((owner, site)) = first else { return };
    let lent = |member: &&Member| {
        let upstream = &member.part.upstream;
        upstream.tls
            && upstream.trust.is_none()
            && member.route.site.object != owner.route.site.object
    };
    if let Some(other) = members.into_iter().find(lent) {
        let message = format!(
            "the certificate is shown to the backends of {} too: the controller sets it for \
                the whole server",
            other.route.site.object
        );
        push(
            host,
            site,
            RemarkKind::Upstream,
            Harm::Harmless,
            &message,
            "set proxy-ssl-location-only in the ConfigMap, or give that Ingress a Secret of \
                its own",
        );
    }
}

fn is_pair(used: &TrustUse) -> bool {
    matches!(&used.found, Lookup::Found(bundle) if bundle.has("tls.crt") && bundle.has("tls.key"))
}

/// Why a Secret does nothing for the backend's sake, or closes the locations of its Ingress.
fn unfit(used: &TrustUse) -> Option<(Harm, String)> {
    let spelt = used.reference.spelt.trim();
    let closes = "the controller answers 503 on every path of the Ingress";
    match (&used.found, &used.state) {
        (Lookup::Missing, _) => {
            let why = match (&used.reference.target, used.reference.foreign) {
                (Err(_), _) => "is not namespace/name",
                (Ok(_), true) => "is in another namespace",
                (Ok(_), false) => "does not exist",
            };
            Some((Harm::Closes, format!("Secret {spelt} {why}: {closes}")))
        }
        (_, Some(TrustState::Unusable(why))) => Some((
            Harm::Closes,
            format!("Secret {spelt} is of no use, {why}: {closes}"),
        )),
        (_, Some(TrustState::NoDemand(why))) => Some((
            Harm::Opens,
            format!(
                "Secret {spelt} is of no use, {why}: no certificate is sent to the backend and \
                    none verified"
            ),
        )),
        _ => None,
    }
}
