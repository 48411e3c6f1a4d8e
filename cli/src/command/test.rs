//! `test`: proves on the live host who is refused and who gets in.

mod expected;
mod report;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use policy::dialect;
use rustls::pki_types::ServerName;

use super::block_on;
use super::signer::Signer;
use crate::files;
use crate::globals::{Globals, duration};
use crate::probe::{self, Asked, Clients, Identity, Mode, Proof, Roots, Spoof, Target, Verdict};
use crate::problem::{FINDINGS, Problem, WORLD, say};
use crate::target::{self, Address, Depth, Place};
use crate::validity::now;

/// Headers of other gateways and of habit by which backends are told who the client is.
const HABITS: [&str; 4] = [
    "X-Forwarded-Client-Cert",
    "X-SSL-Client-Cert",
    "X-SSL-Client-S-DN",
    "X-SSL-Client-Verify",
];

/// Prove on the live host that strangers are refused and clients get in
#[derive(clap::Args)]
#[command(after_help = "Examples:
  # Certificates of every kind, made by the CA that the gateway trusts
  kubectl mtls test https://api.example.com --ca pki/partners
  kubectl mtls test ingress/api -n shop --ca pki/partners
  # At a given address, the server checked against a private CA
  kubectl mtls test https://api.example.com --ca-cert ca.crt --ca-key ca.key \\
    --server-ca server.crt --connect 127.0.0.1:8443
  # With one certificate and no CA, as much as that can show
  kubectl mtls test https://api.example.com --cert alice.crt --key alice.key
  # After a change: until it is in force, for half a minute
  kubectl mtls test ingress/api -n shop --ca pki/partners --wait 30s
  # The backend repeats its request: who wrote the headers about the client?
  kubectl mtls test ingress/echo -n shop --ca pki/partners --path /echo --echo
The good certificate is the control: unless it gets in, nothing is proven. A
refusal is a TLS alert or an HTTP status that says so; errors of the server,
time-outs and resets prove nothing.

Exits with 0 when everything is as expected, 1 when there is a hole, 3 when
nothing is proven.")]
pub(crate) struct Args {
    /// ingress/NAME, ingressroute/NAME, apisixtls/NAME, host/NAME or a URL
    target: String,
    /// A good client certificate, where no CA is at hand
    #[arg(long, value_name = "FILE", requires = "key", conflicts_with_all = ["ca", "ca_cert"])]
    cert: Option<PathBuf>,
    /// The key of --cert
    #[arg(long, value_name = "FILE", requires = "cert")]
    key: Option<PathBuf>,
    /// What clients need: required, optional or none; by default what the cluster's configuration
    /// says of the host, and required for a URL
    #[arg(long, value_parser = mode)]
    expect: Option<Mode>,
    /// Let the cases decide in which verifiers rightly differ: no-eku, v1, revoked
    #[arg(long)]
    strict: bool,
    /// Another path that strangers must not reach (can be repeated); the paths of a route of the
    /// cluster are tried anyway
    #[arg(long, value_name = "PATH")]
    path: Vec<String>,
    /// A host of the same gateway whose name in SNI, and whose TLS sessions, must be of no use here;
    /// for a host of the cluster one that demands nothing is found
    #[arg(long, value_name = "NAME")]
    other_host: Option<String>,
    /// A certificate that the other host accepts and this one does not
    #[arg(long, value_name = "FILE", requires_all = ["other_host", "other_key"])]
    other_cert: Option<PathBuf>,
    /// The key of --other-cert
    #[arg(long, value_name = "FILE", requires = "other_cert")]
    other_key: Option<PathBuf>,
    /// A certificate that the gateway's revocation list names
    #[arg(long, value_name = "FILE", requires = "revoked_key")]
    revoked_cert: Option<PathBuf>,
    /// The key of --revoked-cert
    #[arg(long, value_name = "FILE", requires = "revoked_cert")]
    revoked_key: Option<PathBuf>,
    /// The backend repeats the headers that it gets: it must not get those that say who the client
    /// is as the client sends them. The gateway's own, or these
    #[arg(long, value_name = "HEADERS", num_args = 0..=1, require_equals = true, value_delimiter = ',')]
    echo: Option<Vec<String>>,
    /// How long one request may take
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = duration)]
    timeout: Duration,
    /// Try again until it is proven, for so long
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    wait: Option<Duration>,
    /// Output format: human, json, yaml or junit
    #[arg(short, long, default_value = "human")]
    output: Form,
    #[command(flatten)]
    signer: Signer,
    #[command(flatten)]
    place: Place,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Form {
    /// A table.
    Human,
    /// One JSON document.
    Json,
    /// `JUnit` XML.
    Junit,
    /// YAML.
    Yaml,
}

fn mode(text: &str) -> Result<Mode, String> {
    match text {
        "required" => Ok(Mode::Required),
        "optional" => Ok(Mode::Optional),
        "none" => Ok(Mode::None),
        _ => Err("one of required, optional and none is expected".to_owned()),
    }
}

pub(crate) fn run(args: &Args, globals: &Globals) -> anyhow::Result<u8> {
    let tested = block_on(prove(args, globals))?;
    report::show(args.output, &tested)?;
    Ok(match tested.proof.verdict {
        Verdict::Proven => 0,
        Verdict::Hole => FINDINGS,
        Verdict::Inconclusive => WORLD,
    })
}

type Untried = Vec<(&'static str, &'static str)>;

