//! Gateways without Kubernetes: real nginx, Traefik, Envoy and rustls, each with one server
//! certificate and one bundle of client CAs.

mod hosts;

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, Stream};

use crate::build;
use crate::cluster::run;
use crate::process::Process;
use crate::{ports, wait_until};

pub use hosts::{careless_openssl, careless_rustls, echoing_nginx, nginx_of_two_hosts};

/// The files that a gateway is given.
pub struct Files {
    /// A folder for configuration and logs.
    pub folder: PathBuf,
    /// The server's chain.
    pub cert: PathBuf,
    /// The server's key.
    pub key: PathBuf,
    /// The CA of the server's certificate.
    pub server_ca: PathBuf,
    /// The CAs that clients' certificates must come from.
    pub client_ca: PathBuf,
    /// Revocation lists; only nginx reads them.
    pub crl: Option<PathBuf>,
}

/// What a gateway asks of clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Demand {
    /// Nothing.
    None,
    /// A certificate that is shown must be good.
    Optional,
    /// A good certificate.
    Required,
}

/// What is behind a gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behind {
    /// A backend that answers 200.
    Hello,
    /// A port on which nobody listens.
    Nobody,
}

/// A running gateway.
pub struct Gateway {
    /// Its port on loopback.
    pub port: u16,
    _process: Option<Process>,
}

impl Gateway {
    fn start(name: &str, command: &mut Command, files: &Files, port: u16) -> anyhow::Result<Self> {
        let mut process = Process::start(name, command, &files.folder)?;
        wait_until(name, Duration::from_secs(30), || {
            ensure!(!process.has_ended(), "it ended: {}", process.tail());
            TcpStream::connect(("127.0.0.1", port))
                .context("connecting")
                .map(drop)
        })
        .with_context(|| process.tail())?;
        Ok(Self {
            port,
            _process: Some(process),
        })
    }
}

/// nginx with `ssl_verify_client on`, as ingress-nginx configures it.
///
/// # Errors
/// When it is not installed or does not start.
pub fn nginx(files: &Files) -> anyhow::Result<Gateway> {
    nginx_as(files, Demand::Required, Behind::Hello)
}

/// nginx, as it is wanted.
///
/// # Errors
/// As [`nginx`].
pub fn nginx_as(files: &Files, demand: Demand, behind: Behind) -> anyhow::Result<Gateway> {
    let verify = match demand {
        Demand::None => "off",
        Demand::Optional => "optional",
        Demand::Required => "on",
    };
    let answer = match behind {
        Behind::Hello => "return 200 'hello'".to_owned(),
        Behind::Nobody => format!("proxy_pass http://127.0.0.1:{}", nobody()?),
    };
    let crl = files.crl.as_ref();
    let crl = crl.map_or_else(String::new, |path| format!("ssl_crl {};", path.display()));
    let server = format!(
        "server {{ listen 127.0.0.1:PORT ssl; {}
    ssl_client_certificate {}; ssl_verify_client {verify}; ssl_verify_depth 3; {crl}
    location / {{ {answer}; }}
  }}",
        tls(files),
        files.client_ca.display()
    );
    start_nginx(files, &server)
}

/// What nginx shows to clients.
fn tls(files: &Files) -> String {
    format!(
        "ssl_protocols TLSv1.2 TLSv1.3; ssl_certificate {}; ssl_certificate_key {};",
        files.cert.display(),
        files.key.display()
    )
}

/// nginx with servers that listen on `PORT`.
fn start_nginx(files: &Files, servers: &str) -> anyhow::Result<Gateway> {
    let [port] = ports::free()?;
    let folder = files.folder.display();
    let text = format!(
        "daemon off; pid {folder}/nginx.pid; error_log stderr info; worker_processes 1;
events {{}}
http {{
  access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  {}
}}
",
        servers.replace("PORT", &port.to_string())
    );
    let config = write(files, "nginx.conf", &text)?;
    let mut command = Command::new("nginx");
    command
        .arg("-p")
        .arg(&files.folder)
        .arg("-c")
        .arg(config)
        .arg("-e")
        .arg("stderr");
    Gateway::start("nginx", &mut command, files, port)
        .context("nginx: `apt-get install nginx-light`")
}

