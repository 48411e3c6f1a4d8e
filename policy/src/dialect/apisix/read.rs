//! One object to facts: an ApisixTls says who gets through TLS, the others what is served.

use std::sync::Arc;

use serde_json::Value;

use super::{CONTROLLER, PREFIX};
use crate::dialect::gateway_api::{self, Habits};
use crate::dialect::{INGRESS, host_name, http_route};
use crate::fact::{
    Filter, Harm, Matching, ObjectFacts, PlainHttp, Protocol, Remark, RemarkKind, Route,
};
use crate::gateway::Gateway;
use crate::object::{Object, annotation_pointer, strings};
use crate::settings::Settings;
use crate::site::Site;

/// Stands among the entry points, of which this gateway has no named ones, for the class of an
/// object that names none.
pub(super) const ANY_CLASS: &str = "default-class";
/// Stands there for a rule that takes every path of its hosts.
pub(super) const EVERY_PATH: &str = "/*";
/// The id of the rules that hold for every request.
pub(super) const GLOBAL: &str = "global";

pub(super) fn read(object: &Object, gateway: &Arc<Gateway>, settings: &Settings) -> ObjectFacts {
    let mut facts = ObjectFacts::silent(&object.id);
    let reader = Reader {
        object,
        gateway,
        settings,
    };
    match object.id.kind.as_str() {
        "ApisixTls" => reader.tls(&mut facts),
        "ApisixRoute" => facts.routes = reader.apisix_route(),
        "ApisixUpstream" => facts.remarks = reader.upstream(),
        "ApisixGlobalRule" => facts.filters.extend(reader.global()),
        "Gateway" => return gateway_api::read(object, gateway, &reader.habits()),
        "HTTPRoute" => facts.filters = http_route::read(object, gateway),
        "ApisixPluginConfig" => facts.filters = vec![reader.plugins(reader.id(&object.id.name))],
        _ => facts.routes = reader.ingress(),
    }
    facts.remarks.extend(reader.other_class(&facts));
    facts.remarks.extend(reader.unknown_words());
    facts
}

pub(super) struct Reader<'a> {
    pub(super) object: &'a Object,
    pub(super) gateway: &'a Arc<Gateway>,
    pub(super) settings: &'a Settings,
}

