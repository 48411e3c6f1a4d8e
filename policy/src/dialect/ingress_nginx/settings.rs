//! What the controller's own objects say: Deployment and ConfigMap (`pkg/flags/flags.go`).

use serde_json::Value;

use super::{DIALECT, PREFIX, chart};
use crate::fact::{Harm, ObjectFacts};
use crate::object::SecretRef;
use crate::settings::{Assumption, ConfigMaps, Container, Installation, Learnt, Part, Workload};
use crate::{GatewayConfig, Object};

/// `app.kubernetes.io/name` of its pods.
pub(super) const APPS: &[&str] = &["ingress-nginx", "rke2-ingress-nginx"];
/// Names of its container.
const NAMES: [&str; 2] = ["controller", PROGRAM];
/// The program in the image.
const PROGRAM: &str = "nginx-ingress-controller";

/// What the verdicts take for granted where nothing is told.
pub(super) const ASSUMPTIONS: &[Assumption] = &[
    Assumption {
        says: "the controller's flag --default-ssl-certificate is not set",
        part: Part::Args,
        touches: |object, _| is_plain(object),
        reads: false,
        otherwise: &[|config| arg(config, "--default-ssl-certificate=default/default")],
    },
    Assumption {
        says: "the controller's flag --enable-annotation-validation is on",
        part: Part::Args,
        touches: is_closed,
        reads: true,
        otherwise: &[|config| arg(config, "--enable-annotation-validation=false")],
    },
    Assumption {
        says: "the controller's flag --enable-ssl-passthrough is off",
        part: Part::Args,
        touches: |object, _| has(object, "ssl-passthrough"),
        reads: true,
        otherwise: &[|config| arg(config, "--enable-ssl-passthrough")],
    },
    Assumption {
        says: "ConfigMap key allow-cross-namespace-resources is false",
        part: Part::Config,
        touches: |object, _| reaches_out(object),
        reads: true,
        otherwise: &[|config| set(config, "allow-cross-namespace-resources", "true")],
    },
    Assumption {
        says: "ConfigMap key allow-snippet-annotations is false",
        part: Part::Config,
        touches: |object, _| ends(object, "-snippet"),
        reads: true,
        otherwise: &[|config| set(config, "allow-snippet-annotations", "true")],
    },
    Assumption {
        says: "ConfigMap key annotations-risk-level is High",
        part: Part::Config,
        touches: is_closed,
        reads: true,
        otherwise: &[|config| set(config, "annotations-risk-level", "Critical")],
    },
    Assumption {
        says: "ConfigMap key force-ssl-redirect is false",
        part: Part::Config,
        touches: |object, _| is_plain(object),
        reads: false,
        otherwise: &[|config| set(config, "force-ssl-redirect", "true")],
    },
    Assumption {
        says: "ConfigMap key ssl-redirect is true",
        part: Part::Config,
        touches: |object, _| !has(object, "ssl-redirect"),
        reads: false,
        otherwise: &[|config| set(config, "ssl-redirect", "false")],
    },
    Assumption {
        says: "ConfigMap key use-forwarded-headers is false",
        part: Part::Config,
        touches: |_, _| true,
        reads: false,
        otherwise: &[|config| set(config, "use-forwarded-headers", "true")],
    },
    Assumption {
        says: "the controller is of version 1.12 or newer",
        part: Part::Version,
        touches: is_closed,
        reads: true,
        otherwise: &[|config| config.version = Some("1.11.8".to_owned())],
    },
];

/// Whether the controller finds fault with it, or with the Secret that it names.
fn is_closed(object: &Object, facts: &ObjectFacts) -> bool {
    let mut remarks = facts.remarks.iter();
    reaches_out(object) || remarks.any(|remark| remark.harm == Harm::Closes)
}

/// Whether a host of it may be served without TLS: no redirect, or no certificate for it.
fn is_plain(object: &Object) -> bool {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let entries = list(&object.spec["tls"]);
    let named: Vec<_> = entries
        .iter()
        .flat_map(|entry| list(&entry["hosts"]))
        .collect();
    let unnamed = entries.iter().any(|entry| !entry["secretName"].is_string());
    let rules = list(&object.spec["rules"]);
    unnamed
        || has(object, "ssl-redirect")
        || has(object, "force-ssl-redirect")
        || rules.is_empty()
        || rules.iter().any(|rule| !named.contains(&rule["host"]))
}

