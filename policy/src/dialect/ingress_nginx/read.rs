//! One Ingress to routes and remarks, as the controller's annotation parsers read it.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::class::Standing;
use super::controller::{Controller, Risk};
use super::demand::Asked;
use super::values::{self, Ingress};
use crate::dialect::host_name;
use crate::fact::{Harm, Matching, ObjectFacts, PlainHttp, Protocol, Remark, RemarkKind, Route};
use crate::object::strings;
use crate::server::{Path, Place, Raw, ServerPart};
use crate::{Gateway, Object, Settings};

pub(super) fn read(object: &Object, gateway: &Arc<Gateway>, settings: &Settings) -> ObjectFacts {
    let controller = Controller::of(settings, &gateway.instance);
    let ingress = Ingress {
        object,
        controller: &controller,
    };
    let mut facts = ObjectFacts::silent(&object.id);
    let remarks = &mut facts.remarks;
    let mut asked = Asked::default();
    match ingress.standing(settings) {
        Standing::Namesake(namesake) => ingress.remark_namesake(&namesake, remarks),
        Standing::Ignored(_) if !ingress.mentions() => return facts,
        Standing::Ignored(reason) => {
            ingress.remark_ignored(&reason, remarks);
            asked.dropped = Some(reason);
        }
        Standing::Served => {
            asked = ingress.asked(remarks);
            remarks.extend(ingress.misspelt());
            asked.dropped = ingress.refused(remarks).or(asked.dropped);
        }
    }
    let raw = ingress.raw_configuration(&mut asked, remarks);
    let shared = Shared {
        gateway,
        mentions: ingress.mentions() || matches!(raw, Raw::Asks(_)),
        passthrough: ingress.passthrough(),
    };
    let (routes, places) = ingress.routes(&shared, &asked);
    facts.routes = routes;
    facts.depth = super::depth::depth(object);
    facts.server = Some(Arc::new(ingress.part(
        asked,
        raw,
        places,
        &mut facts.remarks,
    )));
    facts
}

/// What all routes of an Ingress have in common.
struct Shared<'a> {
    gateway: &'a Arc<Gateway>,
    mentions: bool,
    passthrough: bool,
}

/// One route and what it is to its server.
struct Draft<'a> {
    host: &'a str,
    pointer: String,
    place: Place,
}

