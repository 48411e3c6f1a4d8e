//! The same request over HTTP/2 (RFC 9113).

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use h2::client::ResponseFuture;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::client::TlsStream;

use super::answer::{closed, failed, of_status};
use super::request::{ANSWER, Request};
use super::{Outcome, Version};

/// Listens for an alert, sends the request, and reads the answer.
pub(super) async fn exchange(
    mut stream: TlsStream<TcpStream>,
    request: &Request,
    version: Version,
    listen: Duration,
) -> Result<Outcome, Outcome> {
    let mut early = Vec::new();
    match timeout(listen, stream.read_buf(&mut early)).await {
        Ok(Ok(0)) => return Err(closed()),
        Ok(Err(error)) => return Err(failed(&error, version)),
        Ok(Ok(_)) | Err(_) => {}
    }
    let said = Arc::default();
    let noting = Noting {
        early,
        stream,
        version,
        said: Arc::clone(&said),
    };
    let outcome = send(noting, request).await;
    // h2 keeps the text of an error, and not the alert.
    let alert = said.lock().unwrap_or_else(PoisonError::into_inner).take();
    outcome.map_err(|error| match alert {
        Some(alert) => alert,
        None => Outcome::Inconclusive(error.to_string()),
    })
}

async fn send(stream: Noting, request: &Request) -> Result<Outcome, h2::Error> {
    let (mut sender, connection) = h2::client::handshake(stream).await?;
    let talk = async {
        let head = http::Request::get(format!("https://{}{}", request.host, request.path))
            .header("user-agent", "kubectl-mtls")
            .body(());
        // The parts come from a URL that was read already.
        let head = head.map_err(|_| h2::Error::from(h2::Reason::PROTOCOL_ERROR))?;
        std::future::poll_fn(|context| sender.poll_ready(context)).await?;
        let (answer, _) = sender.send_request(head, true)?;
        read(answer).await
    };
    tokio::select! {
        outcome = talk => outcome,
        ended = connection => {
            ended?;
            Ok(closed())
        }
    }
}

async fn read(answer: ResponseFuture) -> Result<Outcome, h2::Error> {
    let answer = answer.await?;
    let status = answer.status().as_u16();
    let location = answer.headers().get("location");
    let to_https = location.is_some_and(|value| value.as_bytes().starts_with(b"https://"));
    let mut body = answer.into_body();
    let mut text = Vec::new();
    while let Some(Ok(part)) = body.data().await {
        text.extend_from_slice(&part);
        let released = body.flow_control().release_capacity(part.len());
        if released.is_err() || text.len() > ANSWER {
            break;
        }
    }
    Ok(of_status(status, to_https, &String::from_utf8_lossy(&text)))
}

/// A stream that gives what was read early first, and notes what its errors say.
struct Noting {
    early: Vec<u8>,
    stream: TlsStream<TcpStream>,
    version: Version,
    said: Arc<Mutex<Option<Outcome>>>,
}

impl Noting {
    fn note<T>(&self, result: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if let Poll::Ready(Err(error)) = &result {
            let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
            said.get_or_insert_with(|| failed(error, self.version));
        }
        result
    }
}

impl AsyncRead for Noting {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.early.is_empty() {
            let count = self.early.len().min(buffer.remaining());
            buffer.put_slice(&self.early[..count]);
            self.early.drain(..count);
            return Poll::Ready(Ok(()));
        }
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        self.note(read)
    }
}

impl AsyncWrite for Noting {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        // The alert is read, not written.
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
