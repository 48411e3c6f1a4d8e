//! The configuration of nginx: what rootfs/etc/nginx/template/nginx.tmpl writes, as far as it
//! decides who gets in. What Lua does there (`rootfs/etc/nginx/lua/lua_ingress.lua`,
//! `certificate.lua`) is written in nginx's own words, with the same outcome.

use std::fmt::Write as _;
use std::path::Path;

use super::server::{DEFAULT, Location, Server};
use super::settings::Settings;

/// Where nginx listens, and what it is given.
pub(super) struct Frame<'a> {
    pub(super) folder: &'a Path,
    pub(super) http: u16,
    pub(super) https: u16,
    pub(super) backend: u16,
}

/// The whole file.
pub(super) fn write(servers: &[Server], settings: &Settings, frame: &Frame<'_>) -> String {
    let folder = frame.folder.display();
    let blocks: String = servers
        .iter()
        .map(|server| block(server, settings, frame))
        .collect();
    format!(
        "daemon off; pid {folder}/nginx.pid; error_log stderr info; worker_processes 1;
events {{}}
http {{
  access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server_names_hash_bucket_size 256; map_hash_bucket_size 256;
  log_format upstreaminfo '$proxy_alternative_upstream_name';
  ssl_protocols TLSv1.2 TLSv1.3; ssl_session_cache shared:SSL:10m; ssl_session_tickets off;
  ssl_certificate {folder}/server.crt; ssl_certificate_key {folder}/server.key;
  {}
  {}
{blocks}}}
",
        scheme(settings),
        certified(servers),
    )
}

/// `pass_access_scheme` of lua_ingress.lua.
fn scheme(settings: &Settings) -> &'static str {
    match settings.forwarded_headers {
        true => {
            "map $http_x_forwarded_proto $access_scheme { '' $scheme; default $http_x_forwarded_proto; }"
        }
        false => "map '' $access_scheme { default $scheme; }",
    }
}

/// `get_pem_cert_uid` of certificate.lua: the name itself, or the wildcard of one label.
fn certified(servers: &[Server]) -> String {
    let mut text = "map $host $certified { default 0;".to_owned();
    for name in servers.iter().flat_map(Server::certified) {
        let _ = match name.strip_prefix("*.") {
            _ if name == DEFAULT => Ok(()),
            Some(parent) => write!(text, " '~^[^.]+\\.{}$' 1;", parent.replace('.', "\\.")),
            None => write!(text, " '{name}' 1;"),
        };
    }
    text + " }"
}

/// The template `SERVER`, in its order.
fn block(server: &Server, settings: &Settings, frame: &Frame<'_>) -> String {
    let default = if server.host == DEFAULT {
        " default_server"
    } else {
        ""
    };
    let names: String = server
        .aliases
        .iter()
        .map(|name| format!(" \"{name}\""))
        .collect();
    let mut text = format!(
        "  server {{
    server_name \"{}\"{names};
    listen 127.0.0.1:{}{default}; listen 127.0.0.1:{}{default} ssl http2;
",
        server_name(&server.host),
        frame.http,
        frame.https,
    );
    text += &subject(server);
    if server.host == DEFAULT && settings.reject_handshake {
        text += "    ssl_reject_handshake on;\n";
    }
    match &server.error {
        Some(error) => {
            let _ = writeln!(text, "    # {error}\n    return 403;");
        }
        None => {
            text += &authentication(server, frame);
            let _ = writeln!(text, "    {}", server.snippet);
            for location in &server.locations {
                text += &place(location, server, settings, frame);
            }
        }
    }
    if server.host == DEFAULT {
        text += "    location /healthz { return 200; }\n";
    }
    text + "  }\n"
}

/// `buildServerName` of template.go: a wildcard is one label.
fn server_name(host: &str) -> String {
    match host.strip_prefix("*.") {
        Some(parent) => format!("~^(?<subdomain>[\\w-]+)\\.{}$", parent.replace('.', "\\.")),
        None => host.to_owned(),
    }
}

/// It stands before everything, and on both ports.
fn subject(server: &Server) -> String {
    match server.authentication.match_cn.as_str() {
        "" => String::new(),
        pattern => format!(
            "    if ( $ssl_client_s_dn !~ {} ) {{ return 403 \"client certificate unauthorized\"; }}\n",
            quoted(pattern)
        ),
    }
}

/// `quote` of template.go, which is Go's `%q`.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

fn authentication(server: &Server, frame: &Frame<'_>) -> String {
    let settings = &server.authentication;
    let Some(authority) = &settings.authority else {
        return String::new();
    };
    let folder = frame.folder.display();
    let mut text = format!(
        "    ssl_client_certificate {folder}/{};\n    ssl_verify_client {};\n    ssl_verify_depth {};\n",
        authority.certificates, settings.verify, settings.depth
    );
    if let Some(crl) = &authority.crl {
        let _ = writeln!(text, "    ssl_crl {folder}/{crl};");
    }
    if !settings.error_page.is_empty() {
        let _ = writeln!(text, "    error_page 495 496 = {};", settings.error_page);
    }
    text
}

fn place(location: &Location, server: &Server, settings: &Settings, frame: &Frame<'_>) -> String {
    let exact = if location.exact { "= " } else { "" };
    let answer = match (&location.upstream, location.denied) {
        (_, true) => "return 503;".to_owned(),
        (None, _) => format!("{} return 404;", redirect(location, settings)),
        (Some(_), _) => format!(
            "{} proxy_set_header Host $host;{} proxy_pass http://127.0.0.1:{};",
            redirect(location, settings),
            headers(server),
            frame.backend
        ),
    };
    // The log format needs a variable that only locations set: without any, nginx refuses all.
    let set = "set $proxy_alternative_upstream_name '';";
    format!(
        "    location {exact}\"{}\" {{ {set} {answer} }}\n",
        location.path
    )
}

/// `redirect_to_https` of lua_ingress.lua.
fn redirect(location: &Location, settings: &Settings) -> String {
    let listed = settings.no_tls_redirect.split(',').map(str::trim);
    let exempt = listed
        .filter(|prefix| !prefix.is_empty())
        .any(|prefix| location.path.starts_with(prefix));
    let condition = match (location.force_ssl_redirect, location.ssl_redirect) {
        _ if exempt => return String::new(),
        (true, _) => "^http:",
        (false, true) => "^http:1",
        (false, false) => return String::new(),
    };
    format!(
        "set $redirect $access_scheme:$certified; \
         if ($redirect ~ {condition}) {{ return 308 https://$host$request_uri; }}"
    )
}

/// What the backend is told of the client; without a CA, what the client says itself gets through.
fn headers(server: &Server) -> String {
    if server.authentication.authority.is_none() {
        return String::new();
    }
    let mut text = String::new();
    if server.authentication.pass {
        text += " proxy_set_header ssl-client-cert $ssl_client_escaped_cert;";
    }
    text + " proxy_set_header ssl-client-verify $ssl_client_verify;\
            proxy_set_header ssl-client-subject-dn $ssl_client_s_dn;\
            proxy_set_header ssl-client-issuer-dn $ssl_client_i_dn;"
}
