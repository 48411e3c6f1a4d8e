//! All Ingresses of a host to one server block, as the controller merges them, and what a stranger
//! meets there.

use std::sync::Arc;

use super::block::{Block, Member, Merged};
use super::controller::Controller;
use super::location::{self, Location};
use super::merged;
use super::overruled;
use super::secret::note_secret;
use crate::fact::{Demand, Mode};
use crate::gateway::HostKey;
use crate::host::{Admits, Because, Door, Host};
use crate::object::annotation_pointer;
use crate::server::Place;
use crate::site::Site;
use crate::subject::{Reach, finds_nobody, reach};
use crate::view::View;

pub(super) fn settle(key: &HostKey, view: &View<'_>) -> Host {
    let controller = Controller::of(view.settings(), &key.gateway.instance);
    let mut host = Host::new(key);
    let (block, others) = Block::answering(key, view);
    if block.is_none() && others.iter().all(is_stray) {
        return host;
    }
    for member in &others {
        take_note(&mut host, member, view);
    }
    merged::remark_homeless(&others, &mut host);
    let unread = view.forbidden("Ingress");
    let Some(block) = block else {
        let first = others.first();
        host.doors.extend(first.map(|member| Door {
            unseen: unread,
            ..door(
                "https",
                Admits::Nobody,
                Because::Dropped,
                &member.route.site,
            )
        }));
        return host;
    };
    for member in &block.members {
        take_note(&mut host, member, view);
    }
    let server = Server {
        locations: location::locations(&block, view),
        merged: block.merged(),
        block: &block,
        controller: &controller,
        view,
    };
    server.open(&mut host, unread);
    merged::remarks(&server, &mut host);
    host
}

fn is_stray(member: &Member) -> bool {
    matches!(member.place(), Some(Place::Stray(_)))
}

fn take_note(host: &mut Host, member: &Member, view: &View<'_>) {
    let route = &member.route;
    host.mentioned |= route.mentions;
    let object = &route.site.object;
    if host.rests_on.insert(Arc::clone(object)) {
        let remarks = view.object(object).map(|facts| facts.remarks.clone());
        host.remarks.extend(remarks.into_iter().flatten());
    }
    if let Some(ca) = member
        .ca
        .as_ref()
        .filter(|_| member.route.dropped.is_none())
    {
        note_secret(&ca.reference, &ca.found, host, view);
        // The rules of one Ingress come one after the other.
        let known = host.trust.last().map(|used| &used.reference.site);
        if known != Some(&ca.reference.site) {
            host.trust.push(ca.clone());
        }
    }
}

/// A server block before its doors are told.
pub(super) struct Server<'a> {
    pub(super) block: &'a Block,
    pub(super) merged: Merged<'a>,
    pub(super) locations: Vec<Location<'a>>,
    pub(super) controller: &'a Controller,
    pub(super) view: &'a View<'a>,
}

