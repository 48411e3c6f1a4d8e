//! What one object says, in neutral words. No fact holds an annotation's name except inside a
//! message or a pointer.

use std::sync::Arc;

use crate::bundle::Bundle;
use crate::gateway::Gateway;
use crate::object::{ObjectRef, SecretRef};
use crate::server::ServerPart;
use crate::site::{Repair, Site};

/// Everything one object says.
#[derive(Clone, Debug)]
pub struct ObjectFacts {
    /// The object.
    pub object: Arc<ObjectRef>,
    /// Hosts that it opens.
    pub routes: Vec<Arc<Route>>,
    /// TLS options that it defines.
    pub options: Vec<Arc<TlsOption>>,
    /// Middlewares that it defines.
    pub filters: Vec<Arc<Filter>>,
    /// What a Secret or ConfigMap holds.
    pub bundle: Option<Arc<Bundle>>,
    /// Its part in the servers of its hosts, where the gateway makes one server of many objects.
    pub(crate) server: Option<Arc<ServerPart>>,
    /// A Secret that this object will make.
    pub promises: Vec<SecretRef>,
    /// Settings that do not do what they seem to.
    pub remarks: Vec<Remark>,
    /// What `lint` is asked to be silent about, as it stands.
    pub ignore: Option<String>,
    /// The Secrets with the server certificates of its hosts.
    pub server_secrets: Vec<SecretRef>,
    /// How long a client's chain may be.
    pub depth: Option<Depth>,
}

/// How many CAs may stand between a client's certificate and a root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Depth {
    /// Where it stands, or would stand.
    pub site: Site,
    /// How many.
    pub allowed: u32,
    /// Whether the object says so itself.
    pub stated: bool,
}

impl ObjectFacts {
    /// The facts of an object that says nothing.
    pub fn silent(object: &Arc<ObjectRef>) -> Self {
        Self {
            object: Arc::clone(object),
            routes: Vec::new(),
            options: Vec::new(),
            filters: Vec::new(),
            bundle: None,
            server: None,
            promises: Vec::new(),
            remarks: Vec::new(),
            ignore: None,
            server_secrets: Vec::new(),
            depth: None,
        }
    }

    /// Every Secret that the object refers to as a CA.
    pub fn trust_targets(&self) -> impl Iterator<Item = &SecretRef> {
        let routes = self.routes.iter().filter_map(|route| route.demand.as_ref());
        let routes = routes.flat_map(|demand| &demand.trust);
        let options = self.options.iter().flat_map(|option| &option.trust);
        routes
            .chain(options)
            .filter_map(|trust| trust.target.as_ref().ok())
    }
}

/// How clients reach a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP behind the gateway's own TLS, plain HTTP, or both.
    Http,
    /// TLS goes through to the backend untouched.
    Passthrough,
    /// A TCP stream.
    Tcp,
}

/// One rule of one object: some hosts, reached in one way.
#[derive(Clone, Debug)]
pub struct Route {
    /// Where the hosts stand.
    pub site: Site,
    /// Who serves it.
    pub gateway: Arc<Gateway>,
    /// Host names in lower case, `*.x` for a wildcard, `*` for every host.
    pub hosts: Vec<String>,
    /// Creation time of the object, RFC 3339; empty where not known.
    pub created: String,
    /// How it is reached.
    pub protocol: Protocol,
    /// Entry points by name; empty: the gateway's own default.
    pub entry_points: Vec<String>,
    /// Whether the route itself asks the gateway to terminate TLS.
    pub tls: bool,
    /// What the route itself demands of clients.
    pub demand: Option<Demand>,
    /// The option that it names.
    pub option: Option<OptionUse>,
    /// What it says about plain HTTP.
    pub plain: PlainHttp,
    /// Why the gateway does not load the object, where it does not.
    pub dropped: Option<String>,
    /// Whether it says anything about client certificates, with effect or not.
    pub mentions: bool,
    /// Length of the rule, which is its priority in Traefik unless one is set; 0 elsewhere.
    pub rule_length: usize,
    /// What its rule matches besides the hosts, where the gateway has rules.
    pub matching: Matching,
}

/// What a route's rule matches besides its hosts, as far as it decides who answers a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Matching {
    /// Hosts that it names only to exclude them.
    pub excluded: Vec<String>,
    /// Whether it names no host, so that no demand can hang on a name.
    pub hostless: bool,
    /// Whether it answers every path of its hosts.
    pub whole: bool,
    /// Whether it only answers the challenges of a certificate authority.
    pub challenge: bool,
    /// How the gateway speaks to its backends, by id.
    pub transports: Vec<String>,
}

/// What a route says about requests without TLS.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PlainHttp {
    /// Redirect where the host has a server certificate; `None`: the gateway's default.
    pub redirect: Option<bool>,
    /// Redirect always; `None`: the gateway's default.
    pub always: Option<bool>,
    /// Whether the object names a server certificate.
    pub server_certificate: bool,
    /// Middlewares by id that may redirect.
    pub filters: Vec<String>,
}

/// How much a gateway asks of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mode {
    /// Nothing.
    Off,
    /// A certificate if the client has one, and it is not verified.
    OptionalUnverified,
    /// A certificate if the client has one; then it must verify.
    Optional,
    /// Some certificate, whoever signed it.
    Unverified,
    /// A certificate of the named CA.
    Required,
}

/// A demand on the client.
#[derive(Clone, Debug)]
pub struct Demand {
    /// How much is asked.
    pub mode: Mode,
    /// Where the mode stands, or where it is implied.
    pub site: Site,
    /// The mode as spelt; empty where it is the default.
    pub spelt: String,
    /// The CAs.
    pub trust: Vec<TrustRef>,
    /// A pattern that the certificate's subject must match, which also closes plain HTTP.
    pub subject: Option<String>,
}