impl Reader<'_> {
    /// A route with neither TLS nor a demand.
    fn route(&self, pointer: &str, hosts: Vec<String>) -> Route {
        let class = self.class();
        let unnamed = !INGRESS.is(&self.object.id) && class.is_empty();
        let by_default = self.settings.default_class_of(CONTROLLER).is_some();
        let entry_points = match unnamed && !by_default {
            true => vec![ANY_CLASS.to_owned()],
            false => Vec::new(),
        };
        Route {
            site: Site::new(&self.object.id, pointer),
            gateway: Arc::clone(self.gateway),
            hosts,
            created: self.object.created.clone(),
            protocol: Protocol::Http,
            entry_points,
            tls: false,
            demand: None,
            option: None,
            plain: PlainHttp::default(),
            dropped: self.foreign_class(),
            mentions: false,
            rule_length: 0,
            matching: Matching::default(),
        }
    }

    /// An SSL object for some names.
    pub(super) fn ssl(&self, pointer: &str, hosts: Vec<String>) -> Route {
        let mut route = self.route(pointer, hosts);
        route.tls = true;
        route.plain.server_certificate = true;
        route
    }

    pub(super) fn remark(
        &self,
        pointer: &str,
        kind: RemarkKind,
        harm: Harm,
        message: String,
        hint: &str,
    ) -> Remark {
        Remark {
            site: Site::new(&self.object.id, pointer),
            kind,
            harm,
            message,
            hint: hint.to_owned(),
            repair: None,
        }
    }

    fn class(&self) -> &str {
        self.object.spec["ingressClassName"]
            .as_str()
            .unwrap_or_default()
    }

    /// A class that another controller serves (`FindMatchingIngressClassByName`).
    fn foreign_class(&self) -> Option<String> {
        let controller = self.settings.classes.get(self.class())?;
        (controller != CONTROLLER).then(|| {
            format!(
                "IngressClass {} is served by {controller}: APISIX does not read the object",
                self.class()
            )
        })
    }

    fn other_class(&self, facts: &ObjectFacts) -> Option<Remark> {
        let demands = facts.routes.iter().any(|route| route.demand.is_some());
        let message = self.foreign_class().filter(|_| demands)?;
        let hint = "name a class whose controller is APISIX";
        let pointer = "/spec/ingressClassName";
        Some(self.remark(pointer, RemarkKind::NoEffect, Harm::Opens, message, hint))
    }

    /// The id of another object of this namespace.
    fn id(&self, name: &str) -> String {
        format!("{}/{name}", self.object.id.namespace)
    }

    /// `spec.http` of an ApisixRoute.
    fn apisix_route(&self) -> Vec<Arc<Route>> {
        let rules = self.object.spec["http"].as_array().into_iter().flatten();
        let route = |(at, rule): (usize, &Value)| {
            let paths = strings(&rule["match"]["paths"]);
            let shared = rule["plugin_config_name"].as_str();
            let hosts = strings(&rule["match"]["hosts"]);
            let mut route = self.served(&format!("/spec/http/{at}"), &hosts, &paths, shared);
            // Conditions beside host and path leave requests to other rules.
            if rule["match"]["methods"].is_array() || rule["match"]["exprs"].is_array() {
                route.entry_points.retain(|mark| mark != EVERY_PATH);
            }
            route.plain.redirect = Some(redirects(&rule["plugins"]));
            Arc::new(route)
        };
        rules.enumerate().map(route).collect()
    }

    /// Rules, and an SSL object without client authentication for each entry of `spec.tls`
    /// (`translator/ingress.go`).
    fn ingress(&self) -> Vec<Arc<Route>> {
        let spec = &self.object.spec;
        let rules = spec["rules"].as_array().map_or(&[][..], Vec::as_slice);
        let shared = self
            .object
            .annotation(&format!("{PREFIX}plugin-config-name"));
        let secure = self.object.annotation(&format!("{PREFIX}http-to-https")) == Some("true");
        let mut all = Vec::new();
        let mut named = Vec::new();
        for (at, rule) in rules.iter().enumerate() {
            let host = rule["host"].as_str().filter(|host| !host.is_empty());
            let hosts: Vec<_> = host.map(str::to_owned).into_iter().collect();
            let mut route = self.served(&format!("/spec/rules/{at}"), &hosts, &paths(rule), shared);
            route.mentions = !self.unknown_words().is_empty();
            route.plain.redirect = Some(secure);
            named.extend(host.map(host_name));
            all.push(Arc::new(route));
        }
        let entries = spec["tls"].as_array().map_or(&[][..], Vec::as_slice);
        all.extend(entries.iter().enumerate().map(|(at, entry)| {
            // Without hosts the certificate's names count, which are the rules' as a rule.
            let hosts = strings(&entry["hosts"]);
            let hosts = match hosts.as_slice() {
                [] => named.clone(),
                some => some.iter().map(|host| host_name(host)).collect(),
            };
            Arc::new(self.ssl(&format!("/spec/tls/{at}"), hosts))
        }));
        all
    }

    /// What is served of some hosts; a rule without a host serves every one.
    fn served(
        &self,
        pointer: &str,
        hosts: &[String],
        paths: &[String],
        shared: Option<&str>,
    ) -> Route {
        let hosts: Vec<_> = match hosts {
            [] => vec!["*".to_owned()],
            some => some.iter().map(|host| host_name(host)).collect(),
        };
        let mut route = self.route(pointer, hosts);
        if paths.iter().any(|path| path == EVERY_PATH) {
            route.entry_points.push(EVERY_PATH.to_owned());
        }
        let shared = shared.filter(|name| !name.is_empty());
        route.plain.filters = shared.map(|name| self.id(name)).into_iter().collect();
        route
    }

    /// Rules for every request, where they redirect.
    fn global(&self) -> Option<Arc<Filter>> {
        Some(self.plugins(GLOBAL.to_owned())).filter(|filter| filter.redirects)
    }

    /// `spec.tls.frontend` is read since 2.2.0 of the controller; 2.0 and 2.1 pass over it.
    fn habits(&self) -> Habits {
        let gateway = self.gateway;
        let config = self.settings.gateway(gateway.dialect, &gateway.instance);
        Habits {
            name: "APISIX",
            honours_frontend: config.release().is_none_or(|release| release >= (2, 2)),
            entry_points: [&[], &[]],
        }
    }

    /// An object that holds plugins for others.
    fn plugins(&self, id: String) -> Arc<Filter> {
        let ours = self.foreign_class().is_none();
        let site = Site::new(&self.object.id, "");
        let redirects = ours && redirects(&self.object.spec["plugins"]);
        Arc::new(Filter::plain(site, self.gateway, id, redirects))
    }

    /// There is no annotation about client certificates; nothing reports one.
    fn unknown_words(&self) -> Vec<Remark> {
        let words = ["tls", "client-ca", "client-cert", "verify-client"];
        let unknown = self.object.annotations.keys().filter(|key| {
            let suffix = key.strip_prefix(PREFIX);
            suffix.is_some_and(|suffix| words.iter().any(|word| suffix.contains(word)))
        });
        let hint = "demand client certificates with an ApisixTls for the host, in spec.client";
        let remark = |key: &String| {
            let message = format!("{key} is no annotation of APISIX, which ignores it");
            let pointer = annotation_pointer(key);
            self.remark(&pointer, RemarkKind::NoEffect, Harm::Opens, message, hint)
        };
        unknown.map(remark).collect()
    }
}

/// The plugin `redirect` with `http_to_https`.
fn redirects(plugins: &Value) -> bool {
    let mut plugins = plugins.as_array().into_iter().flatten();
    plugins.any(|plugin| {
        plugin["name"] == "redirect"
            && plugin["enable"] != false
            && plugin["config"]["http_to_https"] == true
    })
}

/// The paths of a rule of an Ingress, as routes have them: a prefix `/` is every path.
fn paths(rule: &Value) -> Vec<String> {
    let paths = rule["http"]["paths"].as_array().into_iter().flatten();
    let paths = paths.filter(|path| path["pathType"] == "Prefix");
    let paths = paths.filter(|path| path["path"].as_str() == Some("/"));
    paths.map(|_| EVERY_PATH.to_owned()).collect()
}
