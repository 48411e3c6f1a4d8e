//! An Ingress with `router.*` annotations (`pkg/provider/kubernetes/ingress/annotations.go`).

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::PREFIX;
use super::reference::{PROVIDER, may_cross};
use super::syntax::SETTINGS;
use super::version::{WILDCARDS, has};
use crate::dialect::host_name;
use crate::dialect::syntax::head;
use crate::fact::{
    Harm, Matching, ObjectFacts, OptionTarget, OptionUse, PlainHttp, Protocol, Remark, RemarkKind,
    Route,
};
use crate::object::annotation_pointer;
use crate::site::Site;
use crate::{Gateway, GatewayConfig, Object, ObjectRef, Repair};

pub(super) fn read(
    object: &Object,
    gateway: &Arc<Gateway>,
    config: &GatewayConfig,
    facts: &mut ObjectFacts,
) {
    let router = Router::read(object);
    let (tls, option) = router.tls(object, &mut facts.remarks);
    let option = option.map(|option| OptionUse {
        foreign: !may_cross(&object.id.namespace, "kubernetesingress", config),
        ..option
    });
    let forbidden = option.as_ref().is_some_and(|option| option.foreign);
    let forbidden = forbidden.then(|| "it names a TLSOption that it may not use".to_owned());
    let dropped = router.dropped(object, &mut facts.remarks).or(forbidden);
    let priority = router.value("priority").and_then(|own| own.parse().ok());
    let route = |rule: IngressRule| {
        Arc::new(Route {
            site: Site::new(&object.id, rule.pointer),
            gateway: Arc::clone(gateway),
            matching: Matching {
                hostless: is_expression(&rule.host, router.value("rulesyntax"), config),
                whole: rule.whole,
                challenge: rule.challenge,
                ..Matching::default()
            },
            hosts: vec![rule.host],
            created: object.created.clone(),
            protocol: Protocol::Http,
            entry_points: router.list("entrypoints"),
            tls,
            demand: None,
            option: option.clone(),
            plain: PlainHttp {
                filters: router.filters(),
                ..PlainHttp::default()
            },
            dropped: dropped.clone(),
            mentions: router.mentions(),
            rule_length: priority.filter(|own| *own > 0).unwrap_or(rule.length),
        })
    };
    facts.routes = rules(object).into_iter().map(route).collect();
}

/// A host for which Traefik writes no `Host(…)`: none, or a wildcard where it makes an expression
/// of it (`buildHostRule` until 3.6, `buildHostRuleV2` since).
fn is_expression(host: &str, syntax: Option<&str>, config: &GatewayConfig) -> bool {
    let v2 = syntax.or_else(|| config.flag("core.defaultrulesyntax")) == Some("v2");
    host == "*" || (host.starts_with("*.") && (v2 || !has(config, WILDCARDS)))
}

/// One rule of an Ingress.
pub(super) struct IngressRule {
    /// Where its host stands.
    pub(super) pointer: String,
    /// The host; `*` for none.
    pub(super) host: String,
    /// Length of the rule that Traefik makes of it, the longest of its paths.
    pub(super) length: usize,
    /// Whether some path of it is every path.
    pub(super) whole: bool,
    /// Whether it only answers challenges of ACME.
    pub(super) challenge: bool,
}

/// The rules that have paths (`ingress/kubernetes.go:372-420`: others make no router), or the
/// default backend for every host.
pub(super) fn rules(object: &Object) -> Vec<IngressRule> {
    let rules = object.spec["rules"].as_array();
    let rules = rules.map_or(&[][..], Vec::as_slice);
    if rules.is_empty() && object.spec["defaultBackend"].is_object() {
        return vec![IngressRule {
            pointer: "/spec/defaultBackend".to_owned(),
            host: "*".to_owned(),
            length: 0,
            whole: true,
            challenge: false,
        }];
    }
    rules.iter().enumerate().filter_map(rule).collect()
}

fn rule((index, rule): (usize, &Value)) -> Option<IngressRule> {
    let paths = rule["http"]["paths"].as_array()?;
    let paths: Vec<_> = paths
        .iter()
        .map(|path| {
            let exact = path["pathType"].as_str() == Some("Exact");
            (path["path"].as_str().unwrap_or_default(), exact)
        })
        .collect();
    let host = rule["host"].as_str().unwrap_or_default();
    let field = if host.is_empty() { "" } else { "/host" };
    let every = |(path, exact): &(&str, bool)| !exact && ["", "/"].contains(path);
    let whole = paths.iter().find(|path| every(path));
    let longest = paths.iter().max_by_key(|path| rule_length(host, path))?;
    // A wildcard stands before other hosts with the path that is theirs too.
    let decides = whole.filter(|_| host.starts_with('*')).unwrap_or(longest);
    Some(IngressRule {
        pointer: format!("/spec/rules/{index}{field}"),
        length: rule_length(host, decides),
        whole: whole.is_some(),
        challenge: paths.iter().all(|(path, _)| path.starts_with(CHALLENGE)),
        host: host_name(host),
    })
}

/// Where a certificate authority looks for proof that the host is the applicant's (RFC 8555 8.3).
const CHALLENGE: &str = "/.well-known/acme-challenge/";

/// `Host("h") && PathPrefix("/p")`, as `loadRouter` writes it.
fn rule_length(host: &str, (path, exact): &(&str, bool)) -> usize {
    let named = |matcher: &str, value: &str| match value {
        "" => 0,
        value => matcher.len() + value.len() + r#"("")"#.len(),
    };
    let path = named(if *exact { "Path" } else { "PathPrefix" }, path);
    let host = named("Host", host);
    host + path + if host > 0 && path > 0 { 4 } else { 0 }
}

