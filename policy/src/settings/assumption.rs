//! Defaults that a verdict rests on. Which ones matter is found by asking: the host is settled
//! again with the other value, and the default mattered if the verdict is another.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{GatewayConfig, Part, Settings};
use crate::dialect::{self, Dialect};
use crate::store::Facts;
use crate::{Gateway, HostReport, Object, ObjectFacts};

/// A default of a controller that can change a verdict.
pub struct Assumption {
    /// What is taken for granted, a sentence fragment.
    pub says: &'static str,
    /// The part of the settings that would say otherwise.
    pub part: Part,
    /// Whether an object can come to something else without it, by what it says and how it was
    /// read; most of them cannot, and are not tried.
    pub touches: fn(&Object, &ObjectFacts) -> bool,
    /// Whether objects are read otherwise without it. What is only settled otherwise is not read
    /// again.
    pub reads: bool,
    /// The other values.
    pub otherwise: &'static [fn(&mut GatewayConfig)],
}

/// Takes note, at each host, of the defaults that its verdict rests on. `objects` are those that
/// the facts were read from, `now` the moment (Unix seconds) of the verdicts.
pub fn assume(hosts: &mut [HostReport], facts: &Facts, objects: &[&Object], now: i64) {
    let mut served: BTreeMap<Arc<Gateway>, Vec<&Object>> = BTreeMap::new();
    for object in objects {
        if let Some((_, gateway)) = dialect::gateway_of(object, &facts.settings) {
            served.entry(gateway).or_default().push(object);
        }
    }
    for (gateway, objects) in served {
        if let Some(dialect) = dialect::by_id(gateway.dialect) {
            let trial = Trial {
                dialect,
                gateway,
                facts,
                objects,
                now,
            };
            trial.run(hosts);
        }
    }
}

/// One gateway instance, and the objects that it serves.
struct Trial<'a> {
    dialect: &'static Dialect,
    gateway: Arc<Gateway>,
    facts: &'a Facts,
    objects: Vec<&'a Object>,
    /// Unix seconds.
    now: i64,
}

impl Trial<'_> {
    fn run(&self, hosts: &mut [HostReport]) {
        let config = self
            .facts
            .settings
            .gateway(self.gateway.dialect, &self.gateway.instance);
        for assumption in self.dialect.assumptions {
            if config.knows(assumption.part) || !self.touched(assumption) {
                continue;
            }
            for otherwise in assumption.otherwise {
                let mut other = config.clone();
                otherwise(&mut other);
                self.compare(other, assumption, hosts);
            }
        }
    }

    fn touched(&self, assumption: &Assumption) -> bool {
        self.objects.iter().any(|object| {
            let facts = self.facts.object(&object.id);
            facts.is_some_and(|facts| (assumption.touches)(object, facts))
        })
    }

    /// Settles the instance's hosts with other settings.
    fn compare(&self, other: GatewayConfig, assumption: &Assumption, hosts: &mut [HostReport]) {
        let settings = self.facts.settings.instead(&self.gateway, other);
        let again = assumption.reads.then(|| self.read_again(settings.clone()));
        let facts = again.as_ref().unwrap_or(self.facts);
        let view = facts.view().at(self.now).told(&settings);
        let of_gateway = hosts
            .iter_mut()
            .filter(|host| host.host.key.gateway == self.gateway);
        for host in of_gateway.filter(|host| !host.assumed.contains(&assumption.says)) {
            if dialect::settle(&host.host.key, &view).verdict() != host.verdict {
                host.assumed.push(assumption.says);
            }
        }
    }

    fn read_again(&self, settings: Settings) -> Facts {
        let mut facts = self.facts.with_settings(settings);
        for object in &self.objects {
            let read = dialect::read(object, &facts.settings);
            facts.insert(read);
        }
        facts
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{Seen, Verdict, report};
    use serde_json::{Value, json};

    fn ingress(annotations: Value) -> Object {
        Object::from_value(
            &json!({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
            "metadata": {"name": "api", "namespace": "shop", "annotations": annotations},
            "spec": {"ingressClassName": "nginx", "tls": [{"hosts": ["a.example"]}],
                "rules": [{"host": "a.example", "http": {"paths": []}}]}}),
        )
        .unwrap()
    }

    fn assumed(object: &Object, settings: Settings) -> (Verdict, Vec<&'static str>) {
        let mut facts = Facts::new(settings, Seen::All);
        facts.insert(dialect::read(object, &facts.settings));
        let mut hosts = report(&facts.view(), 0).hosts;
        assume(&mut hosts, &facts, &[object], 0);
        (hosts[0].verdict, hosts[0].assumed.clone())
    }

    #[test]
    fn only_what_decides_is_noted() {
        let foreign = json!({"nginx.ingress.kubernetes.io/auth-tls-secret": "other/ca"});
        let (verdict, noted) = assumed(&ingress(foreign.clone()), Settings::default());
        assert_eq!(verdict, Verdict::Broken);
        // Whether the Secret of the other namespace exists is another question: it does not.
        assert!(noted.is_empty(), "{noted:?}");
        let (_, noted) = assumed(&ingress(json!({})), Settings::default());
        assert!(noted.is_empty(), "{noted:?}");
    }

    #[test]
    fn what_is_told_is_not_assumed() {
        let passed = json!({"nginx.ingress.kubernetes.io/ssl-passthrough": "true",
            "nginx.ingress.kubernetes.io/auth-tls-secret": "shop/ca"});
        let (_, noted) = assumed(&ingress(passed.clone()), Settings::default());
        assert!(
            noted
                .iter()
                .any(|says| says.contains("--enable-ssl-passthrough")),
            "{noted:?}"
        );
        let told = GatewayConfig {
            dialect: "ingress-nginx".to_owned(),
            args_given: true,
            ..GatewayConfig::default()
        };
        let settings = Settings {
            gateways: vec![told],
            ..Settings::default()
        };
        let (_, noted) = assumed(&ingress(passed), settings);
        assert!(
            !noted.iter().any(|says| says.contains("--enable")),
            "{noted:?}"
        );
    }
}
