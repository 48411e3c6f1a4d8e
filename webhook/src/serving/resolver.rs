//! The certificate that handshakes get: replaced while connections go on.

use std::sync::{Arc, PoisonError, RwLock};

use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

/// The certificate of the moment.
#[derive(Debug, Default)]
pub(crate) struct Resolver(RwLock<Option<Arc<CertifiedKey>>>);

impl Resolver {
    /// Serves another certificate from now on.
    pub(crate) fn replace(&self, key: CertifiedKey) {
        let mut served = self.0.write().unwrap_or_else(PoisonError::into_inner);
        *served = Some(Arc::new(key));
    }
}

impl ResolvesServerCert for Resolver {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}
