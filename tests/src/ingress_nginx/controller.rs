//! A real nginx that is configured as the controller would, and what stands before it.

use std::fs;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use rustls::server::Acceptor;

use super::{Made, make, template};
use crate::cluster::run;
use crate::process::Process;
use crate::{ports, wait_until};

/// What is around the controller.
pub struct Place {
    /// A folder with `server.crt` and `server.key` for every host.
    pub folder: PathBuf,
    /// What answers behind every Service.
    pub backend: u16,
    /// What answers there where TLS is passed through.
    pub tls_backend: u16,
}

/// A running controller.
pub struct Controller {
    /// Plain HTTP.
    pub http: u16,
    /// TLS.
    pub https: u16,
    /// Why nginx refuses the whole configuration; it then goes on with the one before, here without
    /// any Ingress.
    pub refused: Option<String>,
    /// What became of the manifests.
    pub made: Made,
    _process: Process,
}

impl Controller {
    /// Starts nginx on manifests.
    ///
    /// # Errors
    /// When it does not start, or cannot be had.
    pub fn start(text: &str, config: Option<&str>, place: &Place) -> anyhow::Result<Self> {
        let [http, https] = ports::free()?;
        let frame = template::Frame {
            folder: &place.folder,
            http,
            https,
            backend: place.backend,
        };
        let made = make(text, config)?;
        for file in &made.files {
            write(&place.folder, &file.name, &file.content)?;
        }
        let render = |made: &Made| {
            let text = template::write(&made.servers, &made.settings, &frame);
            write(&place.folder, "nginx.conf", text.as_bytes())
        };
        render(&made)?;
        let tested = run(nginx(&place.folder).arg("-t"), "")
            .context("nginx: `apt-get install nginx-light`")?;
        let refused = (!tested.success).then(|| tested.all());
        if refused.is_some() {
            render(&make("", config)?)?;
        }
        let process = start(&place.folder, https)?;
        let passed = made.servers.iter().filter(|server| server.passthrough);
        let passed: Vec<_> = passed.map(|server| server.host.clone()).collect();
        let front = match passed.is_empty() || refused.is_some() {
            true => https,
            false => pass_through(passed, place.tls_backend, https)?,
        };
        Ok(Self {
            http,
            https: front,
            refused,
            made,
            _process: process,
        })
    }
}

fn start(folder: &Path, https: u16) -> anyhow::Result<Process> {
    let mut process = Process::start("nginx", &mut nginx(folder), folder)?;
    wait_until("nginx", Duration::from_secs(20), || {
        ensure!(!process.has_ended(), "it ended: {}", process.tail());
        TcpStream::connect(("127.0.0.1", https))
            .context("connecting")
            .map(drop)
    })
    .with_context(|| process.tail())?;
    Ok(process)
}

fn nginx(folder: &Path) -> Command {
    let mut command = Command::new("nginx");
    command.arg("-p").arg(folder).args(["-e", "stderr", "-c"]);
    command.arg(folder.join("nginx.conf"));
    command
}

fn write(folder: &Path, name: &str, content: &[u8]) -> anyhow::Result<()> {
    let path = folder.join(name);
    fs::write(&path, content).with_context(|| format!("writing {}", path.display()))
}

/// The controller's own proxy before nginx (`pkg/tcpproxy/tcp.go`): by SNI to the backend, the rest
/// to nginx.
fn pass_through(hosts: Vec<String>, backend: u16, nginx: u16) -> anyhow::Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0").context("listening for TLS")?;
    let port = listener.local_addr().context("listening for TLS")?.port();
    let hosts = Arc::new(hosts);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let hosts = Arc::clone(&hosts);
            std::thread::spawn(move || {
                let passed = server_name(&stream).is_ok_and(|name| hosts.contains(&name));
                join(stream, if passed { backend } else { nginx })
            });
        }
    });
    Ok(port)
}

/// The name in a ClientHello that stays where it is.
fn server_name(stream: &TcpStream) -> anyhow::Result<String> {
    let end = Instant::now() + Duration::from_secs(5);
    let mut bytes = [0; 16 * 1024];
    while Instant::now() < end {
        let count = stream.peek(&mut bytes)?;
        let mut acceptor = Acceptor::default();
        acceptor.read_tls(&mut &bytes[..count])?;
        match acceptor.accept() {
            Ok(Some(hello)) => {
                let hello = hello.client_hello();
                return Ok(hello.server_name().unwrap_or_default().to_owned());
            }
            Ok(None) if count > 0 => std::thread::sleep(Duration::from_millis(5)),
            Ok(None) => bail!("the client left"),
            Err((error, _)) => bail!(error),
        }
    }
    bail!("no ClientHello came")
}

fn join(client: TcpStream, port: u16) -> io::Result<()> {
    let server = TcpStream::connect(("127.0.0.1", port))?;
    let (up, down) = ((client.try_clone()?, server.try_clone()?), (server, client));
    let back = std::thread::spawn(move || copy(down.0, down.1));
    copy(up.0, up.1);
    // The other direction ends by itself.
    let _ = back.join();
    Ok(())
}

fn copy(mut from: impl Read, mut to: TcpStream) {
    // A connection that is cut is the answer of one side, not an error of ours.
    let _ = io::copy(&mut from, &mut to);
    let _ = to.flush();
    let _ = to.shutdown(Shutdown::Write);
}
