//! Who may ask: the API server, if it was told to show a certificate.

use std::fmt;
use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use std::time::Duration;

use anyhow::Context as _;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, RootCertStore,
    SignatureScheme,
};

use crate::args::Args;
use crate::caught::caught_now;
use crate::serving::provider;

/// Between two looks at the file of the CAs.
const POLL: Duration = Duration::from_secs(5);

/// Asks every client for a certificate of some CAs, with a common name if one is given.
pub(super) struct ApiServer {
    path: PathBuf,
    name: Option<String>,
    read: RwLock<(Vec<u8>, Arc<dyn ClientCertVerifier>)>,
}

impl ApiServer {
    /// What `--api-server-ca` asks for.
    pub(super) fn new(args: &Args) -> anyhow::Result<Option<Arc<Self>>> {
        let Some(path) = &args.api_server_ca else {
            return Ok(None);
        };
        let content = fs::read(path).with_context(|| format!("reading {}", path.display()))?;
        let verifier = verifier(&content).with_context(|| path.display().to_string())?;
        let verifier = Self {
            path: path.clone(),
            name: args.api_server_name.clone(),
            read: RwLock::new((content, verifier)),
        };
        Ok(Some(Arc::new(verifier)))
    }

    /// Follows the file for the life of the process; what cannot be used changes nothing.
    pub(super) async fn keep(self: Arc<Self>) {
        loop {
            tokio::time::sleep(POLL).await;
            if let Err(error) = caught_now(|| self.look())
                .map_err(anyhow::Error::msg)
                .flatten()
            {
                tracing::warn!("the CAs of the API server stay as they were: {error:#}");
            }
        }
    }

    fn look(&self) -> anyhow::Result<()> {
        let context = || format!("reading {}", self.path.display());
        let content = fs::read(&self.path).with_context(context)?;
        if self.held().0 == content {
            return Ok(());
        }
        let verifier = verifier(&content);
        let mut read = self.read.write().unwrap_or_else(PoisonError::into_inner);
        // What is bad is told once.
        read.0 = content;
        if let Ok(verifier) = &verifier {
            read.1 = Arc::clone(verifier);
        }
        drop(read);
        verifier.map(drop).with_context(context)
    }

    fn held(&self) -> RwLockReadGuard<'_, (Vec<u8>, Arc<dyn ClientCertVerifier>)> {
        self.read.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn verifier(&self) -> Arc<dyn ClientCertVerifier> {
        Arc::clone(&self.held().1)
    }
}

fn verifier(pem: &[u8]) -> anyhow::Result<Arc<dyn ClientCertVerifier>> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.context("reading a CA certificate")?;
        roots.add(certificate).context("reading a CA certificate")?;
    }
    let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider());
    builder.build().context("there is no CA certificate")
}

impl fmt::Debug for ApiServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiServer")
            .field("path", &self.path)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl ClientCertVerifier for ApiServer {
    /// No hints: the CAs may change while connections are made.
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        leaf: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let verified = self.verifier().verify_client_cert(leaf, chain, now)?;
        let Some(wanted) = &self.name else {
            return Ok(verified);
        };
        let name = x509::read_der(leaf).ok().and_then(|leaf| leaf.common_name);
        if name.as_ref() == Some(wanted) {
            return Ok(verified);
        }
        Err(Error::InvalidCertificate(
            CertificateError::ApplicationVerificationFailure,
        ))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier()
            .verify_tls12_signature(message, cert, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier()
            .verify_tls13_signature(message, cert, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier().supported_verify_schemes()
    }
}
