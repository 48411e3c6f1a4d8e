//! The locations of a server block: who serves a path, and what of it plain HTTP gets.

use std::collections::HashMap;

use super::block::{Block, How, Member};
use super::controller::Controller;
use super::secret::{is_denied, look_up};
use crate::GatewayConfig;
use crate::gateway::HostKey;
use crate::lookup::Lookup;
use crate::object::SecretRef;
use crate::server::{Path, Place};
use crate::view::View;

/// One location.
pub(super) struct Location<'a> {
    path: &'a str,
    exact: bool,
    /// Made by the controller for what no path takes, until an Ingress takes it over.
    by_default: bool,
    /// Whether a backend of the Ingress stands behind it.
    served: bool,
    pub(super) member: &'a Member,
}

/// All locations in the order in which the controller makes them (`controller.go:800-880`).
pub(super) fn locations<'a>(block: &'a Block, view: &View<'_>) -> Vec<Location<'a>> {
    let mut made = Made::default();
    let primaries = || block.members.iter().filter(|member| member.is_primary());
    let first = primaries().find(|member| matches!(member.place(), Some(Place::CatchAll)));
    if let Some(member) = first.or_else(|| primaries().next()) {
        let catches = matches!(member.place(), Some(Place::CatchAll));
        made.push(Location {
            path: "/",
            exact: false,
            by_default: !catches,
            served: catches || (member.part.fallback && block.key.host != "*"),
            member,
        });
    }
    for member in primaries() {
        if let Some(Place::Rule(Some(paths))) = member.place() {
            paths.iter().for_each(|path| made.add(path, member));
        }
    }
    made.list
        .retain(|location| location.served && !is_refused(location.member, view));
    made.list
}

/// A broken `proxy-ssl-secret` answers 503 in the locations of its Ingress (template line 1427).
fn is_refused(member: &Member, view: &View<'_>) -> bool {
    let reference = member.part.upstream.trust.as_ref();
    let key = &member.route.gateway;
    reference.is_some_and(|reference| {
        let key = HostKey {
            gateway: std::sync::Arc::clone(key),
            host: String::new(),
        };
        is_denied(&look_up(reference, &key, view))
    })
}

#[derive(Default)]
struct Made<'a> {
    list: Vec<Location<'a>>,
    /// The first location of each path.
    index: HashMap<&'a str, usize>,
}

/// The ConfigMap key by which headers of the client are believed.
pub(super) const FORWARDED: &str = "use-forwarded-headers";

impl<'a> Made<'a> {
    fn push(&mut self, location: Location<'a>) {
        self.index.entry(location.path).or_insert(self.list.len());
        self.list.push(location);
    }

    /// A path that is there already stays with its Ingress, unless it is the default one.
    fn add(&mut self, path: &'a Path, member: &'a Member) {
        if !path.served {
            return;
        }
        let location = Location {
            path: &path.path,
            exact: path.exact,
            by_default: false,
            served: true,
            member,
        };
        let known = self.index.get(path.path.as_str()).copied();
        match known.and_then(|index| self.list.get_mut(index)) {
            Some(known) if known.exact == path.exact && known.by_default => *known = location,
            Some(known) if known.exact == path.exact => {}
            _ => self.push(location),
        }
    }
}

impl Location<'_> {
    /// Whether nginx would take a path here, among others perhaps. Paths of a server with
    /// regular expressions are all compared by their beginning, without case.
    pub(super) fn takes(&self, path: &str, patterns: bool) -> bool {
        if patterns {
            return path.to_lowercase().starts_with(&self.path.to_lowercase());
        }
        let prefix = self.path.trim_end_matches('/');
        let below = path
            .strip_prefix(prefix)
            .is_some_and(|rest| rest.starts_with('/'));
        match self.exact {
            true => path == self.path,
            false => below || path == self.path,
        }
    }

    /// Whether plain HTTP is served here (`lua_ingress.lua:65-79`).
    ///
    /// `unredirected`: the path prefixes that never are redirected.
    pub(super) fn is_plain(
        &self,
        config: &GatewayConfig,
        unredirected: &[&str],
        certificate: bool,
    ) -> bool {
        let path = self.path.trim_end_matches('/');
        // They are compared with the path and a slash behind it.
        let begins = |item: &&str| path.starts_with(item) || item.strip_suffix('/') == Some(path);
        if unredirected.iter().any(begins) {
            return true;
        }
        let plain = &self.member.route.plain;
        // Whoever says X-Forwarded-Proto: https is believed, and not redirected
        // (`lua_ingress.lua:70-78,136-139`).
        if config.config_is_on(FORWARDED, false) {
            return true;
        }
        let always = plain
            .always
            .unwrap_or_else(|| config.config_is_on("force-ssl-redirect", false));
        let redirect = plain
            .redirect
            .unwrap_or_else(|| config.config_is_on("ssl-redirect", true));
        !(always || (redirect && certificate))
    }

    /// Whether the proof of a server certificate over plain HTTP would come here.
    pub(super) fn is_acme(&self) -> bool {
        self.path.starts_with("/.well-known/acme-challenge")
    }
}

