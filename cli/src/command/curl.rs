//! `curl`: one request with a certificate that lives as long as the request. Certificate and key
//! stand in memory files that the child inherits, never on disk and never in an argument.

use std::ffi::OsString;
use std::io::Write as _;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::path::PathBuf;
use std::process::Command;

use anyhow::Context as _;
use pki::LeafParams;
use rustix::fs::{MemfdFlags, memfd_create};

use super::block_on;
use super::signer::Signer;
use crate::globals::Globals;
use crate::problem::{Problem, say};
use crate::validity::now;

/// How long the certificate of a request lives.
const LIFETIME: i64 = 3600;

/// Call a host with a client certificate made for this request
#[derive(clap::Args)]
#[command(after_help = "Examples:
  # With a certificate of the CA pki/partners
  kubectl mtls curl https://api.example.com/ --ca pki/partners
  # At a given address, checking the server against a private CA; curl's options after --
  kubectl mtls curl https://api.example.com/ --ca pki/partners --server-ca ca.crt --connect 127.0.0.1:8443 -- -sS -i

The exit code is curl's own.")]
pub(crate) struct Args {
    /// The URL
    url: String,
    #[command(flatten)]
    signer: Signer,
    /// A client certificate file instead of a new one
    #[arg(long, value_name = "FILE", requires = "key", conflicts_with_all = ["ca", "ca_cert"])]
    cert: Option<PathBuf>,
    /// The key of --cert
    #[arg(long, value_name = "FILE", requires = "cert")]
    key: Option<PathBuf>,
    /// The common name of the new certificate
    #[arg(long, default_value = "kubectl-mtls")]
    name: String,
    /// The CA that the server is checked against
    #[arg(long, value_name = "FILE")]
    server_ca: Option<PathBuf>,
    /// The address to connect to instead of the URL's host
    #[arg(long, value_name = "HOST:PORT")]
    connect: Option<String>,
    /// Options for curl
    #[arg(last = true, value_name = "CURL OPTIONS")]
    curl: Vec<OsString>,
}

/// A client certificate as curl's arguments, and what must stay open while curl runs.
struct Identity {
    cert: OsString,
    key: OsString,
    _open: Vec<OwnedFd>,
}

pub(crate) fn run(args: &Args, globals: &Globals) -> anyhow::Result<u8> {
    let identity = identity(args, globals)?;
    let mut command = Command::new("curl");
    if let Some(identity) = &identity {
        command
            .arg("--cert")
            .arg(&identity.cert)
            .arg("--key")
            .arg(&identity.key);
    }
    if let Some(ca) = &args.server_ca {
        command.arg("--cacert").arg(ca);
    }
    if let Some(connect) = &args.connect {
        command.arg("--connect-to").arg(format!("::{connect}"));
    }
    let status = command
        .args(&args.curl)
        .arg("--url")
        .arg(&args.url)
        .status();
    let status = status.map_err(|error| {
        Problem::world(format!("curl cannot be started: {error}")).hint("install curl")
    })?;
    let code = status
        .code()
        .and_then(|code| u8::try_from(code).ok())
        .unwrap_or(1);
    explain(code);
    Ok(code)
}

fn identity(args: &Args, globals: &Globals) -> anyhow::Result<Option<Identity>> {
    if let (Some(cert), Some(key)) = (&args.cert, &args.key) {
        let (cert, key) = (cert.clone().into(), key.clone().into());
        return Ok(Some(Identity {
            cert,
            key,
            _open: Vec::new(),
        }));
    }
    if !args.signer.is_named() {
        say(
            "note",
            "no --ca and no --cert: the request carries no client certificate",
        );
        return Ok(None);
    }
    let ca = block_on(args.signer.load(globals))?.ca;
    let params = LeafParams::new(&args.name, now() + LIFETIME);
    let issued = pki::issue(&ca, &params, now())?;
    let (cert, cert_path) = in_memory(issued.signed.chain_pem.as_bytes())?;
    let (key, key_path) = in_memory(pki::export::key_pem(&issued.key).as_bytes())?;
    Ok(Some(Identity {
        cert: cert_path,
        key: key_path,
        _open: vec![cert, key],
    }))
}

/// A file without a name; curl opens it anew for each connection.
fn in_memory(content: &[u8]) -> anyhow::Result<(OwnedFd, OsString)> {
    let context = "making a file in memory";
    // Without CLOEXEC, because curl inherits it.
    let descriptor = memfd_create("kubectl-mtls", MemfdFlags::empty()).context(context)?;
    let mut file = std::fs::File::from(descriptor);
    file.write_all(content).context(context)?;
    let path = format!("/proc/self/fd/{}", file.as_raw_fd());
    Ok((file.into(), path.into()))
}

/// curl reports a refused client certificate in several ways.
fn explain(code: u8) {
    let text = match code {
        35 | 55 | 56 => {
            "the connection was ended during or right after the TLS handshake: the gateway did not accept the client certificate, or demands one"
        }
        58 => "curl could not use the client certificate",
        60 => {
            "the server's certificate is not trusted: name its CA with --server-ca; if the CA is right, the gateway may have refused an expired client certificate"
        }
        _ => return,
    };
    say("note", text);
}
