//! `verify`: whether a certificate would be let in, and which check failed.

use std::path::PathBuf;

use pki::verify::{Purpose, verify};
use serde_json::json;

use crate::files;
use crate::output::{self, Format};
use crate::problem::{FINDINGS, Problem};
use crate::validity::now;
use crate::validity::{moment, time};

/// Check a certificate against a CA, as a client's by default
#[derive(clap::Args)]
#[command(after_help = "Examples:
  kubectl mtls verify alice.crt --ca-cert ca.crt
  # As a server's certificate
  kubectl mtls verify api.crt --ca-cert ca.crt --purpose server
  # Would it still be let in next year? Has it been revoked?
  kubectl mtls verify alice.crt --ca-cert ca.crt --at 2027-06-01
  kubectl mtls verify alice.crt --ca-cert ca.crt --crl ca.crl
Exits with 0 when it is good, and with 1 and the reason when it is not.")]
pub(crate) struct Args {
    /// The certificate, with the intermediates after it; - is stdin
    file: PathBuf,
    /// File with the CAs that are trusted
    #[arg(long, value_name = "FILE")]
    ca_cert: PathBuf,
    /// File with more intermediates
    #[arg(long, value_name = "FILE")]
    intermediates: Option<PathBuf>,
    /// File with revocation lists
    #[arg(long, value_name = "FILE")]
    crl: Option<PathBuf>,
    /// client or server
    #[arg(long, default_value = "client", value_parser = purpose)]
    purpose: Purpose,
    /// When it is to be good, as 2027-06-01; now by default
    #[arg(long, value_name = "TIME", value_parser = moment)]
    at: Option<i64>,
    /// Output format: human, json, yaml or name
    #[arg(short, long, default_value = "human")]
    output: Format,
}

fn purpose(text: &str) -> Result<Purpose, String> {
    match text {
        "client" => Ok(Purpose::Client),
        "server" => Ok(Purpose::Server),
        _ => Err("one of client and server is expected".to_owned()),
    }
}

pub(crate) fn run(args: &Args) -> anyhow::Result<u8> {
    let mut chain = files::read(&args.file)?;
    if let Some(path) = &args.intermediates {
        chain.extend(files::read(path)?);
    }
    let roots = files::read(&args.ca_cert)?;
    if x509::read_bundle(&roots).certificates.is_empty() && roots.first() != Some(&0x30) {
        return Err(
            Problem::world(format!("{} holds no certificate", args.ca_cert.display()))
                .hint("name the CA's certificate with --ca-cert"),
        );
    }
    let crls = match &args.crl {
        Some(path) => pki::crl::read(&String::from_utf8_lossy(&files::read(path)?))?,
        None => Vec::new(),
    };
    let at = args.at.unwrap_or_else(now);
    let judged = verify(&chain, &roots, &crls, args.purpose, at);
    let reason = judged.as_ref().err().map(ToString::to_string);
    let file = args.file.display();
    let value = json!({"schemaVersion": 1, "file": file.to_string(), "valid": reason.is_none(),
        "reason": reason, "at": time(at)});
    output::story(args.output, &value, 2, || match &reason {
        None => format!("{file}: good\n"),
        Some(reason) => format!("{file}: refused: {reason}\n"),
    })?;
    Ok(if reason.is_none() { 0 } else { FINDINGS })
}
