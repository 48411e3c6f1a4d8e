//! Ingresses of class `nginx` that Traefik serves in ingress-nginx' place
//! (`pkg/provider/kubernetes/ingress-nginx`, from Traefik 3.5 on): which of its annotations count,
//! and as what.

use std::sync::Arc;

use serde_json::{Value, json};

use super::DIALECT;
use super::entry_point::entry_points;
use super::ingress::{IngressRule, rules};
use super::nginx_words as words;
use super::reference::normalized;
use super::version::{NGINX_CLIENT_AUTH, Since, has};
use crate::bundle::Bundle;
use crate::dialect::{INGRESS, WriteRequest, host_name};
use crate::fact::{
    Demand, Malformed, Matching, Mode, ObjectFacts, OptionTarget, OptionUse, PlainHttp, Protocol,
    Route, TlsOption, TrustRef,
};
use crate::lookup::Lookup;
use crate::object::{SecretRef, annotation_pointer};
use crate::settings::class_of;
use crate::site::Site;
use crate::trust::TrustState;
use crate::view::View;
use crate::{Gateway, GatewayConfig, Object, Settings};

pub(super) const PREFIX: &str = "nginx.ingress.kubernetes.io/";
const FLAG: &str = "providers.kubernetesingressnginx";

/// Ingresses with the same demand share an option from here on; before, each has its own, and two
/// on one host are in conflict (`build.go:346`).
const SHARED_OPTIONS: Since = &[(3, 7, 10)];

/// Whether the provider reads an Ingress (`shouldProcess`, `build.go:953-965`).
pub(in crate::dialect) fn reads(object: &Object, settings: &Settings) -> bool {
    let serves =
        |config: &GatewayConfig| is_on(config) && serves(config, class_of(object), settings);
    INGRESS.is(&object.id) && settings.controllers(&DIALECT).iter().any(serves)
}

fn is_on(config: &GatewayConfig) -> bool {
    let names_it = |arg: &String| {
        let arg = arg.trim_start_matches('-').to_lowercase();
        arg.starts_with(FLAG)
    };
    config.args.iter().any(names_it) && config.flag(FLAG) != Some("false")
}

fn serves(config: &GatewayConfig, class: Option<&str>, settings: &Settings) -> bool {
    let flag = |name: &str| config.flag(&format!("{FLAG}.{name}"));
    let Some(class) = class else {
        return config.is_on(&format!("{FLAG}.watchingresswithoutclass"));
    };
    let controller = flag("controllerclass").unwrap_or("k8s.io/ingress-nginx");
    match settings.classes.get(class) {
        Some(of_class) => of_class == controller,
        None => {
            let told = config.ingress_class.as_deref() == Some(class);
            class == flag("ingressclass").unwrap_or("nginx") || (told && !class.contains("traefik"))
        }
    }
}

pub(super) fn read(
    object: &Object,
    gateway: &Arc<Gateway>,
    config: &GatewayConfig,
    facts: &mut ObjectFacts,
) {
    let ingress = Ingress {
        object,
        gateway,
        config,
    };
    facts.remarks.extend(words::remarks(object, config));
    if ingress.is_on("canary") {
        return;
    }
    let option = ingress
        .option()
        .filter(|_| !ingress.is_on("ssl-passthrough"));
    for rule in ingress.rules() {
        facts.routes.extend(ingress.routes(rule, option.as_ref()));
    }
    facts.options.extend(option.map(Arc::new));
}

struct Ingress<'a> {
    object: &'a Object,
    gateway: &'a Arc<Gateway>,
    config: &'a GatewayConfig,
}

