//! A Middleware, a ServersTransport and a ServersTransportTCP to facts.

use std::sync::Arc;

use serde_json::Value;

use super::reference::{id, normalized};
use super::words::is_version;
use crate::fact::{Credential, Filter, Harm, ObjectFacts, Remark, RemarkKind};
use crate::object::{SecretRef, strings};
use crate::site::Site;
use crate::{Gateway, GatewayConfig, Object};

/// What a middleware does that decides here: redirects, and telling the client's identity.
pub(super) fn middleware(
    object: &Object,
    gateway: &Arc<Gateway>,
    config: &GatewayConfig,
) -> Arc<Filter> {
    let spec = &object.spec;
    Arc::new(Filter {
        redirects: spec["redirectScheme"]["scheme"].as_str() == Some("https")
            || redirects_all(&spec["redirectRegex"]),
        tells_identity: spec["passTLSClientCert"].is_object(),
        parts: parts(object, config),
        ..empty(object, gateway, own_id(object, config))
    })
}

fn own_id(object: &Object, config: &GatewayConfig) -> String {
    normalized(&id(&object.id.namespace, &object.id.name, config))
}

fn empty(object: &Object, gateway: &Arc<Gateway>, id: String) -> Filter {
    Filter {
        site: Site::new(&object.id, ""),
        gateway: Arc::clone(gateway),
        id,
        redirects: false,
        tells_identity: false,
        parts: Vec::new(),
        credentials: Vec::new(),
    }
}

/// A `redirectRegex` that takes every URL of plain HTTP to HTTPS. What cannot be told from the
/// text counts as no redirect.
fn redirects_all(section: &Value) -> bool {
    let regex = section["regex"].as_str().unwrap_or_default();
    let replacement = section["replacement"].as_str().unwrap_or_default();
    let rest = regex.trim_start_matches('^').trim_end_matches('$');
    let rest = ["https?://", "http://", "http:"]
        .iter()
        .find_map(|scheme| rest.strip_prefix(scheme));
    let everything = [
        "(.*)",
        "(.+)",
        ".*",
        ".+",
        "",
        "([^/]+)/(.*)",
        "([^/]+)(.*)",
        "//(.*)",
        "[^/]+/(.*)",
    ];
    rest.is_some_and(|rest| everything.contains(&rest)) && replacement.starts_with("https://")
}

/// The middlewares of a chain.
fn parts(object: &Object, config: &GatewayConfig) -> Vec<String> {
    let list = object.spec["chain"]["middlewares"].as_array();
    let list = list.map_or(&[][..], Vec::as_slice).iter();
    list.filter_map(|part| Some(reference(object, part, config)?.0))
        .collect()
}

/// The id of a middleware that an object names, and whether Traefik forbids to name it. A name of
/// another provider stays as it is.
pub(super) fn reference(
    object: &Object,
    named: &Value,
    config: &GatewayConfig,
) -> Option<(String, bool)> {
    use super::reference::resolve;
    let name = named["name"].as_str()?;
    let own = &object.id.namespace;
    let namespace = named["namespace"].as_str().filter(|name| !name.is_empty());
    let foreign = resolve(own, namespace, name, config).foreign;
    let id = match name.split_once('@') {
        Some((id, "kubernetescrd")) => id.to_owned(),
        Some(_) => name.to_owned(),
        None => normalized(&id(namespace.unwrap_or(own), name, config)),
    };
    Some((id, foreign))
}

/// The id of a transport; middlewares and transports have names of their own.
pub(super) fn transport_id(namespace: &str, name: &str, config: &GatewayConfig) -> String {
    format!("transport/{}", normalized(&id(namespace, name, config)))
}

/// How the gateway speaks TLS to backends (`crd/kubernetes.go:366-530`). A Secret that is missing
/// is passed over.
pub(super) fn transport(
    object: &Object,
    gateway: &Arc<Gateway>,
    config: &GatewayConfig,
    facts: &mut ObjectFacts,
) {
    let tcp = object.id.kind == "ServersTransportTCP";
    let (section, base) = if tcp {
        (&object.spec["tls"], "/spec/tls")
    } else {
        (&object.spec, "/spec")
    };
    facts
        .remarks
        .extend(skips_verification(object, section, base));
    if !tcp {
        facts.remarks.extend(minimum_alone(object, section, base));
    }
    let id = transport_id(&object.id.namespace, &object.id.name, config);
    facts.filters.push(Arc::new(Filter {
        credentials: credentials(object, section, base),
        ..empty(object, gateway, id)
    }));
}

