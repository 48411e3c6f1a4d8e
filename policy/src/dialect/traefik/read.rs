//! One object of Traefik's own kinds to facts; an Ingress is read in [`super::ingress`].

use std::sync::Arc;

use serde_json::Value;

use super::{OLD_GROUP, ingress, matcher, option};
use crate::dialect::{gateway_api, host_name};
use crate::fact::{
    Filter, Harm, ObjectFacts, OptionTarget, OptionUse, PlainHttp, Protocol, Remark, RemarkKind,
    Route,
};
use crate::object::strings;
use crate::site::Site;
use crate::{Gateway, GatewayConfig, Object, ObjectRef, SecretRef, Settings};

pub(super) fn read(object: &Object, gateway: &Arc<Gateway>, settings: &Settings) -> ObjectFacts {
    let config = settings.gateway(gateway.dialect, &gateway.instance);
    let mut facts = ObjectFacts::silent(&object.id);
    if ignores_group(object, &config) {
        facts.remarks.push(old_group(object));
        return facts;
    }
    match object.id.kind.as_str() {
        "Ingress" => ingress::read(object, gateway, &mut facts),
        "IngressRoute" => {
            routes(object, gateway, &config, "Host", &mut facts);
            facts.server_secrets = server_secret(object).into_iter().collect();
        }
        "Gateway" => return gateway_api::read(object, gateway, &super::GATEWAY_HABITS),
        "IngressRouteTCP" => routes(object, gateway, &config, "HostSNI", &mut facts),
        "TLSOption" => option::read(object, gateway, &mut facts),
        _ => facts.filters.push(filter(object, gateway)),
    }
    facts
}

fn server_secret(object: &Object) -> Option<SecretRef> {
    let name = object.spec["tls"]["secretName"].as_str()?;
    Some(SecretRef::new(&object.id.namespace, name))
}

/// Traefik 3 reads the group traefik.io alone.
fn ignores_group(object: &Object, config: &GatewayConfig) -> bool {
    object.id.group() == OLD_GROUP && config.release().is_some_and(|(major, _)| major >= 3)
}

fn old_group(object: &Object) -> Remark {
    Remark {
        site: Site::new(&object.id, "/apiVersion"),
        kind: RemarkKind::NoEffect,
        harm: Harm::Opens,
        message: format!("Traefik 3 does not read objects of {OLD_GROUP}"),
        hint: format!("write apiVersion: {}/v1alpha1", super::GROUP),
        repair: None,
    }
}

/// The options that the object's one `tls` section asks for, and what else all routes share.
struct Tls {
    present: bool,
    passthrough: bool,
    option: Option<OptionUse>,
    dropped: Option<String>,
}

fn routes(
    object: &Object,
    gateway: &Arc<Gateway>,
    config: &GatewayConfig,
    name: &str,
    facts: &mut ObjectFacts,
) {
    let tls = tls(object, config, facts);
    let entry_points = strings(&object.spec["entryPoints"]);
    let list = object.spec["routes"]
        .as_array()
        .map_or(&[][..], Vec::as_slice);
    for (index, route) in list.iter().enumerate() {
        let pointer = format!("/spec/routes/{index}/match");
        let rule = route["match"].as_str().unwrap_or_default();
        let matched = matcher::hosts(rule, name);
        let mut dropped = tls.dropped.clone();
        if !matched.well_formed {
            dropped = Some("its rule cannot be read".to_owned());
            facts.remarks.push(unreadable_rule(object, &pointer));
        }
        facts.routes.push(Arc::new(Route {
            site: Site::new(&object.id, pointer),
            gateway: Arc::clone(gateway),
            hosts: host_names(matched.hosts),
            created: object.created.clone(),
            protocol: protocol(name, &tls),
            entry_points: entry_points.clone(),
            tls: tls.present,
            demand: None,
            option: tls.option.clone(),
            plain: PlainHttp {
                filters: filters(object, route),
                ..PlainHttp::default()
            },
            dropped,
            mentions: tls.option.is_some(),
            rule_length: rule.len(),
        }));
    }
}

fn protocol(matcher: &str, tls: &Tls) -> Protocol {
    match matcher {
        "HostSNI" if tls.passthrough => Protocol::Passthrough,
        "HostSNI" => Protocol::Tcp,
        _ => Protocol::Http,
    }
}

/// A rule without a host is one for every host.
pub(super) fn host_names(hosts: Vec<String>) -> Vec<String> {
    let mut names: Vec<_> = hosts.iter().map(|host| host_name(host)).collect();
    if names.is_empty() {
        names.push("*".to_owned());
    }
    names.sort();
    names.dedup();
    names
}

fn unreadable_rule(object: &Object, pointer: &str) -> Remark {
    Remark {
        site: Site::new(&object.id, pointer),
        kind: RemarkKind::Invalid,
        harm: Harm::Closes,
        message: "the rule is no expression of matchers: Traefik does not make this route"
            .to_owned(),
        hint: "write it like Host(`api.example.com`) && PathPrefix(`/`)".to_owned(),
        repair: None,
    }
}

