//! Proves what a live host does with a stranger: certificates that are wrong in one way each, over
//! TLS 1.2 and 1.3, with a good one as the control. What is no clear answer is never a refusal.

mod answer;
mod client;
mod explain;
mod http2;
mod judge;
mod plan;
mod request;
mod session;
mod spoof;
mod trust;

use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{self, StreamExt as _};
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

pub(crate) use explain::explain;
pub(crate) use judge::{Proof, State, Verdict, describe};
pub(crate) use plan::{Asked, Clients, Mode, Plan, Sni, Way, lay_out};
pub(crate) use spoof::Spoof;
pub(crate) use trust::{Identity, Roots};

use plan::{Attempt, Expect, Trick};

/// Requests that run at once.
const AT_ONCE: usize = 6;

/// Whom to ask.
#[derive(Clone)]
pub(crate) struct Target {
    /// For SNI, and against which the server's certificate is checked.
    pub(crate) name: ServerName<'static>,
    /// Another name, for SNI beside the Host header of this one.
    pub(crate) other: ServerName<'static>,
    /// The Host header.
    pub(crate) host: String,
    /// Where to connect.
    pub(crate) address: String,
    /// Where plain HTTP would be answered.
    pub(crate) plain: Option<String>,
    /// The path of the request.
    pub(crate) path: String,
    /// How long one request may take.
    pub(crate) patience: Duration,
    /// What the server's certificate is checked against.
    pub(crate) roots: Arc<Roots>,
}

/// A version of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Version {
    /// TLS 1.2 (RFC 5246).
    Tls12,
    /// TLS 1.3 (RFC 8446).
    Tls13,
}

impl Version {
    /// Both.
    pub(crate) const ALL: [Self; 2] = [Self::Tls12, Self::Tls13];

    /// `1.2` or `1.3`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Tls12 => "1.2",
            Self::Tls13 => "1.3",
        }
    }
}

/// What came of one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It reached something behind the gateway: the HTTP status.
    Accepted(u16),
    /// The gateway refused it, and said so: by which alert or status.
    Refused(String),
    /// The gateway sent it to HTTPS.
    Redirected(u16),
    /// The server does not speak this version of TLS, or offers nothing else that this takes.
    NotOffered(&'static str),
    /// The backend got these headers as the client sent them.
    Passed(Vec<String>),
    /// The backend got none of the headers as the client sent them.
    Kept,
    /// The server's own certificate is wrong, so nothing was sent.
    WrongServer(String),
    /// Nothing that says yes or no.
    Inconclusive(String),
}

/// Makes every attempt of a plan, and judges them together.
pub(crate) async fn prove(target: &Target, plan: &Plan) -> Proof {
    let attempts = stream::iter(&plan.attempts)
        .map(|attempt| async move { (attempt.clone(), tried(target, attempt).await) });
    let outcomes: Vec<_> = attempts.buffered(AT_ONCE).collect().await;
    judge::judge(outcomes, plan)
}

async fn tried(target: &Target, attempt: &Attempt) -> Outcome {
    match attempt.way {
        Way::PlainHttp => client::plain(target, attempt).await,
        Way::Tls(version) => client::tls(target, attempt, version).await,
    }
}

/// What comes of one request with the newest version of TLS that the server speaks.
pub(crate) async fn ask(target: &Target, identity: Option<Arc<Identity>>) -> Outcome {
    let mut outcome = Outcome::NotOffered("TLS");
    for version in [Version::Tls13, Version::Tls12] {
        let attempt = Attempt {
            case: "asked",
            text: "a request",
            way: Way::Tls(version),
            identity: identity.clone(),
            sni: Sni::Host,
            trick: Trick::None,
            expect: Expect::Observed,
        };
        outcome = tried(target, &attempt).await;
        if !matches!(outcome, Outcome::NotOffered(_)) {
            break;
        }
    }
    outcome
}

/// A connection to a target, for a request of one's own.
pub(crate) async fn open(
    target: &Target,
    identity: Option<&Arc<Identity>>,
) -> Result<TlsStream<TcpStream>, Outcome> {
    client::open(target, identity).await
}

/// The name for a host that nobody serves.
pub(crate) fn nobody() -> ServerName<'static> {
    client::other_name()
}