impl Server<'_> {
    /// Where the host stands.
    pub(super) fn site(&self) -> &Site {
        let mut primaries = self
            .block
            .members
            .iter()
            .filter(|member| member.is_primary());
        let first = primaries.next().or(self.block.members.first());
        &first.expect("a block that answers has members").route.site
    }

    fn open(&self, host: &mut Host, unread: Option<String>) {
        let unseen = self.merged.unseen.map(str::to_owned).or(unread);
        if let Some(demand) = self.merged.demand().filter(|_| self.merged.has_ca) {
            let mode = (demand.mode, demand.site.clone(), demand.spelt.clone());
            host.modes.push(mode);
        }
        if let Some(demand) = self.merged.demand() {
            host.subjects.extend(demand.subject.clone().map(|pattern| {
                let name = format!("{}auth-tls-match-cn", self.controller.prefix);
                (
                    pattern,
                    Site::new(&demand.site.object, annotation_pointer(&name)),
                )
            }));
        }
        let mut doors = vec![self.https(), self.http(host)];
        doors.extend(self.error_page());
        doors.extend(self.nameless(host));
        host.doors.extend(doors.into_iter().map(|door| Door {
            unseen: door.unseen.or_else(|| unseen.clone()),
            ..door
        }));
    }

    /// What keeps everybody out, on both ports.
    fn closed(&self) -> Option<(Because, &Site)> {
        if let Some(site) = self.fatal() {
            return Some((Because::Dropped, site));
        }
        if let Some(member) = self.merged.denied {
            return Some((Because::BrokenReference, &member.route.site));
        }
        self.locations
            .is_empty()
            .then(|| (Because::NothingSaid, self.site()))
    }

    /// Whether the default server refuses every handshake (`nginx.tmpl`, ssl_reject_handshake).
    fn rejects_handshakes(&self) -> bool {
        let config = &self.controller.config;
        config.config_is_on("ssl-reject-handshake", false)
    }

    /// A directive that nginx refuses: it never loads this configuration.
    pub(super) fn fatal(&self) -> Option<&Site> {
        let (member, _) = self.merged.winner()?;
        member.part.fatal.as_ref().or(self.merged.raw)
    }

    fn https(&self) -> Door {
        let entry = "https";
        if let Some(member) = self.merged.passthrough {
            return door(
                entry,
                Admits::Everyone,
                Because::Passthrough,
                &member.route.site,
            );
        }
        if let Some((because, site)) = self.closed() {
            return door(entry, Admits::Nobody, because, site);
        }
        if self.block.key.host == "*" && self.rejects_handshakes() {
            return door(entry, Admits::Nobody, Because::Shut, self.site());
        }
        let Some(demand) = self.merged.demand() else {
            return self.undemanded(entry);
        };
        let (admits, because) = match (self.merged.has_ca, &demand.subject) {
            (true, _) => admitted(demand),
            (false, Some(pattern)) if !finds_nobody(pattern) => {
                (Admits::Nobody, Because::BrokenReference)
            }
            (false, _) => return self.undemanded(entry),
        };
        door(entry, admits, because, &demand.site)
    }

    /// Without a demand of its own the block may still have one in raw configuration.
    fn undemanded(&self, entry: &str) -> Door {
        let open = |site| door(entry, Admits::Everyone, Because::NothingSaid, site);
        match self.merged.raw {
            Some(site) => Door {
                unseen: Some(format!(
                    "what the snippet of {} asks of clients",
                    site.object
                )),
                ..open(site)
            },
            None => open(self.site()),
        }
    }

    /// Plain HTTP knows no certificates; a pattern for the subject refuses it (`nginx.tmpl:915`).
    fn http(&self, host: &mut Host) -> Door {
        let entry = "http";
        if let Some((because, site)) = self.closed() {
            return plain_door(entry, Admits::Nobody, because, site);
        }
        let closes = |demand: &&Demand| {
            demand
                .subject
                .as_ref()
                .is_some_and(|pattern| !finds_nobody(pattern))
        };
        if let Some(demand) = self.merged.demand().filter(closes) {
            return plain_door(entry, Admits::Nobody, Because::Demanded, &demand.site);
        }
        let certificate =
            location::has_certificate(&host.key, self.block, self.controller, self.view);
        let surely = certificate.clone().unwrap_or(true);
        let (config, unredirected) = (&self.controller.config, self.controller.unredirected());
        let plain = |certificate| {
            let mut locations = self.locations.iter();
            locations.find(|location| location.is_plain(config, &unredirected, certificate))
        };
        if let Some(location) = plain(surely) {
            return plain_door(
                entry,
                Admits::Everyone,
                Because::PlainHttp,
                &location.member.route.site,
            );
        }
        let redirected = plain_door(entry, Admits::Redirected, Because::PlainHttp, self.site());
        match (certificate, plain(false)) {
            (Err(secret), Some(location)) => {
                let unseen = Some(format!("Secret {secret}"));
                // What was asked for and could not be read is not asked for again.
                if self.view.bundle(&secret).is_none() {
                    host.wanted.insert(secret);
                }
                Door {
                    unseen,
                    ..plain_door(
                        entry,
                        Admits::Everyone,
                        Because::PlainHttp,
                        &location.member.route.site,
                    )
                }
            }
            _ => redirected,
        }
    }

    /// The error page of a refused client is fetched from the backend and not checked again; a
    /// pattern for the subject still is, on whatever certificate came.
    fn error_page(&self) -> Option<Door> {
        let (site, demand) = self.leaking_page()?;
        let any = demand
            .subject
            .as_ref()
            .is_some_and(|pattern| !finds_nobody(pattern));
        let admits = match any {
            true => Admits::AnyCertificate,
            false => Admits::Everyone,
        };
        Some(door("https, error page", admits, Because::ErrorPage, site))
    }

    /// The field of an error page that some location serves.
    pub(super) fn leaking_page(&self) -> Option<(&Site, &Demand)> {
        if self.closed().is_some() || self.merged.passthrough.is_some() {
            return None;
        }
        let (member, demand) = self.merged.winner()?;
        let (page, site) = member
            .part
            .page
            .as_ref()
            .filter(|(page, _)| page.starts_with('/'))?;
        let patterns = self
            .locations
            .iter()
            .any(|location| location.member.part.patterns);
        let mut locations = self.locations.iter();
        let served = locations.any(|location| location.takes(page, patterns));
        (served && matches!(demand.mode, Mode::Required | Mode::Optional)).then_some((site, demand))
    }

    /// A client that names no host in TLS shakes hands with the default server; a certificate of
    /// that server's CA then counts here too, because nginx looks at the result alone.
    fn nameless(&self, host: &mut Host) -> Option<Door> {
        let (member, demand) = self.merged.winner()?;
        if self.rejects_handshakes() || self.closed().is_some() || self.merged.passthrough.is_some()
        {
            return None;
        }
        if self.block.key.host == "*" || !matches!(demand.mode, Mode::Required | Mode::Optional) {
            return None;
        }
        let default = Block::default_server(&self.block.key, self.view)?;
        let other = default.merged();
        let (theirs, demanded) = other.winner().filter(|_| other.denied.is_none())?;
        let own = member.ca.as_ref()?.anchors();
        let mut anchors = theirs.ca.as_ref()?.anchors().iter();
        let stranger = !own.is_empty()
            && anchors.any(|anchor| own.iter().all(|own| own.fingerprint != anchor.fingerprint));
        if demanded.mode == Mode::Off || !stranger {
            return None;
        }
        host.rests_on.insert(Arc::clone(&theirs.route.site.object));
        overruled::remark_nameless(demand, theirs, host);
        Some(door(
            "https without a server name",
            Admits::OtherCa,
            Because::FellBack,
            &demanded.site,
        ))
    }
}

