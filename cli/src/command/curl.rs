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
use crate::files;
use crate::globals::Globals;
use crate::output;
use crate::password::Password;
use crate::problem::{Problem, say};
use crate::target::{self, Place};
use crate::validity::now;

/// How long the certificate of a request lives.
const LIFETIME: i64 = 3600;

/// Call a host with a client certificate made for this request
#[derive(clap::Args)]
#[command(after_help = "Examples:
  # With a certificate of the CA pki/partners
  kubectl mtls curl https://api.example.com/ --ca pki/partners
  # A route of the cluster: its host, its address and its server certificate are looked up
  kubectl mtls curl ingress/api -n shop --ca pki/partners -- -sS -i
  # With a PKCS#12 file
  kubectl mtls curl https://api.example.com/ --p12 alice.p12 --password-file password
  # At a given address, checking the server against a private CA; curl's options after --
  kubectl mtls curl https://api.example.com/ --ca pki/partners --server-ca ca.crt --connect 127.0.0.1:8443 -- -sS -i

The exit code is curl's own.")]
pub(crate) struct Args {
    /// The URL, host/NAME, ingress/NAME or ingressroute/NAME
    target: String,
    #[command(flatten)]
    signer: Signer,
    /// A client certificate file instead of a new one
    #[arg(long, value_name = "FILE", requires = "key", conflicts_with_all = ["ca", "ca_cert"])]
    cert: Option<PathBuf>,
    /// The key of --cert
    #[arg(long, value_name = "FILE", requires = "cert")]
    key: Option<PathBuf>,
    /// A PKCS#12 file with certificate and key instead
    #[arg(long, value_name = "FILE", conflicts_with_all = ["ca", "ca_cert", "cert"])]
    p12: Option<PathBuf>,
    #[command(flatten)]
    password: Password,
    /// The common name of the new certificate
    #[arg(long, default_value = "kubectl-mtls")]
    name: String,
    #[command(flatten)]
    place: Place,
    /// Print the curl command instead of running it; its certificate would have to be issued first
    #[arg(long)]
    print: bool,
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
    let call = call(args, globals)?;
    if args.print {
        return print(args, &call);
    }
    let identity = identity(args, globals)?;
    let mut command = Command::new("curl");
    if let Some(identity) = &identity {
        command
            .arg("--cert")
            .arg(&identity.cert)
            .arg("--key")
            .arg(&identity.key);
    }
    let server_ca = match (&args.place.server_ca, &call.certificate) {
        (None, Some(certificate)) => Some(in_memory(certificate.as_bytes())?),
        _ => None,
    };
    if let Some((_, path)) = &server_ca {
        command.arg("--cacert").arg(path);
    }
    let status = command.args(&call.args).args(&args.curl).status();
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

/// What curl is told, but for the client's identity.
struct Call {
    args: Vec<OsString>,
    /// The server's own certificate, where the route names it.
    certificate: Option<String>,
}

/// A URL is passed on as it is; anything else is looked up.
fn call(args: &Args, globals: &Globals) -> anyhow::Result<Call> {
    let mut list: Vec<OsString> = Vec::new();
    let mut connect = args.place.connect.clone();
    let (url, certificate) = if args.target.contains("://") {
        (args.target.clone(), None)
    } else {
        let address = block_on(target::resolve(&args.target, &args.place, globals))?;
        connect.get_or_insert_with(|| address.connect.clone());
        (address.url(), address.certificate)
    };
    if let Some(ca) = &args.place.server_ca {
        list.extend(["--cacert".into(), ca.into()]);
    }
    if let Some(connect) = connect {
        list.extend(["--connect-to".into(), format!("::{connect}").into()]);
    }
    list.extend(["--url".into(), url.into()]);
    Ok(Call {
        args: list,
        certificate,
    })
}

fn print(args: &Args, call: &Call) -> anyhow::Result<u8> {
    let mut words: Vec<OsString> = vec!["curl".into()];
    if args.signer.is_named() || args.cert.is_some() || args.p12.is_some() {
        let file = |path: &Option<PathBuf>, otherwise: &str| match path {
            Some(path) => path.clone().into(),
            None => OsString::from(otherwise),
        };
        words.extend([
            "--cert".into(),
            file(&args.cert, "CERT"),
            "--key".into(),
            file(&args.key, "KEY"),
        ]);
    }
    words.extend(call.args.iter().chain(&args.curl).cloned());
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

fn identity(args: &Args, globals: &Globals) -> anyhow::Result<Option<Identity>> {
    if let (Some(cert), Some(key)) = (&args.cert, &args.key) {
        let (cert, key) = (cert.clone().into(), key.clone().into());
        return Ok(Some(Identity {
            cert,
            key,
            _open: Vec::new(),
        }));
    }
    if let Some(path) = &args.p12 {
        let password = args.password.chosen_once(&path.display().to_string())?;
        let store = pki::import::pkcs12(&files::read(path)?, &password)?;
        let key = store.key.ok_or_else(|| {
            Problem::world(format!("{} holds no key", path.display())).hint("name one with a key")
        })?;
        let chain: String = store.certificates.iter().map(|der| pki::pem(der)).collect();
        return identity_of(&chain, &key).map(Some);
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
    identity_of(&issued.signed.chain_pem, &issued.key).map(Some)
}

fn identity_of(chain: &str, key: &pki::PrivateKey) -> anyhow::Result<Identity> {
    let (cert, cert_path) = in_memory(chain.as_bytes())?;
    let (key, key_path) = in_memory(pki::export::key_pem(key).as_bytes())?;
    Ok(Identity {
        cert: cert_path,
        key: key_path,
        _open: vec![cert, key],
    })
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
