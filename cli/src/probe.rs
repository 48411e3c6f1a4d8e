//! Proves what a live host does with a stranger: certificates that are wrong in one way each, over
//! TLS 1.2 and 1.3, with a good one as the control. What is no clear answer is never a refusal.

mod client;
mod judge;
mod plan;

use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{self, StreamExt as _};
use rustls::pki_types::ServerName;

pub(crate) use client::{Identity, Roots};
pub(crate) use judge::{Proof, State, Verdict, describe, way};
pub(crate) use plan::{Clients, Mode, Plan, Way, lay_out};

/// Requests that run at once.
const AT_ONCE: usize = 6;

/// Whom to ask.
#[derive(Clone)]
pub(crate) struct Target {
    /// For SNI, and against which the server's certificate is checked.
    pub(crate) name: ServerName<'static>,
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
    /// The server does not speak this version of TLS.
    NotOffered,
    /// The server's own certificate is wrong, so nothing was sent.
    WrongServer(String),
    /// Nothing that says yes or no.
    Inconclusive(String),
}

/// Makes every attempt of a plan, and judges them together.
pub(crate) async fn prove(target: &Target, plan: &Plan) -> Proof {
    let attempts = stream::iter(&plan.attempts).map(|attempt| async move {
        let outcome = match &attempt.way {
            Way::PlainHttp => client::plain(target).await,
            Way::Tls(version) => client::tls(target, attempt, *version).await,
        };
        (attempt.clone(), outcome)
    });
    let outcomes: Vec<_> = attempts.buffered(AT_ONCE).collect().await;
    judge::judge(outcomes, plan)
}
