//! A real Traefik in front of a real API server, and a backend behind it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, ensure};

use crate::cluster::Cluster;
use crate::process::Process;
use crate::{ports, wait_until};

/// A running Traefik.
pub struct Traefik {
    /// The port of the entry point `web`, plain HTTP.
    pub web: u16,
    /// The port of the entry point `websecure`, TLS.
    pub websecure: u16,
    admin: u16,
    _process: Process,
}

impl Traefik {
    /// Starts Traefik on the CRDs and Ingresses of one namespace.
    ///
    /// # Errors
    /// When it does not answer in time, with the end of its log.
    pub fn start(cluster: &Cluster, namespace: &str) -> anyhow::Result<Self> {
        Self::start_with(cluster, namespace, &[])
    }

    /// Starts Traefik on the CRDs and Ingresses of some namespaces, with arguments that go before
    /// those that it is started with anyway.
    ///
    /// # Errors
    /// As [`Traefik::start`].
    pub fn start_with(cluster: &Cluster, namespace: &str, told: &[String]) -> anyhow::Result<Self> {
        let [web, websecure, admin] = ports::free()?;
        let mut command = Command::new(&cluster.programs.traefik);
        let usual = [
            "--global.checknewversion=false".to_owned(),
            "--global.sendanonymoususage=false".to_owned(),
            "--log.level=INFO".to_owned(),
            "--ping=true".to_owned(),
            "--ping.entrypoint=traefik".to_owned(),
            "--api.insecure=true".to_owned(),
            format!("--entrypoints.traefik.address=127.0.0.1:{admin}"),
            format!("--entrypoints.web.address=127.0.0.1:{web}"),
            "--entrypoints.web.asdefault=true".to_owned(),
            format!("--entrypoints.websecure.address=127.0.0.1:{websecure}"),
            "--entrypoints.websecure.asdefault=true".to_owned(),
            "--entrypoints.websecure.http.tls=true".to_owned(),
            "--providers.providersthrottleduration=200ms".to_owned(),
            "--providers.kubernetescrd=true".to_owned(),
            format!("--providers.kubernetescrd.namespaces={namespace}"),
            "--providers.kubernetescrd.allowexternalnameservices=true".to_owned(),
            "--providers.kubernetesingress=true".to_owned(),
            format!("--providers.kubernetesingress.namespaces={namespace}"),
            "--providers.kubernetesingress.allowexternalnameservices=true".to_owned(),
            "--providers.kubernetesingress.disableclusterscoperesources=true".to_owned(),
        ];
        let key = |arg: &String| arg.split('=').next().unwrap_or_default().to_lowercase();
        let usual = usual
            .into_iter()
            .filter(|arg| told.iter().all(|other| key(other) != key(arg)));
        command.env("KUBECONFIG", &cluster.kubeconfig);
        command.args(usual).args(told);
        let first = namespace.split(',').next().unwrap_or(namespace);
        let name = format!("traefik-{first}");
        let mut process = Process::start(&name, &mut command, &cluster.folder)?;
        wait_until("a ready Traefik", Duration::from_secs(30), || {
            ensure!(!process.has_ended(), "Traefik ended: {}", process.tail());
            TcpStream::connect(("127.0.0.1", websecure))
                .context("connecting")
                .map(drop)
        })?;
        Ok(Self {
            web,
            websecure,
            admin,
            _process: process,
        })
    }

    /// Waits until Traefik has no router that comes from an object.
    ///
    /// # Errors
    /// When it still has one after a while.
    pub fn wait_until_empty(&self) -> anyhow::Result<()> {
        wait_until("an empty Traefik", Duration::from_secs(20), || {
            let data = self.raw_data()?;
            let kinds = ["routers", "tcpRouters"].into_iter();
            let names = kinds.filter_map(|kind| data[kind].as_object());
            let mut names = names.flat_map(|routers| routers.keys());
            let left = names.find(|name| name.contains("@kubernetes"));
            ensure!(left.is_none(), "there is still {left:?}");
            Ok(())
        })
    }

    /// The whole dynamic configuration, as the API of Traefik tells it.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn raw_data(&self) -> anyhow::Result<serde_json::Value> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.admin)).context("connecting")?;
        stream.write_all(b"GET /api/rawdata HTTP/1.0\r\nHost: localhost\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let body = answer.split_once("\r\n\r\n").map(|(_, body)| body);
        serde_json::from_str(body.unwrap_or_default()).with_context(|| answer.clone())
    }
}

/// An HTTP server that answers every request with 200, on loopback, for the life of the process.
///
/// # Errors
/// When there is no port.
pub fn backend() -> anyhow::Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).context("starting a backend")?;
    let port = listener.local_addr().context("starting a backend")?.port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || answer(stream));
        }
    });
    Ok(port)
}

fn answer(stream: TcpStream) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut stream = stream;
    loop {
        let mut line = String::new();
        while line != "\r\n" {
            line.clear();
            if reader.read_line(&mut line)? == 0 {
                return Ok(());
            }
        }
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nbackend\n")?;
    }
}

/// A Service that leads to a backend on loopback. Endpoints on loopback are refused by the API
/// server; an external name is not.
pub fn service(namespace: &str, name: &str, port: u16) -> String {
    format!(
        "apiVersion: v1
kind: Service
metadata: {{name: {name}, namespace: {namespace}}}
spec:
  type: ExternalName
  externalName: localhost
  ports: [{{name: http, port: {port}}}]
"
    )
}

/// The binary of a workspace crate, beside the running test or xtask.
///
/// # Errors
/// When it is not built.
pub fn binary(name: &str) -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe().context("finding this program")?;
    let folders = own.ancestors().skip(1).take(2);
    let found = folders
        .map(|folder| folder.join(name))
        .find(|path| path.is_file());
    found.with_context(|| format!("{name} is not built: run `cargo build --workspace`"))
}
