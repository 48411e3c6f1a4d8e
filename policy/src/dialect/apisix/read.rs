//! One object to routes: an ApisixTls says who gets through TLS, the others what is served.

use std::sync::Arc;

use serde_json::Value;

use super::PREFIX;
use crate::dialect::host_name;
use crate::fact::{
    Demand, Depth, Harm, Malformed, Mode, ObjectFacts, PlainHttp, Protocol, Remark, RemarkKind,
    Route, TrustRef,
};
use crate::gateway::Gateway;
use crate::object::{Object, SecretRef, annotation_pointer, strings};
use crate::settings::Settings;
use crate::site::Site;

pub(super) fn read(object: &Object, gateway: &Arc<Gateway>, _: &Settings) -> ObjectFacts {
    let mut facts = ObjectFacts::silent(&object.id);
    let reader = Reader { object, gateway };
    facts.routes = match object.id.kind.as_str() {
        "ApisixTls" => {
            facts.depth = reader.allowed_depth();
            facts.server_secrets = reader.secret_ref("secret").into_iter().collect();
            vec![reader.tls(&mut facts.remarks)]
        }
        "ApisixRoute" => reader.rules("/spec/http", |rule| strings(&rule["match"]["hosts"])),
        _ => reader.rules("/spec/rules", |rule| {
            rule["host"]
                .as_str()
                .map(str::to_owned)
                .into_iter()
                .collect()
        }),
    };
    facts.remarks.extend(reader.unknown_words());
    facts
}

struct Reader<'a> {
    object: &'a Object,
    gateway: &'a Arc<Gateway>,
}