fn upstream(object: &Object, pointer: String, message: &str, hint: &str) -> Remark {
    Remark {
        site: Site::new(&object.id, pointer),
        kind: RemarkKind::Upstream,
        harm: Harm::Harmless,
        message: message.to_owned(),
        hint: hint.to_owned(),
        repair: None,
    }
}

fn skips_verification(object: &Object, section: &Value, base: &str) -> Option<Remark> {
    let skips = section["insecureSkipVerify"].as_bool().unwrap_or(false);
    skips.then(|| {
        upstream(
            object,
            format!("{base}/insecureSkipVerify"),
            "insecureSkipVerify: whatever answers is taken for the backend",
            "name the backend's CA in rootCAs and remove insecureSkipVerify",
        )
    })
}

/// `service/transport.go:212`: an absent maximum counts as 0, below every minimum, and the whole
/// TLS configuration is thrown away.
fn minimum_alone(object: &Object, section: &Value, base: &str) -> Option<Remark> {
    let known = |field: &str| section[field].as_str().is_some_and(is_version);
    (known("minVersion") && !known("maxVersion")).then(|| {
        upstream(
            object,
            format!("{base}/minVersion"),
            "minVersion without maxVersion: Traefik 3.7 throws the TLS settings away and shows the backend no certificate",
            "set maxVersion to VersionTLS13 too",
        )
    })
}

/// The keys of a certificate that is shown to the backend, and of one that the backend is known by.
const PAIR: &[&[&str]] = &[&["tls.crt"], &["tls.key"]];
const ROOT: &[&[&str]] = &[&["tls.ca", "ca.crt"]];

fn credentials(object: &Object, section: &Value, base: &str) -> Vec<Credential> {
    let credential = |pointer: String, name: &str, keys, without| Credential {
        site: Site::new(&object.id, pointer),
        secret: SecretRef::new(&object.id.namespace, name),
        keys,
        without,
    };
    let named = |field: &'static str| strings(&section[field]).into_iter().enumerate();
    let pairs = named("certificatesSecrets").map(|(index, name)| {
        let pointer = format!("{base}/certificatesSecrets/{index}");
        credential(
            pointer,
            &name,
            PAIR,
            "Traefik shows the backend no certificate",
        )
    });
    let roots = named("rootCAsSecrets").map(|(index, name)| {
        let pointer = format!("{base}/rootCAsSecrets/{index}");
        credential(pointer, &name, ROOT, SYSTEM_ROOTS)
    });
    let list = section["rootCAs"].as_array();
    let list = list.map_or(&[][..], Vec::as_slice).iter().enumerate();
    let roots_by_kind = list.filter_map(|(index, root)| {
        let name = root["secret"].as_str()?;
        let pointer = format!("{base}/rootCAs/{index}/secret");
        Some(credential(pointer, name, ROOT, SYSTEM_ROOTS))
    });
    pairs.chain(roots).chain(roots_by_kind).collect()
}

const SYSTEM_ROOTS: &str =
    "without any other CA Traefik takes a certificate of every public CA for the backend's";

#[cfg(test)]
mod tests {
    use serde_json::json;

    #[test]
    fn expressions_that_take_everything_to_https() {
        let redirects = |regex: &str, replacement: &str| {
            super::redirects_all(&json!({"regex": regex, "replacement": replacement}))
        };
        assert!(redirects("^http://(.*)", "https://${1}"));
        assert!(redirects("^https?://(.*)$", "https://$1"));
        assert!(!redirects("^http://www.(.*)", "https://${1}"));
        assert!(!redirects("^http://(.*)", "http://other/${1}"));
        assert!(!redirects("", "https://x"));
    }
}
