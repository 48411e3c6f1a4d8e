//! A leaf that lives in memory alone.

use std::sync::Arc;

use anyhow::Context as _;
use pki::{Authority, LeafParams, Profile, San};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::sign::CertifiedKey;

use super::decide::Leaf;

/// A new P-256 key and its certificate, for some names.
pub(super) fn sign(
    ca: &Authority,
    names: &[San],
    validity: i64,
    now: i64,
) -> anyhow::Result<(Leaf, CertifiedKey)> {
    let mut params = LeafParams::new("mtls-webhook", now + validity);
    params.profile = Profile::Server;
    params.sans = names.to_vec();
    let issued = pki::issue(ca, &params, now).context("signing the serving certificate")?;
    let leaf = Leaf {
        issuer: ca.certificate().fingerprint,
        begins: now,
        ends: issued.signed.certificate.not_after,
    };
    let key = pki::export::key_der(&issued.key);
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.as_slice()));
    let chain = CertificateDer::pem_slice_iter(issued.signed.chain_pem.as_bytes());
    let chain = chain
        .collect::<Result<_, _>>()
        .context("reading the serving certificate")?;
    Ok((leaf, certified(chain, key.clone_key())?))
}

/// A certificate with its key.
///
/// # Errors
/// When they do not fit.
pub(super) fn certified(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> anyhow::Result<CertifiedKey> {
    CertifiedKey::from_der(chain, key, &provider())
        .context("the serving certificate and its key do not fit")
}

/// The one that `main` installed.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    let installed = CryptoProvider::get_default().cloned();
    installed.unwrap_or_else(|| Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
}
