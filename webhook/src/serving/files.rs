//! Certificate and key from files, read again when their content changes. The content is compared
//! and not the event waited for: Kubernetes swaps a symbolic link above mounted files.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;

use super::leaf::certified;
use super::managed::now;
use super::resolver::Resolver;
use crate::caught::caught_now;
use crate::metrics::Served;
use crate::state::State;

/// Between two looks.
const POLL: Duration = Duration::from_secs(2);

/// A certificate and its key, in files.
pub(super) struct Pair {
    cert: PathBuf,
    key: PathBuf,
    read: (Vec<u8>, Vec<u8>),
}

impl Pair {
    /// Reads the files, which must hold a pair that can be served.
    pub(super) fn begin(
        cert: &Path,
        key: &Path,
        resolver: &Resolver,
        state: &State,
    ) -> anyhow::Result<Self> {
        let mut pair = Self {
            cert: cert.to_owned(),
            key: key.to_owned(),
            read: Default::default(),
        };
        pair.read = pair.content()?;
        pair.serve(resolver, state)?;
        Ok(pair)
    }

    /// Follows the files for the life of the process.
    pub(super) async fn keep(mut self, resolver: Arc<Resolver>, state: Arc<State>) {
        loop {
            tokio::time::sleep(POLL).await;
            let looked = caught_now(|| self.look(&resolver, &state));
            if let Err(error) = looked.map_err(anyhow::Error::msg).flatten() {
                state.metrics.certificate_troubles.inc();
                tracing::warn!("the serving certificate stays as it was: {error:#}");
            }
        }
    }

    fn look(&mut self, resolver: &Resolver, state: &State) -> anyhow::Result<()> {
        let content = self.content()?;
        if content == self.read {
            return Ok(());
        }
        // A bad pair is told once, not at every look.
        self.read = content;
        self.serve(resolver, state)
    }

    fn content(&self) -> anyhow::Result<(Vec<u8>, Vec<u8>)> {
        let read =
            |path: &Path| fs::read(path).with_context(|| format!("reading {}", path.display()));
        Ok((read(&self.cert)?, read(&self.key)?))
    }

    fn serve(&self, resolver: &Resolver, state: &State) -> anyhow::Result<()> {
        let (cert, key) = &self.read;
        let names = || format!("{}, {}", self.cert.display(), self.key.display());
        let (served, pair) = pair(cert, key, now()).with_context(names)?;
        resolver.replace(pair);
        state.metrics.serves(served);
        tracing::info!(
            expires = served.ends,
            "serving the certificate of the files"
        );
        Ok(())
    }
}

/// A pair that can be served, and its life.
fn pair(cert: &[u8], key: &[u8], now: i64) -> anyhow::Result<(Served, CertifiedKey)> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(cert).collect();
    let chain = chain.context("reading the certificate")?;
    let first = chain.first().context("there is no certificate")?;
    let read = x509::read_der(first)
        .map_err(|reason| anyhow::anyhow!("reading the certificate: {reason}"))?;
    ensure!(!read.expired(now), "the certificate has expired");
    let key = PrivateKeyDer::from_pem_slice(key).context("reading the key")?;
    let served = Served {
        begins: read.not_before,
        ends: read.not_after,
        ca_ends: None,
    };
    Ok((served, certified(chain, key)?))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::serving::vault;

    #[test]
    fn a_pair_that_cannot_be_served_is_refused() {
        let now = now();
        let made = || vault::begun(&[], 3600, now, now).unwrap();
        let (one, two) = (made(), made());
        let of = |cert: &[u8], key: &[u8], at| pair(cert, key, at).map(|(served, _)| served.ends);
        let (cert, key) = (&one["tls.crt"].0, &one["tls.key"].0);
        assert_eq!(of(cert, key, now).unwrap(), now + 3600);
        for (cert, key, at, words) in [
            (cert, &two["tls.key"].0, now, "do not fit"),
            (cert, key, now + 3601, "expired"),
            (cert, &b"junk".to_vec(), now, "reading the key"),
            (&b"junk".to_vec(), key, now, "no certificate"),
            (&Vec::new(), key, now, "no certificate"),
        ] {
            let error = format!("{:#}", of(cert, key, at).unwrap_err());
            assert!(error.contains(words), "{error}");
        }
    }
}
