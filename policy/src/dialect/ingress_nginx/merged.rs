//! What is wrong with several Ingresses on one host, seen from all of them.

use super::block::{How, Member, has_ca};
use super::settle::{Server, look_up, note_secret};
use super::values;
use crate::fact::{Demand, Harm, Mode, RemarkKind};
use crate::gateway::HostKey;
use crate::host::{Admits, Host};
use crate::lookup::Lookup;
use crate::object::annotation_pointer;
use crate::server::Place;
use crate::site::Site;
use crate::trust::{TrustState, TrustUse};
use crate::view::View;

pub(super) fn remarks(server: &Server<'_>, host: &mut Host) {
    bypassed(server, host);
    overruled(server, host);
    closed_by_another(server, host);
    handed_on(server, host);
    error_page(server, host);
    spoofable(server, host);
    plain(server, host);
    upstream(server, host);
    dropped_alias(server, host);
    uncovered(server, host);
}

fn push(host: &mut Host, site: &Site, kind: RemarkKind, harm: Harm, message: &str, hint: &str) {
    host.remarks
        .push(values::remark(site.clone(), kind, harm, message, hint));
}

/// Routes of a host that make no server: a guest alone, and another name of a server that has
/// its names from another Ingress.
pub(super) fn remark_homeless(members: &[Member], host: &mut Host) {
    for member in members.iter().filter(|member| member.is_loaded()) {
        let site = &member.route.site;
        if member.part.guest
            && member.route.demand.is_some()
            && !matches!(member.place(), Some(Place::Stray(_)))
        {
            push(
                host,
                site,
                RemarkKind::NoEffect,
                Harm::Opens,
                "a canary makes no server: no other Ingress serves the host, and the auth-tls annotations land on the default server",
                "give the host an Ingress that is no canary, with the same annotations",
            );
        }
    }
}

/// The controller's loop over rules never reaches the client settings of a rule without `http`,
/// nor those beside a default backend alone (`controller.go:745-760`).
fn bypassed(server: &Server<'_>, host: &mut Host) {
    let members = server
        .block
        .members
        .iter()
        .filter(|member| member.route.mentions);
    for member in members.filter(|_| server.block.how == How::Own) {
        let what = match member.place() {
            Some(Place::Rule(None)) if host.key.host != "*" => "a rule without http",
            Some(Place::CatchAll) => "a default backend without rules",
            _ => continue,
        };
        let message = format!("the auth-tls annotations have no effect on {what}");
        let hint = "give the host a rule with http.paths";
        push(
            host,
            &member.route.site,
            RemarkKind::NoEffect,
            Harm::Opens,
            &message,
            hint,
        );
    }
}

/// Demands that are not those in force.
fn overruled(server: &Server<'_>, host: &mut Host) {
    let Some((winner, ours)) = server.merged.winner() else {
        return;
    };
    let losers = server
        .block
        .members
        .iter()
        .filter(|member| has_ca(member.ca.as_ref()) && member.is_loaded());
    for loser in losers.filter(|loser| loser.route.site.object != winner.route.site.object) {
        let Some(theirs) = &loser.route.demand else {
            continue;
        };
        let Some((what, harm, site)) = difference((winner, ours), (loser, theirs)) else {
            continue;
        };
        let message = format!(
            "{} comes first and decides for the whole host: {what}",
            winner.route.site.object
        );
        let hint = "say the same in every Ingress of the host, or say it in the oldest alone";
        push(host, site, RemarkKind::Overruled, harm, &message, hint);
    }
}

/// In what a demand differs from the one in force, what follows, and where it stands.
fn difference<'a>(
    (winner, ours): (&Member, &Demand),
    (loser, theirs): (&'a Member, &'a Demand),
) -> Option<(String, Harm, &'a Site)> {
    let reference = theirs.trust.first()?;
    if !same_ca(winner.ca.as_ref()?, loser.ca.as_ref()?) {
        let message = format!("the CA in {} is not read", reference.spelt.trim());
        return Some((message, Harm::Opens, &reference.site));
    }
    if ours.mode != theirs.mode {
        let harm = if ours.mode < theirs.mode {
            Harm::Opens
        } else {
            Harm::Harmless
        };
        let message = format!(
            "client certificates are {}, not {}",
            mode(ours.mode),
            mode(theirs.mode)
        );
        return Some((message, harm, &theirs.site));
    }
    if ours.subject != theirs.subject {
        let harm = if theirs.subject.is_some() {
            Harm::Opens
        } else {
            Harm::Harmless
        };
        return Some((
            "its pattern for the subject holds, or none".to_owned(),
            harm,
            &theirs.site,
        ));
    }
    let page = |member: &Member| member.part.page.as_ref().map(|(page, _)| page.clone());
    let other = winner.part.depth != loser.part.depth || page(winner) != page(loser);
    other.then(|| {
        (
            "its depth and its error page hold".to_owned(),
            Harm::Harmless,
            &theirs.site,
        )
    })
}

