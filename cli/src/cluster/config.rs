//! Which cluster, as whom: the kubeconfig with kubectl's flags over it.

use std::collections::HashMap;
use std::path::Path;

use anyhow::Context as _;
use kube::Config;
use kube::config::{KubeConfigOptions, Kubeconfig};

use super::names::Names;
use crate::globals::Globals;
use crate::problem::Problem;

/// The namespace of the flags, the context or the pod; nothing is sent, and none is needed.
pub(crate) async fn namespace(globals: &Globals) -> String {
    let configured = config(globals).await.map(|config| config.default_namespace);
    configured.unwrap_or_else(|_| globals.file_namespace().to_owned())
}

/// The namespaces that are looked at, in words; nothing is sent.
pub(crate) fn place(all: bool, globals: &Globals) -> String {
    match (&globals.namespace, all) {
        (_, true) => "any namespace".to_owned(),
        (Some(namespace), false) => format!("namespace {namespace} (-A looks in all)"),
        (None, false) => "the namespace of the context (-A looks in all)".to_owned(),
    }
}

/// The cluster by its address, for people; nothing is sent.
pub(crate) async fn name(globals: &Globals) -> anyhow::Result<String> {
    let address = config(globals).await?.cluster_url;
    let address = address.to_string();
    Ok(format!("the cluster {}", address.trim_end_matches('/')))
}

/// The file of the flag, or those of the environment.
pub(super) fn kubeconfig(globals: &Globals) -> anyhow::Result<Kubeconfig> {
    Ok(match &globals.kubeconfig {
        Some(path) => Kubeconfig::read_from(path)?,
        None => Kubeconfig::read()?,
    })
}

/// The configuration of the flags, the kubeconfig or the pod.
pub(super) async fn config(globals: &Globals) -> anyhow::Result<Config> {
    let mut kubeconfig = match kubeconfig(globals) {
        Ok(kubeconfig) => kubeconfig,
        Err(error) if globals.kubeconfig.is_some() => return Err(error),
        Err(_) if globals.server.is_some() => Kubeconfig::default(),
        Err(error) => match Config::incluster() {
            Ok(config) => return with_flags(config, globals),
            Err(_) => return Err(error),
        },
    };
    if let (Some(server), true) = (&globals.server, kubeconfig.contexts.is_empty()) {
        return with_flags(Config::new(url(server)?), globals);
    }
    check(&kubeconfig, globals)?;
    for user in &mut kubeconfig.auth_infos {
        if let Some(info) = &mut user.auth_info {
            info.impersonate = globals.impersonate.clone().or(info.impersonate.take());
        }
    }
    let options = KubeConfigOptions {
        context: globals.context.clone(),
        cluster: globals.cluster.clone(),
        user: globals.user.clone(),
    };
    with_flags(
        Config::from_custom_kubeconfig(kubeconfig, &options).await?,
        globals,
    )
}

fn with_flags(mut config: Config, globals: &Globals) -> anyhow::Result<Config> {
    if let Some(server) = &globals.server {
        config.cluster_url = url(server)?;
    }
    url(&config.cluster_url.to_string())?;
    if let Some(namespace) = &globals.namespace {
        config.default_namespace.clone_from(namespace);
    }
    if let Some(path) = &globals.certificate_authority {
        config.root_cert = Some(certificates(path)?);
    }
    config.accept_invalid_certs |= globals.insecure_skip_tls_verify;
    config.tls_server_name = globals.tls_server_name.clone().or(config.tls_server_name);
    let info = &mut config.auth_info;
    if let Some(token) = &globals.token {
        info.token = Some(token.clone().into());
    }
    let text = |path: &Path| path.display().to_string();
    if let Some(path) = &globals.client_certificate {
        info.client_certificate = Some(text(path));
    }
    if let Some(path) = &globals.client_key {
        info.client_key = Some(text(path));
    }
    info.impersonate = globals.impersonate.clone().or(info.impersonate.take());
    if globals.impersonate.is_some() {
        // Whoever names a user means this one, and nothing that the kubeconfig says of another.
        info.impersonate_groups = Some(globals.impersonate_groups.clone());
        info.impersonate_uid.clone_from(&globals.impersonate_uid);
        info.impersonate_user_extra = Some(extra(globals));
    }
    let timeout = Some(globals.request_timeout).filter(|timeout| !timeout.is_zero());
    config.connect_timeout = timeout;
    config.read_timeout = timeout;
    Ok(config)
}

/// What the flags name must be there: a client without credentials would be told something else.
fn check(kubeconfig: &Kubeconfig, globals: &Globals) -> anyhow::Result<()> {
    let Names {
        clusters,
        contexts,
        users,
    } = Names::of(kubeconfig);
    for (what, wanted, names) in [
        ("context", &globals.context, contexts),
        ("cluster", &globals.cluster, clusters),
        ("user", &globals.user, users),
    ] {
        let Some(wanted) = wanted else {
            continue;
        };
        if !names.contains(wanted) {
            let hint = format!("--{what} can be: {}", names.join(", "));
            return Err(
                Problem::world(format!("the kubeconfig has no {what} {wanted:?}")).hint(hint),
            );
        }
    }
    Ok(())
}

/// The address of an API server.
fn url(server: &str) -> anyhow::Result<http::Uri> {
    let read: Option<http::Uri> = server.parse().ok();
    let whole = read.filter(|url| matches!(url.scheme_str(), Some("http" | "https")));
    whole.ok_or_else(|| {
        Problem::usage(format!("{server:?} is no URL of an API server"))
            .hint(format!("write https://{server}"))
    })
}

fn extra(globals: &Globals) -> HashMap<String, Vec<String>> {
    let mut extra: HashMap<String, Vec<String>> = HashMap::new();
    for (key, value) in &globals.impersonate_extra {
        extra.entry(key.clone()).or_default().push(value.clone());
    }
    extra
}

/// The certificates of a file in DER.
fn certificates(path: &Path) -> anyhow::Result<Vec<Vec<u8>>> {
    use rustls::pki_types::{CertificateDer, pem::PemObject as _};
    let bytes = crate::files::read(path)?;
    let certificates = CertificateDer::pem_slice_iter(&bytes);
    certificates
        .map(|certificate| {
            Ok(certificate
                .context("reading --certificate-authority")?
                .to_vec())
        })
        .collect()
}
