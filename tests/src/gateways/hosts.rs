//! Gateways with more than one host at one address, or with a backend that repeats headers; some of
//! them are as careless as gateways have been.

use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use rustls::server::Acceptor;
use rustls::{ServerConfig, ServerConnection};

use super::{
    Files, Gateway, HELLO, converse, start_nginx, tls, verifying, with_certificate, write,
};
use crate::ports;

/// nginx with HTTP/2 and two hosts at one address: every name but `other.example` trusts the client
/// CA, and `other.example` another one.
///
/// # Errors
/// As [`super::nginx`].
pub fn nginx_of_two_hosts(files: &Files, other_ca: &Path) -> anyhow::Result<Gateway> {
    let server = |name: &str, ca: &Path| {
        format!(
            "server {{ listen 127.0.0.1:PORT ssl http2; server_name {name}; {}
    ssl_client_certificate {}; ssl_verify_client on; ssl_verify_depth 3;
    ssl_session_cache shared:all:1m;
    location / {{ return 200 'hello'; }}
  }}",
            tls(files),
            ca.display()
        )
    };
    let own = server("localhost", &files.client_ca);
    let other = server("other.example", other_ca);
    start_nginx(files, &format!("{other}\n{own}"))
}

/// nginx before a backend that repeats the header `ssl-client-verify`; the gateway sets it itself,
/// or passes on what the client sent.
///
/// # Errors
/// As [`super::nginx`].
pub fn echoing_nginx(files: &Files, sets: bool) -> anyhow::Result<Gateway> {
    let verified = match sets {
        true => "$ssl_client_verify",
        false => "$http_ssl_client_verify",
    };
    let server = format!(
        "server {{ listen 127.0.0.1:PORT ssl; {}
    ssl_client_certificate {}; ssl_verify_client on; ssl_verify_depth 3;
    location / {{ return 200 '$http_x_kubectl_mtls_echo\\n{verified}\\n'; }}
  }}",
        tls(files),
        files.client_ca.display()
    );
    start_nginx(files, &server)
}

/// OpenSSL with two hosts at one address, each with a client CA of its own, and sessions that are
/// good for both: what nginx did before 1.27.4 (CVE-2025-23419).
///
/// # Errors
/// When Python is missing or it does not start.
pub fn careless_openssl(files: &Files, other_ca: &Path) -> anyhow::Result<Gateway> {
    let [port] = ports::free()?;
    let script = write(files, "careless.py", CARELESS)?;
    let mut command = Command::new("python3");
    command.arg(script).arg(port.to_string());
    command.args([&files.cert, &files.key, &files.client_ca]);
    command.arg(other_ca);
    Gateway::start("careless", &mut command, files, port)
}

const CARELESS: &str = r#"
import socket, ssl, sys, threading
port, cert, key, own, other = sys.argv[1:]
def context(ca):
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(cert, key)
    made.load_verify_locations(ca)
    made.verify_mode = ssl.CERT_REQUIRED
    return made
hosts = {"localhost": context(own)}
default = context(other)
def choose(connection, name, _):
    connection.context = hosts.get(name, default)
default.sni_callback = choose
def serve(raw):
    try:
        with default.wrap_socket(raw, server_side=True) as stream:
            stream.recv(4096)
            stream.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello")
    except OSError:
        pass
listener = socket.create_server(("127.0.0.1", int(port)))
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
"#;

/// rustls that asks for certificates where the name in TLS is `localhost`, asks nobody elsewhere,
/// and serves the same under every name.
///
/// # Errors
/// When the certificates cannot be read.
pub fn careless_rustls(files: &Files) -> anyhow::Result<Gateway> {
    let shut = with_certificate(files, verifying(files)?)?;
    let open = with_certificate(files, ServerConfig::builder().with_no_client_auth())?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let (shut, open) = (Arc::clone(&shut), Arc::clone(&open));
            std::thread::spawn(move || {
                let connection = accept(&mut stream, &shut, &open)?;
                converse(stream, connection, HELLO)
            });
        }
    });
    Ok(Gateway {
        port,
        _process: None,
    })
}

/// Reads the client's hello, and goes on with the settings for its name.
fn accept(
    stream: &mut TcpStream,
    shut: &Arc<ServerConfig>,
    open: &Arc<ServerConfig>,
) -> anyhow::Result<ServerConnection> {
    let mut acceptor = Acceptor::default();
    loop {
        acceptor.read_tls(stream)?;
        if let Some(accepted) = acceptor.accept().map_err(|(error, _)| error)? {
            let config = match accepted.client_hello().server_name() {
                Some("localhost") => shut,
                _ => open,
            };
            let config = Arc::clone(config);
            return Ok(accepted
                .into_connection(config)
                .map_err(|(error, _)| error)?);
        }
    }
}