fn mode(mode: Mode) -> &'static str {
    match mode {
        Mode::Off => "not asked for",
        Mode::OptionalUnverified | Mode::Unverified => "not verified",
        Mode::Optional => "optional",
        Mode::Required => "demanded",
    }
}

/// Whether two references lead to the same CAs; what was not seen may.
fn same_ca(ours: &TrustUse, theirs: &TrustUse) -> bool {
    let prints = |used: &TrustUse| {
        used.anchors()
            .iter()
            .map(|anchor| anchor.fingerprint)
            .collect::<Vec<_>>()
    };
    let known = !ours.anchors().is_empty() && !theirs.anchors().is_empty();
    ours.reference.target == theirs.reference.target || (known && prints(ours) == prints(theirs))
}

/// A broken reference of one Ingress closes the host of all.
fn closed_by_another(server: &Server<'_>, host: &mut Host) {
    let Some(denied) = server.merged.denied else {
        return;
    };
    let culprit = &denied.route.site.object;
    let good = server
        .block
        .members
        .iter()
        .filter(|member| has_ca(member.ca.as_ref()) && member.is_loaded());
    for member in good.filter(|member| member.route.site.object != *culprit) {
        let Some(demand) = &member.route.demand else {
            continue;
        };
        let message = format!("the broken reference of {culprit} closes the host for everybody");
        let hint = "correct that Ingress, or take the host out of it";
        push(
            host,
            &demand.site,
            RemarkKind::Overruled,
            Harm::Closes,
            &message,
            hint,
        );
    }
}

fn handed_on(server: &Server<'_>, host: &mut Host) {
    let Some(member) = server.merged.passthrough.filter(|_| host.mentioned) else {
        return;
    };
    let name = format!("{}ssl-passthrough", server.controller.prefix);
    let site = Site::new(&member.route.site.object, annotation_pointer(&name));
    push(
        host,
        &site,
        RemarkKind::NoEffect,
        Harm::Opens,
        "ssl-passthrough hands TLS to the backend as it comes: what is said about client certificates has no effect on the host",
        "let the backend demand certificates, or let the controller end TLS",
    );
}

fn error_page(server: &Server<'_>, host: &mut Host) {
    let Some((site, demand)) = server.leaking_page() else {
        return;
    };
    let who = match demand.subject {
        Some(_) => "a client with any certificate of a fitting subject, verified or not,",
        None => "a client without a certificate",
    };
    let message =
        format!("{who} is answered by the backend at this path, which is not checked again");
    let hint = "give a full URL, https://…, or leave it out";
    push(
        host,
        site,
        RemarkKind::ErrorPage,
        Harm::Opens,
        &message,
        hint,
    );
}

