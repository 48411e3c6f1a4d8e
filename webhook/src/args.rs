//! The command line of the webhook.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Parser;

/// Admission webhook for client-certificate authentication at Kubernetes gateways
#[derive(Parser)]
#[command(name = "mtls-webhook", version)]
pub(crate) struct Args {
    /// Path to the serving certificate, PEM
    #[arg(long, value_name = "FILE")]
    pub(crate) tls_cert: PathBuf,
    /// Path to the key of the serving certificate, PEM
    #[arg(long, value_name = "FILE")]
    pub(crate) tls_key: PathBuf,
    /// Where admission reviews come in, HTTPS
    #[arg(long, value_name = "ADDRESS", default_value = "0.0.0.0:8443")]
    pub(crate) listen: SocketAddr,
    /// Where /livez, /readyz and /metrics answer, HTTP
    #[arg(long, value_name = "ADDRESS", default_value = "0.0.0.0:8080")]
    pub(crate) health_listen: SocketAddr,
    /// What the gateways are told outside the objects, as kubectl mtls takes it
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Rule that only warns, as missing-ca (can be repeated)
    #[arg(long, value_name = "RULE", value_delimiter = ',', value_parser = rule)]
    pub(crate) warn: Vec<&'static str>,
    /// Do not repair anything on /mutate
    #[arg(long)]
    pub(crate) no_repair: bool,
    /// Seconds between writes of the status of policies by this replica; 0: the audit writes it
    #[arg(long, value_name = "SECONDS", default_value = "0", hide = true)]
    pub(crate) policy_status_interval: u64,
    /// Seconds between SIGTERM and the end of accepting connections
    #[arg(long, value_name = "SECONDS", default_value = "10")]
    pub(crate) shutdown_delay: u64,
    /// What is logged, as info or debug
    #[arg(long, value_name = "FILTER", default_value = "info")]
    pub(crate) log: String,
}

fn rule(id: &str) -> Result<&'static str, String> {
    let rule = policy::rule::by_id(id);
    rule.map(|rule| rule.id)
        .ok_or_else(|| format!("there is no rule {id:?}"))
}