/// Traefik with its file provider and `RequireAndVerifyClientCert`.
///
/// # Errors
/// When it cannot be built or does not start.
pub fn traefik(files: &Files) -> anyhow::Result<Gateway> {
    traefik_as(files, Demand::Required, Behind::Hello)
}

/// Traefik, as it is wanted.
///
/// # Errors
/// As [`traefik`].
pub fn traefik_as(files: &Files, demand: Demand, behind: Behind) -> anyhow::Result<Gateway> {
    let [port] = ports::free()?;
    let backend = match behind {
        Behind::Hello => answer()?,
        Behind::Nobody => nobody()?,
    };
    let kind = match demand {
        Demand::None => "NoClientCert",
        Demand::Optional => "VerifyClientCertIfGiven",
        Demand::Required => "RequireAndVerifyClientCert",
    };
    let text = format!(
        "http:
  routers: {{all: {{rule: 'PathPrefix(`/`)', service: hello, tls: {{}}}}}}
  services: {{hello: {{loadBalancer: {{servers: [{{url: 'http://127.0.0.1:{backend}'}}]}}}}}}
tls:
  certificates: [{{certFile: {}, keyFile: {}}}]
  options:
    default:
      clientAuth: {{caFiles: [{}], clientAuthType: {kind}}}
",
        files.cert.display(),
        files.key.display(),
        files.client_ca.display()
    );
    let config = write(files, "dynamic.yaml", &text)?;
    let mut command = Command::new(build::traefik()?);
    command.args([
        format!("--entrypoints.websecure.address=127.0.0.1:{port}"),
        format!("--providers.file.filename={}", config.display()),
        "--global.sendanonymoususage=false".to_owned(),
        "--global.checknewversion=false".to_owned(),
    ]);
    let gateway = Gateway::start("traefik", &mut command, files, port)?;
    // It listens before it has read its certificates. In TLS 1.3 the client sees the server's
    // before it is refused.
    wait_until("Traefik's own certificate", Duration::from_secs(20), || {
        let mut curl = Command::new("curl");
        let curl = curl.args(["-sS", "-o", "/dev/null", "--tlsv1.3", "--cacert"]);
        let curl = curl
            .arg(&files.server_ca)
            .arg(format!("https://127.0.0.1:{port}/"));
        let said = run(curl, "")?;
        ensure!([0, 55, 56].contains(&said.code), "{}", said.all());
        Ok(())
    })?;
    Ok(gateway)
}

/// Envoy with `require_client_certificate`.
///
/// # Errors
/// When it cannot be had or does not start.
pub fn envoy(files: &Files) -> anyhow::Result<Gateway> {
    envoy_as(files, Demand::Required, Behind::Hello)
}

