//! Puts every host behind a CA: the TLSOption `default` demands certificates, and for the hosts
//! that are excepted another one asks for none.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Value, json};

use super::GROUP;
use super::entry_point::entry_points;
use super::write::{demand, option, option_version, reference};
use crate::dialect::{GatewayRequest, Written};
use crate::gateway::HostKey;
use crate::{ObjectRef, Route};

/// The option that holds wherever a route names none.
const DEFAULT: &str = "default";
/// The option that asks for nothing.
const OPEN: &str = "no-client-auth";

pub(super) fn write_gateway(request: &GatewayRequest<'_>) -> Result<Written, String> {
    let namespace = &request.trust.namespace;
    let defaults = request.view.options(request.gateway, DEFAULT);
    let elsewhere = defaults
        .iter()
        .find(|option| option.site.object.namespace != *namespace);
    if let Some(other) = elsewhere {
        return Err(format!(
            "{} exists, and Traefik drops all of several options named default: protect the \
             gateway with -n {} and a CA there",
            other.site.object, other.site.object.namespace
        ));
    }
    let default = ObjectRef {
        api_version: format!("{GROUP}/v1alpha1"),
        kind: "TLSOption".to_owned(),
        namespace: namespace.clone(),
        name: DEFAULT.to_owned(),
    };
    let section = demand(&request.trust.name, request.mode)?;
    let mut exceptions = Vec::new();
    for host in request.except {
        exceptions.extend(except(request, host)?);
    }
    // An exception is in force before the demand is.
    exceptions.push(option(&default, &section));
    let mut written = Written::from(distinct(exceptions));
    written.notes.push(
        "the option default holds for every router with TLS that names none: the dashboard and the \
         API of Traefik, TCP routers, clients without SNI, and ACME's TLS-ALPN challenge, whose \
         server shows no certificate"
            .to_owned(),
    );
    written.notes.extend(with_own_option(request));
    Ok(written)
}

fn distinct(configs: Vec<Value>) -> Vec<Value> {
    let mut all: Vec<Value> = Vec::new();
    for config in configs {
        if !all.contains(&config) {
            all.push(config);
        }
    }
    all
}

/// The option that asks for nothing, and a reference to it on every route of the host.
fn except(request: &GatewayRequest<'_>, host: &str) -> Result<Vec<Value>, String> {
    let key = HostKey {
        gateway: Arc::clone(request.gateway),
        host: crate::dialect::host_name(host),
    };
    let routes = request.view.routes(&key);
    // A route without TLS has no options, and with a reference it would get TLS.
    let live: Vec<_> = routes
        .iter()
        .filter(|route| route.dropped.is_none() && has_tls(request, route))
        .collect();
    let Some(first) = live.first() else {
        return Err(format!(
            "no route of {} serves {host} with TLS: `kubectl mtls get hosts -A` lists the hosts",
            request.gateway.instance
        ));
    };
    let open = ObjectRef {
        api_version: option_version(&first.site.object),
        kind: "TLSOption".to_owned(),
        namespace: first.site.object.namespace.clone(),
        name: OPEN.to_owned(),
    };
    let mut configs = vec![option(&open, &json!({"clientAuthType": "NoClientCert"}))];
    let objects: BTreeSet<_> = live.iter().map(|route| &route.site.object).collect();
    for object in objects {
        alone(request, object)?;
        if object.kind != "Ingress" && object.namespace != open.namespace {
            return Err(format!(
                "{object} serves {host} too, and may not name a TLSOption of {}: two options on one \
                 host cancel each other",
                open.namespace
            ));
        }
        configs.push(reference(object, &open));
    }
    Ok(configs)
}

/// Whether the route, or an entry point of it, terminates TLS.
fn has_tls(request: &GatewayRequest<'_>, route: &Route) -> bool {
    let gateway = request.gateway;
    let settings = request.view.settings();
    let config = settings.gateway(gateway.dialect, &gateway.instance);
    let entries = entry_points(&config);
    let mut own = entries
        .iter()
        .filter(|entry| match route.entry_points.as_slice() {
            [] => entry.default,
            names => names.contains(&entry.name),
        });
    route.tls || own.any(|entry| entry.tls)
}

/// The reference holds for all rules of an object: none of its hosts may be meant to be shut.
fn alone(request: &GatewayRequest<'_>, object: &ObjectRef) -> Result<(), String> {
    let facts = request.view.object(object);
    let routes = facts.iter().flat_map(|facts| &facts.routes);
    let hosts = routes.flat_map(|route: &Arc<Route>| &route.hosts);
    let excepted = |host: &&String| {
        let names = request.except.iter();
        names
            .map(|name| crate::dialect::host_name(name))
            .any(|name| name == **host)
    };
    match hosts.into_iter().find(|host| !excepted(host)) {
        None => Ok(()),
        Some(shut) => Err(format!(
            "{object} also serves {shut}, and its TLS options hold for both: split it, or except \
             {shut} too"
        )),
    }
}

/// Routes with an option of their own do not rest on the default.
fn with_own_option(request: &GatewayRequest<'_>) -> Vec<String> {
    let hosts = request.view.base().hosts_of(request.gateway);
    let mut names = BTreeSet::new();
    for key in hosts.filter(|key| !request.except.contains(&key.host)) {
        for route in request.view.routes(key) {
            let demanding = route.option.as_ref().is_some_and(|used| {
                let crate::OptionTarget::Id(id) = &used.target else {
                    return true;
                };
                let options = request.view.options(request.gateway, id);
                options.iter().any(|option| option.demand.is_some())
            });
            if route.option.is_some() && !demanding {
                names.insert(format!(
                    "{} names a TLSOption of its own that demands nothing: `kubectl mtls protect {} \
                     --trust SECRET`",
                    route.site.object,
                    crate::dialect::argument(&route.site.object).unwrap_or_default()
                ));
            }
        }
    }
    names.into_iter().collect()
}
