//! Who the client is, and what it checks the server against.

use std::sync::Arc;

use anyhow::Context as _;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ResolvesClientCert, WebPkiServerVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem::PemObject as _};
use rustls::sign::CertifiedKey;
use rustls::{DigitallySignedStruct, RootCertStore, SignatureScheme};

/// A client certificate with its key, shown whatever the server asks for.
#[derive(Debug)]
pub(crate) struct Identity(Arc<CertifiedKey>);

impl Identity {
    /// Of a new certificate.
    pub(crate) fn of(issued: &pki::Issued) -> anyhow::Result<Self> {
        let key = pki::export::key_pem(&issued.key);
        Self::read(issued.signed.chain_pem.as_bytes(), key.as_bytes())
    }

    /// Of PEM texts.
    pub(crate) fn read(chain: &[u8], key: &[u8]) -> anyhow::Result<Self> {
        let chain = x509::der_blocks(chain)
            .into_iter()
            .map(CertificateDer::from);
        let key = PrivateKeyDer::from_pem_slice(key).context("reading the client's key")?;
        let key = provider().key_provider.load_private_key(key);
        let key = key.context("the client's key cannot sign")?;
        Ok(Self(Arc::new(CertifiedKey::new(chain.collect(), key))))
    }
}

impl ResolvesClientCert for Identity {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }

    fn has_certs(&self) -> bool {
        true
    }
}

/// What the server's certificate is checked against.
#[derive(Debug)]
pub(crate) struct Roots {
    verifier: Option<Arc<WebPkiServerVerifier>>,
    pinned: Vec<Vec<u8>>,
    name: ServerName<'static>,
}

impl Roots {
    /// The CAs of a PEM text, or those of the system. A certificate of the text itself is good
    /// too: a server may have no CA.
    pub(crate) fn new(pem: Option<&[u8]>, name: &ServerName<'static>) -> anyhow::Result<Self> {
        let mut store = RootCertStore::empty();
        let pinned = pem.map(x509::der_blocks).unwrap_or_default();
        match pem {
            Some(_) => {
                for der in &pinned {
                    let added = store.add(CertificateDer::from(der.clone()));
                    added.context("reading the server's CA")?;
                }
            }
            None => {
                let native = rustls_native_certs::load_native_certs();
                store.add_parsable_certificates(native.certs);
            }
        }
        let verifier = match store.is_empty() {
            true => None,
            false => Some(WebPkiServerVerifier::builder(Arc::new(store)).build()?),
        };
        Ok(Self {
            verifier,
            pinned,
            name: name.clone(),
        })
    }
}

/// Checks for the host's name, whatever SNI said.
#[derive(Debug)]
pub(super) struct Verifier(pub(super) Arc<Roots>);

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        sni: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if *sni != self.0.name {
            // Another host may answer here with any certificate; what counts is what it answers.
            return Ok(ServerCertVerified::assertion());
        }
        if self.0.pinned.iter().any(|known| **known == **leaf) {
            return Ok(ServerCertVerified::assertion());
        }
        match &self.0.verifier {
            Some(verifier) => verifier.verify_server_cert(leaf, intermediates, sni, ocsp, now),
            None => Err(rustls::Error::General(
                "no CA is known here; name one with --server-ca".into(),
            )),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = provider().signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, cert, signed, &algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = provider().signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, cert, signed, &algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        provider()
            .signature_verification_algorithms
            .supported_schemes()
    }
}

pub(super) fn provider() -> CryptoProvider {
    rustls::crypto::aws_lc_rs::default_provider()
}