/// Whether it names the Secret of another namespace.
fn reaches_out(object: &Object) -> bool {
    let secret = object.annotation(&format!("{PREFIX}auth-tls-secret"));
    let namespace = secret.and_then(|secret| secret.trim().split_once('/'));
    namespace.is_some_and(|(namespace, _)| namespace != object.id.namespace)
}

fn ends(object: &Object, suffix: &str) -> bool {
    let mut names = object.annotations.keys();
    names.any(|name| name.ends_with(suffix))
}

fn arg(config: &mut GatewayConfig, arg: &str) {
    config.args.push(arg.to_owned());
}

fn has(object: &Object, suffix: &str) -> bool {
    object.annotation(&format!("{PREFIX}{suffix}")).is_some()
}

fn set(config: &mut GatewayConfig, key: &str, value: &str) {
    config.config.insert(key.to_owned(), value.to_owned());
}

pub(super) fn learn(installation: &Installation, maps: &ConfigMaps) -> Option<Learnt> {
    match installation {
        Installation::Workload(workload) => from_pods(workload, maps),
        Installation::Release(release) => chart::settings(release),
    }
}

fn from_pods(workload: &Workload, maps: &ConfigMaps) -> Option<Learnt> {
    let container = workload.container(APPS, &NAMES, is_controller)?;
    let mut config = GatewayConfig {
        version: container.version(),
        args: container.args.clone(),
        args_given: true,
        ..GatewayConfig::default()
    };
    let map = config.flag("configmap").and_then(reference);
    let data = map.as_ref().and_then(|map| maps.get(map));
    // Without the flag there is no ConfigMap, and its defaults are known to hold.
    config.config_given = map.is_none() || data.is_some();
    config.config = data.cloned().unwrap_or_default();
    let wanted = map.filter(|_| data.is_none());
    Some(learnt(config, wanted))
}

/// The program, or its image: `ingress-nginx/controller` and its renamed copies.
fn is_controller(container: &Container) -> bool {
    let program = |arg: &String| arg.rsplit('/').next() == Some(PROGRAM);
    let image = container.image_name();
    container.args.iter().any(program)
        || image == PROGRAM
        || container.image.contains("ingress-nginx/controller")
        || image.starts_with("ingress-nginx-controller")
}

fn reference(value: &str) -> Option<SecretRef> {
    let (namespace, name) = value.split_once('/')?;
    Some(SecretRef::new(namespace, name))
}

