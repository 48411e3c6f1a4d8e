//! What is tried, and what ought to come of it.

use std::sync::Arc;

use pki::Authority;
use pki::case::{CASES, Case, issue_case};

use super::Version;
use super::client::Identity;

/// What clients are expected to need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Nothing.
    None,
    /// Nothing, but a certificate that is shown must be good.
    Optional,
    /// A certificate of the CA.
    Required,
}

/// What ought to come of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expect {
    /// The control: let in.
    Accepted,
    /// Refused; if it is let in, that is a hole.
    Refused,
    /// Whatever comes is told and decides nothing.
    Observed,
}

/// How the request travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// Without TLS.
    PlainHttp,
    /// Over this version of TLS.
    Tls(Version),
}

/// One request.
#[derive(Clone)]
pub(crate) struct Attempt {
    /// The case, as in `create fixtures`, or another word.
    pub(crate) case: &'static str,
    /// One sentence.
    pub(crate) text: &'static str,
    /// How it travels.
    pub(crate) way: Way,
    /// The client certificate, if one is shown.
    pub(crate) identity: Option<Arc<Identity>>,
    /// Another name in SNI, or none at all, instead of the host's.
    pub(crate) sni: Sni,
    /// What ought to come of it.
    pub(crate) expect: Expect,
}

/// The server name indication (RFC 6066 section 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sni {
    /// The host's.
    Host,
    /// Another name, while the Host header names the host.
    Other,
    /// None.
    Absent,
}

/// Everything that is tried.
pub(crate) struct Plan {
    /// What clients are expected to need.
    pub(crate) mode: Mode,
    /// In the order in which they are shown.
    pub(crate) attempts: Vec<Attempt>,
    /// Cases that cannot be tried, and why.
    pub(crate) untried: Vec<(&'static str, &'static str)>,
}

/// What clients show.
pub(crate) enum Clients<'a> {
    /// Certificates of every kind, made by the CA that the gateway trusts.
    Ca(&'a Authority),
    /// One good certificate.
    Certificate(Arc<Identity>),
    /// Nothing is at hand: only strangers are tried.
    Nothing,
}

/// Cases that decide only with `--strict`: verifiers rightly differ about them.
const OBSERVED: [Case; 3] = [Case::NoEku, Case::V1, Case::Revoked];

/// Lays out what to try.
///
/// # Errors
/// When the CA cannot sign.
pub(crate) fn lay_out(
    clients: &Clients<'_>,
    mode: Mode,
    strict: bool,
    now: i64,
) -> anyhow::Result<Plan> {
    let mut plan = Plan {
        mode,
        attempts: Vec::new(),
        untried: Vec::new(),
    };
    plan.strangers();
    match clients {
        Clients::Ca(ca) => plan.cases(ca, strict, now)?,
        Clients::Certificate(identity) => {
            plan.over_tls(
                "good",
                "the given client certificate",
                Some(identity),
                Expect::Accepted,
            );
            let other = issue_of_a_stranger(now)?;
            let expect = plan.refused();
            plan.over_tls("other-ca", "another CA signed it", Some(&other), expect);
            let needing = CASES
                .iter()
                .filter(|row| !["good", "other-ca"].contains(&row.id));
            let untried =
                needing.map(|row| (row.id, "it needs the CA: name it with --ca or --ca-cert"));
            plan.untried.extend(untried);
        }
        Clients::Nothing => {
            let untried = CASES
                .iter()
                .map(|row| (row.id, "no CA and no certificate is given"));
            plan.untried.extend(untried);
        }
    }
    Ok(plan)
}

fn issue_of_a_stranger(now: i64) -> anyhow::Result<Arc<Identity>> {
    let params = pki::CaParams::new("a stranger", now + pki::DAY);
    let ca = pki::create_root(&params, now)?;
    let issued = issue_case(&ca, Case::Good, "stranger", now)?;
    Ok(Arc::new(Identity::of(&issued)?))
}

impl Plan {
    /// What a bad certificate has to expect.
    fn refused(&self) -> Expect {
        match self.mode {
            Mode::None => Expect::Observed,
            Mode::Optional | Mode::Required => Expect::Refused,
        }
    }

    /// Without a certificate: the plain case, and the ways around it.
    fn strangers(&mut self) {
        let none = match self.mode {
            Mode::Required => Expect::Refused,
            Mode::Optional | Mode::None => Expect::Accepted,
        };
        self.over_tls("none", "no client certificate", None, none);
        let around = match self.mode {
            Mode::Required => Expect::Refused,
            Mode::Optional | Mode::None => Expect::Observed,
        };
        for (case, text, sni) in [
            (
                "other-sni",
                "no certificate, and another name in SNI than in Host",
                Sni::Other,
            ),
            ("no-sni", "no certificate and no SNI", Sni::Absent),
        ] {
            for version in Version::ALL {
                self.attempts.push(Attempt {
                    case,
                    text,
                    way: Way::Tls(version),
                    identity: None,
                    sni,
                    expect: around,
                });
            }
        }
        self.attempts.push(Attempt {
            case: "plain-http",
            text: "without TLS",
            way: Way::PlainHttp,
            identity: None,
            sni: Sni::Absent,
            expect: around,
        });
    }

    fn cases(&mut self, ca: &Authority, strict: bool, now: i64) -> anyhow::Result<()> {
        for row in CASES {
            let issued = issue_case(ca, row.case, "kubectl-mtls-test", now)?;
            let identity = Arc::new(Identity::of(&issued)?);
            let expect = match row.case {
                Case::Good => Expect::Accepted,
                case if OBSERVED.contains(&case) && !strict => Expect::Observed,
                _ => self.refused(),
            };
            self.over_tls(row.id, row.text, Some(&identity), expect);
        }
        Ok(())
    }

    fn over_tls(
        &mut self,
        case: &'static str,
        text: &'static str,
        identity: Option<&Arc<Identity>>,
        expect: Expect,
    ) {
        for version in Version::ALL {
            self.attempts.push(Attempt {
                case,
                text,
                way: Way::Tls(version),
                identity: identity.cloned(),
                sni: Sni::Host,
                expect,
            });
        }
    }
}
