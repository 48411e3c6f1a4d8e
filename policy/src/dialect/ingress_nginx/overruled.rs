//! Demands of several Ingresses on one host, of which one decides (`controller.go:762-775`).

use std::collections::BTreeSet;

use super::block::{Member, has_ca};
use super::merged::push;
use super::settle::Server;
use crate::fact::{Demand, Harm, Mode, RemarkKind};
use crate::host::Host;
use crate::site::Site;
use crate::trust::{TrustState, TrustUse};

/// Demands that are not those in force. While a Secret was not seen nobody knows who decides.
pub(super) fn overruled(server: &Server<'_>, host: &mut Host) {
    let usable = |member: &Member| {
        let state = member.ca.as_ref().and_then(|ca| ca.state.as_ref());
        matches!(state, Some(TrustState::Usable { .. }))
    };
    let Some((winner, ours)) = server.merged.winner().filter(|(winner, _)| usable(winner)) else {
        return;
    };
    let members = server.block.members.iter();
    let losers = members.filter(|member| usable(member) && member.is_loaded());
    for loser in losers.filter(|loser| loser.route.site.object != winner.route.site.object) {
        let Some(theirs) = &loser.route.demand else {
            continue;
        };
        let Some((what, harm, site)) = difference((winner, ours), (loser, theirs)) else {
            continue;
        };
        let first = &winner.route.site.object;
        let message = format!("{first} comes first and decides for the whole host: {what}");
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

/// Whether two references lead to the same CAs.
fn same_ca(ours: &TrustUse, theirs: &TrustUse) -> bool {
    let prints = |used: &TrustUse| {
        let anchors = used.anchors().iter();
        anchors
            .map(|anchor| anchor.fingerprint)
            .collect::<BTreeSet<_>>()
    };
    ours.reference.target == theirs.reference.target || prints(ours) == prints(theirs)
}

/// A broken reference of one Ingress closes the host of all.
pub(super) fn closed_by_another(server: &Server<'_>, host: &mut Host) {
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
        "use the same CA for the rule without a host, or set ssl-reject-handshake in the \
            ConfigMap",
    );
}