/// Envoy, as it is wanted.
///
/// # Errors
/// As [`envoy`].
pub fn envoy_as(files: &Files, demand: Demand, behind: Behind) -> anyhow::Result<Gateway> {
    let [port] = ports::free()?;
    let mut route = serde_json::json!({"match": {"prefix": "/"}});
    match behind {
        Behind::Hello => {
            route["direct_response"] =
                serde_json::json!({"status": 200, "body": {"inline_string": "hello"}});
        }
        Behind::Nobody => route["route"] = serde_json::json!({"cluster": "nobody"}),
    }
    let mut validation = serde_json::json!({});
    if demand != Demand::None {
        validation["trusted_ca"] = serde_json::json!({"filename": files.client_ca});
    }
    let file = |path: &Path| serde_json::json!({"filename": path});
    let manager = serde_json::json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "all",
        "http_filters": [{"name": "envoy.filters.http.router", "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"}}],
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [route]}]}});
    let tls = serde_json::json!({
        "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
        "require_client_certificate": demand == Demand::Required,
        "common_tls_context": {
            "tls_params": {"tls_maximum_protocol_version": "TLSv1_3"},
            "tls_certificates": [{"certificate_chain": file(&files.cert), "private_key": file(&files.key)}],
            "validation_context": validation}});
    let nobody = serde_json::json!({"name": "nobody", "type": "STATIC", "load_assignment": {
        "cluster_name": "nobody", "endpoints": [{"lb_endpoints": [{"endpoint": {"address": {
            "socket_address": {"address": "127.0.0.1", "port_value": nobody()?}}}}]}]}});
    let config = serde_json::json!({"static_resources": {"clusters": [nobody], "listeners": [{
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": port}},
        "filter_chains": [{
            "transport_socket": {"name": "envoy.transport_sockets.tls", "typed_config": tls},
            "filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}]}]}});
    let config = write(files, "envoy.json", &config.to_string())?;
    let mut command = Command::new(build::envoy()?);
    command.arg("-c").arg(config).args([
        "--use-dynamic-base-id",
        "--concurrency",
        "1",
        "-l",
        "warning",
    ]);
    Gateway::start("envoy", &mut command, files, port)
}

/// rustls with its own client verifier.
///
/// # Errors
/// When the certificates cannot be read.
pub fn rustls(files: &Files) -> anyhow::Result<Gateway> {
    listen(files, verifying(files)?, HELLO.to_owned())
}

fn verifying(files: &Files) -> anyhow::Result<Builder> {
    // Another test may have installed it already.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let mut roots = RootCertStore::empty();
    for root in CertificateDer::pem_file_iter(&files.client_ca)? {
        roots.add(root?)?;
    }
    let verifier = WebPkiClientVerifier::builder(Arc::new(roots)).build()?;
    Ok(ServerConfig::builder().with_client_cert_verifier(verifier))
}

/// rustls that asks nobody for a certificate, and answers with a status.
///
/// # Errors
/// When the certificates cannot be read.
pub fn open(files: &Files, status: &str) -> anyhow::Result<Gateway> {
    // Another test may have installed it already.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let builder = ServerConfig::builder().with_no_client_auth();
    listen(files, builder, HELLO.replace("200 OK", status))
}

type Builder = rustls::ConfigBuilder<ServerConfig, rustls::server::WantsServerCert>;

fn with_certificate(files: &Files, builder: Builder) -> anyhow::Result<Arc<ServerConfig>> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_file_iter(&files.cert)?.collect();
    let key = PrivateKeyDer::from_pem_file(&files.key)?;
    Ok(Arc::new(builder.with_single_cert(chain?, key)?))
}

fn listen(files: &Files, builder: Builder, answer: String) -> anyhow::Result<Gateway> {
    let config = with_certificate(files, builder)?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (config, answer) = (Arc::clone(&config), answer.clone());
            // A client that is refused is no error of the server.
            std::thread::spawn(move || serve(stream, config, &answer).ok());
        }
    });
    Ok(Gateway {
        port,
        _process: None,
    })
}

const HELLO: &str = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello";

fn serve(stream: TcpStream, config: Arc<ServerConfig>, answer: &str) -> anyhow::Result<()> {
    converse(stream, ServerConnection::new(config)?, answer)
}

fn converse(
    mut stream: TcpStream,
    mut connection: ServerConnection,
    answer: &str,
) -> anyhow::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    let mut tls = Stream::new(&mut connection, &mut stream);
    let mut request = [0; 1024];
    let read = tls.read(&mut request);
    if read.is_ok_and(|count| count > 0) {
        tls.write_all(answer.as_bytes())?;
        tls.conn.send_close_notify();
        tls.flush()?;
    } else {
        // The alert may still have to go.
        let _ = tls.conn.write_tls(tls.sock);
    }
    Ok(())
}

/// A port on which nobody listens.
fn nobody() -> anyhow::Result<u16> {
    ports::free().map(|[port]| port)
}

/// Answers every HTTP request on a port with 200.
fn answer() -> anyhow::Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut request = [0; 4096];
            let _ = stream.read(&mut request);
            let _ = stream.write_all(HELLO.as_bytes());
        }
    });
    Ok(port)
}

fn write(files: &Files, name: &str, text: &str) -> anyhow::Result<PathBuf> {
    let path = files.folder.join(name);
    fs::write(&path, text).with_context(|| format!("writing {}", path.display()))?;
    Ok(path)
}
