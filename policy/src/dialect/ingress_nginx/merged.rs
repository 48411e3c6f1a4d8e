//! What is wrong with several Ingresses on one host, seen from all of them.

use super::backend;
use super::block::{How, Member};
use super::location::FORWARDED;
use super::overruled;
use super::settle::Server;
use super::values;
use crate::fact::{Harm, Mode, RemarkKind};
use crate::gateway::HostKey;
use crate::host::{Admits, Host};
use crate::object::annotation_pointer;
use crate::server::Place;
use crate::site::Site;
use crate::view::View;

pub(super) fn remarks(server: &Server<'_>, host: &mut Host) {
    bypassed(server, host);
    overruled::overruled(server, host);
    overruled::closed_by_another(server, host);
    handed_on(server, host);
    error_page(server, host);
    backend::spoofable(server, host);
    plain(server, host);
    backend::upstream(server, host);
    dropped_alias(server, host);
    uncovered(server, host);
}

pub(super) fn push(
    host: &mut Host,
    site: &Site,
    kind: RemarkKind,
    harm: Harm,
    message: &str,
    hint: &str,
) {
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
                "a canary makes no server: no other Ingress serves the host, and the auth-tls \
                    annotations land on the default server",
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
        "ssl-passthrough hands TLS to the backend as it comes: what is said about client \
            certificates has no effect on the host",
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

/// What a pattern for the subject does to plain HTTP, and what a header of the client does.
fn plain(server: &Server<'_>, host: &mut Host) {
    let Some((_, demand)) = server
        .merged
        .winner()
        .filter(|_| server.merged.denied.is_none())
    else {
        return;
    };
    let plain = |host: &Host, admits| {
        host.doors
            .iter()
            .any(|door| door.plain && door.admits == admits)
    };
    if demand.subject.is_some() && plain(host, Admits::Nobody) {
        refused_redirects(server, host);
    }
    let trusts = server.controller.config.config_is_on(FORWARDED, false);
    if trusts && plain(host, Admits::Everyone) {
        push(
            host,
            &demand.site,
            RemarkKind::Spoofable,
            Harm::Harmless,
            "use-forwarded-headers is on: a client that reaches the plain port and sends \
                X-Forwarded-Proto: https is served there without a certificate",
            "let nobody but the load balancer reach the plain port, or turn \
                use-forwarded-headers off",
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
            "with auth-tls-match-cn plain HTTP is answered by 403: a server certificate cannot \
                be proven by HTTP-01",
            "let the issuer prove the host by DNS-01, or check the subject in the backend",
        );
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
        "{} has a server of its own: the client certificates that {} demands for {} are not \
            asked for here",
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
