//! Whether this controller serves an Ingress at all (`store/store.go:1066-1090`), and which other
//! controllers only look like it.

use super::DIALECT;
use super::values::Ingress;
use crate::dialect::Dialect;
use crate::settings::CLASS_ANNOTATION;
use crate::{GatewayConfig, Object, Settings};

/// The controllers of F5 NGINX, whose documentation uses the same class name.
const NAMESAKES: [&str; 2] = ["nginx.org/", "nginx.com/"];

/// What becomes of an Ingress.
pub(super) enum Standing {
    /// The controller serves it.
    Served,
    /// It does not, with the reason.
    Ignored(String),
    /// Another controller serves it, which does not know these annotations.
    Namesake(String),
}

/// Whether a class of another `spec.controller` is this dialect's all the same: a controller with
/// a name of its own (`--controller-class`), or a namesake where the annotations are written for
/// this one.
pub(in crate::dialect) fn claims(
    object: &Object,
    controller: &str,
    settings: &Settings,
) -> Option<&'static Dialect> {
    let told = |config: &GatewayConfig| {
        config.dialect == DIALECT.id && config.flag("controller-class") == Some(controller)
    };
    let renamed = controller.contains(DIALECT.id) || settings.gateways.iter().any(told);
    let meant = || {
        let mut names = object.annotations.keys();
        names.any(|name| name.starts_with(DIALECT.client_auth_prefix))
    };
    (renamed || (is_namesake(controller) && meant())).then_some(&DIALECT)
}

fn is_namesake(controller: &str) -> bool {
    NAMESAKES
        .iter()
        .any(|namesake| controller.starts_with(namesake))
}

impl Ingress<'_> {
    pub(super) fn standing(&self, settings: &Settings) -> Standing {
        let config = &self.controller.config;
        let class = self.object.spec["ingressClassName"].as_str();
        let controller = class.and_then(|class| settings.classes.get(class));
        if let Some(controller) = controller.filter(|controller| is_namesake(controller)) {
            return Standing::Namesake(controller.clone());
        }
        let ignored = match (class, self.object.annotation(CLASS_ANNOTATION)) {
            (Some(class), _) => other_class(class, controller, config),
            (None, Some(word)) => other_word(word, config),
            (None, None) => without_class(config),
        };
        match ignored.or_else(|| self.outside(config)) {
            Some(reason) => Standing::Ignored(reason),
            None => Standing::Served,
        }
    }

    /// `--watch-namespace`, and `--disable-catch-all` (`store/store.go:897`).
    fn outside(&self, config: &GatewayConfig) -> Option<String> {
        let watched = config
            .flag("watch-namespace")
            .filter(|watched| !watched.is_empty());
        if let Some(watched) = watched.filter(|watched| *watched != self.object.id.namespace) {
            return Some(format!("the controller watches namespace {watched} alone"));
        }
        let catch_all = self.object.spec["defaultBackend"].is_object();
        (catch_all && config.is_on("disable-catch-all"))
            .then(|| "spec.defaultBackend is forbidden by --disable-catch-all".to_owned())
    }
}

/// The IngressClass must name this controller, or be the one of `--ingress-class-by-name`. A
/// class that was not seen is taken for one that does.
fn other_class(class: &str, controller: Option<&String>, config: &GatewayConfig) -> Option<String> {
    let wanted = config
        .flag("controller-class")
        .unwrap_or(DIALECT.controller);
    let word = config.flag("ingress-class").unwrap_or(DIALECT.class);
    let by_name = config.is_on("ingress-class-by-name") && class == word;
    let controller = controller.filter(|controller| *controller != wanted && !by_name)?;
    let told =
        config.flag("controller-class").is_some() || config.ingress_class.as_deref() == Some(class);
    told.then(|| {
        format!("IngressClass {class} is that of {controller}, and the controller serves {wanted}")
    })
}

/// The annotation must be the word of `--ingress-class`.
fn other_word(word: &str, config: &GatewayConfig) -> Option<String> {
    let wanted = config
        .flag("ingress-class")
        .filter(|wanted| *wanted != word)?;
    Some(format!(
        "{CLASS_ANNOTATION} {word:?} is not the word of --ingress-class={wanted}"
    ))
}

/// Only where it is said in so many words: the API server may still fill in a default class.
fn without_class(config: &GatewayConfig) -> Option<String> {
    let flag = "watch-ingress-without-class";
    (config.flag(flag).is_some() && !config.is_on(flag)).then(|| {
        "it names no class, and the controller does not watch Ingresses without one".to_owned()
    })
}
