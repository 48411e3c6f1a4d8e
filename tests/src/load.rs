//! Load on an API server: dry-run creations over connections that are kept, from several threads.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context as _, bail};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::cluster::{Cluster, TOKEN};

/// A kept connection to an API server, as its administrator.
pub struct Client {
    stream: BufReader<StreamOwned<ClientConnection, TcpStream>>,
}

/// Load that goes on until it is stopped.
pub struct Load {
    threads: Vec<JoinHandle<()>>,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    stop: AtomicBool,
    done: AtomicUsize,
    failed: Mutex<Vec<String>>,
}

impl Client {
    /// Connects.
    ///
    /// # Errors
    /// When there is no connection.
    pub fn connect(cluster: &Cluster) -> anyhow::Result<Self> {
        let mut roots = RootCertStore::empty();
        let file = cluster.folder.join("certs/apiserver.crt");
        for certificate in CertificateDer::pem_file_iter(&file)? {
            roots.add(certificate?)?;
        }
        let config = ClientConfig::builder()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let address = cluster.server.trim_start_matches("https://");
        let connection =
            ClientConnection::new(Arc::new(config), ServerName::try_from("127.0.0.1")?)?;
        let stream = TcpStream::connect(address).context("connecting to the API server")?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        Ok(Self {
            stream: BufReader::new(StreamOwned::new(connection, stream)),
        })
    }

    /// Posts a JSON body; the status and the answer's body.
    ///
    /// # Errors
    /// When there is no answer.
    pub fn post(&mut self, path: &str, body: &str) -> anyhow::Result<(u16, String)> {
        let length = body.len();
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: api\r\nAuthorization: Bearer {TOKEN}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        self.stream.get_mut().write_all(request.as_bytes())?;
        let status = self.line()?;
        let status = status.split(' ').nth(1).context("no status")?.parse()?;
        let (mut length, mut chunked) = (0, false);
        loop {
            let line = self.line()?.to_lowercase();
            match line.split_once(": ") {
                Some(("content-length", value)) => length = value.parse()?,
                Some(("transfer-encoding", value)) => chunked = value == "chunked",
                Some(_) => {}
                None => break,
            }
        }
        if !chunked {
            return Ok((status, self.take(length)?));
        }
        let mut text = String::new();
        loop {
            let size = usize::from_str_radix(&self.line()?, 16)?;
            text.push_str(&self.take(size)?);
            self.line()?;
            if size == 0 {
                return Ok((status, text));
            }
        }
    }

    fn line(&mut self) -> anyhow::Result<String> {
        let mut line = String::new();
        if self.stream.read_line(&mut line)? == 0 {
            bail!("the API server closed the connection");
        }
        Ok(line.trim_end().to_owned())
    }

    fn take(&mut self, length: usize) -> anyhow::Result<String> {
        let mut bytes = vec![0; length];
        self.stream.read_exact(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}

impl Load {
    /// Posts a body from so many threads, again and again; `good` tells from status and body
    /// whether the answer is the right one.
    ///
    /// # Errors
    /// When there is no connection.
    pub fn start(
        cluster: &Cluster,
        threads: usize,
        path: &str,
        body: &str,
        good: fn(u16, &str) -> bool,
    ) -> anyhow::Result<Self> {
        let shared = Arc::new(Shared::default());
        let mut running = Vec::new();
        for _ in 0..threads {
            let mut client = Client::connect(cluster)?;
            let (shared, path, body) = (Arc::clone(&shared), path.to_owned(), body.to_owned());
            running.push(std::thread::spawn(move || {
                while !shared.stop.load(Ordering::Relaxed) {
                    let answer = client.post(&path, &body);
                    let wrong = match &answer {
                        Ok((status, text)) if good(*status, text) => None,
                        Ok((status, text)) => Some(format!("{status} {text}")),
                        Err(error) => Some(format!("{error:#}")),
                    };
                    shared
                        .failed
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .extend(wrong);
                    shared.done.fetch_add(1, Ordering::Relaxed);
                    if answer.is_err() {
                        return;
                    }
                }
            }));
        }
        Ok(Self {
            threads: running,
            shared,
        })
    }

    /// How many answers there were.
    pub fn done(&self) -> usize {
        self.shared.done.load(Ordering::Relaxed)
    }

    /// Ends it; how many answers there were, and those that were wrong.
    pub fn stop(self) -> (usize, Vec<String>) {
        self.shared.stop.store(true, Ordering::Relaxed);
        for thread in self.threads {
            let _ = thread.join();
        }
        let failed = self
            .shared
            .failed
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        (self.shared.done.load(Ordering::Relaxed), failed)
    }
}
