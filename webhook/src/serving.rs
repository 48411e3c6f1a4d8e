//! The certificate that the webhook serves: its own, signed by a CA that the replicas share in a
//! Secret, or one from files. docs/webhook-certificates.md tells the whole story.

mod authority;
mod cluster;
mod decide;
mod files;
mod leaf;
mod managed;
mod published;
mod resolver;
pub(crate) mod span;
mod vault;

use std::sync::Arc;

use anyhow::Context as _;
use pki::San;

use crate::args::{Args, CertMode};
use crate::state::State;
use cluster::Cluster;
use managed::Managed;
use published::Settling;

pub(crate) use leaf::provider;
pub(crate) use resolver::Resolver;

/// What readiness waits for.
const CERTIFICATE: &str = "serving certificate";

/// Begins to look after the certificate.
pub(crate) fn spawn(args: &Args, state: &Arc<State>) -> anyhow::Result<Arc<Resolver>> {
    let resolver = Arc::new(Resolver::default());
    match args.cert_mode {
        CertMode::Files => {
            let need = "--cert-mode=files needs --tls-cert and --tls-key";
            let (cert, key) = args
                .tls_cert
                .as_ref()
                .zip(args.tls_key.as_ref())
                .context(need)?;
            let pair = files::Pair::begin(cert, key, &resolver, state)?;
            tokio::spawn(pair.keep(Arc::clone(&resolver), Arc::clone(state)));
        }
        CertMode::SelfManaged => {
            let stray = args.tls_cert.is_some() || args.tls_key.is_some();
            anyhow::ensure!(!stray, "--tls-cert and --tls-key need --cert-mode=files");
            state.wait_for(CERTIFICATE);
            tokio::spawn(managed(args, state, &resolver)?.keep());
        }
    }
    Ok(resolver)
}

fn managed(args: &Args, state: &Arc<State>, resolver: &Arc<Resolver>) -> anyhow::Result<Managed> {
    let namespace = args.namespace();
    let service = format!("{}.{namespace}.svc", args.service);
    let names = std::iter::once(&service).chain(&args.dns_name);
    let names: Result<Vec<_>, _> = names.map(|name| San::parse(name)).collect();
    Ok(Managed {
        cluster: Cluster {
            client: state.live.clone(),
            namespace,
            secret: args.ca_secret.clone(),
            configuration: args.webhook_configuration.clone(),
        },
        names: names.context("the names of the serving certificate")?,
        ca_validity: args.ca_validity,
        leaf_validity: args.leaf_validity,
        resolver: Arc::clone(resolver),
        state: Arc::clone(state),
        leaf: None,
        signer: None,
        settling: Settling::default(),
        trouble: None,
    })
}
