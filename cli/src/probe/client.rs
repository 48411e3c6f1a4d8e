//! One request, and what came back: an alert, a status, or neither.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ResolvesClientCert, WebPkiServerVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem::PemObject as _};
use rustls::sign::CertifiedKey;
use rustls::version::{TLS12, TLS13};
use rustls::{
    AlertDescription, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::plan::{Attempt, Sni};
use super::{Outcome, Target, Version};

/// How long to listen for an alert before the request is written: in TLS 1.3 it comes after the
/// handshake, and is lost when the server has closed while we write.
const LISTEN: Duration = Duration::from_millis(150);
/// The same when the first attempt ended without a word.
const LISTEN_LONGER: Duration = Duration::from_millis(1200);
/// As much of an answer as tells who gave it.
const ANSWER: usize = 4096;

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
struct Verifier(Arc<Roots>);

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

fn provider() -> CryptoProvider {
    rustls::crypto::aws_lc_rs::default_provider()
}

/// A request over TLS; once more, and with more patience, where nothing came back.
pub(super) async fn tls(target: &Target, attempt: &Attempt, version: Version) -> Outcome {
    let listen = match version {
        // Here the alert comes before the handshake is over.
        Version::Tls12 => Duration::ZERO,
        Version::Tls13 => LISTEN,
    };
    let first = limited(target, once(target, attempt, version, listen)).await;
    match first {
        Outcome::Inconclusive(_) => {
            limited(target, once(target, attempt, version, LISTEN_LONGER)).await
        }
        clear => clear,
    }
}

async fn limited(target: &Target, request: impl Future<Output = Outcome>) -> Outcome {
    let patience = target.patience;
    let outcome = timeout(patience, request).await;
    outcome.unwrap_or_else(|_| Outcome::Inconclusive(format!("no answer in {patience:?}")))
}

async fn once(target: &Target, attempt: &Attempt, version: Version, listen: Duration) -> Outcome {
    let versions = match version {
        Version::Tls12 => [&TLS12],
        Version::Tls13 => [&TLS13],
    };
    let config = ClientConfig::builder_with_provider(Arc::new(provider()))
        .with_protocol_versions(&versions)
        .map(|builder| {
            let verifier = Arc::new(Verifier(Arc::clone(&target.roots)));
            let builder = builder
                .dangerous()
                .with_custom_certificate_verifier(verifier);
            builder.with_no_client_auth()
        });
    let mut config = match config {
        Ok(config) => config,
        Err(error) => return Outcome::Inconclusive(error.to_string()),
    };
    config.resumption = rustls::client::Resumption::disabled();
    config.enable_sni = attempt.sni != Sni::Absent;
    if let Some(identity) = &attempt.identity {
        config.client_auth_cert_resolver = Arc::clone(identity) as Arc<dyn ResolvesClientCert>;
    }
    let name = match attempt.sni {
        Sni::Host => target.name.clone(),
        Sni::Other | Sni::Absent => other_name(),
    };
    let stream = match TcpStream::connect(&target.address).await {
        Ok(stream) => stream,
        Err(error) => return Outcome::Inconclusive(format!("{}: {error}", target.address)),
    };
    match TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await
    {
        Ok(stream) => exchange(stream, target, listen).await,
        Err(error) => failed(&error, version),
    }
}

/// A name that nobody serves (RFC 2606).
fn other_name() -> ServerName<'static> {
    ServerName::try_from("other-host.invalid").expect("it is a DNS name")
}

/// A request without TLS.
pub(super) async fn plain(target: &Target) -> Outcome {
    let Some(address) = &target.plain else {
        return Outcome::NotOffered;
    };
    let request = async {
        match TcpStream::connect(address).await {
            Ok(stream) => exchange(stream, target, Duration::ZERO).await,
            Err(_) => Outcome::Refused("nothing listens for plain HTTP".to_owned()),
        }
    };
    limited(target, request).await
}

/// Listens for an alert, writes the request, and reads the answer.
async fn exchange(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    target: &Target,
    listen: Duration,
) -> Outcome {
    let mut answer = Vec::new();
    if !listen.is_zero() {
        match timeout(listen, stream.read_buf(&mut answer)).await {
            Ok(Ok(0)) => return closed(),
            Ok(Err(error)) => return failed(&error, Version::Tls13),
            Ok(Ok(_)) | Err(_) => {}
        }
    }
    let request = format!(
        "GET {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: kubectl-mtls\r\nConnection: close\r\n\r\n",
        target.path, target.host
    );
    let written = async {
        stream.write_all(request.as_bytes()).await?;
        stream.flush().await
    };
    // The alert is still to be read where the server has closed already.
    let written = written.await;
    while answer.len() < ANSWER {
        match stream.read_buf(&mut answer).await {
            Ok(0) => break,
            Ok(_) if is_whole(&answer) => break,
            Ok(_) => {}
            Err(error) if answer.is_empty() => return failed(&error, Version::Tls13),
            Err(_) => break,
        }
    }
    match (answer.is_empty(), written) {
        (true, Err(error)) => failed(&error, Version::Tls13),
        (true, Ok(())) => closed(),
        (false, _) => answered(&answer),
    }
}

fn closed() -> Outcome {
    Outcome::Inconclusive("the connection is closed without a word".to_owned())
}

/// Head and body are there, as far as their length is said.
fn is_whole(answer: &[u8]) -> bool {
    let text = String::from_utf8_lossy(answer);
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let head = head.to_lowercase();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length:"));
    let length: Option<usize> = length.and_then(|length| length.trim().parse().ok());
    length.is_some_and(|length| body.len() >= length)
}

