//! Any object of Traefik's to facts, and its own kinds of routes; an Ingress is read in
//! [`super::ingress`] or [`super::nginx_provider`].

use std::sync::Arc;

use serde_json::Value;

use super::matcher::Matched;
use super::version::{EXCLUSIONS, WILDCARDS, has, told};
use super::{filter, ingress, matcher, nginx_provider, option, reference, watch};
use crate::dialect::{gateway_api, host_name};
use crate::fact::{
    Harm, Matching, ObjectFacts, OptionUse, PlainHttp, Protocol, Remark, RemarkKind, Route,
};
use crate::object::strings;
use crate::site::Site;
use crate::{Gateway, GatewayConfig, Object, ObjectRef, SecretRef, Settings};

pub(super) fn read(object: &Object, gateway: &Arc<Gateway>, settings: &Settings) -> ObjectFacts {
    let config = settings.gateway(gateway.dialect, &gateway.instance);
    let mut facts = ObjectFacts::silent(&object.id);
    let of_nginx = nginx_provider::reads(object, settings);
    let provider = match object.id.kind.as_str() {
        "Ingress" if of_nginx => "kubernetesingressnginx",
        "Ingress" => "kubernetesingress",
        _ => "kubernetescrd",
    };
    if let Some(reason) = watch::unread(object, provider, &config) {
        facts.remarks.extend(in_vain(object, reason));
        return facts;
    }
    match object.id.kind.as_str() {
        "Ingress" if of_nginx => nginx_provider::read(object, gateway, &config, &mut facts),
        "Ingress" => ingress::read(object, gateway, &config, &mut facts),
        "IngressRoute" => {
            routes(object, gateway, &config, "Host", &mut facts);
            facts.server_secrets = server_secret(object).into_iter().collect();
        }
        "Gateway" => return gateway_api::read(object, gateway, &super::GATEWAY_HABITS),
        "IngressRouteTCP" => routes(object, gateway, &config, "HostSNI", &mut facts),
        "TLSOption" => option::read(object, gateway, &config, &mut facts),
        "ServersTransport" | "ServersTransportTCP" => {
            filter::transport(object, gateway, &config, &mut facts);
        }
        _ => facts
            .filters
            .push(filter::middleware(object, gateway, &config)),
    }
    facts
}

fn server_secret(object: &Object) -> Option<SecretRef> {
    let name = object.spec["tls"]["secretName"].as_str()?;
    Some(SecretRef::new(&object.id.namespace, name))
}

/// That Traefik does not read an object matters where it asks for certificates, or is written for
/// a version that is gone.
fn in_vain(object: &Object, reason: String) -> Option<Remark> {
    let old = object.id.group() == super::OLD_GROUP && reason.contains(super::OLD_GROUP);
    let asks = object.id.kind == "TLSOption" && object.spec["clientAuth"].is_object();
    (old || asks).then(|| Remark {
        site: Site::new(&object.id, if old { "/apiVersion" } else { "" }),
        kind: RemarkKind::NoEffect,
        // Another Traefik may read what this one does not watch.
        harm: if old { Harm::Opens } else { Harm::Harmless },
        message: reason,
        hint: if old {
            format!("write apiVersion: {}/v1alpha1", super::GROUP)
        } else {
            "put it where Traefik looks, or change providers.kubernetesCRD".to_owned()
        },
        repair: None,
    })
}

/// The options that the object's one `tls` section asks for, and what else all routes share.
struct Tls {
    present: bool,
    passthrough: bool,
    option: Option<OptionUse>,
    mentions: bool,
    dropped: Option<String>,
}

fn routes(
    object: &Object,
    gateway: &Arc<Gateway>,
    config: &GatewayConfig,
    name: &'static str,
    facts: &mut ObjectFacts,
) {
    if is_child(object, facts) {
        return;
    }
    let tls = tls(object, config, facts);
    let list = object.spec["routes"].as_array();
    for (index, route) in list.into_iter().flatten().enumerate() {
        let reader = Rule {
            object,
            config,
            name,
            index,
            route,
            tls: &tls,
        };
        let route = reader.read(gateway, &mut facts.remarks);
        facts.routes.push(Arc::new(route));
    }
}

