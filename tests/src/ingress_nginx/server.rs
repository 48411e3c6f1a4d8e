//! Servers: `createServers` and `getBackendServers` of internal/ingress/controller/controller.go.

use std::collections::BTreeMap;

use super::annotation::{Annotations, Authentication};
use super::manifest::{Ingress, Manifests, Rule};
use super::secret;
use super::settings::Settings;

/// One server block.
#[derive(Clone, Debug, Default)]
pub struct Server {
    /// `_` is the default server.
    pub host: String,
    /// More names.
    pub aliases: Vec<String>,
    /// Whether TLS goes to the backend as it comes, if the controller is told so.
    pub passthrough: bool,
    /// Whom it asks for certificates.
    pub authentication: Authentication,
    /// Why it refuses everybody.
    pub error: Option<String>,
    /// Its locations.
    pub locations: Vec<Location>,
    pub(super) snippet: String,
    certificate: Option<Certificate>,
}

/// The server's own certificate.
#[derive(Clone, Debug)]
enum Certificate {
    /// The controller's, which covers no host.
    Default,
    /// One of a Secret, with its names.
    Own(Vec<String>),
}

/// One location.
#[derive(Clone, Debug)]
pub struct Location {
    /// Its path.
    pub path: String,
    /// Whether only that path is meant.
    pub exact: bool,
    /// The upstream; the controller's own 404 where there is none.
    pub upstream: Option<String>,
    is_default: bool,
    pub(super) denied: bool,
    pub(super) ssl_redirect: bool,
    pub(super) force_ssl_redirect: bool,
}

pub(super) const DEFAULT: &str = "_";

type Loaded<'a> = (&'a Ingress, Annotations);