/// Everything that a report tells.
struct Tested {
    target: Target,
    proof: Proof,
    untried: Untried,
    mode: Mode,
    /// Who says what is expected.
    from: &'static str,
}

async fn prove(args: &Args, globals: &Globals) -> anyhow::Result<Tested> {
    let address = target::resolve(&args.target, &args.place, Depth::Demand, globals).await?;
    let (mode, from) = expected::mode(args.expect, address.known.as_ref());
    if from == expected::CONFIGURATION {
        say("note", &format!("expected: {} ({from})", mode.name()));
    }
    let asked = asked(args, &address, mode)?;
    let ca = match args.signer.is_named() {
        true => Some(args.signer.load(globals).await?.ca),
        false => None,
    };
    let given = identity(args.cert.as_ref(), args.key.as_ref())?;
    let clients = match (&ca, given) {
        (Some(ca), _) => Clients::Ca(ca),
        (None, Some(identity)) => Clients::Certificate(identity),
        (None, None) => Clients::Nothing,
    };
    address.look_up().await?;
    let target = target_of(args, address, asked.other.0.clone())?;
    let plan = probe::lay_out(&clients, &asked, now())?;
    let proof = until_proven(args, &target, &plan).await;
    Ok(Tested {
        target,
        proof,
        untried: plan.untried,
        mode,
        from,
    })
}

/// Tries once, or as long as `--wait` says; what is missing is told whenever it changes.
async fn until_proven(args: &Args, target: &Target, plan: &probe::Plan) -> Proof {
    let begun = Instant::now();
    let mut told = String::new();
    crate::progress::doing(format!("trying every case on {}", target.host));
    loop {
        let proof = probe::prove(target, plan).await;
        let over = args.wait.is_none_or(|wait| begun.elapsed() > wait);
        if over || proof.verdict == Verdict::Proven {
            return proof;
        }
        let sentence = report::sentence(target, &proof);
        if sentence != told {
            let seconds = begun.elapsed().as_secs();
            say("waiting", &format!("{seconds}s: {sentence}"));
            told = sentence;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

fn target_of(args: &Args, address: Address, other: ServerName<'static>) -> anyhow::Result<Target> {
    let server_ca = args.place.server_ca(&address)?;
    Ok(Target {
        roots: Arc::new(Roots::new(server_ca.as_deref(), &address.name)?),
        name: address.name,
        other,
        host: address.host,
        address: address.connect,
        plain: address.plain,
        path: address.path,
        patience: args.timeout,
    })
}

fn asked(args: &Args, address: &Address, mode: Mode) -> anyhow::Result<Asked> {
    let known = address.known.as_ref();
    let mut paths = args.path.clone();
    if let Some(wrong) = paths.iter().find(|path| !is_path(path)) {
        return Err(Problem::usage(format!("{wrong:?} is no path")).hint("write it as /admin"));
    }
    paths.extend(known.into_iter().flat_map(|known| known.paths.clone()));
    paths.retain(|path| *path != address.path);
    paths.sort();
    paths.dedup();
    let found = known.and_then(|known| known.open_neighbour.as_ref());
    let other = match args.other_host.as_ref().or(found) {
        Some(name) => ServerName::try_from(name.clone()).map_err(|_| {
            Problem::usage(format!("{name:?} is no host name")).hint("write --other-host HOST")
        })?,
        None => probe::nobody(),
    };
    Ok(Asked {
        mode,
        strict: args.strict,
        paths,
        other: (
            other,
            identity(args.other_cert.as_ref(), args.other_key.as_ref())?,
        ),
        revoked: identity(args.revoked_cert.as_ref(), args.revoked_key.as_ref())?,
        reads_crl: known.is_some_and(|known| expected::reads_crl(&known.host)),
        spoof: args
            .echo
            .as_ref()
            .map(|named| Arc::new(spoof(named, address))),
    })
}

fn is_path(path: &str) -> bool {
    path.starts_with('/') && path.chars().all(|char| char.is_ascii_graphic())
}

/// The headers that are named, or those of the gateway, or of any where it is not known.
fn spoof(named: &[String], address: &Address) -> Spoof {
    let gateway = address
        .known
        .as_ref()
        .map(|known| known.host.key.gateway.dialect);
    let own = gateway
        .and_then(dialect::by_id)
        .map(|dialect| dialect.identity_headers);
    let all = dialect::DIALECTS
        .iter()
        .flat_map(|dialect| dialect.identity_headers);
    let names: Vec<_> = match own {
        _ if !named.is_empty() => named.to_vec(),
        Some(own) if !own.is_empty() => own.iter().map(|&name| name.to_owned()).collect(),
        _ => all.chain(&HABITS).map(|&name| name.to_owned()).collect(),
    };
    let mark = SystemTime::now().duration_since(UNIX_EPOCH);
    let mark = mark.map_or(0, |elapsed| elapsed.as_nanos());
    Spoof::new(names, format!("spoofed-{mark:x}"))
}

fn identity(
    cert: Option<&PathBuf>,
    key: Option<&PathBuf>,
) -> anyhow::Result<Option<Arc<Identity>>> {
    let (Some(cert), Some(key)) = (cert, key) else {
        return Ok(None);
    };
    let key = zeroize::Zeroizing::new(files::read(key)?);
    let identity = Identity::read(&files::read(cert)?, &key);
    let identity = identity.with_context(|| format!("reading {}", cert.display()))?;
    Ok(Some(Arc::new(identity)))
}