/// Why a reference to a CA names nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// There is no value.
    Empty,
    /// A name where `namespace/name` is demanded.
    NoNamespace,
    /// More than two parts, or an empty part.
    WrongParts,
    /// It names a kind of object that the gateway reads no CA from.
    OtherKind,
}

/// A reference to the Secret with the client CAs, as it stands.
#[derive(Clone, Debug)]
pub struct TrustRef {
    /// Where it stands.
    pub site: Site,
    /// As spelt.
    pub spelt: String,
    /// What it means.
    pub target: Result<SecretRef, Malformed>,
    /// Whether the gateway forbids this namespace.
    pub foreign: bool,
    /// How to spell it right, where that is beyond doubt.
    pub repair: Option<Repair>,
}

/// A TLS option: a named set of demands that routes refer to.
#[derive(Clone, Debug)]
pub struct TlsOption {
    /// Where it is defined.
    pub site: Site,
    /// Who reads it.
    pub gateway: Arc<Gateway>,
    /// The id by which routes find it.
    pub id: String,
    /// What is asked of clients; `None`: nothing is said.
    pub demand: Option<Demand>,
    /// The CAs.
    pub trust: Vec<TrustRef>,
    /// Where the mode stands, and as spelt; empty where nothing is spelt.
    pub mode: Option<Mode>,
    /// Why the gateway cannot build it, where that is certain from the object alone.
    pub unusable: Option<String>,
}

impl TlsOption {
    /// Whether it says anything about client certificates.
    pub fn mentions(&self) -> bool {
        self.demand.is_some() || self.mode.is_some()
    }
}

/// What the name of an option means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OptionTarget {
    /// The gateway's default option.
    Default,
    /// An option of this gateway, by id.
    Id(String),
    /// It can never be found, with the reason.
    Never(String),
    /// It is defined where objects cannot show it.
    Elsewhere(String),
}

/// A route's reference to an option.
#[derive(Clone, Debug)]
pub struct OptionUse {
    /// Where it stands.
    pub site: Site,
    /// As spelt.
    pub spelt: String,
    /// What it means.
    pub target: OptionTarget,
    /// The objects that could define it.
    pub candidates: Vec<ObjectRef>,
    /// Whether the gateway forbids this namespace; the route is then not created.
    pub foreign: bool,
    /// How to spell it right, where that is beyond doubt.
    pub repair: Option<Repair>,
}

/// Something that routes put a request through by name: a middleware, as far as it decides about
/// plain HTTP and the client's identity, or the transport to a backend.
#[derive(Clone, Debug)]
pub struct Filter {
    /// Where it is defined.
    pub site: Site,
    /// Who reads it.
    pub gateway: Arc<Gateway>,
    /// The id by which routes find it.
    pub id: String,
    /// Whether it sends plain HTTP to HTTPS.
    pub redirects: bool,
    /// Whether it tells the backend the client's identity in a header.
    pub tells_identity: bool,
    /// The ids of what it is made of.
    pub parts: Vec<String>,
    /// What it shows to the backend, and by what it knows the backend.
    pub credentials: Vec<Credential>,
}

impl Filter {
    /// One that only decides about plain HTTP.
    pub(crate) fn plain(site: Site, gateway: &Arc<Gateway>, id: String, redirects: bool) -> Self {
        Self {
            site,
            gateway: Arc::clone(gateway),
            id,
            redirects,
            tells_identity: false,
            parts: Vec::new(),
            credentials: Vec::new(),
        }
    }
}

/// A Secret that the gateway uses towards a backend.
#[derive(Clone, Debug)]
pub struct Credential {
    /// Where it is named.
    pub site: Site,
    /// The Secret.
    pub secret: SecretRef,
    /// Data keys that it must have, each group in one of its spellings.
    pub keys: &'static [&'static [&'static str]],
    /// What the gateway does without it, for messages.
    pub without: &'static str,
}

/// What kind of mistake a remark tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RemarkKind {
    /// A value that the gateway refuses or replaces.
    Invalid,
    /// A setting that the gateway does not read.
    NoEffect,
    /// Something that is no valid Kubernetes object.
    Unreadable,
    /// A setting that another object of the same host overrules.
    Overruled,
    /// A host of its own beside a wildcard whose demand does not reach it.
    Uncovered,
    /// A page of the backend that refused clients are shown.
    ErrorPage,
    /// A header with the client's identity that the gateway passes on as the client sent it.
    Spoofable,
    /// The gateway's own side towards the backend: its certificate is not sent, or the backend's
    /// is not verified.
    Upstream,
    /// A pattern for exempt paths that holds for more than it seems to.
    Unanchored,
    /// A CA in a namespace whose owners are others.
    Foreign,
    /// An exception whose time is over.
    Ended,
    /// The version of the gateway has a known flaw that this configuration meets.
    Outdated,
}

/// What follows from a mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Harm {
    /// The gateway asks less of clients than the object seems to say.
    Opens,
    /// The gateway does not load the object, or refuses everybody.
    Closes,
    /// The result is what the object seems to say, or stricter.
    Harmless,
}

/// A setting that does not do what it seems to: as spelt, and what the gateway makes of it.
#[derive(Clone, Debug)]
pub struct Remark {
    /// Where it stands.
    pub site: Site,
    /// What kind of mistake.
    pub kind: RemarkKind,
    /// What follows.
    pub harm: Harm,
    /// What is wrong and what the gateway makes of it, a sentence fragment.
    pub message: String,
    /// What to do.
    pub hint: String,
    /// How to spell it right, where that is beyond doubt.
    pub repair: Option<Repair>,
}