/// All servers by name.
pub(super) fn servers(
    ingresses: &[Loaded<'_>],
    manifests: &Manifests,
    settings: &Settings,
) -> Vec<Server> {
    let mut servers = BTreeMap::new();
    let default = Server {
        host: DEFAULT.to_owned(),
        certificate: Some(Certificate::Default),
        locations: vec![Location::root(None)],
        ..Server::default()
    };
    servers.insert(DEFAULT.to_owned(), default);
    let primary = || {
        ingresses
            .iter()
            .filter(|(_, annotations)| !annotations.canary)
    };
    primary().for_each(|loaded| create(&mut servers, loaded));
    let mut aliases = BTreeMap::new();
    for loaded in primary() {
        complete(&mut servers, &mut aliases, loaded, manifests);
    }
    name(&mut servers, aliases);
    let canaries = canaries(ingresses);
    for loaded in ingresses {
        fill(&mut servers, loaded, &canaries);
    }
    for server in servers.values_mut() {
        server.passthrough &= settings.passthrough && server.reaches_a_service();
        normalise(&mut server.locations);
    }
    servers.into_values().collect()
}

fn host(rule: &Rule) -> &str {
    match rule.host.as_str() {
        "" => DEFAULT,
        host => host,
    }
}

/// The first Ingress of a host makes its server, with its default backend in `/`. One without
/// rules gives the default server its backend.
fn create(servers: &mut BTreeMap<String, Server>, (ingress, annotations): &Loaded<'_>) {
    let service = ingress.spec.default_backend.as_ref();
    let service = service.and_then(|backend| backend.service.as_ref());
    let upstream = service.map(|service| service.upstream(&ingress.metadata.namespace));
    if upstream.is_some()
        && ingress.spec.rules.is_empty()
        && let Some(server) = servers.get_mut(DEFAULT)
        && let Some(root) = server.locations.first_mut().filter(|root| root.is_default)
    {
        root.is_default = false;
        root.upstream.clone_from(&upstream);
        root.denied = annotations.denied;
    }
    for rule in &ingress.spec.rules {
        let host = host(rule);
        servers.entry(host.to_owned()).or_insert_with(|| {
            let mut root = Location::root(upstream.clone());
            root.apply(annotations);
            Server {
                host: host.to_owned(),
                passthrough: annotations.passthrough,
                locations: vec![root],
                ..Server::default()
            }
        });
    }
}

/// Aliases, passthrough, snippets and the server's certificate: the first to bring one wins.
fn complete(
    servers: &mut BTreeMap<String, Server>,
    aliases: &mut BTreeMap<String, Vec<String>>,
    (ingress, annotations): &Loaded<'_>,
    manifests: &Manifests,
) {
    for rule in &ingress.spec.rules {
        let host = host(rule);
        let Some(server) = servers.get_mut(host) else {
            continue;
        };
        let names = aliases.entry(host.to_owned()).or_default();
        if names.is_empty() {
            names.clone_from(&annotations.aliases);
        }
        if server.snippet.is_empty() {
            server.snippet.clone_from(&annotations.server_snippet);
        }
        server.passthrough |= annotations.passthrough;
        if server.certificate.is_none() && !ingress.spec.tls.is_empty() {
            server.certificate = Some(certificate(host, ingress, manifests));
        }
    }
}

/// Any `spec.tls` brings a certificate: the default one where the named one is of no use.
fn certificate(host: &str, ingress: &Ingress, manifests: &Manifests) -> Certificate {
    let names = |secret: &str| {
        let key = format!("{}/{secret}", ingress.metadata.namespace);
        let stored = secret::store(manifests.secret(&key)?).ok()?;
        stored.names.filter(|names| covers(names, host))
    };
    let named = ingress.spec.tls.iter().find(|tls| {
        tls.hosts
            .iter()
            .any(|listed| listed.eq_ignore_ascii_case(host))
    });
    let found = match named {
        Some(tls) => names(&tls.secret_name),
        None => ingress
            .spec
            .tls
            .iter()
            .find_map(|tls| names(&tls.secret_name)),
    };
    found.map_or(Certificate::Default, Certificate::Own)
}

/// `IsValidHostname` of ssl.go: by name, or by the wildcard of one label.
fn covers(names: &[String], host: &str) -> bool {
    let wildcard = host
        .split_once('.')
        .map(|(_, parent)| format!("*.{parent}"));
    names.iter().any(|name| {
        let same = |other: &str| name.eq_ignore_ascii_case(other);
        same(host) || wildcard.as_deref().is_some_and(same)
    })
}

/// An alias that is another host's name is none.
fn name(servers: &mut BTreeMap<String, Server>, aliases: BTreeMap<String, Vec<String>>) {
    for (host, mut names) in aliases {
        names.retain(|name| !servers.contains_key(name));
        if let Some(server) = servers.get_mut(&host) {
            server.aliases = names;
        }
    }
}

/// Upstreams that are first named by a canary have no server of their own (`NoServer`).
fn canaries(ingresses: &[Loaded<'_>]) -> BTreeMap<String, bool> {
    let mut upstreams = BTreeMap::new();
    for (ingress, annotations) in ingresses {
        let rules = ingress
            .spec
            .rules
            .iter()
            .filter_map(|rule| rule.http.as_ref());
        let paths = rules.flat_map(|http| &http.paths).map(|path| &path.backend);
        let backends = ingress.spec.default_backend.iter().chain(paths);
        for service in backends.filter_map(|backend| backend.service.as_ref()) {
            let upstream = service.upstream(&ingress.metadata.namespace);
            upstreams.entry(upstream).or_insert(annotations.canary);
        }
    }
    upstreams
}

/// What one Ingress brings to the servers of its rules, canary or not. A host without a server is
/// taken for the default one; a host without `http` is passed over before anything is said of it.
fn fill(
    servers: &mut BTreeMap<String, Server>,
    (ingress, annotations): &Loaded<'_>,
    canaries: &BTreeMap<String, bool>,
) {
    for rule in &ingress.spec.rules {
        let host = host(rule);
        if rule.http.is_none() && host != DEFAULT {
            continue;
        }
        let known = if servers.contains_key(host) {
            host
        } else {
            DEFAULT
        };
        let Some(server) = servers.get_mut(known) else {
            continue;
        };
        server.authenticate(&annotations.authentication);
        for path in rule.http.iter().flat_map(|http| &http.paths) {
            let Some(service) = &path.backend.service else {
                continue;
            };
            let upstream = service.upstream(&ingress.metadata.namespace);
            if canaries.get(&upstream) != Some(&true) {
                let place = match path.path.as_str() {
                    "" => "/",
                    place => place,
                };
                let exact = path.path_type == "Exact";
                server.locate(place, exact, upstream, annotations);
            }
        }
    }
}

impl Server {
    /// Whether it has the name itself.
    pub(super) fn serves(&self, name: &str) -> bool {
        self.host == name || self.aliases.iter().any(|alias| alias == name)
    }

    /// Whether its wildcard covers a name.
    pub(super) fn covers(&self, name: &str) -> bool {
        self.host.starts_with("*.") && covers(std::slice::from_ref(&self.host), name)
    }

    /// Any Ingress with a broken reference closes the host; the first with a CA decides the rest.
    fn authenticate(&mut self, authentication: &Authentication) {
        if self.error.is_none() {
            self.error.clone_from(&authentication.error);
        }
        if self.authentication.authority.is_none() {
            self.authentication = authentication.clone();
        }
    }

    /// The first Ingress to serve a path of the same type has it.
    fn locate(&mut self, path: &str, exact: bool, upstream: String, annotations: &Annotations) {
        let found = self
            .locations
            .iter_mut()
            .find(|location| location.path == path);
        match found.filter(|location| location.exact == exact) {
            Some(location) if !location.is_default => {}
            Some(location) => {
                location.upstream = Some(upstream);
                location.is_default = false;
                location.apply(annotations);
            }
            None => {
                let mut location = Location::root(Some(upstream));
                path.clone_into(&mut location.path);
                location.exact = exact;
                location.is_default = false;
                location.apply(annotations);
                self.locations.push(location);
            }
        }
    }

    /// Only `/` is passed through, and only to a Service.
    fn reaches_a_service(&self) -> bool {
        let root = self.locations.iter().find(|location| location.path == "/");
        root.is_some_and(|root| root.upstream.is_some())
    }

    /// Names for which the redirect finds a certificate (`configureCertificates` of nginx.go): the
    /// host if it has any, an alias if the certificate covers it.
    pub(super) fn certified(&self) -> Vec<&str> {
        let alias = |alias: &&String| match &self.certificate {
            Some(Certificate::Own(names)) => covers(names, alias),
            _ => false,
        };
        let host = self.certificate.iter().map(|_| self.host.as_str());
        let aliases = self.aliases.iter().filter(alias).map(String::as_str);
        host.chain(aliases).collect()
    }
}

impl Location {
    fn root(upstream: Option<String>) -> Self {
        Self {
            path: "/".to_owned(),
            exact: false,
            upstream,
            is_default: true,
            denied: false,
            ssl_redirect: false,
            force_ssl_redirect: false,
        }
    }

    /// `locationApplyAnnotations`.
    fn apply(&mut self, annotations: &Annotations) {
        self.denied = annotations.denied;
        self.ssl_redirect = annotations.ssl_redirect;
        self.force_ssl_redirect = annotations.force_ssl_redirect;
    }
}

/// `updateServerLocations` of location.go: a prefix ends in `/`, and is joined by the exact path.
fn normalise(locations: &mut Vec<Location>) {
    let mut all = Vec::new();
    for location in locations.iter() {
        if location.path == "/" || location.exact {
            all.push(location.clone());
            continue;
        }
        let mut prefix = location.clone();
        if !prefix.path.ends_with('/') {
            prefix.path.push('/');
        }
        all.push(prefix);
        let taken = |other: &Location| other.exact && other.path == location.path;
        if !locations.iter().any(taken) {
            let mut exact = location.clone();
            exact.exact = true;
            all.push(exact);
        }
    }
    *locations = all;
}
