//! What a TARGET means: a name, an address to connect to, and what the server is checked against.

mod found;
mod service;

use std::path::PathBuf;

use anyhow::Context as _;
use policy::Host;
use rustls::pki_types::ServerName;

use crate::files;
use crate::globals::Globals;
use crate::problem::Problem;

/// Where the host is, beyond its name.
#[derive(clap::Args)]
#[command(next_help_heading = "Server")]
pub(crate) struct Place {
    /// The CA that the server is checked against; the system's by default
    #[arg(long, value_name = "FILE")]
    pub(crate) server_ca: Option<PathBuf>,
    /// The address to connect to instead of the host's
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) connect: Option<String>,
    /// Where plain HTTP is answered; the host's port 80 where the target has port 443
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) plain: Option<String>,
}

/// A target, found.
pub(crate) struct Address {
    /// For SNI and the server's certificate.
    pub(crate) name: ServerName<'static>,
    /// For the Host header, with the port where it is not 443.
    pub(crate) host: String,
    /// Where to connect.
    pub(crate) connect: String,
    /// Where plain HTTP would be answered.
    pub(crate) plain: Option<String>,
    /// The path of the request.
    pub(crate) path: String,
    /// The server's own certificate, where the route names it.
    pub(crate) certificate: Option<String>,
    /// How else the gateway can be reached, where that is known.
    pub(crate) detour: Option<String>,
    /// What the cluster says of the host, where it was looked up there.
    pub(crate) known: Option<Known>,
}

/// What the cluster says of a host.
pub(crate) struct Known {
    /// What a stranger ought to meet.
    pub(crate) host: Host,
    /// The paths that its route serves.
    pub(crate) paths: Vec<String>,
    /// Another host of the gateway, of which nothing is said: by its name strangers get in.
    pub(crate) open_neighbour: Option<String>,
}

impl Address {
    /// The URL.
    pub(crate) fn url(&self) -> String {
        format!("https://{}{}", self.host, self.path)
    }

    /// How to reach it where its name leads nowhere.
    pub(crate) fn way_out(&self) -> String {
        let detour = self.detour.clone();
        detour.unwrap_or_else(|| "name the gateway's address with --connect HOST:PORT".to_owned())
    }

    /// Fails where the address has no place in the network.
    pub(crate) async fn look_up(&self) -> anyhow::Result<()> {
        let place = tokio::net::lookup_host(&self.connect).await;
        let Err(error) = place else {
            return Ok(());
        };
        let hint = self.way_out();
        Err(Problem::world(format!("{} resolves nowhere: {error}", self.connect)).hint(hint))
    }
}

impl Place {
    /// What the server is checked against: the given CA, or the certificate that its route names.
    pub(crate) fn server_ca(&self, address: &Address) -> anyhow::Result<Option<Vec<u8>>> {
        match &self.server_ca {
            Some(path) => files::read(path).map(Some),
            None => Ok(address.certificate.clone().map(String::into_bytes)),
        }
    }
}

/// How much of the cluster a TARGET is looked up in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Depth {
    /// As much as it takes to call it.
    Address,
    /// Everything that decides about the host.
    Demand,
}

/// Finds what a TARGET means: a URL, `host/NAME`, or a route of the cluster.
pub(crate) async fn resolve(
    target: &str,
    place: &Place,
    depth: Depth,
    globals: &Globals,
) -> anyhow::Result<Address> {
    if let Some(rest) = target.strip_prefix("https://") {
        return of_url(rest, place);
    }
    if target.starts_with("http://") {
        return Err(Problem::usage("client certificates need https://").hint("write https://HOST"));
    }
    match target.split_once('/') {
        Some(("host", name)) if !name.is_empty() => found::host(name, place, depth, globals).await,
        Some((kind, name)) if !name.is_empty() => {
            found::route(kind, name, place, depth, globals).await
        }
        _ => Err(
            Problem::usage(format!("{target:?} is no target")).hint(format!(
                "name https://HOST, host/NAME, or KIND/NAME, where KIND is one of {}",
                found::route_kinds().join(", ")
            )),
        ),
    }
}

fn of_url(rest: &str, place: &Place) -> anyhow::Result<Address> {
    let (authority, path) = match rest.find('/') {
        Some(at) => rest.split_at(at),
        None => (rest, "/"),
    };
    let port = authority
        .rsplit_once(':')
        .filter(|(host, _)| !host.contains(':') || host.ends_with(']'));
    let (host, port) = match port {
        Some((host, port)) => (host, port.parse::<u16>().context("the port is no number")?),
        None => (authority, 443),
    };
    let bare = host.trim_matches(['[', ']']);
    let name = ServerName::try_from(bare.to_owned()).map_err(|_| {
        Problem::usage(format!("{host:?} is no host name"))
            .hint("write https://HOST or https://HOST:PORT")
    })?;
    let plain = (port == 443 && place.connect.is_none()).then(|| format!("{host}:80"));
    Ok(Address {
        name,
        host: authority.to_owned(),
        connect: place
            .connect
            .clone()
            .unwrap_or_else(|| format!("{host}:{port}")),
        plain: place.plain.clone().or(plain),
        path: path.to_owned(),
        certificate: None,
        detour: None,
        known: None,
    })
}
