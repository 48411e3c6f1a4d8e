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
    /// Seconds between SIGTERM and the end of accepting connections
    #[arg(long, value_name = "SECONDS", default_value = "10")]
    pub(crate) shutdown_delay: u64,
    /// Audit what is there already, on one replica (the default)
    #[arg(long, overrides_with = "no_audit")]
    pub(crate) audit: bool,
    /// Do not audit
    #[arg(long, overrides_with = "audit")]
    pub(crate) no_audit: bool,
    /// Seconds between two audits that read every Secret anew
    #[arg(long, value_name = "SECONDS", default_value = "300", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) audit_interval: u64,
    /// Lease that tells which replica audits
    #[arg(long, value_name = "NAME", default_value = "mtls-webhook-audit")]
    pub(crate) lease: String,
    /// Write reports of openreports.io instead of wgpolicyk8s.io
    #[arg(long)]
    pub(crate) open_reports: bool,
    /// Namespace of the webhook [default: $POD_NAMESPACE, else kubectl-mtls]
    #[arg(long, value_name = "NAMESPACE")]
    pub(crate) namespace: Option<String>,
    /// Name of the webhook configurations
    #[arg(long, value_name = "NAME", default_value = "kubectl-mtls")]
    pub(crate) webhook_configuration: String,
    /// What is logged, as info or debug
    #[arg(long, value_name = "FILTER", default_value = "info")]
    pub(crate) log: String,
}

impl Args {
    /// The namespace that the webhook runs in.
    pub(crate) fn own_namespace(&self) -> String {
        let given = self.namespace.clone();
        given
            .or_else(|| std::env::var("POD_NAMESPACE").ok())
            .unwrap_or_else(|| "kubectl-mtls".to_owned())
    }
}

fn rule(id: &str) -> Result<&'static str, String> {
    let rule = policy::rule::by_id(id);
    rule.map(|rule| rule.id)
        .ok_or_else(|| format!("there is no rule {id:?}"))
}