/// What an answer says: nginx refuses with a status and a sentence
/// (`ngx_http_special_response.c`), others with 403.
fn answered(answer: &[u8]) -> Outcome {
    let text = String::from_utf8_lossy(answer);
    let status = text
        .strip_prefix("HTTP/1.")
        .and_then(|rest| rest.get(2..5)?.parse().ok());
    let Some(status) = status else {
        return Outcome::Inconclusive("the answer is no HTTP".to_owned());
    };
    let says = |words: &str| text.contains(words);
    match status {
        400 if says("No required SSL certificate was sent") => {
            Outcome::Refused("HTTP 400, no certificate was sent".to_owned())
        }
        400 if says("The SSL certificate error") => {
            Outcome::Refused("HTTP 400, the certificate is not accepted".to_owned())
        }
        401 | 403 | 421 | 495 | 496 => Outcome::Refused(format!("HTTP {status}")),
        301 | 302 | 307 | 308 if text.to_lowercase().contains("location: https://") => {
            Outcome::Redirected(status)
        }
        500..=599 => Outcome::Inconclusive(format!("HTTP {status}")),
        _ => Outcome::Accepted(status),
    }
}

fn failed(error: &std::io::Error, version: Version) -> Outcome {
    let tls = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match tls {
        Some(rustls::Error::AlertReceived(alert)) => alerted(*alert, version),
        Some(rustls::Error::InvalidCertificate(reason)) => {
            Outcome::WrongServer(format!("{reason:?}"))
        }
        Some(rustls::Error::General(reason)) => Outcome::WrongServer(reason.clone()),
        Some(other) => Outcome::Inconclusive(other.to_string()),
        None => Outcome::Inconclusive(error.to_string()),
    }
}

/// An alert about certificates is a refusal (RFC 8446 section 6.2); `handshake_failure` is one in
/// TLS 1.2, where there is no `certificate_required`.
fn alerted(alert: AlertDescription, version: Version) -> Outcome {
    use AlertDescription as A;
    match alert {
        A::ProtocolVersion => Outcome::NotOffered,
        A::CertificateRequired
        | A::UnknownCA
        | A::BadCertificate
        | A::CertificateExpired
        | A::CertificateRevoked
        | A::CertificateUnknown
        | A::UnsupportedCertificate
        | A::NoCertificate
        | A::AccessDenied
        | A::DecryptError
        | A::UnrecognisedName => Outcome::Refused(format!("alert {}", snake(alert))),
        A::HandshakeFailure if version == Version::Tls12 => {
            Outcome::Refused("alert handshake_failure".to_owned())
        }
        other => Outcome::Inconclusive(format!("alert {}", snake(other))),
    }
}

/// `certificate_required`, as RFC 8446 writes it.
fn snake(alert: AlertDescription) -> String {
    let mut name = String::new();
    let debug = format!("{alert:?}")
        .replace("CA", "Ca")
        .replace("Unrecognised", "Unrecognized");
    for char in debug.chars() {
        if char.is_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.extend(char.to_lowercase());
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_told_apart() {
        let says = |text: &str| answered(text.as_bytes());
        assert_eq!(says("HTTP/1.1 200 OK\r\n\r\n"), Outcome::Accepted(200));
        assert_eq!(
            says("HTTP/1.1 404 Not Found\r\n\r\n"),
            Outcome::Accepted(404)
        );
        assert_eq!(
            says("HTTP/1.1 400 Bad Request\r\n\r\nmissing q"),
            Outcome::Accepted(400)
        );
        let nginx = "HTTP/1.1 400 Bad Request\r\n\r\n<center>No required SSL certificate was sent";
        assert!(matches!(says(nginx), Outcome::Refused(_)));
        assert!(matches!(
            says("HTTP/1.1 403 Forbidden\r\n\r\n"),
            Outcome::Refused(_)
        ));
        assert!(matches!(
            says("HTTP/1.1 502 Bad Gateway\r\n\r\n"),
            Outcome::Inconclusive(_)
        ));
        let moved = "HTTP/1.1 308 Permanent Redirect\r\nLocation: https://a/\r\n\r\n";
        assert_eq!(says(moved), Outcome::Redirected(308));
        let elsewhere = "HTTP/1.1 302 Found\r\nLocation: /login\r\n\r\n";
        assert_eq!(says(elsewhere), Outcome::Accepted(302));
        assert!(matches!(says("SSH-2.0"), Outcome::Inconclusive(_)));
    }

    #[test]
    fn alerts_are_told_apart() {
        let refused = |name: &str| Outcome::Refused(format!("alert {name}"));
        let said = alerted(AlertDescription::UnknownCA, Version::Tls13);
        assert_eq!(said, refused("unknown_ca"));
        let said = alerted(AlertDescription::CertificateRequired, Version::Tls13);
        assert_eq!(said, refused("certificate_required"));
        let said = alerted(AlertDescription::HandshakeFailure, Version::Tls12);
        assert_eq!(said, refused("handshake_failure"));
        let said = alerted(AlertDescription::HandshakeFailure, Version::Tls13);
        assert!(matches!(said, Outcome::Inconclusive(_)));
        let said = alerted(AlertDescription::InternalError, Version::Tls12);
        assert!(matches!(said, Outcome::Inconclusive(_)));
    }
}
