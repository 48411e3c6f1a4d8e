//! What kube-proxy does for a Service: passes each new connection on to a replica that is ready,
//! and leaves the connections that there are alone.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context as _;

/// Where a replica listens, and where it says whether it is ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Its port for reviews.
    pub port: u16,
    /// Its port for health.
    pub health: u16,
}

/// A balancer on loopback.
pub struct Balancer {
    /// Where it listens.
    pub port: u16,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    all: Mutex<Vec<Endpoint>>,
    ready: Mutex<Vec<Endpoint>>,
    turn: AtomicUsize,
}

impl Balancer {
    /// Starts it, for the life of the process.
    ///
    /// # Errors
    /// When there is no port.
    pub fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").context("starting a balancer")?;
        let port = listener.local_addr().context("starting a balancer")?.port();
        let shared = Arc::new(Shared::default());
        let (probing, serving) = (Arc::clone(&shared), Arc::clone(&shared));
        std::thread::spawn(move || {
            loop {
                probing.probe();
                std::thread::sleep(Duration::from_millis(100));
            }
        });
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let shared = Arc::clone(&serving);
                std::thread::spawn(move || shared.pass(client));
            }
        });
        Ok(Self { port, shared })
    }

    /// One more replica.
    pub fn add(&self, endpoint: Endpoint) {
        lock(&self.shared.all).push(endpoint);
    }

    /// How many replicas are ready.
    pub fn ready(&self) -> usize {
        lock(&self.shared.ready).len()
    }
}

impl Shared {
    fn probe(&self) {
        let all = lock(&self.all).clone();
        let ready = all.into_iter().filter(|endpoint| is_ready(endpoint.health));
        let ready: Vec<_> = ready.collect();
        *lock(&self.ready) = ready;
    }

    /// To the next replica in turn that takes the connection.
    fn pass(&self, client: TcpStream) {
        let ready = lock(&self.ready).clone();
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let candidates = ready.iter().cycle().skip(turn % ready.len().max(1));
        let mut candidates = candidates.take(ready.len());
        let server = candidates.find_map(|to| TcpStream::connect(("127.0.0.1", to.port)).ok());
        let Some(server) = server else { return };
        let _ = (client.set_nodelay(true), server.set_nodelay(true));
        let (Ok(to), Ok(from)) = (client.try_clone(), server.try_clone()) else {
            return;
        };
        std::thread::spawn(move || copy(from, to));
        copy(client, server);
    }
}

fn copy(mut from: TcpStream, mut to: TcpStream) {
    let mut buffer = [0; 16 * 1024];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        if to.write_all(&buffer[..count]).is_err() {
            break;
        }
    }
    let _ = (to.shutdown(Shutdown::Write), from.shutdown(Shutdown::Read));
}

fn is_ready(port: u16) -> bool {
    let ask = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_read_timeout(Some(Duration::from_secs(2)))?;
        stream.write_all(b"GET /readyz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    ask().is_ok_and(|answer| answer.starts_with("HTTP/1.1 200"))
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