/// `ssl_verify_client`, and the subject's pattern on top: without a certificate the subject is
/// empty, and a pattern that begins with `CN=` finds nothing in it, unless one of its
/// alternatives is empty.
fn admitted(demand: &Demand) -> (Admits, Because) {
    let pattern = demand.subject.as_deref();
    let closes = pattern.is_some_and(|pattern| !finds_nobody(pattern));
    let void = pattern.map(reach) == Some(Reach::Everybody);
    match (demand.mode, closes) {
        (Mode::Required, _) | (Mode::Optional, true) if void => {
            (Admits::AnySubject, Because::Demanded)
        }
        (Mode::Required, _) | (Mode::Optional, true) => (Admits::Trusted, Because::Demanded),
        (Mode::Optional | Mode::OptionalUnverified, false) => (Admits::Optional, Because::Demanded),
        (Mode::OptionalUnverified | Mode::Unverified, _) => {
            (Admits::AnyCertificate, Because::Demanded)
        }
        (Mode::Off, false) => (Admits::Everyone, Because::TurnedOff),
        (Mode::Off, true) => (Admits::Nobody, Because::TurnedOff),
    }
}

fn door(entry: &str, admits: Admits, because: Because, site: &Site) -> Door {
    Door {
        entry: entry.to_owned(),
        plain: false,
        admits,
        because,
        site: site.clone(),
        unseen: None,
    }
}

fn plain_door(entry: &str, admits: Admits, because: Because, site: &Site) -> Door {
    Door {
        plain: true,
        ..door(entry, admits, because, site)
    }
}
