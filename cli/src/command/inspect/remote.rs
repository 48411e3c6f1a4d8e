//! A host's certificates, whether it asks for a client's, and what it does without one.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::Context as _;
use rustls::client::ResolvesClientCert;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::Found;
use super::read::{Handshake, Item};
use crate::globals::Globals;
use crate::problem::Problem;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Looks on without judging: the certificates are shown, not trusted.
#[derive(Debug, Default)]
struct Witness {
    asked: Mutex<Option<Vec<String>>>,
    shown: Mutex<Vec<Vec<u8>>>,
}

impl ResolvesClientCert for Witness {
    fn resolve(&self, hints: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        let names = hints.iter().map(|der| x509::name(der));
        if let Ok(mut asked) = self.asked.lock() {
            *asked = Some(names.collect());
        }
        None
    }

    fn has_certs(&self) -> bool {
        true
    }
}

impl ServerCertVerifier for Witness {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if let Ok(mut shown) = self.shown.lock() {
            *shown = std::iter::once(leaf)
                .chain(intermediates)
                .map(|der| der.to_vec())
                .collect();
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(
            message,
            cert,
            signed,
            &provider().signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(
            message,
            cert,
            signed,
            &provider().signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        provider()
            .signature_verification_algorithms
            .supported_schemes()
    }
}

fn provider() -> CryptoProvider {
    rustls::crypto::aws_lc_rs::default_provider()
}

/// Connects to a host without a client certificate.
pub(super) async fn inspect(
    url: &str,
    connect: Option<&str>,
    globals: &Globals,
) -> anyhow::Result<Vec<Found>> {
    let authority = url.trim_start_matches("https://").split(['/', '?']).next();
    let authority = authority.unwrap_or_default();
    let (host, port) = host_and_port(authority);
    let name = ServerName::try_from(host.clone()).map_err(|_| {
        Problem::usage(format!("{host:?} is no host name"))
            .hint("write https://HOST or https://HOST:PORT")
    })?;
    let address = connect.map_or_else(|| format!("{host}:{port}"), str::to_owned);
    let witness = Arc::new(Witness::default());
    let patience = match globals.request_timeout {
        none if none.is_zero() => PATIENCE,
        limit => limit.min(PATIENCE),
    };
    let handshake = timeout(patience, handshake(&address, name, &witness)).await;
    let handshake = handshake.unwrap_or_else(|_| Err(anyhow::anyhow!("no answer in {patience:?}")));
    let handshake = handshake.map_err(|error| {
        Problem::world(format!("{address}: {error:#}"))
            .hint("check that it listens and speaks TLS; --connect HOST:PORT names another address")
    })?;
    let shown = witness
        .shown
        .lock()
        .map(|shown| shown.clone())
        .unwrap_or_default();
    let chain = shown.iter().enumerate().map(|(index, der)| Found {
        place: format!("{url} certificate {}", index + 1),
        item: match x509::read_der(der) {
            Ok(read) => Item::Certificate(Box::new(read)),
            Err(reason) => Item::Unreadable(reason),
        },
    });
    let first = Found {
        place: url.to_owned(),
        item: Item::Handshake(handshake),
    };
    Ok(std::iter::once(first).chain(chain).collect())
}

fn host_and_port(authority: &str) -> (String, u16) {
    let parts = authority
        .rsplit_once(':')
        .and_then(|(host, port)| Some((host, port.parse().ok()?)));
    let (host, port) = parts.unwrap_or((authority, 443));
    (host.trim_matches(['[', ']']).to_owned(), port)
}

async fn handshake(
    address: &str,
    name: ServerName<'static>,
    witness: &Arc<Witness>,
) -> anyhow::Result<Handshake> {
    let verifier: Arc<dyn ServerCertVerifier> = witness.clone();
    let mut config = ClientConfig::builder()
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    config.client_auth_cert_resolver = witness.clone();
    let host = name.to_str().into_owned();
    let stream = TcpStream::connect(address).await.context("connecting")?;
    let connected = TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await;
    let asked = || witness.asked.lock().ok().and_then(|asked| asked.clone());
    let (version, without) = match connected {
        Ok(mut stream) => {
            let version = stream.get_ref().1.protocol_version();
            let version = version.map_or_else(String::new, |version| format!("{version:?}"));
            let request = format!("HEAD / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
            let mut answer = [0; 64];
            // In TLS 1.3 the refusal comes only after the handshake.
            let read = match stream.write_all(request.as_bytes()).await {
                Ok(()) => stream.read(&mut answer).await,
                Err(error) => Err(error),
            };
            (version, outcome(read.map(|count| answer[..count].to_vec())))
        }
        Err(error) if asked().is_some() => (String::new(), format!("refused: {error}")),
        Err(error) => return Err(error).context("the TLS handshake failed"),
    };
    let acceptable = asked();
    Ok(Handshake {
        version: version.replace("TLSv1_", "TLS 1."),
        asks: acceptable.is_some(),
        acceptable: acceptable.unwrap_or_default(),
        without,
    })
}

/// What came back for a request without a certificate.
fn outcome(read: std::io::Result<Vec<u8>>) -> String {
    match read {
        Ok(bytes) if bytes.is_empty() => "refused: the connection is closed".to_owned(),
        Ok(bytes) => {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            let line = text.lines().next().unwrap_or_default();
            format!("answered: {}", line.trim())
        }
        Err(error) => format!("refused: {error}"),
    }
}
