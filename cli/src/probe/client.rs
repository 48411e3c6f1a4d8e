//! One request, and what came back: an alert, a status, or neither.

use std::sync::Arc;
use std::time::Duration;

use rustls::client::{ResolvesClientCert, Resumption};
use rustls::pki_types::ServerName;
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, SupportedProtocolVersion};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::answer::{answered, closed, failed, is_whole};
use super::plan::{Attempt, Sni, Trick};
use super::request::{ANSWER, Request};
use super::session::Sessions;
use super::trust::{Identity, Verifier, provider};
use super::{Outcome, Target, Version, http2};

/// How long to listen for an alert before the request is written: in TLS 1.3 it comes after the
/// handshake, and is lost when the server has closed while we write.
const LISTEN: Duration = Duration::from_millis(150);
/// The same when the first attempt ended without a word.
const LISTEN_LONGER: Duration = Duration::from_millis(1200);

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

/// A way to connect again and again with the same settings.
struct Client {
    connector: TlsConnector,
    address: String,
    version: Version,
}

impl Client {
    fn new(
        target: &Target,
        attempt: &Attempt,
        version: Version,
        resumption: Resumption,
    ) -> Result<Self, Outcome> {
        let config = config(target, attempt, version, resumption)
            .map_err(|error| Outcome::Inconclusive(error.to_string()))?;
        Ok(Self {
            connector: TlsConnector::from(Arc::new(config)),
            address: target.address.clone(),
            version,
        })
    }

    async fn connect(&self, name: ServerName<'static>) -> Result<TlsStream<TcpStream>, Outcome> {
        let stream = TcpStream::connect(&self.address).await;
        let stream =
            stream.map_err(|error| Outcome::Inconclusive(format!("{}: {error}", self.address)))?;
        let connected = self.connector.connect(name, stream).await;
        connected.map_err(|error| failed(&error, self.version))
    }
}

fn config(
    target: &Target,
    attempt: &Attempt,
    version: Version,
    resumption: Resumption,
) -> Result<ClientConfig, rustls::Error> {
    let versions = match version {
        Version::Tls12 => [&TLS12],
        Version::Tls13 => [&TLS13],
    };
    let mut config = base(target, &versions, attempt.identity.as_ref())?;
    config.resumption = resumption;
    config.enable_sni = attempt.sni != Sni::Absent;
    if matches!(attempt.trick, Trick::Http2) {
        config.alpn_protocols = vec![b"h2".to_vec()];
    }
    Ok(config)
}

