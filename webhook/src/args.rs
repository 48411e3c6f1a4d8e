//! The command line of the webhook.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Parser, ValueEnum};

use crate::serving::span;

/// Admission webhook for client-certificate authentication at Kubernetes gateways
#[derive(Parser)]
#[command(name = "mtls-webhook", version)]
pub(crate) struct Args {
    /// Where the serving certificate comes from
    #[arg(long, value_name = "MODE", default_value = "self-managed")]
    pub(crate) cert_mode: CertMode,
    /// Path to the serving certificate, PEM; read again when it changes (files)
    #[arg(long, value_name = "FILE")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// Path to the key of the serving certificate, PEM; read again when it changes (files)
    #[arg(long, value_name = "FILE")]
    pub(crate) tls_key: Option<PathBuf>,
    /// The webhook's own namespace [default: $POD_NAMESPACE, else kubectl-mtls]
    #[arg(long, value_name = "NAME")]
    namespace: Option<String>,
    /// Secret in that namespace that holds the CA (self-managed)
    #[arg(long, value_name = "NAME", default_value = "mtls-webhook-ca")]
    pub(crate) ca_secret: String,
    /// Service in that namespace that the API server calls (self-managed)
    #[arg(long, value_name = "NAME", default_value = "mtls-webhook")]
    pub(crate) service: String,
    /// Further name or address of the serving certificate (self-managed; can be repeated)
    #[arg(long, value_name = "NAME")]
    pub(crate) dns_name: Vec<String>,
    /// Name of the ValidatingWebhookConfiguration and the MutatingWebhookConfiguration whose
    /// caBundles are kept (self-managed) and whose failure policy the audit tells
    #[arg(long, value_name = "NAME", default_value = "kubectl-mtls")]
    pub(crate) webhook_configuration: String,
    /// How long a CA lives (self-managed)
    #[arg(long, value_name = "SPAN", default_value = "365d", value_parser = span::parse)]
    pub(crate) ca_validity: i64,
    /// How long a serving certificate lives (self-managed)
    #[arg(long, value_name = "SPAN", default_value = "24h", value_parser = span::parse)]
    pub(crate) leaf_validity: i64,
    /// Only clients with a certificate of these CAs are heard, PEM; read again when it changes
    #[arg(long, value_name = "FILE")]
    pub(crate) api_server_ca: Option<PathBuf>,
    /// Common name that the certificate of the API server must have
    #[arg(long, value_name = "CN", requires = "api_server_ca")]
    pub(crate) api_server_name: Option<String>,
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
    /// What is logged, as info or debug
    #[arg(long, value_name = "FILTER", default_value = "info")]
    pub(crate) log: String,
}

/// Where the serving certificate comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum CertMode {
    /// Every replica signs its own, by a CA in a Secret
    SelfManaged,
    /// From --tls-cert and --tls-key
    Files,
}

impl Args {
    /// The webhook's own namespace.
    pub(crate) fn namespace(&self) -> String {
        let told = self
            .namespace
            .clone()
            .or_else(|| std::env::var("POD_NAMESPACE").ok());
        told.filter(|name| !name.is_empty())
            .unwrap_or_else(|| "kubectl-mtls".to_owned())
    }
}

fn rule(id: &str) -> Result<&'static str, String> {
    let rule = policy::rule::by_id(id);
    rule.map(|rule| rule.id)
        .ok_or_else(|| format!("there is no rule {id:?}"))
}

#[cfg(test)]
mod tests {
    use clap::{Arg, CommandFactory as _};

    use super::Args;

    fn row(arg: &Arg) -> String {
        let values = arg.get_value_names().unwrap_or_default();
        let takes = arg.get_action().takes_values();
        let value = values.first().filter(|_| takes);
        let value = value.map(|name| format!(" {name}")).unwrap_or_default();
        let name = arg.get_long().unwrap_or_default();
        let defaults = arg.get_default_values().iter().filter(|_| takes);
        let defaults: Vec<_> = defaults
            .map(|value| format!("`{}`", value.display()))
            .collect();
        let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
        let choices = choices(arg);
        format!(
            "| `--{name}{value}` | {} | {help}{choices} |\n",
            defaults.join(" ")
        )
    }

    fn choices(arg: &Arg) -> String {
        let values = arg.get_possible_values();
        let told = values.iter().filter_map(|value| {
            let help = value.get_help()?;
            Some(format!("; `{}`: {help}", value.get_name()))
        });
        told.collect()
    }

    #[test]
    fn the_reference_of_flags_is_current() {
        let mut command = Args::command();
        command.build();
        let told = |arg: &&Arg| !["help", "version"].contains(&arg.get_id().as_str());
        let rows: String = command.get_arguments().filter(told).map(row).collect();
        assert!(rows.lines().count() > 20, "{rows}");
        let page = format!(
            "# Flags of the webhook\n\nGenerated from the help of `mtls-webhook`. `kubectl mtls webhook install` sets what the \
             cluster needs; for what it has\nno flag of its own, edit what `webhook print` writes.\n\n\
             | flag | by default | what it does |\n|---|---|---|\n{rows}"
        );
        crate::reference::settle("webhook-flags.md", &page);
    }
}