/// Only where an Ingress says that the backend gets the certificate does the backend read the
/// header; then it must not come from the client (template lines 1286-1293).
fn spoofable(server: &Server<'_>, host: &mut Host) {
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
            "another Ingress decides for the host and does not set ssl-client-cert: the backend gets the header as the client sent it"
        }
        false => {
            "no client CA is in force: the backend gets ssl-client-cert, ssl-client-verify and ssl-client-subject-dn as the client sent them"
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

/// What a pattern for the subject does to plain HTTP, and what a header of the client does.
fn plain(server: &Server<'_>, host: &mut Host) {
    let Some((_, demand)) = server
        .merged
        .winner()
        .filter(|_| server.merged.denied.is_none())
    else {
        return;
    };
    let closed = |host: &Host, admits| {
        host.doors
            .iter()
            .any(|door| door.plain && door.admits == admits)
    };
    if demand.subject.is_some() && closed(host, Admits::Nobody) {
        refused_redirects(server, host);
    }
    let trusts = server
        .controller
        .config
        .config_is_on("use-forwarded-headers", false);
    if trusts && closed(host, Admits::Redirected) {
        push(
            host,
            &demand.site,
            RemarkKind::Spoofable,
            Harm::Harmless,
            "use-forwarded-headers is on: a client that reaches the plain port and sends X-Forwarded-Proto: https is served there without a certificate",
            "let nobody but the load balancer reach the plain port, or turn use-forwarded-headers off",
        );
    }
}

/// The pattern is compared before any redirect (template lines 915-921).
fn refused_redirects(server: &Server<'_>, host: &mut Host) {
    let mut primaries = server
        .block
        .members
        .iter()
        .filter(|member| member.is_primary());
    if let Some(site) = primaries
        .clone()
        .find_map(|member| member.part.redirects.as_ref())
    {
        push(
            host,
            site,
            RemarkKind::NoEffect,
            Harm::Harmless,
            "with auth-tls-match-cn plain HTTP is answered by 403: nobody is redirected",
            "leave the redirect out, or check the subject in the backend",
        );
    }
    let acme = server.locations.iter().find(|location| location.is_acme());
    let proof = acme.map(|location| &location.member.route.site);
    let proof = proof.or_else(|| primaries.find_map(|member| member.part.proves_by_http.as_ref()));
    if let Some(site) = proof {
        push(
            host,
            site,
            RemarkKind::NoEffect,
            Harm::Harmless,
            "with auth-tls-match-cn plain HTTP is answered by 403: a server certificate cannot be proven by HTTP-01",
            "let the issuer prove the host by DNS-01, or check the subject in the backend",
        );
    }
}

/// The Secret of `proxy-ssl-secret`, and who else uses it (`controller.go:777-788`).
fn upstream(server: &Server<'_>, host: &mut Host) {
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
            "the certificate is shown to the backends of {} too: the controller sets it for the whole server",
            other.route.site.object
        );
        push(
            host,
            site,
            RemarkKind::Upstream,
            Harm::Harmless,
            &message,
            "set proxy-ssl-location-only in the ConfigMap, or give that Ingress a Secret of its own",
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
                "Secret {spelt} is of no use, {why}: no certificate is sent to the backend and none verified"
            ),
        )),
        _ => None,
    }
}

/// An alias that is a host of its own is not taken (`controller.go:1516-1519`).
fn dropped_alias(server: &Server<'_>, host: &mut Host) {
    let aliases = server
        .block
        .members
        .iter()
        .filter(|member| matches!(member.place(), Some(Place::Alias)));
    let aliases = aliases.filter(|member| member.route.mentions && server.block.how == How::Own);
    for alias in aliases {
        let message = format!(
            "{} has rules of its own: the controller drops the alias",
            host.key.host
        );
        let site = alias.route.site.clone();
        push(
            host,
            &site,
            RemarkKind::Overruled,
            Harm::Harmless,
            &message,
            "put the annotations on the Ingress that has the rules",
        );
    }
}

/// An exact host has a server block of its own: the demand of a wildcard does not reach it.
fn uncovered(server: &Server<'_>, host: &mut Host) {
    let Some(wildcard) = host.key.wildcard().filter(|_| !host.mentioned) else {
        return;
    };
    let Some(demanding) = demanding(&wildcard, server.view) else {
        return;
    };
    host.mentioned = true;
    let message = format!(
        "{} has a server of its own: the client certificates that {} demands for {} are not asked for here",
        host.key.host, demanding.object, wildcard.host
    );
    push(
        host,
        server.site(),
        RemarkKind::Uncovered,
        Harm::Harmless,
        &message,
        "put the same annotations on the Ingress of the host",
    );
}

/// Where a wildcard's client certificates are demanded.
fn demanding(wildcard: &HostKey, view: &View<'_>) -> Option<Site> {
    let routes = view.routes(wildcard);
    let mut demands = routes
        .iter()
        .filter(|route| route.dropped.is_none())
        .filter_map(|route| route.demand.as_ref());
    demands
        .find(|demand| demand.mode != Mode::Off)
        .map(|demand| demand.site.clone())
}

/// A client that names no host is asked for a certificate of another CA, and let in here.
pub(super) fn remark_nameless(demand: &Demand, theirs: &Member, host: &mut Host) {
    let reference = theirs
        .ca
        .as_ref()
        .map_or("", |ca| ca.reference.spelt.trim());
    let site = demand
        .trust
        .first()
        .map_or(&demand.site, |trust| &trust.site);
    let message = format!(
        "a client that names no host in TLS needs a certificate of {reference} only, which {} names \
         for the default server, and reaches {} with it",
        theirs.route.site.object, host.key.host
    );
    push(
        host,
        site,
        RemarkKind::Overruled,
        Harm::Opens,
        &message,
        "use the same CA for the rule without a host, or set ssl-reject-handshake in the ConfigMap",
    );
}
