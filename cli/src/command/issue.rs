//! `issue`: certificates with their keys, to wherever they are needed.

mod batch;
mod remote;

use std::path::PathBuf;

use pki::case::Case;
use pki::{Authority, KeyType, LeafParams, Profile, Request, San, Subject};
use policy::SecretRef;

use super::block_on;
use super::signer::{Loaded, Signer};
use crate::cluster::Cluster;
use crate::delivery::{self, Parcel};
use crate::files;
use crate::globals::Globals;
use crate::problem::{Problem, say};
use crate::store::{self, Record};
use crate::validity::Validity;
use crate::validity::now;

/// Issue client and server certificates
#[derive(clap::Args)]
#[command(after_help = "Examples:
  # A client certificate from a CA in the cluster, to alice.crt and alice.key
  kubectl mtls issue alice --ca pki/partners --out .
  # The same for a browser or a phone; a password is made and shown once
  kubectl mtls issue alice --ca pki/partners --p12 alice.p12
  # Into a Secret of namespace shop, or into a SealedSecret for GitOps
  kubectl mtls issue alice --ca pki/partners -n shop --to-secret alice
  kubectl mtls issue alice --ca pki/partners -n shop --to-secret alice \\
    --seal -o yaml
  # A server certificate from a CA in files
  kubectl mtls issue api --profile server --san api.example.com \\
    --ca-cert ca.crt --ca-key ca.key --out .
  # For a request whose key stays where it is
  kubectl mtls issue eve --from-csr eve.csr --ca pki/partners --out .
  # Signed by cert-manager, or by the cluster's own signer
  kubectl mtls issue alice --issuer ClusterIssuer/partners -n shop --out .
  kubectl mtls issue alice --signer example.com/clients --out .
  # Many at once
  kubectl mtls issue load --count 1000 --ca-cert ca.crt --ca-key ca.key \\
    --out clients
  # One that every gateway ought to refuse
  kubectl mtls issue bad --case expired --ca-cert ca.crt --ca-key ca.key --out .")]
pub(crate) struct Args {
    /// The certificate's common name, and the name of its files
    name: String,
    #[command(flatten)]
    identity: Identity,
    #[command(flatten)]
    signer: Signer,
    #[command(flatten)]
    remote: remote::Args,
    #[command(flatten)]
    batch: batch::Args,
    #[command(flatten)]
    delivery: delivery::Args,
}

/// Who the certificate is for.
#[derive(clap::Args)]
#[command(next_help_heading = "Certificate")]
struct Identity {
    /// What the certificate is for: client, server or both
    #[arg(long, default_value = "client", value_parser = profile)]
    profile: Profile,
    /// DNS name, IP address, e-mail address or URI of the subject (can be repeated)
    #[arg(long, value_name = "NAME", value_parser = San::parse)]
    san: Vec<San>,
    /// Subject, as CN=alice,O=Acme,OU=Sales; CN=NAME by default
    #[arg(long, value_parser = Subject::parse)]
    subject: Option<Subject>,
    /// Key: ecdsa-p256, ecdsa-p384, ed25519, rsa-2048, rsa-3072 or rsa-4096
    #[arg(long, default_value = "ecdsa-p256", value_parser = KeyType::parse)]
    key_type: KeyType,
    #[command(flatten)]
    validity: Validity,
    /// File with a certificate request: its key and names are taken, nothing else of it
    #[arg(long, value_name = "FILE", conflicts_with_all = ["count", "csv", "case"])]
    from_csr: Option<PathBuf>,
    /// A certificate for tests that is wrong in one way, as expired; see `create fixtures --help`
    #[arg(long, value_parser = Case::parse, conflicts_with_all = ["count", "csv", "profile", "san", "subject"])]
    case: Option<Case>,
}

fn profile(text: &str) -> Result<Profile, String> {
    match text {
        "both" => Ok(Profile::Both),
        "client" => Ok(Profile::Client),
        "server" => Ok(Profile::Server),
        _ => Err("one of client, server and both is expected".to_owned()),
    }
}

