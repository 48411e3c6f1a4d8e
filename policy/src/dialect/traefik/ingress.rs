//! An Ingress with `router.*` annotations (`pkg/provider/kubernetes/ingress/annotations.go`).

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::PREFIX;
use crate::dialect::host_name;
use crate::fact::{
    Harm, ObjectFacts, OptionTarget, OptionUse, PlainHttp, Protocol, Remark, RemarkKind, Route,
};
use crate::object::annotation_pointer;
use crate::site::Site;
use crate::{Gateway, Object, ObjectRef, Repair};

/// Settings under `router.tls.` that Traefik knows; another makes it skip the Ingress.
const TLS_SETTINGS: [&str; 3] = ["certresolver", "domains", "options"];

/// How an annotation names an option of the CRD provider.
const PROVIDER: &str = "@kubernetescrd";

pub(super) fn read(object: &Object, gateway: &Arc<Gateway>, facts: &mut ObjectFacts) {
    let router = Router::read(object);
    let (tls, option) = router.tls(object, &mut facts.remarks);
    let dropped = router.dropped(object, &mut facts.remarks);
    let hosts = hosts(object);
    let route = |(pointer, host): (String, String)| {
        Arc::new(Route {
            site: Site::new(&object.id, pointer),
            gateway: Arc::clone(gateway),
            hosts: vec![host],
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
            rule_length: 0,
        })
    };
    facts.routes = hosts.into_iter().map(route).collect();
}

/// The hosts of the rules, or the default backend for every host.
fn hosts(object: &Object) -> Vec<(String, String)> {
    let rules = object.spec["rules"]
        .as_array()
        .map_or(&[][..], Vec::as_slice);
    let host = |(index, rule): (usize, &Value)| {
        let host = rule["host"].as_str().unwrap_or_default();
        let field = if host.is_empty() { "" } else { "/host" };
        (format!("/spec/rules/{index}{field}"), host_name(host))
    };
    let hosts: Vec<_> = rules.iter().enumerate().map(host).collect();
    if hosts.is_empty() && object.spec["defaultBackend"].is_object() {
        return vec![("/spec/defaultBackend".to_owned(), "*".to_owned())];
    }
    hosts
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
        self.value("tls.options")
            .is_some_and(|value| value != "default")
            || self
                .0
                .keys()
                .any(|setting| setting.contains("tls") && setting.contains("option"))
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
        let option = option.filter(|(_, value)| !value.is_empty() && *value != "default");
        let option = option.map(|(key, value)| reference(object, key, value));
        (switch.is_some() || children, option)
    }

    /// A setting that Traefik does not know makes it skip the Ingress (`kubernetes.go:279-283`).
    fn dropped(&self, object: &Object, remarks: &mut Vec<Remark>) -> Option<String> {
        let unknown = self.0.iter().find(|(setting, _)| {
            let under_tls = setting.strip_prefix("tls.").map(first_part);
            under_tls.is_some_and(|part| !TLS_SETTINGS.contains(&part))
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

fn first_part(setting: &str) -> &str {
    setting.split(['.', '[']).next().unwrap_or(setting)
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