fn base(
    target: &Target,
    versions: &[&'static SupportedProtocolVersion],
    identity: Option<&Arc<Identity>>,
) -> Result<ClientConfig, rustls::Error> {
    let verifier = Arc::new(Verifier(Arc::clone(&target.roots)));
    let mut config = ClientConfig::builder_with_provider(Arc::new(provider()))
        .with_protocol_versions(versions)?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    if let Some(identity) = identity {
        config.client_auth_cert_resolver = Arc::clone(identity) as Arc<dyn ResolvesClientCert>;
    }
    Ok(config)
}

/// A connection over whatever version of TLS both sides speak.
pub(super) async fn open(
    target: &Target,
    identity: Option<&Arc<Identity>>,
) -> Result<TlsStream<TcpStream>, Outcome> {
    let config = base(target, &[&TLS13, &TLS12], identity);
    let config = config.map_err(|error| Outcome::Inconclusive(error.to_string()))?;
    let client = Client {
        connector: TlsConnector::from(Arc::new(config)),
        address: target.address.clone(),
        version: Version::Tls12,
    };
    client.connect(target.name.clone()).await
}

async fn once(target: &Target, attempt: &Attempt, version: Version, listen: Duration) -> Outcome {
    let outcome = match &attempt.trick {
        Trick::Resumed(other) => resumed(target, attempt, version, other, listen).await,
        _ => fresh(target, attempt, version, listen).await,
    };
    outcome.unwrap_or_else(|why_not| why_not)
}

async fn fresh(
    target: &Target,
    attempt: &Attempt,
    version: Version,
    listen: Duration,
) -> Result<Outcome, Outcome> {
    let client = Client::new(target, attempt, version, Resumption::disabled())?;
    let name = match attempt.sni {
        Sni::Host => target.name.clone(),
        Sni::Other | Sni::Absent => target.other.clone(),
    };
    let stream = client.connect(name).await?;
    let request = Request::of(target, attempt);
    if matches!(attempt.trick, Trick::Http2) {
        return match stream.get_ref().1.alpn_protocol() {
            Some(b"h2") => http2::exchange(stream, &request, version, listen).await,
            _ => Err(Outcome::NotOffered("HTTP/2")),
        };
    }
    let answer = exchange(stream, &request, listen).await?;
    Ok(match &attempt.trick {
        Trick::Spoofing(spoof) => spoof.judge(&answer),
        _ => answered(&answer),
    })
}

/// A session that was begun on another host, taken up again on this one: the server asks for no
/// certificate then (RFC 8446 section 4.6.1), and must know that it was another host's.
async fn resumed(
    target: &Target,
    attempt: &Attempt,
    version: Version,
    other: &ServerName<'static>,
    listen: Duration,
) -> Result<Outcome, Outcome> {
    let sessions = Arc::new(Sessions::default());
    let resumption = Resumption::store(Arc::clone(&sessions) as _);
    let client = Client::new(target, attempt, version, resumption)?;
    let refused = |_| Outcome::NotOffered("a session on the other host");
    let stream = client.connect(other.clone()).await.map_err(refused)?;
    let there = Request {
        host: other.to_str().into_owned(),
        ..Request::of(target, attempt)
    };
    // Tickets of TLS 1.3 come with the answer.
    exchange(stream, &there, listen).await.map_err(refused)?;
    if sessions.is_empty() {
        return Err(Outcome::NotOffered("resumption on the other host"));
    }
    let stream = client.connect(target.name.clone()).await?;
    let answer = exchange(stream, &Request::of(target, attempt), listen).await?;
    Ok(answered(&answer))
}

/// A name that nobody serves (RFC 2606).
pub(super) fn other_name() -> ServerName<'static> {
    ServerName::try_from("other-host.invalid").expect("it is a DNS name")
}

/// A request without TLS.
pub(super) async fn plain(target: &Target, attempt: &Attempt) -> Outcome {
    let Some(address) = &target.plain else {
        return Outcome::NotOffered("plain HTTP");
    };
    let request = async {
        let Ok(stream) = TcpStream::connect(address).await else {
            return Outcome::Refused("nothing listens for plain HTTP".to_owned());
        };
        let answer = exchange(stream, &Request::of(target, attempt), Duration::ZERO).await;
        answer.map_or_else(|why_not| why_not, |answer| answered(&answer))
    };
    limited(target, request).await
}

/// Listens for an alert, writes the request, and reads the answer.
pub(super) async fn exchange(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    request: &Request,
    listen: Duration,
) -> Result<Vec<u8>, Outcome> {
    let mut answer = Vec::new();
    if !listen.is_zero() {
        match timeout(listen, stream.read_buf(&mut answer)).await {
            Ok(Ok(0)) => return Err(closed()),
            Ok(Err(error)) => return Err(failed(&error, Version::Tls13)),
            Ok(Ok(_)) | Err(_) => {}
        }
    }
    let request = request.text();
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
            Err(error) if answer.is_empty() => return Err(failed(&error, Version::Tls13)),
            Err(_) => break,
        }
    }
    match (answer.is_empty(), written) {
        (true, Err(error)) => Err(failed(&error, Version::Tls13)),
        (true, Ok(())) => Err(closed()),
        (false, _) => Ok(answer),
    }
}