impl Identity {
    fn params(&self, name: &str, now: i64) -> LeafParams {
        let subject = self.subject.clone();
        LeafParams {
            subject: subject.unwrap_or_else(|| Subject::common_name(name)),
            profile: self.profile,
            sans: self.san.clone(),
            not_after: self.validity.end(now, pki::LEAF_LIFETIME),
            key_type: self.key_type,
        }
    }
}

pub(crate) fn run(args: &Args, globals: &Globals) -> anyhow::Result<u8> {
    if args.name.is_empty() || args.name.starts_with('.') || args.name.contains(['/', '\0']) {
        return Err(
            Problem::usage(format!("{:?} cannot be a file name", args.name))
                .hint("use a name without slashes"),
        );
    }
    args.delivery.check()?;
    args.delivery.check_free(&args.name)?;
    if let Some(refused) = args.identity.key_type.refused_by() {
        say("warning", refused);
    }
    block_on(issue(args, globals))
}

async fn issue(args: &Args, globals: &Globals) -> anyhow::Result<u8> {
    if args.batch.is_on() {
        return batch::issue(args, globals).await;
    }
    let parcel = match args.remote.is_on() {
        true => remote::issue(args, globals).await?,
        false => local(args, globals).await?,
    };
    args.delivery.deliver(&parcel, globals).await?;
    Ok(0)
}

/// Signs here, with a CA's key.
async fn local(args: &Args, globals: &Globals) -> anyhow::Result<Parcel> {
    let Loaded { ca, place } = args.signer.load(globals).await?;
    let now = now();
    let mut parcel = Parcel {
        name: args.name.clone(),
        chain_pem: String::new(),
        key: None,
        ca: place.clone(),
        more: Vec::new(),
    };
    let signed = match (&args.identity.from_csr, args.identity.case) {
        (Some(path), _) => from_request(args, &ca, path, now)?,
        (None, Some(case)) => {
            let issued = pki::case::issue_case(&ca, case, &args.name, now)?;
            parcel.key = Some(issued.key);
            if case == Case::Revoked {
                let crl = pki::crl::revoking(&ca, &issued.signed.certificate, now)?.pem;
                parcel.more.push((format!("{}.crl", args.name), crl));
            }
            issued.signed
        }
        (None, None) => {
            let params = args.identity.params(&args.name, now);
            let issued = pki::issue(&ca, &params, now)?;
            parcel.key = Some(issued.key);
            issued.signed
        }
    };
    if signed.clamped {
        say(
            "note",
            "the certificate ends with its CA, before the time that was asked for",
        );
    }
    if let Some(place) = &place {
        record(globals, place, &[Record::of(&signed.certificate, now)], now).await;
    }
    parcel.chain_pem = signed.chain_pem;
    Ok(parcel)
}

fn from_request(
    args: &Args,
    ca: &Authority,
    path: &std::path::Path,
    now: i64,
) -> anyhow::Result<pki::Signed> {
    let request = Request::read(&files::read(path)?)?;
    if !request.ignored.is_empty() {
        let text = format!(
            "the request also asks for {}, which is not given",
            request.ignored.join(", ")
        );
        say("warning", &text);
    }
    let mut params = args.identity.params(&args.name, now);
    if args.identity.subject.is_none() {
        params.subject = request.subject.clone();
    }
    if params.sans.is_empty() {
        params.sans.clone_from(&request.sans);
    }
    Ok(pki::sign_request(ca, &request, &params, now)?)
}

/// A certificate that could not be recorded is good all the same, but cannot be revoked by name.
async fn record(globals: &Globals, ca: &SecretRef, records: &[Record], now: i64) {
    let recorded = async {
        let cluster = Cluster::connect(globals).await?;
        store::add_records(&cluster, ca, records, now).await
    };
    if let Err(error) = recorded.await {
        say(
            "warning",
            &format!("what was issued is not recorded: {error:#}"),
        );
    }
}
