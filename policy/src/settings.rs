//! What a gateway is told outside the objects that route: version, flags, ConfigMap,
//! IngressClasses. From the configuration, and from the objects of the controller itself.
//!
//! What holds is decided part by part (version, arguments, ConfigMap): the configuration where it
//! says the part; else what the controller's objects tell; else the controller's defaults, which
//! are then assumed (see [`assume`]).

mod assumption;
mod config;
mod learnt;
mod release;
mod workload;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::dialect::Dialect;
use crate::{Gateway, Object, ObjectRef};

pub use assumption::{Assumption, assume};
pub use config::{GatewayConfig, Part};
pub use learnt::{ConfigMaps, Installation, Learnt};
pub use release::Release;
pub(crate) use release::{merge, scalar};
pub(crate) use workload::version;
pub use workload::{Container, Workload};

/// The annotation that named an Ingress' class before `spec.ingressClassName`.
pub const CLASS_ANNOTATION: &str = "kubernetes.io/ingress.class";

/// Everything that is known about the gateways themselves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// One entry for every controller that the configuration names.
    pub gateways: Vec<GatewayConfig>,
    /// IngressClass name to `spec.controller`, as far as seen.
    pub classes: BTreeMap<String, String>,
    /// GatewayClass name to `spec.controllerName`, as far as seen.
    pub gateway_classes: BTreeMap<String, String>,
    /// IngressClasses that objects get which name none.
    pub default_classes: BTreeSet<String>,
    installations: BTreeMap<Arc<ObjectRef>, Installation>,
    config_maps: ConfigMaps,
    learnt: Vec<Learnt>,
    /// What to say of one gateway instance instead: dialect, instance, settings.
    instead: Option<Box<(&'static str, String, GatewayConfig)>>,
}

impl Settings {
    /// What a configuration says; nothing else is known yet.
    pub fn new(gateways: Vec<GatewayConfig>) -> Self {
        Self {
            gateways,
            ..Self::default()
        }
    }

    /// The same, but of one gateway other settings.
    #[must_use]
    pub fn instead(&self, gateway: &Gateway, config: GatewayConfig) -> Self {
        let instead = (gateway.dialect, gateway.instance.clone(), config);
        Self {
            instead: Some(Box::new(instead)),
            ..self.clone()
        }
    }

    /// The settings of one gateway; the controller's defaults where nothing is known.
    pub fn gateway(&self, dialect: &str, instance: &str) -> GatewayConfig {
        if let Some(instead) = &self.instead {
            let (for_dialect, for_instance, config) = &**instead;
            if (*for_dialect, for_instance.as_str()) == (dialect, instance) {
                return config.clone();
            }
        }
        let configured = self.configured(dialect, instance).cloned();
        match self.learnt_for(dialect, instance) {
            Some(learnt) => configured.unwrap_or_default().or(&learnt.config),
            None => configured.unwrap_or_default(),
        }
    }

    /// Every controller of a dialect that is known: those of the configuration, completed by what
    /// their objects tell; without any, those of which objects tell.
    pub fn controllers(&self, dialect: &Dialect) -> Vec<GatewayConfig> {
        let of_dialect = |config: &&GatewayConfig| config.dialect == dialect.id;
        let configured: Vec<_> = self.gateways.iter().filter(of_dialect).collect();
        if configured.is_empty() {
            let learnt = self.learnt.iter().map(|learnt| &learnt.config);
            return learnt.filter(of_dialect).cloned().collect();
        }
        let completed = |config: &GatewayConfig| {
            let class = config.ingress_class.as_deref().unwrap_or(dialect.class);
            match self.learnt_for(dialect.id, class) {
                Some(learnt) => config.clone().or(&learnt.config),
                None => config.clone(),
            }
        };
        configured.into_iter().map(completed).collect()
    }

    /// What the configuration says of one gateway.
    fn configured(&self, dialect: &str, instance: &str) -> Option<&GatewayConfig> {
        let named = |config: &&GatewayConfig| {
            config.dialect == dialect && config.ingress_class.as_deref() == Some(instance)
        };
        let sole =
            |config: &&GatewayConfig| config.dialect == dialect && config.ingress_class.is_none();
        let mut gateways = self.gateways.iter();
        gateways
            .find(named)
            .or_else(|| self.gateways.iter().find(sole))
    }

    /// The only IngressClass that objects get which name none.
    pub(crate) fn default_class(&self) -> Option<&str> {
        let mut classes = self.default_classes.iter();
        classes
            .next()
            .filter(|_| self.default_classes.len() == 1)
            .map(String::as_str)
    }

    /// The default class of a controller.
    pub(crate) fn default_class_of(&self, controller: &str) -> Option<&str> {
        let serves = |name: &&String| self.classes.get(*name).is_some_and(|who| who == controller);
        self.default_classes.iter().find(serves).map(String::as_str)
    }
}

/// The class that an Ingress asks for; `spec.ingressClassName` goes before the annotation.
pub(crate) fn class_of(object: &Object) -> Option<&str> {
    object.spec["ingressClassName"]
        .as_str()
        .or_else(|| object.annotation(CLASS_ANNOTATION))
        .filter(|class| !class.is_empty())
}
