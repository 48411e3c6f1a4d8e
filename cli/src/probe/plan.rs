//! What is tried, and what ought to come of it.

use std::sync::Arc;

use pki::Authority;
use pki::case::{CASES, Case, issue_case};
use rustls::pki_types::ServerName;

use super::Version;
use super::spoof::Spoof;
use super::trust::Identity;

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

impl Mode {
    /// As `--expect` has it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Optional => "optional",
            Self::Required => "required",
        }
    }
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

/// What is done besides showing a certificate, or none.
#[derive(Clone)]
pub(crate) enum Trick {
    /// Nothing.
    None,
    /// The request goes over HTTP/2.
    Http2,
    /// It asks for another path.
    Path(String),
    /// It takes up a session that was begun on another host.
    Resumed(ServerName<'static>),
    /// It says in headers who the client is.
    Spoofing(Arc<Spoof>),
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
    /// What else is done.
    pub(crate) trick: Trick,
    /// What ought to come of it.
    pub(crate) expect: Expect,
}

impl Attempt {
    fn new(case: &'static str, text: &'static str, way: Way, expect: Expect) -> Self {
        Self {
            case,
            text,
            way,
            identity: None,
            sni: Sni::Host,
            trick: Trick::None,
            expect,
        }
    }

    /// Whether it goes around the host: by another name, or by another host's session. What is no
    /// clear answer there says nothing about the host.
    pub(crate) fn is_around(&self) -> bool {
        self.sni != Sni::Host && self.way != Way::PlainHttp
            || matches!(self.trick, Trick::Resumed(_))
    }

