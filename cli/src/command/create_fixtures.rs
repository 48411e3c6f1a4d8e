//! `create fixtures`: a certificate for every way to be wrong, and what each verifier makes of it.

use std::path::PathBuf;

use pki::case::{CASES, Case, CaseRow, VERIFIERS, issue_case};
use serde_json::{Map, Value, json};

use super::block_on;
use super::signer::Signer;
use crate::files::{self, File};
use crate::globals::Globals;
use crate::output;
use crate::validity::now;

/// Create client certificates for tests: a good one, and one for every way to be wrong
#[derive(clap::Args)]
#[command(after_help = "Examples:
  kubectl mtls create fixtures certs --ca-cert ca.crt --ca-key ca.key
  jq -r '.items[] | select(.accepted.openssl | not) | .cert' certs/index.json

index.json says for each certificate who accepts it: openssl (nginx, HAProxy),
go (Traefik), boringssl (Envoy) and webpki (rustls). Cases:
  good, expired, not-yet-valid, other-ca, same-name-ca, server-only, no-eku, v1,
  too-deep, bad-signature, revoked")]
pub(crate) struct Args {
    /// Folder for the certificates, their keys, ca.crt, ca.crl and index.json
    folder: PathBuf,
    /// The common name of the certificates
    #[arg(long, default_value = "client")]
    name: String,
    /// Replace files that exist
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    signer: Signer,
}

pub(crate) fn run(args: &Args, globals: &Globals) -> anyhow::Result<u8> {
    let ca = block_on(args.signer.load(globals))?.ca;
    let now = now();
    let mut made = Vec::new();
    let mut crl = String::new();
    for row in CASES {
        let issued = issue_case(&ca, row.case, &args.name, now)?;
        if row.case == Case::Revoked {
            crl = pki::crl::revoking(&ca, &issued.signed.certificate, now)?.pem;
        }
        let key = pki::export::key_pem(&issued.key);
        made.push((row, issued.signed.chain_pem, key));
    }
    let index = json!({"schemaVersion": 1, "ca": "ca.crt", "crl": "ca.crl",
        "items": made.iter().map(|(row, ..)| item(row)).collect::<Vec<_>>()});
    let index = format!("{index:#}\n");
    let mut list = vec![
        File::public("ca.crt", ca.root_pem()),
        File::public("ca.crl", &crl),
        File::public("index.json", &index),
    ];
    for (row, chain, key) in &made {
        list.push(File::public(format!("{}.crt", row.id), chain));
        list.push(File::secret(format!("{}.key", row.id), key.as_str()));
    }
    files::write_all(&args.folder, &list, args.force)?;
    output::bytes(format!("{}\n", args.folder.join("index.json").display()).as_bytes())?;
    Ok(0)
}

fn item(row: &CaseRow) -> Value {
    let accepted = VERIFIERS.iter().map(|(verifier, name)| {
        let accepted = row.accepted_by.contains(verifier);
        ((*name).to_owned(), Value::from(accepted))
    });
    json!({"case": row.id, "text": row.text, "cert": format!("{}.crt", row.id),
        "key": format!("{}.key", row.id), "accepted": accepted.collect::<Map<_, _>>()})
}
