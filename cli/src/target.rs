//! What a TARGET means: a name, an address to connect to, and what the server is checked against.

use std::path::PathBuf;

use anyhow::Context as _;
use policy::dialect::{self, Role};
use policy::{Object, Route};
use rustls::pki_types::ServerName;
use serde_json::Value;

use crate::cluster::{Cluster, item};
use crate::files;
use crate::globals::Globals;
use crate::problem::Problem;
use crate::store::{Kind, Stored};

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
}

impl Address {
    /// The URL.
    pub(crate) fn url(&self) -> String {
        format!("https://{}{}", self.host, self.path)
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

/// Finds what a TARGET means: a URL, `host/NAME`, or a route of the cluster.
pub(crate) async fn resolve(
    target: &str,
    place: &Place,
    globals: &Globals,
) -> anyhow::Result<Address> {
    if let Some(rest) = target.strip_prefix("https://") {
        return of_url(rest, place);
    }
    if target.starts_with("http://") {
        return Err(Problem::usage("client certificates need https://").hint("write https://HOST"));
    }
    match target.split_once('/') {
        Some(("host", name)) => of_url(name, place),
        Some((kind, name)) if !name.is_empty() => of_route(kind, name, place, globals).await,
        _ => Err(Problem::usage(format!("{target:?} is no target"))
            .hint("name ingress/NAME, ingressroute/NAME, host/NAME or https://HOST")),
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
    })
}

async fn of_route(
    kind: &str,
    name: &str,
    place: &Place,
    globals: &Globals,
) -> anyhow::Result<Address> {
    let cluster = Cluster::connect(globals).await?;
    let kinds = dialect::kinds().into_iter().filter(|known| {
        known.role == Role::Route
            && [known.kind, known.plural]
                .iter()
                .any(|name| name.eq_ignore_ascii_case(kind))
    });
    for known in kinds {
        let path = item(&known.api_version(), known.plural, &cluster.namespace, name);
        let Some(text) = cluster.get(&path).await? else {
            continue;
        };
        let object = Object::from_json(&text)
            .map_err(|unreadable| anyhow::anyhow!("reading {path}: {}", unreadable.reason))?;
        let raw: Value = serde_json::from_str(&text).context("reading the route")?;
        return found(&cluster, &object, &raw, place).await;
    }
    Err(Problem::world(format!(
        "{kind}/{name} does not exist in namespace {}",
        cluster.namespace
    ))
    .hint("`kubectl mtls get hosts -A` lists the hosts"))
}

async fn found(
    cluster: &Cluster,
    object: &Object,
    raw: &Value,
    place: &Place,
) -> anyhow::Result<Address> {
    let facts = cluster.facts(None, policy::Settings::default()).await?;
    let read = dialect::read(object, &facts.settings);
    let hosts = read
        .routes
        .iter()
        .flat_map(|route: &std::sync::Arc<Route>| &route.hosts);
    let host = hosts
        .into_iter()
        .find(|host| !host.starts_with('*'))
        .ok_or_else(|| {
            Problem::world(format!("{} names no host that could be called", object.id))
                .hint("name one: `kubectl mtls test https://HOST --connect ADDRESS:443`")
        })?;
    let mut address = of_url(host, place)?;
    let balancer = &raw["status"]["loadBalancer"]["ingress"][0];
    let at = balancer["ip"].as_str().or(balancer["hostname"].as_str());
    if let (Some(at), None) = (at, &place.connect) {
        address.connect = format!("{at}:443");
        address.plain = place.plain.clone().or_else(|| Some(format!("{at}:80")));
    }
    let tls = &raw["spec"]["tls"];
    let secret = tls[0]["secretName"].as_str().or(tls["secretName"].as_str());
    if let Some(secret) = secret {
        let secret = policy::SecretRef::new(&object.id.namespace, secret);
        let stored = Stored::read(cluster, Kind::Secret, &secret)
            .await
            .ok()
            .flatten();
        let text = stored.and_then(|stored| stored.text("tls.crt"));
        address.certificate = text.map(|text| text.to_string());
    }
    Ok(address)
}
