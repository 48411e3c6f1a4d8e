//! What the objects tell of the controllers: their Deployments, the charts' values, and the
//! ConfigMaps that these name.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::release::Release;
use super::workload::Workload;
use super::{GatewayConfig, Settings};
use crate::dialect::{DIALECTS, INGRESS_CLASS};
use crate::object::{Object, ObjectRef, SecretRef};

/// The data of ConfigMaps, by namespace and name.
pub type ConfigMaps = BTreeMap<SecretRef, BTreeMap<String, String>>;

/// The annotation of the class that objects get which name none.
const DEFAULT_CLASS: &str = "ingressclass.kubernetes.io/is-default-class";

/// An object that runs or installs something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Installation {
    /// Its pods.
    Workload(Workload),
    /// The values of its chart.
    Release(Release),
}

/// What an installation tells of a controller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Learnt {
    /// Its settings; `dialect` is filled in by the table.
    pub config: GatewayConfig,
    /// `spec.controller` of the IngressClasses that it serves.
    pub controller: String,
    /// A ConfigMap that it reads and that was not seen.
    pub wanted: Option<SecretRef>,
}

impl Installation {
    fn read(object: &Object) -> Option<Self> {
        Workload::read(object)
            .map(Self::Workload)
            .or_else(|| Release::read(object).map(Self::Release))
    }

    fn namespace(&self) -> &str {
        match self {
            Self::Workload(workload) => &workload.namespace,
            Self::Release(release) => &release.namespace,
        }
    }

    /// What it tells, in the first dialect that recognises it.
    fn learn(&self, maps: &ConfigMaps) -> Option<Learnt> {
        DIALECTS.iter().find_map(|dialect| {
            let mut learnt = (dialect.settings)(self, maps)?;
            dialect.id.clone_into(&mut learnt.config.dialect);
            Some(learnt)
        })
    }
}

impl Settings {
    /// Takes note of what an object tells of a controller or its classes; others are no settings.
    pub fn learn(&mut self, object: &Object) {
        let id = &object.id;
        if INGRESS_CLASS.is(id) {
            let controller = object.spec["controller"].as_str().unwrap_or_default();
            self.classes.insert(id.name.clone(), controller.to_owned());
            match object.annotation(DEFAULT_CLASS) {
                Some("true") => drop(self.default_classes.insert(id.name.clone())),
                _ => drop(self.default_classes.remove(&id.name)),
            }
        } else if id.kind == "GatewayClass" {
            let controller = object.spec["controllerName"].as_str().unwrap_or_default();
            self.gateway_classes
                .insert(id.name.clone(), controller.to_owned());
        } else if id.api_version == "v1" && id.kind == "ConfigMap" {
            let map = SecretRef::new(&id.namespace, &id.name);
            self.config_maps.insert(map, object.texts.clone());
            self.resolve();
        } else if let Some(installation) = Installation::read(object)
            && installation.learn(&self.config_maps).is_some()
        {
            self.installations.insert(Arc::clone(id), installation);
            self.resolve();
        }
    }

    /// Forgets what an object told.
    pub fn forget(&mut self, id: &ObjectRef) {
        if INGRESS_CLASS.is(id) {
            self.classes.remove(&id.name);
            self.default_classes.remove(&id.name);
        } else if id.kind == "GatewayClass" {
            self.gateway_classes.remove(&id.name);
        } else if id.kind == "ConfigMap" {
            self.config_maps
                .remove(&SecretRef::new(&id.namespace, &id.name));
            self.resolve();
        } else if self.installations.remove(id).is_some() {
            self.resolve();
        }
    }

    /// The ConfigMaps that controllers read and that were not seen.
    pub fn wanted(&self) -> BTreeSet<SecretRef> {
        let wanted = self
            .learnt
            .iter()
            .filter_map(|learnt| learnt.wanted.clone());
        wanted.collect()
    }

    /// Learns anew. Where the pods of a controller are seen, its chart's values in the same
    /// namespace say nothing more.
    fn resolve(&mut self) {
        let mut learnt: Vec<(bool, &str, Learnt)> = Vec::new();
        let merged = merged(self.installations.values());
        for installation in &merged {
            let Some(found) = installation.learn(&self.config_maps) else {
                continue;
            };
            let pods = matches!(installation, Installation::Workload(_));
            learnt.push((pods, installation.namespace(), found));
        }
        let told: BTreeSet<_> = learnt
            .iter()
            .filter(|(pods, ..)| *pods)
            .map(|(_, namespace, learnt)| (*namespace, learnt.config.dialect.clone()))
            .collect();
        let says_more = |(pods, namespace, learnt): &&(bool, &str, Learnt)| {
            *pods || !told.contains(&(*namespace, learnt.config.dialect.clone()))
        };
        let learnt = learnt.iter().filter(says_more);
        self.learnt = learnt.map(|(.., learnt)| learnt.clone()).collect();
    }

    /// What the objects tell of the controller behind a gateway instance. Which IngressClass it
    /// serves, the IngressClass says; then the controller's own flag; one that says nothing is
    /// taken where it is the only one.
    pub(super) fn learnt_for(&self, dialect: &str, instance: &str) -> Option<&Learnt> {
        let all: Vec<_> = self
            .learnt
            .iter()
            .filter(|learnt| learnt.config.dialect == dialect)
            .collect();
        let class = |learnt: &&Learnt| learnt.config.ingress_class.as_deref() == Some(instance);
        let controller = self.classes.get(instance);
        if let Some(controller) = controller {
            let serving = all.into_iter();
            let serving = serving.filter(|learnt| learnt.controller == *controller);
            let named = agreed(serving.clone().filter(class));
            return named.or_else(|| agreed(serving));
        }
        let of_any = |learnt: &&Learnt| learnt.config.ingress_class.is_none();
        let named = agreed(all.iter().copied().filter(class));
        named.or_else(|| agreed(all.into_iter()).filter(of_any))
    }

    /// The dialect of the controller that a class or its `spec.controller` leads to.
    pub(crate) fn learnt_dialect(&self, class: &str) -> Option<&str> {
        let leads = |learnt: &&Learnt| match self.classes.get(class) {
            Some(controller) => learnt.controller == *controller,
            None => learnt.config.ingress_class.as_deref() == Some(class),
        };
        let found = self.learnt.iter().find(leads);
        found.map(|learnt| learnt.config.dialect.as_str())
    }
}

/// The first of several that tell the same; where they do not, nothing is known.
fn agreed<'a>(mut all: impl Iterator<Item = &'a Learnt>) -> Option<&'a Learnt> {
    let first = all.next()?;
    all.all(|other| other.config == first.config)
        .then_some(first)
}

/// The installations, with the values of one release laid over one another. k3s lays those of the
/// HelmChartConfig over those of the HelmChart, which is the order of the kinds.
fn merged<'a>(all: impl Iterator<Item = &'a Installation>) -> Vec<Installation> {
    let mut merged: Vec<Installation> = Vec::new();
    for installation in all {
        let Installation::Release(release) = installation else {
            merged.push(installation.clone());
            continue;
        };
        let known = merged.iter_mut().find_map(|known| match known {
            Installation::Release(known)
                if (&known.namespace, &known.name) == (&release.namespace, &release.name) =>
            {
                Some(known)
            }
            _ => None,
        });
        match known {
            Some(known) => known.lay(&release.values),
            None => merged.push(installation.clone()),
        }
    }
    merged
}
