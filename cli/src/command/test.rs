//! `test`: proves on the live host who is refused and who gets in.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use serde_json::{Value, json};

use super::block_on;
use super::signer::Signer;
use crate::files;
use crate::globals::{Globals, duration};
use crate::output::{self, xml};
use crate::probe::{self, Clients, Identity, Mode, Outcome, Proof, Roots, State, Target, Verdict};
use crate::problem::{FINDINGS, WORLD, say};
use crate::target::{self, Place};
use crate::validity::now;

/// Prove on the live host that strangers are refused and clients get in
#[derive(clap::Args)]
#[command(after_help = "Examples:
  # Certificates of every kind, made by the CA that the gateway trusts
  kubectl mtls test https://api.example.com --ca pki/partners
  kubectl mtls test ingress/api -n shop --ca pki/partners
  # At a given address, the server checked against a private CA
  kubectl mtls test https://api.example.com --ca-cert ca.crt --ca-key ca.key --server-ca server.crt --connect 127.0.0.1:8443
  # With one certificate and no CA, as much as that can show
  kubectl mtls test https://api.example.com --cert alice.crt --key alice.key
The good certificate is the control: unless it gets in, nothing is proven. A refusal is a TLS alert
or an HTTP status that says so; errors of the server, time-outs and resets prove nothing.
Exits with 0 when everything is as expected, 1 when there is a hole, 3 when nothing is proven.")]
pub(crate) struct Args {
    /// ingress/NAME, ingressroute/NAME, host/NAME or a URL
    target: String,
    #[command(flatten)]
    signer: Signer,
    /// A good client certificate, where no CA is at hand
    #[arg(long, value_name = "FILE", requires = "key", conflicts_with_all = ["ca", "ca_cert"])]
    cert: Option<PathBuf>,
    /// The key of --cert
    #[arg(long, value_name = "FILE", requires = "cert")]
    key: Option<PathBuf>,
    #[command(flatten)]
    place: Place,
    /// What clients need: required, optional or none
    #[arg(long, default_value = "required", value_parser = mode)]
    expect: Mode,
    /// Let the cases decide in which verifiers rightly differ: no-eku, v1, revoked
    #[arg(long)]
    strict: bool,
    /// How long one request may take
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = duration)]
    timeout: Duration,
    /// Try again until it is proven, for so long
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    wait: Option<Duration>,
    /// Output format: human, json, yaml or junit
    #[arg(short, long, default_value = "human")]
    output: Form,
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
    let (target, proof, untried) = block_on(prove(args, globals))?;
    show(args, &target, &proof, &untried)?;
    Ok(match proof.verdict {
        Verdict::Proven => 0,
        Verdict::Hole => FINDINGS,
        Verdict::Inconclusive => WORLD,
    })
}

type Untried = Vec<(&'static str, &'static str)>;