    /// How it travels, in words.
    pub(crate) fn over(&self) -> String {
        let version = match self.way {
            Way::PlainHttp => return "HTTP".to_owned(),
            Way::Tls(version) => version.name(),
        };
        match &self.trick {
            Trick::Http2 => format!("TLS {version}, HTTP/2"),
            Trick::Path(path) => format!("TLS {version}, {path}"),
            Trick::None | Trick::Resumed(_) | Trick::Spoofing(_) => format!("TLS {version}"),
        }
    }
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

/// What is to be tried beyond the certificates.
pub(crate) struct Asked {
    /// What clients are expected to need.
    pub(crate) mode: Mode,
    /// The cases decide in which verifiers rightly differ.
    pub(crate) strict: bool,
    /// Paths besides the target's own.
    pub(crate) paths: Vec<String>,
    /// A host whose sessions must be of no use here, and what it is shown.
    pub(crate) other: (ServerName<'static>, Option<Arc<Identity>>),
    /// A certificate that the gateway's revocation list names.
    pub(crate) revoked: Option<Arc<Identity>>,
    /// Whether the gateway is told to read a revocation list.
    pub(crate) reads_crl: bool,
    /// Headers that the backend must not see as the client sends them.
    pub(crate) spoof: Option<Arc<Spoof>>,
}

/// Cases that decide only with `--strict`: verifiers rightly differ about them.
const OBSERVED: [Case; 2] = [Case::NoEku, Case::V1];

const NEEDS_CA: &str = "it needs the CA: name it with --ca or --ca-cert";
const NOTHING_SHOWN: &str = "no CA and no certificate is given";
const NEEDS_REVOKED: &str =
    "it needs a certificate that the gateway's list names: --revoked-cert and --revoked-key";

/// Lays out what to try.
///
/// # Errors
/// When the CA cannot sign.
pub(crate) fn lay_out(clients: &Clients<'_>, asked: &Asked, now: i64) -> anyhow::Result<Plan> {
    let mut plan = Plan {
        mode: asked.mode,
        attempts: Vec::new(),
        untried: Vec::new(),
    };
    plan.strangers(asked);
    let good = match clients {
        Clients::Ca(ca) => plan.cases(ca, asked.strict, now)?,
        Clients::Certificate(identity) => plan.certificate(identity, now)?,
        Clients::Nothing => {
            plan.untried_but(&["revoked"], NOTHING_SHOWN);
            None
        }
    };
    plan.revoked(asked);
    if let Some(good) = &good {
        let text = "the good certificate over HTTP/2";
        plan.with(
            "good-http2",
            text,
            Some(good),
            Expect::Accepted,
            &Trick::Http2,
        );
    }
    plan.spoofed(asked, good.as_ref());
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

    /// What has to become of who goes around the check.
    fn around(&self) -> Expect {
        match self.mode {
            Mode::Required => Expect::Refused,
            Mode::Optional | Mode::None => Expect::Observed,
        }
    }

    fn untried_but(&mut self, tried: &[&str], why: &'static str) {
        let rows = CASES.iter().filter(|row| !tried.contains(&row.id));
        self.untried.extend(rows.map(|row| (row.id, why)));
    }

    /// Without a certificate: the plain case, and the ways around it.
    fn strangers(&mut self, asked: &Asked) {
        let none = match self.mode {
            Mode::Required => Expect::Refused,
            Mode::Optional | Mode::None => Expect::Accepted,
        };
        let around = self.around();
        self.with("none", "no client certificate", None, none, &Trick::None);
        let text = "no client certificate over HTTP/2";
        self.with("none-http2", text, None, around, &Trick::Http2);
        for path in &asked.paths {
            let trick = Trick::Path(path.clone());
            self.with(
                "other-path",
                "no client certificate, at another path",
                None,
                around,
                &trick,
            );
        }
        let text = "no certificate, and another name in SNI than in Host";
        self.by_name("other-sni", text, Sni::Other, around);
        self.by_name("no-sni", "no certificate and no SNI", Sni::Absent, around);
        let (other, identity) = &asked.other;
        let trick = Trick::Resumed(other.clone());
        let text = match identity {
            Some(_) => "a session that another host began with a certificate of its own CA",
            None => "a session that another host began without a certificate",
        };
        self.with("resumed", text, identity.as_ref(), around, &trick);
        let plain = Attempt::new("plain-http", "without TLS", Way::PlainHttp, around);
        self.attempts.push(plain);
    }

    fn by_name(&mut self, case: &'static str, text: &'static str, sni: Sni, expect: Expect) {
        for version in Version::ALL {
            self.attempts.push(Attempt {
                sni,
                ..Attempt::new(case, text, Way::Tls(version), expect)
            });
        }
    }

    /// Every case that a CA can make; the good one is given back.
    fn cases(
        &mut self,
        ca: &Authority,
        strict: bool,
        now: i64,
    ) -> anyhow::Result<Option<Arc<Identity>>> {
        let mut good = None;
        // Nobody but the gateway's own list makes a certificate a revoked one.
        for row in CASES.iter().filter(|row| row.case != Case::Revoked) {
            let issued = issue_case(ca, row.case, "kubectl-mtls-test", now)?;
            let identity = Arc::new(Identity::of(&issued)?);
            let expect = match row.case {
                Case::Good => Expect::Accepted,
                case if OBSERVED.contains(&case) && !strict => Expect::Observed,
                _ => self.refused(),
            };
            self.with(row.id, row.text, Some(&identity), expect, &Trick::None);
            if row.case == Case::Good {
                good = Some(identity);
            }
        }
        Ok(good)
    }

    /// As much as one certificate can show.
    fn certificate(
        &mut self,
        identity: &Arc<Identity>,
        now: i64,
    ) -> anyhow::Result<Option<Arc<Identity>>> {
        let text = "the given client certificate";
        self.with("good", text, Some(identity), Expect::Accepted, &Trick::None);
        let other = issue_of_a_stranger(now)?;
        let expect = self.refused();
        let text = "another CA signed it";
        self.with("other-ca", text, Some(&other), expect, &Trick::None);
        self.untried_but(&["good", "other-ca", "revoked"], NEEDS_CA);
        Ok(Some(Arc::clone(identity)))
    }

    fn revoked(&mut self, asked: &Asked) {
        let Some(identity) = &asked.revoked else {
            self.untried.push(("revoked", NEEDS_REVOKED));
            return;
        };
        let expect = match asked.strict || asked.reads_crl {
            true => self.refused(),
            false => Expect::Observed,
        };
        let text = "the given certificate, which its CA has revoked";
        self.with("revoked", text, Some(identity), expect, &Trick::None);
    }

    fn spoofed(&mut self, asked: &Asked, good: Option<&Arc<Identity>>) {
        if let Some(spoof) = &asked.spoof {
            let text = "headers that say who the client is, sent by the client";
            let trick = Trick::Spoofing(Arc::clone(spoof));
            self.with("spoofed-headers", text, good, Expect::Refused, &trick);
        }
    }

    fn with(
        &mut self,
        case: &'static str,
        text: &'static str,
        identity: Option<&Arc<Identity>>,
        expect: Expect,
        trick: &Trick,
    ) {
        for version in Version::ALL {
            self.attempts.push(Attempt {
                identity: identity.cloned(),
                trick: trick.clone(),
                ..Attempt::new(case, text, Way::Tls(version), expect)
            });
        }
    }
}
