//! `curl`: one request with a certificate that lives as long as the request. Certificate and key
//! stand in memory files that the child inherits, never on disk and never in an argument.

mod built_in;
mod identity;
#[cfg(target_os = "linux")]
mod memory;

use std::ffi::OsString;
use std::sync::Arc;
use std::time::Duration;

use super::block_on;
use crate::globals::Globals;
use crate::output;
use crate::probe::{self, Roots, Target};
use crate::problem::say;
use crate::target::{self, Address, Depth, Place};

use identity::{Identity, Shown};

/// How long to wait when a handshake is repeated to learn why it failed.
const PATIENCE: Duration = Duration::from_secs(5);
/// curl's code for a name that resolves nowhere.
const NO_ADDRESS: u8 = 6;
/// curl's code for a client certificate that it cannot use.
const BAD_IDENTITY: u8 = 58;
/// Codes with which curl reports that a connection, or its TLS, came to nothing (and 22: a status
/// from 400 on, with `--fail`).
const TLS_FAILED: [u8; 8] = [16, 22, 35, 52, 55, 56, 60, 92];

/// Call a host with a client certificate made for this request
#[derive(clap::Args)]
#[command(after_help = "Examples:
  # With a certificate of the CA pki/partners
  kubectl mtls curl https://api.example.com/ --ca pki/partners
  # A route of the cluster: its host, address and server certificate are known
  kubectl mtls curl ingress/api -n shop --ca pki/partners -- -sS -i
  # With the certificate in a Secret, or in a PKCS#12 file
  kubectl mtls curl ingress/api -n shop --secret alice
  kubectl mtls curl https://api.example.com/ --p12 alice.p12 \\
    --password-file password
  # At an address, with a private server CA; after -- come curl's own options
  kubectl mtls curl https://api.example.com/ --ca pki/partners \\
    --server-ca ca.crt --connect 127.0.0.1:8443 -- -sS -i

The exit code is curl's own. Where the gateway refuses, a line says why. Without
curl, and on other systems than Linux, a client of its own sends a plain GET.")]
pub(crate) struct Args {
    /// The URL, host/NAME, ingress/NAME, ingressroute/NAME or apisixtls/NAME
    target: String,
    /// Print the curl command instead of running it; its certificate would have to be issued first
    #[arg(long)]
    print: bool,
    /// Options for curl
    #[arg(last = true, value_name = "CURL OPTIONS")]
    curl: Vec<OsString>,
    #[command(flatten)]
    shown: Shown,
    #[command(flatten)]
    place: Place,
}

/// Where the request goes.
struct Call {
    url: String,
    /// The address to connect to, where it is not that of the URL.
    connect: Option<String>,
    /// The server's own certificate, where the route names it.
    certificate: Option<String>,
    /// What is known of the address; `None` for a URL without TLS.
    address: Option<Address>,
}

pub(crate) fn run(args: &Args, globals: &Globals) -> anyhow::Result<u8> {
    let call = block_on(call(args, globals))?;
    if args.print {
        return print(args, &call);
    }
    let identity = block_on(args.shown.load(globals))?;
    if identity.is_none() {
        say(
            "note",
            "no --ca and no --cert: the request carries no client certificate",
        );
    }
    let Some(code) = execute(args, &call, identity.as_ref())? else {
        return built_in::run(args, &call, identity.as_ref());
    };
    if let Some(text) = explanation(args, &call, identity.as_ref(), code)? {
        say("note", &text);
    }
    Ok(code)
}

/// Runs curl; `None` where there is none, or no way to give it a key without writing it to disk.
#[cfg(target_os = "linux")]
fn execute(args: &Args, call: &Call, identity: Option<&Identity>) -> anyhow::Result<Option<u8>> {
    memory::execute(args, call, identity)
}

#[cfg(not(target_os = "linux"))]
fn execute(_: &Args, _: &Call, _: Option<&Identity>) -> anyhow::Result<Option<u8>> {
    Ok(None)
}

/// A URL without TLS is passed on as it is; anything else is looked up.
async fn call(args: &Args, globals: &Globals) -> anyhow::Result<Call> {
    if args.target.contains("://") && !args.target.starts_with("https://") {
        return Ok(Call {
            url: args.target.clone(),
            connect: args.place.connect.clone(),
            certificate: None,
            address: None,
        });
    }
    let address = target::resolve(&args.target, &args.place, Depth::Address, globals).await?;
    let (url, connect) = match args.target.starts_with("https://") {
        true => (args.target.clone(), args.place.connect.clone()),
        false => (address.url(), Some(address.connect.clone())),
    };
    Ok(Call {
        url,
        connect,
        certificate: address.certificate.clone(),
        address: Some(address),
    })
}

impl Call {
    /// What curl is told about the way.
    fn arguments(&self, args: &Args) -> Vec<OsString> {
        let mut list: Vec<OsString> = Vec::new();
        if let Some(ca) = &args.place.server_ca {
            list.extend(["--cacert".into(), ca.into()]);
        }
        if let Some(connect) = &self.connect {
            list.extend(["--connect-to".into(), format!("::{connect}").into()]);
        }
        list.extend(["--url".into(), self.url.clone().into()]);
        list
    }

    /// The same for the client that is built in; `None` without TLS.
    fn target(&self, args: &Args) -> anyhow::Result<Option<Target>> {
        let Some(address) = &self.address else {
            return Ok(None);
        };
        let server_ca = args.place.server_ca(address)?;
        Ok(Some(Target {
            name: address.name.clone(),
            other: probe::nobody(),
            host: address.host.clone(),
            address: address.connect.clone(),
            plain: None,
            path: address.path.clone(),
            patience: PATIENCE,
            roots: Arc::new(Roots::new(server_ca.as_deref(), &address.name)?),
        }))
    }
}

/// curl reports a refused client certificate in several ways, and none says which alert it was:
/// the handshake is repeated to learn it.
fn explanation(
    args: &Args,
    call: &Call,
    identity: Option<&Identity>,
    code: u8,
) -> anyhow::Result<Option<String>> {
    match (code, &call.address) {
        (NO_ADDRESS, Some(address)) => return Ok(Some(address.way_out())),
        (BAD_IDENTITY, _) => {
            return Ok(Some("curl could not use the client certificate".to_owned()));
        }
        _ => {}
    }
    let target = match TLS_FAILED.contains(&code) {
        true => call.target(args)?,
        false => None,
    };
    let Some(target) = target else {
        return Ok(None);
    };
    let identity = identity.map(Identity::to_show).transpose()?;
    let outcome = block_on(async { Ok(probe::ask(&target, identity).await) })?;
    Ok(probe::explain(&outcome))
}

fn print(args: &Args, call: &Call) -> anyhow::Result<u8> {
    let mut words: Vec<OsString> = vec!["curl".into()];
    words.extend(args.shown.words());
    if args.place.server_ca.is_none() && call.certificate.is_some() {
        words.extend(["--cacert".into(), "SERVER_CERT".into()]);
    }
    words.extend(call.arguments(args));
    words.extend(args.curl.iter().cloned());
    let quoted = words.iter().map(|word| quote(&word.to_string_lossy()));
    output::bytes(format!("{}\n", quoted.collect::<Vec<_>>().join(" ")).as_bytes())?;
    Ok(0)
}

/// A word as a shell reads it.
fn quote(word: &str) -> String {
    let plain = |char: char| char.is_ascii_alphanumeric() || "-_./:=@%+,".contains(char);
    match !word.is_empty() && word.chars().all(plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', "'\\''")),
    }
}