impl Ingress<'_> {
    fn value(&self, suffix: &str) -> Option<&str> {
        words::value(self.object, suffix)
    }

    /// Only `true` is true, in any case (`annotations.go:155-157`).
    fn is_on(&self, suffix: &str) -> bool {
        words::is_on(self.object, suffix)
    }

    fn site(&self, suffix: &str) -> Site {
        let pointer = annotation_pointer(&format!("{PREFIX}{suffix}"));
        Site::new(&self.object.id, pointer)
    }

    /// The rules with paths, and those without where the Ingress has a default backend.
    fn rules(&self) -> Vec<IngressRule> {
        let mut all = rules(self.object);
        if !self.object.spec["defaultBackend"].is_object() {
            return all;
        }
        let list = self.object.spec["rules"].as_array();
        for (index, rule) in list.into_iter().flatten().enumerate() {
            let host = rule["host"].as_str().unwrap_or_default();
            if rule["http"]["paths"].is_null() {
                all.push(IngressRule {
                    pointer: format!("/spec/rules/{index}/host"),
                    host: host_name(host),
                    length: host.len(),
                    whole: true,
                    challenge: false,
                });
            }
        }
        all
    }

    /// The option that the provider makes of `auth-tls-secret` (`build.go:824-855`).
    fn option(&self) -> Option<TlsOption> {
        let spelt = self.value("auth-tls-secret")?;
        if !has(self.config, NGINX_CLIENT_AUTH) {
            return None;
        }
        let verify = self.value("auth-tls-verify-client");
        let mode = words::mode(verify);
        let trust = self.trust(spelt);
        let told = verify.map_or("auth-tls-secret", |_| "auth-tls-verify-client");
        Some(TlsOption {
            site: self.site("auth-tls-secret"),
            gateway: Arc::clone(self.gateway),
            id: self.option_id(spelt, verify.unwrap_or("on")),
            demand: Some(Demand {
                mode,
                site: self.site(told),
                spelt: verify.unwrap_or_default().to_owned(),
                trust: vec![trust.clone()],
                subject: self.value("auth-tls-match-cn").map(str::to_owned),
            }),
            trust: vec![trust],
            mode: Some(mode),
            unusable: None,
        })
    }

    fn option_id(&self, secret: &str, verify: &str) -> String {
        let id = &self.object.id;
        let name = if has(self.config, SHARED_OPTIONS) {
            format!("{secret}-{verify}")
        } else {
            format!("{}-{}-{secret}", id.namespace, id.name)
        };
        format!("{}@kubernetesingressnginx", normalized(&name))
    }

    fn trust(&self, spelt: &str) -> TrustRef {
        let target = match spelt.split_once('/') {
            None if spelt.is_empty() => Err(Malformed::Empty),
            None => Err(Malformed::NoNamespace),
            Some((namespace, name)) if namespace.is_empty() || name.is_empty() => {
                Err(Malformed::WrongParts)
            }
            Some((namespace, name)) => Ok(SecretRef::new(namespace, name)),
        };
        let crosses = self
            .config
            .is_on(&format!("{FLAG}.allowcrossnamespaceresources"));
        let own = &self.object.id.namespace;
        let elsewhere = |target: &SecretRef| target.namespace != *own;
        TrustRef {
            site: self.site("auth-tls-secret"),
            spelt: spelt.to_owned(),
            foreign: !crosses && target.as_ref().is_ok_and(elsewhere),
            target,
            repair: None,
        }
    }

    /// A router with TLS on the entry points for it, or on all, and one without on the others
    /// (`translator.go:190-230`).
    fn routes(&self, rule: IngressRule, option: Option<&TlsOption>) -> Vec<Arc<Route>> {
        let passthrough = self.is_on("ssl-passthrough");
        let secure = Route {
            protocol: if passthrough {
                Protocol::Passthrough
            } else {
                Protocol::Http
            },
            tls: true,
            entry_points: self.entry_point("httpsentrypoint").into_iter().collect(),
            option: option
                .filter(|_| rule.pointer != "/spec/defaultBackend")
                .map(option_use),
            ..self.route(&rule)
        };
        let plain = Route {
            entry_points: self.plain_entry_points(),
            ..self.route(&rule)
        };
        let routes = [Some(secure), (!passthrough).then_some(plain)];
        routes.into_iter().flatten().map(Arc::new).collect()
    }

    fn route(&self, rule: &IngressRule) -> Route {
        let aliases = self.value("server-alias").unwrap_or_default().split(',');
        let aliases = aliases.map(str::trim).filter(|alias| !alias.is_empty());
        let hostless = rule.host == "*";
        let mut hosts = vec![rule.host.clone()];
        hosts.extend(aliases.map(host_name).filter(|_| !hostless));
        Route {
            site: Site::new(&self.object.id, rule.pointer.clone()),
            gateway: Arc::clone(self.gateway),
            hosts,
            created: self.object.created.clone(),
            protocol: Protocol::Http,
            entry_points: Vec::new(),
            tls: false,
            demand: None,
            option: None,
            plain: PlainHttp {
                redirect: Some(self.redirects()),
                ..PlainHttp::default()
            },
            dropped: None,
            mentions: words::mentions(self.object),
            rule_length: rule.length,
            matching: Matching {
                hostless,
                whole: rule.whole,
                challenge: rule.challenge,
                ..Matching::default()
            },
        }
    }

    /// `buildSSLRedirect` (`middleware.go:46-54`).
    fn redirects(&self) -> bool {
        let tls = self.object.spec["tls"].as_array();
        let tls = tls.is_some_and(|tls| !tls.is_empty());
        let allowed = self.value("ssl-redirect").is_none() || self.is_on("ssl-redirect");
        self.is_on("force-ssl-redirect") || (tls && allowed)
    }

    fn entry_point(&self, flag: &str) -> Option<String> {
        let name = self.config.flag(&format!("{FLAG}.{flag}"))?;
        (!name.is_empty()).then(|| name.to_owned())
    }

    fn plain_entry_points(&self) -> Vec<String> {
        if let Some(named) = self.entry_point("httpentrypoint") {
            return vec![named];
        }
        let entries = entry_points(self.config).into_iter();
        entries
            .filter(|entry| !entry.tls)
            .map(|entry| entry.name)
            .collect()
    }
}

