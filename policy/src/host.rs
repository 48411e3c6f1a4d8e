//! What a stranger meets at a host, and the verdict that follows from it alone.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use crate::client_auth_policy::Applied;
use crate::fact::{Depth, Mode, OptionUse, Remark, TlsOption};
use crate::gateway::HostKey;
use crate::lookup::Lookup;
use crate::object::{ObjectRef, SecretRef};
use crate::site::Site;
use crate::trust::TrustUse;

/// Whom a door lets through to the backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admits {
    /// Anybody; nobody is asked for a certificate.
    Everyone,
    /// A client without a certificate, because certificates are said to be optional.
    Optional,
    /// A client with any certificate, whoever signed it.
    AnyCertificate,
    /// A client with a certificate of the named CA, whatever its subject, although a pattern for
    /// the subject is set.
    AnySubject,
    /// A client with a certificate of a public CA, which anybody can have.
    AnyPublic,
    /// A client with a certificate of a CA that was not named for this host.
    OtherCa,
    /// A client with a certificate of the named CA.
    Trusted,
    /// Nobody.
    Nobody,
    /// Nobody: plain HTTP is sent to HTTPS.
    Redirected,
}

/// Why a door admits whom it admits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Because {
    /// A demand is in force.
    Demanded,
    /// Nothing is demanded here.
    NothingSaid,
    /// The demand says that nobody is asked.
    TurnedOff,
    /// The route does without TLS.
    PlainHttp,
    /// TLS goes through to the backend.
    Passthrough,
    /// The route fell back to the gateway's default option.
    FellBack,
    /// A reference is broken.
    BrokenReference,
    /// The gateway does not load the object.
    Dropped,
    /// The gateway is told to refuse every handshake here.
    Shut,
    /// Refused clients are shown a page of the backend.
    ErrorPage,
    /// A known flaw of the gateway's version lets them through.
    Flaw,
    /// No client's certificate can verify against the CAs.
    FutileCa,
}

/// One way into a host.
#[derive(Clone, Debug)]
pub struct Door {
    /// The entry point's name, or `https` and `http`.
    pub entry: String,
    /// Whether requests come without TLS.
    pub plain: bool,
    /// Who gets in.
    pub admits: Admits,
    /// Why.
    pub because: Because,
    /// The field that decides.
    pub site: Site,
    /// A named thing that was not seen and could change the answer.
    pub unseen: Option<String>,
}

/// Why a route does not get the option that it names.
#[derive(Clone, Debug)]
pub struct Fallback {
    /// The reference that is not honoured.
    pub option: OptionUse,
    /// The other route in the conflict; `None`: the rule names no host.
    pub conflict: Option<Site>,
    /// Whether the gateway closes the routes instead of falling back.
    pub closes: bool,
}

/// A reference to an option and what it resolved to.
#[derive(Clone, Debug)]
pub struct OptionState {
    /// The reference.
    pub option: OptionUse,
    /// What was found.
    pub found: Lookup<Arc<TlsOption>>,
}

/// What a stranger meets at a host.
#[derive(Clone, Debug)]
pub struct Host {
    /// Which host.
    pub key: HostKey,
    /// Whether anything says something about client certificates here.
    pub mentioned: bool,
    /// The ways in.
    pub doors: Vec<Door>,
    /// The demands in force, with the field that makes each.
    pub modes: Vec<(Mode, Site, String)>,
    /// Patterns for the certificate's subject, with their fields.
    pub subjects: Vec<(String, Site)>,
    /// The CA references and what they resolved to.
    pub trust: Vec<TrustUse>,
    /// The option references and what they resolved to.
    pub options: Vec<OptionState>,
    /// Routes that do not get the option they name.
    pub fallbacks: Vec<Fallback>,
    /// Options with a demand that nobody refers to, in a namespace that routes here.
    pub idle: Vec<Arc<TlsOption>>,
    /// Mistakes in the objects that route here.
    pub remarks: Vec<Remark>,
    /// Every object the answer rests on.
    pub rests_on: BTreeSet<Arc<ObjectRef>>,
    /// Secrets to fetch before the answer can be had.
    pub wanted: BTreeSet<SecretRef>,
    /// How long clients' chains may be, one entry for every object that demands certificates.
    pub depths: Vec<Depth>,
    /// The host's server certificates, as far as seen.
    pub served: Vec<x509::Certificate>,
    /// SHA-256 of the keys of the cluster's own CA, as far as seen.
    pub cluster_keys: BTreeSet<[u8; 32]>,
    /// The policies that match the host, whether they hold or not.
    pub policies: Vec<Applied>,
    /// The moment of which the answer speaks, in Unix seconds.
    pub now: Option<i64>,
}

impl Host {
    /// A host of which nothing is known yet.
    pub fn new(key: &HostKey) -> Self {
        Self {
            key: key.clone(),
            mentioned: false,
            doors: Vec::new(),
            modes: Vec::new(),
            subjects: Vec::new(),
            trust: Vec::new(),
            options: Vec::new(),
            fallbacks: Vec::new(),
            idle: Vec::new(),
            remarks: Vec::new(),
            rests_on: BTreeSet::new(),
            wanted: BTreeSet::new(),
            depths: Vec::new(),
            served: Vec::new(),
            cluster_keys: BTreeSet::new(),
            policies: Vec::new(),
            now: None,
        }
    }

    /// Follows from the host alone; the first that fits.
    pub fn verdict(&self) -> Verdict {
        let certain = |door: &&Door| door.unseen.is_none();
        let any = |admits: &[Admits]| self.doors.iter().any(|door| admits.contains(&door.admits));
        let surely_open = self
            .doors
            .iter()
            .filter(certain)
            .any(|door| door.admits == Admits::Everyone);
        if self.doors.iter().any(|door| door.unseen.is_some()) && !(surely_open && self.mentioned) {
            Verdict::Unknown
        } else if !self.mentioned {
            Verdict::None
        } else if any(&[Admits::Everyone]) {
            Verdict::Open
        } else if any(&WEAK) {
            Verdict::Weak
        } else if any(&[Admits::Trusted]) {
            Verdict::Enforced
        } else {
            Verdict::Broken
        }
    }

    /// Names what was not seen.
    pub fn unseen(&self) -> BTreeSet<&str> {
        self.doors
            .iter()
            .filter_map(|door| door.unseen.as_deref())
            .collect()
    }
}

/// By these a client gets in with no certificate, or with one that says nothing.
const WEAK: [Admits; 5] = [
    Admits::Optional,
    Admits::AnyCertificate,
    Admits::AnySubject,
    Admits::AnyPublic,
    Admits::OtherCa,
];

/// The answer for a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Verdict {
    /// A named thing that was not seen could change the answer.
    Unknown,
    /// Nothing says anything about client certificates for this host.
    None,
    /// A request without any certificate reaches the backend.
    Open,
    /// By its stated mode the gateway lets in a client with no certificate, or with any.
    Weak,
    /// Nobody gets in.
    Broken,
    /// A request without an acceptable certificate never reaches the backend.
    Enforced,
}

impl Verdict {
    /// Whether a stranger gets in although client certificates were meant.
    pub fn lets_strangers_in(self) -> bool {
        matches!(self, Self::Open | Self::Weak)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Unknown => "unknown",
            Self::None => "none",
            Self::Open => "open",
            Self::Weak => "weak",
            Self::Broken => "broken",
            Self::Enforced => "enforced",
        })
    }
}
