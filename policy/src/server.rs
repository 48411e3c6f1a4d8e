//! What an object says about a server that it shares with others, for gateways that make one
//! server of all the objects on a host.

use std::collections::BTreeMap;

use crate::fact::TrustRef;
use crate::site::Site;

/// One object's part in the servers of its hosts.
#[derive(Clone, Debug, Default)]
pub(crate) struct ServerPart {
    /// It adds to a server that others make, and makes none itself.
    pub(crate) guest: bool,
    /// Its routes by the pointer of their site.
    pub(crate) places: BTreeMap<String, Place>,
    /// The hosts of its rules in order, each once.
    pub(crate) hosts: Vec<String>,
    /// Other names for its servers.
    pub(crate) aliases: Vec<String>,
    /// Server certificates: the hosts that each is named for, and the Secret's name.
    pub(crate) certificates: Vec<(Vec<String>, String)>,
    /// Whether it names a backend for what no path of its hosts takes.
    pub(crate) fallback: bool,
    /// How many intermediate CAs may stand between a client's certificate and the CA.
    pub(crate) depth: i64,
    /// Where refused clients are sent, and the field.
    pub(crate) page: Option<(String, Site)>,
    /// Where it says that the client's certificate goes to the backend in a header.
    pub(crate) passes_certificate: Option<Site>,
    /// Why the gateway refuses its whole configuration, if the demand of this part is in force.
    pub(crate) fatal: Option<Site>,
    /// Why the object is not loaded, once its CA is found.
    pub(crate) dropped_with_ca: Option<String>,
    /// Raw configuration that it puts into the server.
    pub(crate) raw: Raw,
    /// The gateway's side towards the backend.
    pub(crate) upstream: Upstream,
    /// Where it asks for a redirect of plain HTTP in so many words.
    pub(crate) redirects: Option<Site>,
    /// Where it asks for a server certificate that is proven over plain HTTP.
    pub(crate) proves_by_http: Option<Site>,
    /// Whether its paths are regular expressions.
    pub(crate) patterns: bool,
}

/// Raw configuration in the gateway's own language.
#[derive(Clone, Debug, Default)]
pub(crate) enum Raw {
    /// None, or nothing that is used.
    #[default]
    None,
    /// It asks clients for certificates, in a way that is not read here.
    Asks(Site),
}

/// What a route is to a server.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    /// A rule with its paths; `None`: it has none, and the gateway stops reading there.
    Rule(Option<Vec<Path>>),
    /// The backend for whatever no other server takes.
    CatchAll,
    /// Another name of the servers of this object.
    Alias,
    /// What is left of a guest whose host has no server, and lands on the default server.
    Stray(String),
}

/// One path of a rule.
#[derive(Clone, Debug)]
pub(crate) struct Path {
    /// As it stands, `/` where nothing is said.
    pub(crate) path: String,
    /// Whether it is compared whole; otherwise element by element.
    pub(crate) exact: bool,
    /// Whether a Service stands behind it.
    pub(crate) served: bool,
}

/// The gateway's side towards the backend.
#[derive(Clone, Debug, Default)]
pub(crate) struct Upstream {
    /// The Secret with its own certificate and the CA of the backend.
    pub(crate) trust: Option<TrustRef>,
    /// Whether the backend is spoken to by TLS.
    pub(crate) tls: bool,
    /// Whether the Secret is used for the backends of the whole server.
    pub(crate) server_wide: bool,
}