fn option_use(option: &TlsOption) -> OptionUse {
    OptionUse {
        site: option.site.clone(),
        spelt: option.id.clone(),
        target: OptionTarget::Id(option.id.clone()),
        candidates: Vec::new(),
        foreign: false,
        repair: None,
    }
}

/// Whether an option is one that this provider made.
pub(super) fn made(option: &TlsOption) -> bool {
    INGRESS.is(&option.site.object)
}

/// `certificateBlocks` (`build.go:755-789`): `ca.crt` alone counts; without it the Ingress is
/// skipped, with garbage in it the option is broken.
pub(super) fn select(bundle: &Bundle) -> TrustState {
    match bundle.certificates("ca.crt") {
        None => TrustState::Skipped("it has no key ca.crt".to_owned()),
        Some(ca) if ca.certificates.is_empty() => {
            TrustState::Unusable("its ca.crt holds no certificate".to_owned())
        }
        Some(_) => TrustState::Usable { key: "ca.crt" },
    }
}

/// Whether Traefik skips the Ingress of a route, because its client CA cannot be had
/// (`build.go:351-357`): requests then go to whatever else serves the host.
pub(super) fn is_skipped(route: &Route, view: &View<'_>) -> bool {
    let Some(OptionTarget::Id(id)) = route.option.as_ref().map(|option| &option.target) else {
        return false;
    };
    let options = view.options(&route.gateway, id);
    let mut trust = options
        .iter()
        .filter(|option| made(option) && option.site.object == route.site.object)
        .flat_map(|option| &option.trust);
    trust.any(|trust| match &trust.target {
        Err(_) => true,
        Ok(_) if trust.foreign => true,
        Ok(secret) => match view.bundle(secret) {
            Some(Lookup::Found(bundle)) => matches!(select(&bundle), TrustState::Skipped(_)),
            Some(Lookup::Missing) => true,
            Some(Lookup::Unknown(_)) | None => false,
        },
    })
}

/// Puts an Ingress behind a CA in the words that the provider reads.
pub(super) fn write(request: &WriteRequest<'_>, verify: &str) -> Result<Vec<Value>, String> {
    let id = &*request.object.id;
    if request.trust.namespace != id.namespace {
        return Err(format!(
            "Traefik skips an Ingress whose auth-tls-secret is in another namespace: {}",
            request.trust
        ));
    }
    Ok(vec![json!({
        "apiVersion": id.api_version,
        "kind": id.kind,
        "metadata": {"name": id.name, "namespace": id.namespace, "annotations": {
            format!("{PREFIX}auth-tls-secret"): request.trust.to_string(),
            format!("{PREFIX}auth-tls-verify-client"): verify,
            format!("{PREFIX}auth-tls-pass-certificate-to-upstream"): "true",
        }},
    })])
}

/// Whether a demand is about subjects too, which the provider never compares.
pub(super) fn forgets_subject(option: &TlsOption) -> bool {
    let demand = option.demand.as_ref();
    made(option)
        && demand.is_some_and(|demand| demand.mode == Mode::Required && demand.subject.is_some())
}