/// Which classes it serves: `--controller-class`, and `--ingress-class` by name.
pub(super) fn learnt(mut config: GatewayConfig, wanted: Option<SecretRef>) -> Learnt {
    let controller = config
        .flag("controller-class")
        .unwrap_or(DIALECT.controller);
    let controller = controller.to_owned();
    config.ingress_class = config.flag("ingress-class").map(str::to_owned);
    Learnt {
        config,
        controller,
        wanted,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use crate::settings::Part;
    use crate::{GatewayConfig, Object, Settings};
    use serde_json::{Value, json};

    fn deployment(name: &str, args: Value) -> Value {
        json!({"apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": name, "namespace": "edge"},
            "spec": {"template": {"spec": {"containers": [{"name": "controller",
                "image": "registry.k8s.io/ingress-nginx/controller:v1.15.1@sha256:00", "args": args,
                "env": [{"name": "POD_NAMESPACE",
                    "valueFrom": {"fieldRef": {"fieldPath": "metadata.namespace"}}}]}]}}}})
    }

    fn class(name: &str, controller: &str) -> Value {
        json!({"apiVersion": "networking.k8s.io/v1", "kind": "IngressClass",
            "metadata": {"name": name}, "spec": {"controller": controller}})
    }

    fn config_map(name: &str, key: &str) -> Value {
        json!({"apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": name, "namespace": "edge"}, "data": {key: "true"}})
    }

    fn settings(objects: &[Value]) -> Settings {
        let mut settings = Settings::default();
        for object in objects {
            settings.learn(&Object::from_value(object).unwrap());
        }
        settings
    }

    fn nginx(objects: &[Value]) -> GatewayConfig {
        settings(objects).gateway("ingress-nginx", "nginx")
    }

    #[test]
    fn the_pods_and_their_config_map_in_any_order() {
        let args = json!([
            "/nginx-ingress-controller",
            "--configmap=$(POD_NAMESPACE)/c",
            "--enable-ssl-passthrough"
        ]);
        let mut objects = vec![
            deployment("c", args),
            config_map("c", "force-ssl-redirect"),
            config_map("other", "x"),
        ];
        for _ in 0..2 {
            let config = nginx(&objects);
            assert_eq!(config.version.as_deref(), Some("v1.15.1"));
            assert!(config.is_on("enable-ssl-passthrough") && config.knows(Part::Args));
            assert!(config.config_is_on("force-ssl-redirect", false) && config.knows(Part::Config));
            objects.reverse();
        }
    }

    #[test]
    fn a_config_map_that_was_not_seen_is_wanted_and_assumed() {
        let args = json!(["--configmap=edge/c"]);
        let settings = settings(&[deployment("c", args)]);
        assert_eq!(settings.wanted().len(), 1);
        assert!(
            !settings
                .gateway("ingress-nginx", "nginx")
                .knows(Part::Config)
        );
        assert!(nginx(&[deployment("c", json!(["--x"]))]).knows(Part::Config));
    }

    #[test]
    fn each_class_leads_to_its_own_controller() {
        let args = |class: &str, map: &str| {
            json!([
                "/nginx-ingress-controller",
                format!("--controller-class={class}"),
                format!("--configmap=edge/{map}"),
                "--ingress-class=nginx"
            ])
        };
        let objects = [
            deployment("a", args("k8s.io/ingress-nginx", "a")),
            deployment("b", args("k8s.io/internal", "b")),
            config_map("a", "of-a"),
            config_map("b", "of-b"),
            class("nginx", "k8s.io/ingress-nginx"),
            class("inside", "k8s.io/internal"),
        ];
        let settings = settings(&objects);
        let of = |class: &str| settings.gateway("ingress-nginx", class).config;
        assert!(of("nginx").contains_key("of-a") && of("inside").contains_key("of-b"));
        assert!(of("third").is_empty());
        let ingress = json!({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
            "metadata": {"name": "a", "namespace": "n"}, "spec": {"ingressClassName": "inside"}});
        let object = Object::from_value(&ingress).unwrap();
        let (dialect, gateway) = crate::dialect::gateway_of(&object, &settings).unwrap();
        assert_eq!(
            (dialect.id, gateway.instance.as_str()),
            ("ingress-nginx", "inside")
        );
    }

    #[test]
    fn what_two_controllers_tell_differently_is_not_known() {
        let mut backend = deployment("backend", json!([]));
        let pod = &mut backend["spec"]["template"];
        pod["metadata"]["labels"]["app.kubernetes.io/name"] = "ingress-nginx".into();
        pod["spec"]["containers"][0]["name"] = "default-backend".into();
        pod["spec"]["containers"][0]["image"] = "registry.k8s.io/defaultbackend-amd64:1.5".into();
        let args = |on: &str| json!(["/nginx-ingress-controller", format!("--v={on}")]);
        let (a, b) = (deployment("a", args("1")), deployment("b", args("2")));
        assert_eq!(nginx(&[a.clone(), backend]).flag("v"), Some("1"));
        assert_eq!(nginx(&[a, b]), GatewayConfig::default());
    }

    #[test]
    fn a_configured_controller_is_completed_and_hides_others() {
        let of_objects = settings(&[deployment("c", json!(["--x"]))]);
        let found = of_objects.controllers(&super::DIALECT);
        assert_eq!((found.len(), found[0].is_on("x")), (1, true));
        let mut both = Settings::new(vec![GatewayConfig {
            dialect: "ingress-nginx".to_owned(),
            args: vec!["--y".to_owned()],
            ..GatewayConfig::default()
        }]);
        both.learn(&Object::from_value(&deployment("c", json!(["--x"]))).unwrap());
        let found = both.controllers(&super::DIALECT);
        assert_eq!(
            (found.len(), found[0].is_on("x"), found[0].is_on("y")),
            (1, false, true)
        );
        assert_eq!(found[0].version.as_deref(), Some("v1.15.1"));
    }

    #[test]
    fn other_controllers_named_nginx_are_not_this_one() {
        let mut other = deployment("c", json!(["-nginx-plus=false"]));
        other["spec"]["template"]["spec"]["containers"][0]["image"] =
            "nginx/nginx-ingress:5.2.0".into();
        assert_eq!(nginx(&[other]), GatewayConfig::default());
    }
}
