//! Puts a route behind a CA: a TLSOption, and the route's reference to it; the whole gateway is in
//! [`super::write_gateway`].

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Value, json};

use super::settle::settle;
use super::{GROUP, PREFIX, nginx_provider};
use crate::dialect::gateway_api::GATEWAY;
use crate::dialect::{WriteRequest, Written, gateway_of};
use crate::fact::{OptionTarget, OptionUse, Route};
use crate::{Admits, Mode, ObjectRef};

/// How an annotation names an option of the CRD provider.
const PROVIDER: &str = "@kubernetescrd";

/// Server-side apply configurations: the TLSOption, then the route's reference where it has none.
pub(super) fn write(request: &WriteRequest<'_>) -> Result<Written, String> {
    let id = &*request.object.id;
    if nginx_provider::reads(request.object, request.settings) {
        let verify = match request.mode {
            Mode::Required => "on",
            _ => "optional",
        };
        return nginx_provider::write(request, verify).map(Written::from);
    }
    if GATEWAY.is(id) {
        return Err(format!(
            "Traefik reads nothing about client certificates from {id}: its listeners have the \
             default TLSOption"
        ));
    }
    let plan = Plan::of(request)?;
    if request.trust.namespace != plan.option.namespace {
        return Err(format!(
            "Traefik reads the Secrets of a TLSOption from the TLSOption's own namespace, {}, \
             not {}",
            plan.option.namespace, request.trust
        ));
    }
    let demand = demand(&request.trust.name, request.mode)?;
    let mut written = Written::from(vec![option(&plan.option, &demand)]);
    written.notes.extend(plan.shared);
    written.notes.extend(plain_doors(request));
    if !plan.referred {
        written.apply.push(reference(id, &plan.option));
    }
    Ok(written)
}

/// Routes that go on serving the hosts by plain HTTP, and how to have them redirect.
fn plain_doors(request: &WriteRequest<'_>) -> BTreeSet<String> {
    let hosts = request.hosts();
    let hosts = hosts.iter().map(|key| settle(key, request.view));
    let doors = hosts.flat_map(|host| host.doors);
    let open = doors.filter(|door| door.plain && door.admits == Admits::Everyone);
    let others = open.filter(|door| *door.site.object != *request.object.id);
    others
        .map(|door| {
            let (route, entry) = (&door.site.object, &door.entry);
            format!(
                "{route} serves the host without TLS on {entry}: start Traefik with \
                 --entrypoints.{entry}.http.redirections.entrypoint.to=websecure, or give the route \
                 a Middleware with spec.redirectScheme: {{scheme: https, permanent: true}}"
            )
        })
        .collect()
}

/// Which TLSOption is to make the demand.
struct Plan {
    option: ObjectRef,
    /// Whether the route refers to it already.
    referred: bool,
    /// Who else uses it.
    shared: Option<String>,
}

impl Plan {
    /// The option that the route names; else the one that another route of its hosts names, for
    /// two options on one host cancel each other (`pkg/server/aggregator.go:286-298`); else a new
    /// one.
    fn of(request: &WriteRequest<'_>) -> Result<Self, String> {
        let id = &*request.object.id;
        let neighbours = request.neighbours();
        let (own, others): (Vec<_>, Vec<_>) = neighbours
            .iter()
            .partition(|route| *route.site.object == *id);
        if let Some(named) = own.iter().find_map(|route| route.option.as_ref()) {
            return Self::named(request, named, &neighbours);
        }
        if let Some((namespace, name)) = request.option {
            return Ok(Self {
                option: ObjectRef {
                    namespace: namespace.to_owned(),
                    name: name.to_owned(),
                    ..own_option(id)
                },
                referred: false,
                shared: None,
            });
        }
        let beside = others.iter().find_map(|route| {
            let (option, key) = resolved(request, route.option.as_ref()?)?;
            let fits = option.namespace == request.trust.namespace && may_name(id, &option);
            fits.then_some((option, key))
        });
        Ok(match beside {
            Some((option, key)) => Self {
                shared: shared(request, &option, &key, &neighbours),
                option,
                referred: false,
            },
            None => Self::new(id),
        })
    }

    fn new(id: &ObjectRef) -> Self {
        Self {
            option: own_option(id),
            referred: false,
            shared: None,
        }
    }

    fn named(
        request: &WriteRequest<'_>,
        named: &OptionUse,
        neighbours: &[Arc<Route>],
    ) -> Result<Self, String> {
        let id = &*request.object.id;
        if let OptionTarget::Elsewhere(what) = &named.target {
            return Err(format!(
                "{id} uses {what}, which is defined outside the cluster: set clientAuth there, or \
                 take the reference out of the route and protect it again"
            ));
        }
        // A reference that can never be found is replaced.
        let Some((option, key)) = resolved(request, named) else {
            return Ok(Self::new(id));
        };
        Ok(Self {
            shared: shared(request, &option, &key, neighbours),
            option,
            referred: true,
        })
    }
}