async fn prove(args: &Args, globals: &Globals) -> anyhow::Result<(Target, Proof, Untried)> {
    let address = target::resolve(&args.target, &args.place, globals).await?;
    let server_ca = args.place.server_ca(&address)?;
    let target = Target {
        roots: Arc::new(Roots::new(server_ca.as_deref(), &address.name)?),
        name: address.name,
        host: address.host,
        address: address.connect,
        plain: address.plain,
        path: address.path,
        patience: args.timeout,
    };
    let ca = match args.signer.is_named() {
        true => Some(args.signer.load(globals).await?.ca),
        false => None,
    };
    let clients = match (&ca, &args.cert, &args.key) {
        (Some(ca), ..) => Clients::Ca(ca),
        (None, Some(cert), Some(key)) => {
            let key = zeroize::Zeroizing::new(files::read(key)?);
            let identity = Identity::read(&files::read(cert)?, &key);
            Clients::Certificate(Arc::new(
                identity.context("reading the client's certificate")?,
            ))
        }
        _ => Clients::Nothing,
    };
    let plan = probe::lay_out(&clients, args.expect, args.strict, now())?;
    let begun = Instant::now();
    loop {
        let proof = probe::prove(&target, &plan).await;
        let over = args.wait.is_none_or(|wait| begun.elapsed() > wait);
        if over || proof.verdict == Verdict::Proven {
            return Ok((target, proof, plan.untried));
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

fn show(args: &Args, target: &Target, proof: &Proof, untried: &Untried) -> anyhow::Result<()> {
    let value = || value(args, target, proof, untried);
    match args.output {
        Form::Json => output::bytes(format!("{:#}\n", value()).as_bytes()),
        Form::Yaml => output::bytes(output::yaml(&value())?.as_bytes()),
        Form::Junit => output::bytes(junit(target, proof, untried).as_bytes()),
        Form::Human => {
            output::bytes(table(proof).as_bytes())?;
            let missing: Vec<_> = untried.iter().map(|(case, _)| *case).collect();
            if let Some((_, why)) = untried.first() {
                say(
                    "note",
                    &format!("not tried: {} ({why})", missing.join(", ")),
                );
            }
            say(word(proof.verdict), &sentence(target, proof));
            Ok(())
        }
    }
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Proven => "proven",
        Verdict::Hole => "hole",
        Verdict::Inconclusive => "inconclusive",
    }
}

fn sentence(target: &Target, proof: &Proof) -> String {
    let host = &target.host;
    match (proof.verdict, &proof.why) {
        (Verdict::Proven, _) => format!("{host} does what is expected of it"),
        (Verdict::Hole, _) => {
            let wrong = proof
                .results
                .iter()
                .filter(|(.., state)| *state == State::Wrong);
            let mut cases: Vec<_> = wrong.map(|(attempt, ..)| attempt.case).collect();
            cases.dedup();
            format!("{host}: not as expected: {}", cases.join(", "))
        }
        (Verdict::Inconclusive, why) => {
            format!(
                "{host}: nothing is proven: {}",
                why.as_deref().unwrap_or_default()
            )
        }
    }
}

fn state(state: State) -> &'static str {
    match state {
        State::Ok => "ok",
        State::Wrong => "WRONG",
        State::Inconclusive => "unclear",
        State::Observed => "observed",
        State::Skipped => "-",
    }
}

fn table(proof: &Proof) -> String {
    let rows = proof.results.iter().map(|(attempt, outcome, judged)| {
        [
            attempt.case.to_owned(),
            probe::way(attempt.way),
            probe::describe(outcome),
            state(*judged).to_owned(),
        ]
    });
    output::table(["CASE", "OVER", "OUTCOME", "STATE"], rows.collect())
}

fn value(args: &Args, target: &Target, proof: &Proof, untried: &Untried) -> Value {
    let items = proof.results.iter().map(|(attempt, outcome, judged)| {
        let (outcome_word, status) = match outcome {
            Outcome::Accepted(status) => ("accepted", Some(*status)),
            Outcome::Redirected(status) => ("redirected", Some(*status)),
            Outcome::Refused(_) => ("refused", None),
            Outcome::NotOffered => ("not-offered", None),
            Outcome::WrongServer(_) => ("wrong-server", None),
            Outcome::Inconclusive(_) => ("inconclusive", None),
        };
        json!({"case": attempt.case, "text": attempt.text, "over": probe::way(attempt.way),
            "outcome": outcome_word, "status": status, "detail": probe::describe(outcome),
            "state": state(*judged).to_lowercase()})
    });
    let expect = match args.expect {
        Mode::Required => "required",
        Mode::Optional => "optional",
        Mode::None => "none",
    };
    json!({"schemaVersion": 1, "target": target.host, "address": target.address,
        "expect": expect, "verdict": word(proof.verdict), "reason": sentence(target, proof),
        "items": items.collect::<Vec<_>>(),
        "untried": untried.iter().map(|(case, why)| json!({"case": case, "why": why}))
            .collect::<Vec<_>>()})
}

fn junit(target: &Target, proof: &Proof, untried: &Untried) -> String {
    let count = |wanted| {
        proof
            .results
            .iter()
            .filter(|(.., state)| *state == wanted)
            .count()
    };
    let skipped = count(State::Skipped) + untried.len();
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n  <testsuite name=\"{}\" \
         tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{skipped}\">\n",
        xml(&target.host),
        proof.results.len() + untried.len(),
        count(State::Wrong),
        count(State::Inconclusive),
    );
    for (attempt, outcome, judged) in &proof.results {
        let name = format!("{} over {}", attempt.case, probe::way(attempt.way));
        let said = xml(&probe::describe(outcome));
        let inner = match judged {
            State::Ok | State::Observed => format!("<system-out>{said}</system-out>"),
            State::Wrong => format!("<failure message=\"{said}\"/>"),
            State::Inconclusive => format!("<error message=\"{said}\"/>"),
            State::Skipped => "<skipped/>".to_owned(),
        };
        text.push_str(&case(target, &name, &inner));
    }
    for (name, why) in untried {
        text.push_str(&case(
            target,
            name,
            &format!("<skipped message=\"{}\"/>", xml(why)),
        ));
    }
    text + "  </testsuite>\n</testsuites>\n"
}

fn case(target: &Target, name: &str, inner: &str) -> String {
    let class = xml(&target.host);
    format!("    <testcase classname=\"{class}\" name=\"{name}\">{inner}</testcase>\n")
}