/// A route below others gets what they let through; with a section `tls` or entry points of its
/// own it is not made (`router.go:114-131`).
fn is_child(object: &Object, facts: &mut ObjectFacts) -> bool {
    let parents = object.spec["parentRefs"].as_array();
    let child = parents.is_some_and(|parents| !parents.is_empty());
    let own = ["tls", "entryPoints"];
    let own = own.into_iter().find(|field| match &object.spec[*field] {
        Value::Array(list) => !list.is_empty(),
        other => other.is_object(),
    });
    if let (true, Some(field)) = (child, own) {
        facts.remarks.push(Remark {
            site: Site::new(&object.id, format!("/spec/{field}")),
            kind: RemarkKind::Invalid,
            harm: Harm::Closes,
            message: format!(
                "a route with parentRefs has no {field} of its own: Traefik does not make it"
            ),
            hint: format!("say {field} in the parent, and remove it here"),
            repair: None,
        });
    }
    child
}

/// One rule of an object.
struct Rule<'a> {
    object: &'a Object,
    config: &'a GatewayConfig,
    name: &'static str,
    index: usize,
    route: &'a Value,
    tls: &'a Tls,
}

impl Rule<'_> {
    fn read(&self, gateway: &Arc<Gateway>, remarks: &mut Vec<Remark>) -> Route {
        let pointer = format!("/spec/routes/{}/match", self.index);
        let rule = self.route["match"].as_str().unwrap_or_default();
        let matched = matcher::matched(rule, self.name);
        let (filters, foreign) = self.filters();
        let fault = self.fault(&matched).or(foreign);
        if let Some(message) = &fault {
            remarks.push(self.refused(&pointer, message));
        }
        let priority = self.route["priority"].as_u64().filter(|own| *own > 0);
        let priority = priority.and_then(|own| usize::try_from(own).ok());
        let (hosts, matching) = self.hosts(&matched);
        Route {
            site: Site::new(&self.object.id, pointer),
            gateway: Arc::clone(gateway),
            hosts,
            created: self.object.created.clone(),
            protocol: self.protocol(),
            entry_points: strings(&self.object.spec["entryPoints"]),
            tls: self.tls.present,
            demand: None,
            option: self.tls.option.clone(),
            plain: PlainHttp {
                filters,
                ..PlainHttp::default()
            },
            dropped: self.tls.dropped.clone().or(fault),
            mentions: self.tls.mentions,
            rule_length: priority.unwrap_or(rule.len()),
            matching,
        }
    }

    fn protocol(&self) -> Protocol {
        match self.name {
            "HostSNI" if self.tls.passthrough => Protocol::Passthrough,
            "HostSNI" => Protocol::Tcp,
            _ => Protocol::Http,
        }
    }

    /// Every host of the rule. One that it excludes counts for the choice of the option too
    /// (`rules/parser.go:102-114`), until a version that knows better.
    fn hosts(&self, matched: &Matched) -> (Vec<String>, Matching) {
        let counts = !has(self.config, EXCLUSIONS);
        let excluded: Vec<_> = matched
            .excluded
            .iter()
            .map(|host| host_name(host))
            .collect();
        let excluded: Vec<_> = excluded
            .into_iter()
            .filter(|host| counts && !matched.hosts.iter().any(|own| host_name(own) == *host))
            .collect();
        let hostless = matched.hosts.is_empty() && excluded.is_empty();
        let mut hosts = host_names(&matched.hosts);
        hosts.extend(excluded.iter().cloned());
        let matching = Matching {
            excluded,
            hostless,
            whole: matched.whole,
            challenge: false,
            transports: self.transports(),
        };
        (hosts, matching)
    }

    /// Why Traefik does not make the route, a whole sentence fragment.
    fn fault(&self, matched: &Matched) -> Option<String> {
        let v2 = self.is_v2();
        let wild = |host: &String| host.starts_with("*.");
        let fault = if !matched.well_formed {
            "the rule is no expression of matchers"
        } else if !matched.hosts.iter().all(|host| host.is_ascii()) {
            "the rule names a host that is not ASCII"
        } else if matched.several && !v2 && self.name == "Host" {
            "the rule names several hosts in one Host(…), as Traefik 2 did"
        } else if self.name == "HostSNI" && !self.tls.present && !is_catch_all(matched) {
            "a rule for TCP without tls matches HostSNI(`*`) alone"
        } else if matched.hosts.iter().any(wild) && !has(self.config, WILDCARDS) {
            return Some(
                "the rule matches no request: Host takes a wildcard from Traefik 3.7 on".to_owned(),
            );
        } else {
            return None;
        };
        Some(format!("{fault}: Traefik does not make this route"))
    }

    /// Whether the rule is in the syntax of version 2.
    fn is_v2(&self) -> bool {
        let own = self.route["syntax"].as_str();
        let default = self.config.flag("core.defaultrulesyntax");
        let old = told(self.config).is_some_and(|version| version.0 < 3);
        own.or(default) == Some("v2") || old
    }

    fn refused(&self, pointer: &str, message: &str) -> Remark {
        Remark {
            site: Site::new(&self.object.id, pointer),
            kind: RemarkKind::Invalid,
            harm: Harm::Closes,
            message: message.to_owned(),
            hint: "write it like Host(`api.example.com`) && PathPrefix(`/`)".to_owned(),
            repair: None,
        }
    }

    /// The ids of the middlewares; one in a forbidden namespace and Traefik does not make the
    /// route (`kubernetes_http.go:89-93`).
    fn filters(&self) -> (Vec<String>, Option<String>) {
        let list = self.route["middlewares"].as_array().into_iter().flatten();
        let named = list.filter_map(|named| filter::reference(self.object, named, self.config));
        let named: Vec<_> = named.collect();
        let foreign = named.iter().find(|(_, foreign)| *foreign);
        let foreign = foreign.map(|(id, _)| {
            format!(
                "middleware {id} is one that Traefik forbids to name: it does not make this route"
            )
        });
        (named.into_iter().map(|(id, _)| id).collect(), foreign)
    }

    /// The ids of the transports to the backends.
    fn transports(&self) -> Vec<String> {
        let list = self.route["services"].as_array().into_iter().flatten();
        let named = list.filter_map(|service| {
            let name = service["serversTransport"].as_str()?;
            let local = name.split('@').next().unwrap_or(name);
            let qualified = name.ends_with(reference::PROVIDER);
            let namespace = service["namespace"].as_str();
            let namespace = namespace.unwrap_or(&self.object.id.namespace);
            Some(match qualified {
                true => format!("transport/{local}"),
                false => filter::transport_id(namespace, name, self.config),
            })
        });
        named.collect()
    }
}

