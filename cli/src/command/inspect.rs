//! `inspect`: what is in a certificate, a key, a bundle, a Secret, or behind a host.

mod describe;
mod read;
mod remote;

use std::path::PathBuf;

use serde_json::json;

use super::{block_on, signer};
use crate::cluster::Cluster;
use crate::files;
use crate::globals::Globals;
use crate::output::{self, Format};
use crate::password::Password;
use crate::problem::Problem;
use crate::store::{Kind, Stored};
use crate::validity::now;
use read::Item;

/// Show what is in a certificate, key, bundle, request, revocation list, Secret or behind a host
#[derive(clap::Args)]
#[command(after_help = "Examples:
  kubectl mtls inspect alice.crt
  kubectl mtls inspect alice.p12 --password-file password
  kubectl mtls inspect secret/partners-trust -n shop
  # Also a host that demands a client certificate, which it says
  kubectl mtls inspect https://api.example.com
  kubectl mtls inspect https://api.example.com --connect 127.0.0.1:8443 -o json
It reads PEM, DER, PKCS#12, PKCS#7, PKCS#10 requests, CRLs and private keys;
keys are never shown.")]
pub(crate) struct Args {
    /// FILE, - for stdin, secret/NAME, configmap/NAME or https://HOST
    what: String,
    /// The address to connect to instead of the URL's host
    #[arg(long, value_name = "HOST:PORT")]
    connect: Option<String>,
    /// Output format: human, json, yaml or name
    #[arg(short, long, default_value = "human")]
    output: Format,
    #[command(flatten)]
    password: Password,
}

/// Something that was found, and where.
struct Found {
    /// The file, the data key, or the place in the chain.
    place: String,
    item: Item,
}

pub(crate) fn run(args: &Args, globals: &Globals) -> anyhow::Result<u8> {
    let found = match args.what.split_once('/') {
        _ if args.what.starts_with("https://") => block_on(remote::inspect(
            &args.what,
            args.connect.as_deref(),
            globals,
        ))?,
        Some(("secret", name)) => block_on(stored(args, Kind::Secret, name, globals))?,
        Some(("configmap", name)) => block_on(stored(args, Kind::ConfigMap, name, globals))?,
        _ => file(args)?,
    };
    let now = now();
    let items: Vec<_> = found
        .iter()
        .map(|found| describe::json(&found.place, &found.item, now))
        .collect();
    let value = json!({"schemaVersion": 1, "items": items});
    output::story(args.output, &value, 4, || {
        let texts = found
            .iter()
            .map(|found| describe::text(&found.place, &found.item, now));
        texts.collect::<Vec<_>>().join("\n")
    })?;
    Ok(0)
}

fn file(args: &Args) -> anyhow::Result<Vec<Found>> {
    let path = PathBuf::from(&args.what);
    let bytes = zeroize::Zeroizing::new(files::read(&path)?);
    let password = args.password.given()?;
    let items = read::items(&bytes, password.as_ref().map(|password| password.as_str()))?;
    if items.is_empty() {
        return Err(
            Problem::world(format!("nothing in {} is known", args.what)).hint(
                "name a file with certificates, keys, requests or revocation lists in PEM or DER",
            ),
        );
    }
    let found = items.into_iter().enumerate().map(|(index, item)| Found {
        place: format!("{} [{}]", args.what, index + 1),
        item,
    });
    Ok(found.collect())
}

async fn stored(
    args: &Args,
    kind: Kind,
    name: &str,
    globals: &Globals,
) -> anyhow::Result<Vec<Found>> {
    let cluster = Cluster::connect(globals).await?;
    let place = signer::place(name, &cluster.namespace);
    let stored = Stored::read(&cluster, kind, &place).await?.ok_or_else(|| {
        Problem::world(format!(
            "{} does not exist in namespace {}",
            args.what, place.namespace
        ))
        .hint(format!(
            "`kubectl get {}s -n {}` lists what there is",
            args.what.split('/').next().unwrap_or_default(),
            place.namespace
        ))
    })?;
    let mut found = Vec::new();
    for key in stored.keys() {
        let Some(text) = stored.text(key) else {
            continue;
        };
        for item in read::items(text.as_bytes(), None)? {
            let place = format!("{} {key}", stored.name());
            found.push(Found { place, item });
        }
    }
    match found.is_empty() {
        true => Err(
            Problem::world(format!("{} holds no certificate", stored.name()))
                .hint("name a Secret with ca.crt or tls.crt"),
        ),
        false => Ok(found),
    }
}