/// Who else uses an option, besides the routes of these hosts.
fn shared(
    request: &WriteRequest<'_>,
    option: &ObjectRef,
    id: &str,
    neighbours: &[Arc<Route>],
) -> Option<String> {
    let (_, gateway) = gateway_of(request.object, request.settings)?;
    let routes = request.view.base().users_of_option(&gateway, id).iter();
    let here = |route: &&Arc<Route>| {
        let mut routes = neighbours.iter();
        routes.any(|known| known.site.object == route.site.object)
    };
    let others = routes.filter(|route| !here(route));
    let names: BTreeSet<_> = others.map(|route| route.site.object.to_string()).collect();
    let names: Vec<_> = names.into_iter().collect();
    (!names.is_empty()).then(|| {
        format!(
            "{option} is used by {} too: client certificates are demanded there as well",
            names.join(", ")
        )
    })
}

/// The TLSOption that a reference names, and its id: the one that is there, else the one of the
/// route's own namespace.
fn resolved(request: &WriteRequest<'_>, named: &OptionUse) -> Option<(ObjectRef, String)> {
    let OptionTarget::Id(id) = &named.target else {
        return None;
    };
    let (_, gateway) = gateway_of(request.object, request.settings)?;
    if let Some(found) = request.view.options(&gateway, id).pop() {
        return Some(((*found.site.object).clone(), id.clone()));
    }
    let route = &*request.object.id;
    let option = match id.strip_prefix(&format!("{}-", route.namespace)) {
        Some(name) => ObjectRef {
            api_version: option_version(route),
            kind: "TLSOption".to_owned(),
            namespace: route.namespace.clone(),
            name: name.to_owned(),
        },
        None => named.candidates.first()?.clone(),
    };
    Some((option, id.clone()))
}

/// An IngressRoute names options of its own namespace alone, unless the gateway is told otherwise.
fn may_name(id: &ObjectRef, option: &ObjectRef) -> bool {
    id.kind == "Ingress" || id.namespace == option.namespace
}

/// The clientAuth section.
pub(super) fn demand(secret: &str, mode: Mode) -> Result<Value, String> {
    let mode = match mode {
        Mode::Required => "RequireAndVerifyClientCert",
        Mode::Optional => "VerifyClientCertIfGiven",
        Mode::Off | Mode::OptionalUnverified | Mode::Unverified => {
            return Err("only a demand that verifies certificates can be written".to_owned());
        }
    };
    Ok(json!({"secretNames": [secret], "clientAuthType": mode}))
}

/// A TLSOption with this section alone; whatever else it has stays.
pub(super) fn option(id: &ObjectRef, client_auth: &Value) -> Value {
    json!({
        "apiVersion": id.api_version,
        "kind": "TLSOption",
        "metadata": {"name": id.name, "namespace": id.namespace},
        "spec": {"clientAuth": client_auth},
    })
}

/// An IngressRoute cannot find a name with a dot or two dashes (`provider.Normalize`).
fn own_option(id: &ObjectRef) -> ObjectRef {
    let words = id.name.split(['.', '-']).filter(|word| !word.is_empty());
    ObjectRef {
        api_version: option_version(id),
        kind: "TLSOption".to_owned(),
        namespace: id.namespace.clone(),
        name: format!("{}-client-auth", words.collect::<Vec<_>>().join("-")),
    }
}

/// The options of an Ingress are of the current group.
pub(super) fn option_version(id: &ObjectRef) -> String {
    match id.kind.as_str() {
        "Ingress" => format!("{GROUP}/v1alpha1"),
        _ => id.api_version.clone(),
    }
}

/// A route with the reference to an option alone.
pub(super) fn reference(id: &ObjectRef, option: &ObjectRef) -> Value {
    let mut route = json!({
        "apiVersion": id.api_version,
        "kind": id.kind,
        "metadata": {"name": id.name, "namespace": id.namespace},
    });
    if id.kind == "Ingress" {
        route["metadata"]["annotations"] = json!({
            format!("{PREFIX}router.tls"): "true",
            format!("{PREFIX}router.tls.options"): format!("{}-{}{PROVIDER}", option.namespace, option.name),
        });
    } else {
        route["spec"] = json!({"tls": {"options": {"name": option.name}}});
        if option.namespace != id.namespace {
            route["spec"]["tls"]["options"]["namespace"] = option.namespace.clone().into();
        }
    }
    route
}