impl Ingress<'_> {
    fn part(
        &self,
        asked: Asked,
        raw: Raw,
        places: BTreeMap<String, Place>,
        remarks: &mut Vec<Remark>,
    ) -> ServerPart {
        let mut hosts: Vec<_> = self.rules().iter().map(|rule| self.host(rule)).collect();
        hosts.sort();
        hosts.dedup();
        ServerPart {
            guest: self.is_canary(),
            places,
            hosts,
            aliases: self.aliases(),
            certificates: self.certificates(),
            fallback: self.object.spec["defaultBackend"]["service"].is_object(),
            depth: asked.depth,
            page: asked.page,
            passes_certificate: self.passes_certificate(),
            fatal: asked.fatal,
            dropped_with_ca: asked.dropped_with_ca,
            raw,
            upstream: self.upstream(remarks),
            redirects: self.redirects(),
            proves_by_http: self.proves_by_http(),
            patterns: self.switch("use-regex") == Some(true)
                || self.value("rewrite-target").is_some(),
        }
    }

    fn rules(&self) -> &[Value] {
        let rules = self.object.spec["rules"].as_array();
        rules.map_or(&[], Vec::as_slice)
    }

    fn host(&self, rule: &Value) -> String {
        host_name(rule["host"].as_str().unwrap_or_default())
    }

    /// It makes no server (`createServers`, `controller.go:1330`).
    fn is_canary(&self) -> bool {
        self.switch("canary") == Some(true)
    }

    /// Each once (`annotations/alias/main.go`).
    fn aliases(&self) -> Vec<String> {
        let value = self.value("server-alias").unwrap_or_default();
        let mut aliases: Vec<_> = value
            .split(',')
            .map(str::trim)
            .filter(|alias| !alias.is_empty())
            .map(host_name)
            .collect();
        aliases.sort();
        aliases.dedup();
        aliases
    }

    fn certificates(&self) -> Vec<(Vec<String>, String)> {
        let tls = self.object.spec["tls"]
            .as_array()
            .map_or(&[][..], Vec::as_slice);
        let names = |tls: &Value| {
            let secret = tls["secretName"].as_str().unwrap_or_default();
            (strings(&tls["hosts"]), secret.to_owned())
        };
        tls.iter().map(names).collect()
    }

    /// Where a redirect is asked for in so many words.
    fn redirects(&self) -> Option<crate::Site> {
        let words = ["force-ssl-redirect", "ssl-redirect"];
        let asked = words.iter().find(|word| self.switch(word) == Some(true))?;
        Some(self.site(asked))
    }

    /// Where cert-manager is asked for a certificate of an issuer, which may prove the host by
    /// HTTP-01.
    fn proves_by_http(&self) -> Option<crate::Site> {
        let names = [
            "cert-manager.io/cluster-issuer",
            "cert-manager.io/issuer",
            "kubernetes.io/tls-acme",
        ];
        let name = names
            .iter()
            .find(|name| self.object.annotation(name).is_some())?;
        Some(self.at(&crate::object::annotation_pointer(name)))
    }

    /// TLS goes to the backend only with the controller's flag (`controller.go:1434`).
    fn passthrough(&self) -> bool {
        self.switch("ssl-passthrough") == Some(true)
            && self.controller.config.is_on("enable-ssl-passthrough")
    }

    /// `server-snippet`: what it says about client certificates is used as it stands, if the
    /// controller reads snippets; beside a Secret nginx refuses the second `ssl_verify_client`.
    fn raw_configuration(&self, asked: &mut Asked, remarks: &mut Vec<Remark>) -> Raw {
        let suffix = "server-snippet";
        let words = [
            "ssl_verify_client",
            "ssl_client_certificate",
            "ssl_verify_depth",
        ];
        let snippet = self.value(suffix).unwrap_or_default();
        if !words.iter().any(|word| snippet.contains(word)) {
            return Raw::None;
        }
        let read = self.controller.reads_snippets() && self.controller.risk() == Risk::Critical;
        if !read {
            remarks.push(self.remark(
                suffix,
                RemarkKind::NoEffect,
                Harm::Opens,
                "the controller reads no snippets: what this one says about client \
                    certificates has no effect",
                "say it with auth-tls-secret",
            ));
            return Raw::None;
        }
        if asked.demand.is_some() {
            asked.fatal.get_or_insert_with(|| self.site(suffix));
            remarks.push(self.remark(
                suffix,
                RemarkKind::Invalid,
                Harm::Closes,
                "the snippet repeats a directive of auth-tls-secret: nginx refuses the whole \
                 configuration, and no change of any Ingress takes effect until it is corrected",
                "take the directive out of the snippet",
            ));
        }
        Raw::Asks(self.site(suffix))
    }

    /// The annotations are those of another controller's language.
    fn remark_namesake(&self, controller: &str, remarks: &mut Vec<Remark>) {
        let own = self.object.annotations.keys();
        for name in own.filter(|name| name.starts_with(super::DIALECT.client_auth_prefix)) {
            remarks.push(values::remark(
                self.at(&crate::object::annotation_pointer(name)),
                RemarkKind::NoEffect,
                Harm::Opens,
                &format!("the class is served by {controller}, which does not read {name}"),
                "use a class of ingress-nginx, or the words of that controller",
            ));
        }
    }

    fn remark_ignored(&self, reason: &str, remarks: &mut Vec<Remark>) {
        remarks.push(values::remark(
            self.at("/metadata/annotations"),
            RemarkKind::NoEffect,
            Harm::Closes,
            &format!("the controller does not serve the Ingress: {reason}"),
            "name a class that the controller serves in spec.ingressClassName",
        ));
    }

    /// One route a rule, one for the default backend, one an alias, and what a guest leaves on
    /// the default server.
    fn routes(
        &self,
        shared: &Shared<'_>,
        asked: &Asked,
    ) -> (Vec<Arc<Route>>, BTreeMap<String, Place>) {
        let mut drafts = self.rule_drafts(asked);
        let aliases = self.aliases();
        let pointer = self.site("server-alias").pointer;
        let alias = |alias| Draft {
            host: alias,
            pointer: pointer.clone(),
            place: Place::Alias,
        };
        drafts.extend(
            aliases
                .iter()
                .map(|name| alias(name.as_str()))
                .filter(|_| !self.is_canary()),
        );
        let routes = drafts
            .iter()
            .map(|draft| self.route(shared, asked, draft))
            .collect();
        let places = drafts
            .into_iter()
            .map(|draft| (draft.pointer, draft.place))
            .collect();
        (routes, places)
    }

    fn rule_drafts(&self, asked: &Asked) -> Vec<Draft<'_>> {
        let mut drafts = Vec::new();
        for (index, rule) in self.rules().iter().enumerate() {
            let host = rule["host"].as_str().unwrap_or_default();
            let pointer = match host {
                "" => format!("/spec/rules/{index}"),
                _ => format!("/spec/rules/{index}/host"),
            };
            let paths = paths(rule);
            if self.is_canary() && !host.is_empty() && asked.demand.is_some() {
                drafts.push(Draft {
                    host: "",
                    pointer: format!("/spec/rules/{index}/http"),
                    place: Place::Stray(host_name(host)),
                });
            }
            drafts.push(Draft {
                host,
                pointer,
                place: Place::Rule(paths),
            });
        }
        if drafts.is_empty() && self.object.spec["defaultBackend"].is_object() {
            let pointer = "/spec/defaultBackend";
            drafts.push(Draft {
                host: "",
                pointer: pointer.to_owned(),
                place: Place::CatchAll,
            });
        }
        drafts
    }

    fn route(&self, shared: &Shared<'_>, asked: &Asked, draft: &Draft<'_>) -> Arc<Route> {
        let reaches = match &draft.place {
            Place::Rule(paths) => paths.is_some() || draft.host.is_empty(),
            Place::Stray(_) => true,
            Place::CatchAll | Place::Alias => false,
        };
        let tls = self.object.spec["tls"]
            .as_array()
            .is_some_and(|tls| !tls.is_empty());
        Arc::new(Route {
            site: self.at(&draft.pointer),
            gateway: Arc::clone(shared.gateway),
            hosts: vec![host_name(draft.host)],
            created: self.object.created.clone(),
            protocol: match shared.passthrough {
                true => Protocol::Passthrough,
                false => Protocol::Http,
            },
            entry_points: Vec::new(),
            tls,
            demand: asked.demand.clone().filter(|_| reaches),
            option: None,
            plain: PlainHttp {
                redirect: self.switch("ssl-redirect"),
                always: self.switch("force-ssl-redirect"),
                server_certificate: tls,
                filters: Vec::new(),
            },
            dropped: asked.dropped.clone(),
            mentions: shared.mentions,
            rule_length: 0,
            matching: Matching::default(),
        })
    }
}

/// The paths of a rule; an empty list counts as the whole host.
fn paths(rule: &Value) -> Option<Vec<Path>> {
    let http = rule["http"].as_object()?;
    let list = http
        .get("paths")
        .and_then(Value::as_array)
        .map_or(&[][..], Vec::as_slice);
    let whole = Path {
        path: "/".to_owned(),
        exact: false,
        served: true,
    };
    Some(match list {
        [] => vec![whole],
        list => list.iter().map(path).collect(),
    })
}

fn path(path: &Value) -> Path {
    let text = path["path"].as_str().filter(|text| !text.is_empty());
    Path {
        path: text.unwrap_or("/").to_owned(),
        // `SetDefaultNGINXPathType`: anything else is a prefix.
        exact: path["pathType"].as_str() == Some("Exact"),
        served: !path["backend"]["resource"].is_object(),
    }
}