impl Reader<'_> {
    fn route(&self, pointer: &str, hosts: Vec<String>) -> Route {
        Route {
            site: Site::new(&self.object.id, pointer),
            gateway: Arc::clone(self.gateway),
            hosts,
            created: self.object.created.clone(),
            protocol: Protocol::Http,
            entry_points: Vec::new(),
            tls: false,
            demand: None,
            option: None,
            plain: PlainHttp::default(),
            dropped: None,
            mentions: false,
            rule_length: 0,
        }
    }

    fn tls(&self, remarks: &mut Vec<Remark>) -> Arc<Route> {
        let spec = &self.object.spec;
        let client = &spec["client"];
        let hosts = strings(&spec["hosts"])
            .iter()
            .map(|host| host_name(host))
            .collect();
        let mut route = self.route("/spec/hosts", hosts);
        route.tls = true;
        route.plain.server_certificate = true;
        if client.is_object() {
            route.mentions = true;
            route.demand = Some(self.demand(client));
            let depth = self.depth(client);
            route.dropped = depth.as_ref().map(|remark| remark.message.clone());
            remarks.extend(depth);
        }
        // Without a class only the default IngressClass' controller takes it, which objects do
        // not show.
        if spec["ingressClassName"]
            .as_str()
            .unwrap_or_default()
            .is_empty()
        {
            route.entry_points = vec![super::settle::ANY_CLASS.to_owned()];
        }
        Arc::new(route)
    }

    /// `client` demands certificates; paths in `skip_mtls_uri_regex` do without.
    fn demand(&self, client: &Value) -> Demand {
        let skipped = strings(&client["skip_mtls_uri_regex"]);
        let (mode, pointer, spelt) = match skipped.as_slice() {
            [] => (Mode::Required, "/spec/client", String::new()),
            some => (
                Mode::Off,
                "/spec/client/skip_mtls_uri_regex",
                format!("skip_mtls_uri_regex {}", some.join(" ")),
            ),
        };
        Demand {
            mode,
            site: Site::new(&self.object.id, pointer),
            spelt,
            trust: vec![self.trust(client)],
            subject: None,
        }
    }

    fn trust(&self, client: &Value) -> TrustRef {
        let text = |field: &str| client["caSecret"][field].as_str().unwrap_or_default();
        let (namespace, name) = (text("namespace"), text("name"));
        let target = match namespace.is_empty() || name.is_empty() {
            true => Err(Malformed::Empty),
            false => Ok(SecretRef::new(namespace, name)),
        };
        TrustRef {
            site: Site::new(&self.object.id, "/spec/client/caSecret"),
            spelt: format!("{namespace}/{name}"),
            target,
            foreign: false,
            repair: None,
        }
    }

    /// The controller sends the depth whether it is set or not, and so 0 where it is not
    /// (`internal/adc/translator/apisixtls.go`).
    fn allowed_depth(&self) -> Option<Depth> {
        let client = &self.object.spec["client"];
        let stated = client["depth"].as_i64();
        let pointer = match stated {
            Some(_) => "/spec/client/depth",
            None => "/spec/client",
        };
        client.is_object().then_some(())?;
        Some(Depth {
            site: Site::new(&self.object.id, pointer),
            allowed: u32::try_from(stated.unwrap_or_default()).ok()?,
            stated: stated.is_some(),
        })
    }

    fn secret_ref(&self, field: &str) -> Option<SecretRef> {
        let named = &self.object.spec[field];
        Some(SecretRef::new(
            named["namespace"].as_str()?,
            named["name"].as_str()?,
        ))
    }

    /// The schema of APISIX knows no negative depth; the CRD does.
    fn depth(&self, client: &Value) -> Option<Remark> {
        let depth = client["depth"].as_i64().filter(|depth| *depth < 0)?;
        Some(Remark {
            site: Site::new(&self.object.id, "/spec/client/depth"),
            kind: RemarkKind::Invalid,
            harm: Harm::Closes,
            message: format!("depth {depth} is refused by APISIX: the object is not loaded"),
            hint: "write 1, or the number of intermediate CAs and one more".to_owned(),
            repair: None,
        })
    }

    /// A route for each rule; a rule without a host serves every one.
    fn rules(&self, list: &str, hosts: impl Fn(&Value) -> Vec<String>) -> Vec<Arc<Route>> {
        let field = list.trim_start_matches("/spec/");
        let rules = self.object.spec[field].as_array();
        let rules = rules.map_or(&[][..], Vec::as_slice);
        let route = |(index, rule): (usize, &Value)| {
            let hosts = hosts(rule);
            let hosts: Vec<_> = match hosts.as_slice() {
                [] => vec!["*".to_owned()],
                some => some.iter().map(|host| host_name(host)).collect(),
            };
            let mut route = self.route(&format!("{list}/{index}"), hosts);
            route.mentions = !self.unknown_words().is_empty();
            route.plain.redirect = Some(self.redirects(rule));
            route.plain.server_certificate = self.has_certificate(&route.hosts);
            Arc::new(route)
        };
        rules.iter().enumerate().map(route).collect()
    }

    /// The annotation of an Ingress, or the plugin `redirect` of an ApisixRoute.
    fn redirects(&self, rule: &Value) -> bool {
        let annotation = self.object.annotation(&format!("{PREFIX}http-to-https"));
        let plugins = rule["plugins"].as_array().map_or(&[][..], Vec::as_slice);
        let plugin = plugins.iter().any(|plugin| {
            plugin["name"] == "redirect"
                && plugin["enable"] != false
                && plugin["config"]["http_to_https"] == true
        });
        annotation == Some("true") || plugin
    }

    /// `spec.tls` of an Ingress becomes an SSL object without client authentication.
    fn has_certificate(&self, hosts: &[String]) -> bool {
        let entries = self.object.spec["tls"].as_array();
        entries.into_iter().flatten().any(|entry| {
            let named = strings(&entry["hosts"]);
            named.iter().any(|name| hosts.contains(&host_name(name)))
        })
    }

    /// There is no annotation about client certificates; nothing reports one.
    fn unknown_words(&self) -> Vec<Remark> {
        let words = ["tls", "client-ca", "client-cert"];
        let unknown = self.object.annotations.keys().filter(|key| {
            let suffix = key.strip_prefix(PREFIX);
            suffix.is_some_and(|suffix| words.iter().any(|word| suffix.contains(word)))
        });
        let remark = |key: &String| Remark {
            site: Site::new(&self.object.id, annotation_pointer(key)),
            kind: RemarkKind::NoEffect,
            harm: Harm::Opens,
            message: format!("{key} is no annotation of APISIX, which ignores it"),
            hint: "demand client certificates with an ApisixTls for the host, in spec.client"
                .to_owned(),
            repair: None,
        };
        unknown.map(remark).collect()
    }
}
