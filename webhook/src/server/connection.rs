//! Connections: accepted, bounded, and ended.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::{Extension, Router};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use super::crowd::{Crowd, Guest};

/// The API server closes idle connections after 90 s; we must not be first. hyper counts the wait
/// for a request as the time for its headers.
const IDLE: Duration = Duration::from_secs(120);
/// The API server gives up after 10 s.
const HANDSHAKE: Duration = Duration::from_secs(5);
/// Request line and headers; the API server sends less than 1 KiB.
const BUFFER: usize = 32 * 1024;
const HEADERS: usize = 64;
/// How long what runs may go on when the process is to end.
const LINGER: Duration = Duration::from_secs(20);

/// Accepts until it is told to stop, and then waits for what runs.
pub(super) async fn accept(
    listener: TcpListener,
    tls: TlsAcceptor,
    router: Router,
    mut stopped: watch::Receiver<bool>,
) {
    let crowd = Crowd::default();
    let (open, mut all) = mpsc::channel::<Infallible>(1);
    let serve = |stream: TcpStream, stopped| {
        let (guest, open) = (crowd.enter(), open.clone());
        let served = serve(
            stream,
            tls.clone(),
            router.clone(),
            stopped,
            Arc::clone(&guest),
        );
        tokio::spawn(async move {
            tokio::select! {
                () = served => {}
                () = guest.cut.notified() => {}
            }
            drop(open);
        });
    };
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stopped.changed() => break,
        };
        match accepted {
            Ok((stream, _)) => serve(stream, stopped.clone()),
            // Too many open files, mostly.
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
    // Who was in the queue already is served.
    while let Ok(Ok((stream, _))) = timeout(Duration::ZERO, listener.accept()).await {
        serve(stream, stopped.clone());
    }
    drop((listener, open));
    // A client that keeps an idle connection open must not keep the process.
    let _ = timeout(LINGER, all.recv()).await;
}

async fn serve(
    stream: TcpStream,
    tls: TlsAcceptor,
    router: Router,
    stopped: watch::Receiver<bool>,
    guest: Arc<Guest>,
) {
    // An answer is one small write that nothing follows.
    let _ = stream.set_nodelay(true);
    if let Ok(Ok(stream)) = timeout(HANDSHAKE, tls.accept(stream)).await {
        answer(stream, router, stopped, guest).await;
    }
}

/// Answers one request after another.
async fn answer(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    router: Router,
    mut stopped: watch::Receiver<bool>,
    guest: Arc<Guest>,
) {
    let service = TowerToHyperService::new(router.layer(Extension(guest)));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(IDLE)
        .max_buf_size(BUFFER)
        .max_headers(HEADERS)
        .serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    tokio::select! {
        _ = connection.as_mut() => return,
        _ = stopped.wait_for(|stopped| *stopped) => connection.as_mut().graceful_shutdown(),
    }
    // An error here is the peer's: there is nobody left to tell.
    let _ = connection.await;
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use axum::routing::get;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
    use tokio::time::{Instant, sleep};

    use super::*;

    const HEAD: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n";

    /// A client of a connection of its own.
    fn connect(crowd: &Crowd) -> DuplexStream {
        let (client, server) = duplex(1024);
        let router = Router::new().route("/", get(|| async { "hello" }));
        let (stop, stopped) = watch::channel(false);
        let guest = crowd.enter();
        tokio::spawn(async move {
            answer(server, router, stopped, guest).await;
            drop(stop);
        });
        client
    }

    #[tokio::test(start_paused = true)]
    async fn who_drips_its_headers_is_cut_and_holds_nobody_up() {
        let crowd = Crowd::default();
        let (mut slow, begun) = (connect(&crowd), Instant::now());
        slow.write_all(&[HEAD, b"X-Slow: "].concat()).await.unwrap();
        let mut bytes = 0;
        while slow.write_all(b"x").await.is_ok() {
            bytes += 1;
            sleep(Duration::from_secs(1)).await;
            let (mut good, asked) = (connect(&crowd), Instant::now());
            good.write_all(&[HEAD, b"\r\n"].concat()).await.unwrap();
            let mut answer = [0; 12];
            good.read_exact(&mut answer).await.unwrap();
            assert_eq!(&answer, b"HTTP/1.1 200");
            assert_eq!(asked.elapsed(), Duration::ZERO);
            assert!(begun.elapsed() <= IDLE + Duration::from_secs(1));
        }
        assert!(bytes > 100, "cut after {bytes} bytes");
    }
}
