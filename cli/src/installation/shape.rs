//! What the flags say about an installation.

use std::path::PathBuf;

use clap::{Args as _, FromArgMatches as _};
use policy::rule;

use super::{NAMESPACE, Selector};
use crate::globals::Globals;
use crate::problem::Problem;

/// Where the serving certificate comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum CertMode {
    /// cert-manager makes it, and its injector writes the caBundle.
    CertManager,
    /// The Secret mtls-webhook-tls, which others make.
    Files,
    /// The webhook has a CA of its own.
    SelfManaged,
}

/// What happens to a change of a route while the webhook does not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Policy {
    /// It is refused.
    #[value(name = "Fail")]
    Fail,
    /// It is admitted.
    #[value(name = "Ignore")]
    Ignore,
}

impl Policy {
    /// As Kubernetes writes it.
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Fail => "Fail",
            Self::Ignore => "Ignore",
        }
    }
}

/// What is installed.
#[derive(clap::Args, Clone)]
#[command(next_help_heading = "The webhook")]
pub(crate) struct Shape {
    /// Where the serving certificate comes from
    #[arg(long, value_name = "MODE", default_value = "self-managed")]
    pub(crate) cert_mode: CertMode,
    /// The CA that the API server checks the webhook's certificate against, PEM
    #[arg(long, value_name = "FILE")]
    pub(crate) ca_bundle: Option<PathBuf>,
    /// Namespaces whose objects are judged, as kubectl's -l takes labels
    #[arg(long, value_name = "SELECTOR", default_value = "", value_parser = Selector::parse, hide_default_value = true)]
    pub(crate) namespace_selector: Selector,
    /// The webhook runs outside the cluster, at this URL; no Deployment is made
    #[arg(long, value_name = "URL", value_parser = url, conflicts_with_all = ["image", "replicas",
        "no_repair", "open_reports", "warn", "priority_class", "service_port", "api_server_ca",
        "api_server_name"])]
    pub(crate) url: Option<String>,
    /// The image
    #[arg(long, value_name = "IMAGE", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub(crate) image: Option<String>,
    /// How many run
    #[arg(long, value_name = "N", default_value = "2", value_parser = clap::value_parser!(u8).range(1..))]
    pub(crate) replicas: u8,
    /// What the gateways are told outside the objects; it goes into a ConfigMap
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Hear only clients with a certificate of these CAs, PEM: an API server that was told to show
    /// one
    #[arg(long, value_name = "FILE")]
    pub(crate) api_server_ca: Option<PathBuf>,
    /// Common name that the certificate of the API server must have
    #[arg(long, value_name = "CN", requires = "api_server_ca", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub(crate) api_server_name: Option<String>,
    /// Read Secrets and ConfigMaps in these namespaces alone, by a Role in each
    #[arg(long, value_name = "NAMESPACE", value_delimiter = ',', value_parser = name)]
    pub(crate) secret_namespaces: Vec<String>,
    /// Do not repair anything: GitOps tools see a repair as drift
    #[arg(long)]
    pub(crate) no_repair: bool,
    /// Write reports of openreports.io instead of wgpolicyk8s.io
    #[arg(long)]
    pub(crate) open_reports: bool,
    /// Rule that only warns, as missing-ca (can be repeated)
    #[arg(long, value_name = "RULE", value_delimiter = ',', value_parser = known_rule)]
    pub(crate) warn: Vec<String>,
    /// The priority class; none leaves it, and the quota that allows it, out
    #[arg(long, value_name = "NAME", default_value = "system-cluster-critical", value_parser = name)]
    pub(crate) priority_class: String,
    /// The port of the Service
    #[arg(long, value_name = "PORT", default_value = "443", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) service_port: u16,
}

impl Shape {
    /// What some flags say; every other has its default.
    ///
    /// # Errors
    /// When they are not understood.
    pub(super) fn of(flags: &[&str]) -> Result<Self, clap::Error> {
        let command = Self::augment_args(clap::Command::new("shape").no_binary_name(true));
        Self::from_arg_matches(&command.try_get_matches_from(flags)?)
    }

    /// What the flags must say together.
    ///
    /// # Errors
    /// When one of them has no meaning beside another.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        let without = self.ca_bundle.is_none();
        match self.cert_mode {
            CertMode::Files if without => Err(Problem::usage(
                "--cert-mode files needs --ca-bundle: the API server has to know who signed the \
                 certificate",
            )
            .hint("name the CA's certificate, as --ca-bundle ca.crt")),
            CertMode::CertManager | CertMode::SelfManaged if !without => Err(Problem::usage(
                "--ca-bundle has no meaning here: the caBundle is written by whoever makes the \
                 certificate",
            )
            .hint("leave it out, or add --cert-mode files")),
            CertMode::CertManager if self.url.is_some() => Err(Problem::usage(
                "--url and --cert-mode cert-manager exclude one another: the certificate is for a \
                 Service",
            )
            .hint("use --cert-mode self-managed or files outside the cluster")),
            _ => Ok(()),
        }
    }
}

/// The namespace of the flags, or the usual one; a context's own has nothing to do with it.
pub(crate) fn namespace(globals: &Globals) -> anyhow::Result<String> {
    let namespace = globals.namespace.as_deref().unwrap_or(NAMESPACE);
    name(namespace).map_err(|reason| {
        Problem::usage(format!("--namespace {namespace}: {reason}")).hint("choose another name")
    })
}

fn known_rule(id: &str) -> Result<String, String> {
    let rule = rule::by_id(id).map(|rule| rule.id.to_owned());
    rule.ok_or_else(|| format!("there is no rule {id:?}; `kubectl mtls explain` lists them"))
}

/// A name as DNS labels allow it.
fn name(text: &str) -> Result<String, String> {
    let allowed = |char: char| char.is_ascii_lowercase() || char.is_ascii_digit() || char == '-';
    let good = (1..=63).contains(&text.len())
        && text.chars().all(allowed)
        && !text.starts_with('-')
        && !text.ends_with('-');
    good.then(|| text.to_owned())
        .ok_or_else(|| "lower-case letters, digits and dashes are expected".to_owned())
}

/// The API server asks over HTTPS alone, and accepts neither a query nor a fragment.
fn url(text: &str) -> Result<String, String> {
    let wrong = "an HTTPS URL without query is expected, as https://10.0.0.7:8443";
    let parsed: http::Uri = text.parse().map_err(|_| wrong.to_owned())?;
    let good = parsed.scheme_str() == Some("https")
        && parsed.host().is_some_and(|host| !host.is_empty())
        && parsed.query().is_none()
        && !text.contains(['#', '@']);
    good.then(|| text.trim_end_matches('/').to_owned())
        .ok_or_else(|| wrong.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_and_names() {
        assert_eq!(url("https://a:8443/").as_deref(), Ok("https://a:8443"));
        for wrong in [
            "http://a",
            "a:8443",
            "https://a?b",
            "https://a#b",
            "https://u@a",
            "",
        ] {
            assert!(url(wrong).is_err(), "{wrong}");
        }
        assert!(name("a-1").is_ok() && name("A").is_err() && name("-a").is_err());
        assert!(name("").is_err() && name(&"a".repeat(64)).is_err());
    }
}