/// `spec.tls` (`kubernetes_http.go:144-160`): without a name, or with an empty one, the default
/// option holds.
fn tls(object: &Object, config: &GatewayConfig, facts: &mut ObjectFacts) -> Tls {
    let section = &object.spec["tls"];
    let passthrough = section["passthrough"].as_bool().unwrap_or(false);
    let mut tls = Tls {
        present: section.is_object(),
        passthrough,
        option: None,
        dropped: None,
    };
    let options = &section["options"];
    if !options.is_object() {
        return tls;
    }
    let name = options["name"].as_str().unwrap_or_default();
    if name.is_empty() {
        facts.remarks.push(unnamed_option(object));
        return tls;
    }
    let reference = reference(object, name, options["namespace"].as_str(), config);
    if reference.foreign {
        tls.dropped = Some("it names a TLSOption that it may not use".to_owned());
    }
    if passthrough {
        facts.remarks.push(passed_through(object));
    }
    tls.option = Some(reference);
    tls
}

fn unnamed_option(object: &Object) -> Remark {
    Remark {
        site: Site::new(&object.id, "/spec/tls/options"),
        kind: RemarkKind::NoEffect,
        harm: Harm::Opens,
        message: "tls.options has no name: Traefik uses its default option".to_owned(),
        hint: "name the TLSOption in spec.tls.options.name".to_owned(),
        repair: None,
    }
}

fn passed_through(object: &Object) -> Remark {
    Remark {
        site: Site::new(&object.id, "/spec/tls/passthrough"),
        kind: RemarkKind::NoEffect,
        harm: Harm::Opens,
        message: "with passthrough Traefik never reads tls.options: TLS goes to the backend"
            .to_owned(),
        hint: "remove passthrough, or have the backend ask for client certificates".to_owned(),
        repair: None,
    }
}

/// `resolveReference` (`crd/kubernetes.go:1653-1677`).
fn reference(
    object: &Object,
    name: &str,
    namespace: Option<&str>,
    config: &GatewayConfig,
) -> OptionUse {
    let own = object.id.namespace.as_str();
    let namespace = namespace
        .filter(|namespace| !namespace.is_empty())
        .unwrap_or(own);
    let allowed = config.is_on("providers.kubernetescrd.allowcrossnamespace");
    let raw = format!("{namespace}-{name}");
    let (target, foreign) = match name.split_once('@') {
        Some((id, "kubernetescrd")) => (OptionTarget::Id(id.to_owned()), !allowed),
        Some(_) => (OptionTarget::Elsewhere(format!("TLS option {name}")), false),
        None if name == "default" => (OptionTarget::Never(NEVER_DEFAULT.to_owned()), false),
        None if normalized(&raw) != raw => (OptionTarget::Never(never_found(name)), false),
        None => (OptionTarget::Id(raw), namespace != own && !allowed),
    };
    let candidate = ObjectRef {
        api_version: object.id.api_version.clone(),
        kind: "TLSOption".to_owned(),
        namespace: namespace.to_owned(),
        name: name.to_owned(),
    };
    OptionUse {
        site: Site::new(&object.id, "/spec/tls/options/name"),
        spelt: name.to_owned(),
        target,
        candidates: vec![candidate],
        foreign,
        repair: None,
    }
}

const NEVER_DEFAULT: &str = "the TLSOption named default is found only by a route that names none";

fn never_found(name: &str) -> String {
    format!("an IngressRoute cannot find a TLSOption whose name has a dot or two dashes, as {name}")
}

/// `provider.Normalize` (`pkg/provider/configuration.go:126-132`).
fn normalized(id: &str) -> String {
    let words = id
        .split(|char: char| !char.is_alphanumeric())
        .filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join("-")
}

/// The ids of the middlewares of a route.
fn filters(object: &Object, route: &Value) -> Vec<String> {
    let list = route["middlewares"]
        .as_array()
        .map_or(&[][..], Vec::as_slice);
    let id = |middleware: &Value| {
        let name = middleware["name"].as_str()?;
        let namespace = middleware["namespace"]
            .as_str()
            .unwrap_or(&object.id.namespace);
        Some(match name.split_once('@') {
            Some((id, "kubernetescrd")) => id.to_owned(),
            Some(_) => name.to_owned(),
            None => format!("{namespace}-{name}"),
        })
    };
    list.iter().filter_map(id).collect()
}

fn filter(object: &Object, gateway: &Arc<Gateway>) -> Arc<Filter> {
    Arc::new(Filter {
        gateway: Arc::clone(gateway),
        id: format!("{}-{}", object.id.namespace, object.id.name),
        redirects: object.spec["redirectScheme"]["scheme"].as_str() == Some("https"),
    })
}