fn is_catch_all(matched: &Matched) -> bool {
    matched.hosts.first().is_none_or(|host| host == "*")
}

/// A rule without a host is one for every host.
pub(super) fn host_names(hosts: &[String]) -> Vec<String> {
    let mut names: Vec<_> = hosts.iter().map(|host| host_name(host)).collect();
    if names.is_empty() {
        names.push("*".to_owned());
    }
    names.sort();
    names.dedup();
    names
}

/// `spec.tls` (`kubernetes_http.go:144-160`): without a name, or with an empty one, the default
/// option holds.
fn tls(object: &Object, config: &GatewayConfig, facts: &mut ObjectFacts) -> Tls {
    let section = &object.spec["tls"];
    let options = &section["options"];
    let mut tls = Tls {
        present: section.is_object(),
        passthrough: section["passthrough"].as_bool().unwrap_or(false),
        option: None,
        mentions: options.is_object(),
        dropped: None,
    };
    if !options.is_object() {
        return tls;
    }
    let name = options["name"].as_str().unwrap_or_default();
    if name.is_empty() {
        facts.remarks.push(unnamed_option(object));
        return tls;
    }
    let reference = option_use(object, name, options["namespace"].as_str(), config);
    if reference.foreign {
        tls.dropped = Some("it names a TLSOption that it may not use".to_owned());
    }
    if tls.passthrough {
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

fn option_use(
    object: &Object,
    name: &str,
    namespace: Option<&str>,
    config: &GatewayConfig,
) -> OptionUse {
    let own = object.id.namespace.as_str();
    let resolved = reference::resolve(own, namespace, name, config);
    let namespace = namespace.filter(|namespace| !namespace.is_empty());
    let candidate = ObjectRef {
        api_version: object.id.api_version.clone(),
        kind: "TLSOption".to_owned(),
        namespace: namespace.unwrap_or(own).to_owned(),
        name: name.to_owned(),
    };
    OptionUse {
        site: Site::new(&object.id, "/spec/tls/options/name"),
        spelt: name.to_owned(),
        target: resolved.target,
        candidates: vec![candidate],
        foreign: resolved.foreign,
        repair: None,
    }
}
