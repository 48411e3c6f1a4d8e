//! Until when the certificate lives that the webhook serves. Its replicas tell, each of its own, in
//! their metrics; a webhook outside the cluster shows it.

use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::{Duration, timeout};
use tokio_rustls::TlsConnector;

use super::Trusted;
use crate::cluster::Cluster;
use crate::validity::{day, time};

const PATIENCE: Duration = Duration::from_secs(5);
const METRIC: &str = "mtls_webhook_certificate_expiry_seconds ";

/// What came of asking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Leaf {
    /// The first of them ends then.
    Ends(i64),
    /// Nobody could be asked; with the reason.
    NotAsked(String),
}

impl Leaf {
    /// Asks one replica after the other.
    pub(crate) async fn of_pods(
        cluster: &Cluster,
        namespace: &str,
        pods: &[&Value],
        now: i64,
    ) -> Self {
        let mut ends = Vec::new();
        for pod in pods {
            let name = pod["metadata"]["name"].as_str().unwrap_or_default();
            let path = format!("/api/v1/namespaces/{namespace}/pods/{name}:8080/proxy/metrics");
            let metrics = match timeout(PATIENCE, cluster.get(&path)).await {
                Ok(Ok(text)) => text.unwrap_or_default(),
                Ok(Err(error)) => return Self::NotAsked(format!("{error:#}")),
                Err(_) => return Self::NotAsked(format!("pod/{name} did not answer in 5s")),
            };
            match seconds(&metrics) {
                Some(seconds) => ends.push(now.saturating_add(seconds)),
                None => return Self::NotAsked(format!("pod/{name} does not tell in its metrics")),
            }
        }
        let first = ends.into_iter().min();
        first.map_or_else(
            || Self::NotAsked("no replica is ready".to_owned()),
            Self::Ends,
        )
    }

    /// Looks at what is served at a URL, to a client that trusts what the API server trusts.
    pub(crate) async fn of_url(url: &str, bundle: &Value) -> Self {
        let seen = timeout(PATIENCE, shown(url, bundle)).await;
        match seen {
            Ok(Ok(ends)) => Self::Ends(ends),
            Ok(Err(error)) => Self::NotAsked(format!("{url}: {error:#}")),
            Err(_) => Self::NotAsked(format!("{url} did not answer in 5s")),
        }
    }

    /// For people.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Ends(ends) => format!("until {} ({})", day(*ends), time(*ends)),
            Self::NotAsked(why) => format!("not asked: {why}"),
        }
    }

    /// For programs.
    pub(crate) fn json(&self) -> Value {
        match self {
            Self::Ends(ends) => json!({"notAfter": time(*ends)}),
            Self::NotAsked(why) => json!({"notAsked": why}),
        }
    }

    /// What is wrong with it.
    pub(crate) fn problem(&self, now: i64) -> Option<String> {
        match self {
            Self::Ends(ends) if *ends <= now => {
                Some(format!("the serving certificate ended on {}", day(*ends)))
            }
            _ => None,
        }
    }
}

fn seconds(metrics: &str) -> Option<i64> {
    let mut lines = metrics.lines();
    lines.find_map(|line| line.strip_prefix(METRIC)?.trim().parse().ok())
}

async fn shown(url: &str, bundle: &Value) -> anyhow::Result<i64> {
    let uri: http::Uri = url.parse()?;
    let host = uri.host().unwrap_or_default();
    let name = ServerName::try_from(host.trim_matches(['[', ']']).to_owned())?;
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    let config = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots(bundle))
        .with_no_client_auth();
    let stream = TcpStream::connect(format!("{host}:{}", uri.port_u16().unwrap_or(443))).await?;
    let connector = TlsConnector::from(Arc::new(config));
    let stream = connector.connect(name, stream).await?;
    let (_, session) = stream.get_ref();
    let leaf = session.peer_certificates().and_then(<[_]>::first);
    let leaf = leaf.ok_or_else(|| anyhow::anyhow!("it shows no certificate"))?;
    let read = x509::read_der(leaf).map_err(anyhow::Error::msg)?;
    Ok(read.not_after)
}

fn roots(bundle: &Value) -> RootCertStore {
    let mut store = RootCertStore::empty();
    match Trusted::ders(bundle) {
        ders if ders.is_empty() => {
            store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
        ders => {
            store.add_parsable_certificates(ders.into_iter().map(Into::into));
        }
    }
    store
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_tell_and_an_end_is_a_problem() {
        let text = "# TYPE x gauge\nmtls_webhook_certificate_age_seconds 5\n\
                    mtls_webhook_certificate_expiry_seconds 86000\n";
        assert_eq!(seconds(text), Some(86000));
        assert_eq!(
            seconds("mtls_webhook_certificate_ca_expiry_seconds 1\n"),
            None
        );
        assert!(Leaf::Ends(5).problem(5).is_some() && Leaf::Ends(6).problem(5).is_none());
        let silent = Leaf::NotAsked("no right".to_owned());
        assert_eq!(silent.text(), "not asked: no right");
        assert_eq!(silent.problem(9), None);
    }
}