/// The `router.*` annotations: lower-case setting to the key as spelt and the value.
struct Router<'a>(BTreeMap<String, (&'a str, &'a str)>);

impl<'a> Router<'a> {
    fn read(object: &'a Object) -> Self {
        let settings = object.annotations.iter().filter_map(|(key, value)| {
            let setting = key.strip_prefix(PREFIX)?.to_lowercase();
            let setting = setting.strip_prefix("router.")?.to_owned();
            Some((setting, (key.as_str(), value.as_str())))
        });
        Self(settings.collect())
    }

    fn value(&self, setting: &str) -> Option<&'a str> {
        self.0.get(setting).map(|(_, value)| *value)
    }

    fn list(&self, setting: &str) -> Vec<String> {
        let value = self.value(setting).unwrap_or_default();
        let parts = value
            .split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty());
        parts.map(str::to_owned).collect()
    }

    fn filters(&self) -> Vec<String> {
        let ids = self.list("middlewares").into_iter();
        ids.map(|id| id.strip_suffix(PROVIDER).map_or(id.clone(), str::to_owned))
            .collect()
    }

    fn mentions(&self) -> bool {
        let speaks = |setting: &String| setting.contains("tls") && setting.contains("option");
        // The default option speaks for itself, if there is one.
        let of_default =
            |setting: &String| setting == "tls.options" && self.value(setting) == Some("default");
        self.0
            .keys()
            .any(|setting| speaks(setting) && !of_default(setting))
    }

    /// Whether the router has TLS, and with which option. Any value of `router.tls` but true
    /// switches the whole section off (paerser, `parser/nodes_metadata.go:84`).
    fn tls(&self, object: &Object, remarks: &mut Vec<Remark>) -> (bool, Option<OptionUse>) {
        let option = self.0.get("tls.options");
        let switch = self.value("tls");
        let children = self.0.keys().any(|setting| setting.starts_with("tls."));
        let off = switch.is_some_and(|value| !value.eq_ignore_ascii_case("true"));
        if off {
            if let (Some((key, _)), Some(value)) = (option, switch) {
                remarks.push(switched_off(object, key, value));
            }
            return (false, None);
        }
        let option = option.filter(|(_, value)| !value.is_empty());
        let option = option.map(|(key, value)| reference(object, key, value));
        (switch.is_some() || children, option)
    }

    /// A setting that Traefik does not know makes it skip the Ingress (`kubernetes.go:279-283`).
    fn dropped(&self, object: &Object, remarks: &mut Vec<Remark>) -> Option<String> {
        let unknown = self.0.iter().find(|(setting, _)| {
            let under_tls = setting.strip_prefix("tls.").map(head);
            under_tls.is_some_and(|part| !SETTINGS.contains(&part))
                || (setting.starts_with("tls") && !setting.starts_with("tls.") && *setting != "tls")
        });
        let (_, (key, _)) = unknown?;
        remarks.push(Remark {
            site: Site::new(&object.id, annotation_pointer(key)),
            kind: RemarkKind::Invalid,
            harm: Harm::Closes,
            message: format!("{key} is no setting of Traefik, which then skips the whole Ingress"),
            hint: format!("did you mean {PREFIX}router.tls.options?"),
            repair: None,
        });
        Some(format!("{key} is no setting of Traefik"))
    }
}

fn switched_off(object: &Object, key: &str, value: &str) -> Remark {
    Remark {
        site: Site::new(&object.id, annotation_pointer(key)),
        kind: RemarkKind::NoEffect,
        harm: Harm::Opens,
        message: format!(
            "router.tls is {value:?}, so Traefik reads no TLS setting of this Ingress"
        ),
        hint: format!("set {PREFIX}router.tls to \"true\", or remove it"),
        repair: None,
    }
}

/// `<namespace>-<name>@kubernetescrd`, used as it stands.
fn reference(object: &Object, key: &str, value: &str) -> OptionUse {
    let compact: String = value.split_whitespace().collect();
    let target = match value.split_once('@') {
        None if value == "default" => OptionTarget::Default,
        Some(("default", "kubernetescrd")) => OptionTarget::Never(
            "the TLSOption named default is named without a provider".to_owned(),
        ),
        Some((id, "kubernetescrd")) if id.contains(['/', ' ']) => {
            OptionTarget::Never(format!("{id} is not of the form namespace-name"))
        }
        Some((id, "kubernetescrd")) => OptionTarget::Id(id.to_owned()),
        Some((_, provider)) if provider.trim() != provider => {
            OptionTarget::Never("there is no such provider".to_owned())
        }
        Some(_) => OptionTarget::Elsewhere(format!("TLS option {value}")),
        None => OptionTarget::Never(format!("it does not end in {PROVIDER}")),
    };
    let pointer = annotation_pointer(key);
    let repair = (compact != value).then(|| Repair {
        pointer: pointer.clone(),
        value: Value::String(compact.clone()),
    });
    let id = compact.strip_suffix(PROVIDER).unwrap_or(&compact);
    OptionUse {
        site: Site::new(&object.id, pointer),
        spelt: value.to_owned(),
        target,
        candidates: candidates(id),
        foreign: false,
        repair,
    }
}

/// Every namespace and name that an id can be made of.
fn candidates(id: &str) -> Vec<ObjectRef> {
    let split = |(at, _): (usize, &str)| ObjectRef {
        api_version: format!("{}/v1alpha1", super::GROUP),
        kind: "TLSOption".to_owned(),
        namespace: id[..at].to_owned(),
        name: id[at + 1..].to_owned(),
    };
    id.match_indices('-').map(split).collect()
}