/// Whether the redirect finds a certificate for the host that is asked for: the host's own, then
/// its parent's wildcard (`certificate.lua:46-72`). `Err`: what was not seen.
pub(super) fn has_certificate(
    key: &HostKey,
    block: &Block,
    controller: &Controller,
    view: &View<'_>,
) -> Result<bool, SecretRef> {
    let own = match block.how {
        How::Own => block.key.host != "*" && block.has_certificate(),
        How::Alias => covers(block, &key.host, controller, view)?,
        How::Fallen => false,
    };
    if own {
        return Ok(true);
    }
    let named = |wildcard: HostKey| {
        let members = super::block::members(&wildcard, view);
        let mut primaries = members.iter().filter(|member| member.is_primary());
        primaries.any(|member| member.route.tls)
    };
    Ok(key.wildcard().is_some_and(named))
}

/// Whether the server's certificate covers an alias (`nginx.go:1025-1035`).
fn covers(
    block: &Block,
    alias: &str,
    controller: &Controller,
    view: &View<'_>,
) -> Result<bool, SecretRef> {
    // The default server has the default certificate before any Ingress is read.
    let mut primaries = block.members.iter().filter(|member| member.is_primary());
    let owner = primaries.find(|member| member.route.tls && block.key.host != "*");
    for secret in owner.map_or(Vec::new(), |owner| named_secrets(owner, &block.key.host)) {
        let names = certificate_names(&secret, view)?;
        if names.iter().any(|name| is_for(name, &block.key.host)) {
            return Ok(names.iter().any(|name| is_for(name, alias)));
        }
    }
    if owner.is_none() && block.key.host != "*" {
        return Ok(false);
    }
    let default = controller.config.flag("default-ssl-certificate");
    let Some((namespace, name)) = default.and_then(|default| default.split_once('/')) else {
        return Ok(false);
    };
    let names = certificate_names(&SecretRef::new(namespace, name), view)?;
    Ok(names.iter().any(|name| is_for(name, alias)))
}

/// The Secret that `spec.tls` names for a host; without one any of them that fits
/// (`extractTLSSecretName`, `controller.go:1719-1764`).
fn named_secrets(member: &Member, host: &str) -> Vec<SecretRef> {
    let namespace = &member.route.site.object.namespace;
    let certificates = member.part.certificates.iter();
    let listed = |(hosts, _): &&(Vec<String>, String)| {
        hosts.iter().any(|listed| listed.eq_ignore_ascii_case(host))
    };
    let names = match certificates.clone().find(listed) {
        Some((_, secret)) => vec![secret],
        None => certificates.map(|(_, secret)| secret).collect(),
    };
    let names = names.into_iter().filter(|name| !name.is_empty());
    names.map(|name| SecretRef::new(namespace, name)).collect()
}

/// The names of the first certificate in a key pair; none where there is none.
fn certificate_names(secret: &SecretRef, view: &View<'_>) -> Result<Vec<String>, SecretRef> {
    let bundle = match view.bundle(secret) {
        Some(Lookup::Found(bundle)) => bundle,
        Some(Lookup::Missing) => return Ok(Vec::new()),
        Some(Lookup::Unknown(_)) | None => return Err(secret.clone()),
    };
    let certificates = bundle
        .certificates("tls.crt")
        .filter(|_| bundle.has("tls.key"));
    let first = certificates.and_then(|found| found.certificates.first());
    let names = first.into_iter().flat_map(|certificate| {
        let names = certificate
            .sans
            .iter()
            .filter_map(|name| name.strip_prefix("DNS:"));
        names
            .map(str::to_owned)
            .chain(certificate.common_name.clone())
    });
    Ok(names.collect())
}

/// `IsValidHostname` (`internal/net/ssl/ssl.go:471-486`).
fn is_for(name: &str, host: &str) -> bool {
    let parent = host
        .split_once('.')
        .map(|(_, parent)| format!("*.{parent}"));
    name.eq_ignore_ascii_case(host)
        || parent.is_some_and(|parent| name.eq_ignore_ascii_case(&parent))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cover_hosts() {
        assert!(
            is_for("WWW.example.com", "www.example.com")
                && is_for("*.example.com", "a.example.com")
        );
        assert!(
            !is_for("*.example.com", "a.b.example.com")
                && !is_for("example.com", "www.example.com")
        );
    }
}
