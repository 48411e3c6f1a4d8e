//! What Traefik's own objects say: its pods and static configuration file
//! (`cmd/traefik/traefik.go:58`, `pkg/cli/loader_*.go`).

use serde_json::Value;

use super::{DIALECT, chart};
use crate::object::SecretRef;
use crate::settings::{
    Assumption, ConfigMaps, Container, Installation, Learnt, Part, Workload, scalar,
};
use crate::{GatewayConfig, yaml};

/// `app.kubernetes.io/name` of its pods.
pub(super) const APPS: &[&str] = &["rke2-traefik", "traefik"];
/// Where it looks for its file without being told, most urgent first (`loader_file.go`).
const FILES: [&str; 3] = [
    "/etc/traefik/traefik.toml",
    "/etc/traefik/traefik.yaml",
    "/etc/traefik/traefik.yml",
];
/// The entry point of its own services, on which no router is unless it says so
/// (`DefaultInternalEntryPointName`).
const INTERNAL: &str = "traefik";

/// What the verdicts take for granted where nothing is told.
pub(super) const ASSUMPTIONS: &[Assumption] = &[
    Assumption {
        says: "the entry points are those of the Helm chart: web without TLS and without a \
               redirect, websecure with TLS",
        part: Part::Args,
        touches: |_, _| true,
        reads: true,
        otherwise: &[
            |config| {
                entry_points(
                    config,
                    &[
                        "web.http.redirections.entryPoint.to=websecure",
                        "websecure.http.tls=true",
                    ],
                )
            },
            |config| {
                entry_points(
                    config,
                    &["websecure.asDefault=true", "websecure.http.tls=true"],
                )
            },
            |config| entry_points(config, &[]),
        ],
    },
    Assumption {
        says: "the argument providers.kubernetesCRD.allowCrossNamespace is off",
        part: Part::Args,
        touches: |object, _| object.spec["tls"]["options"].is_object(),
        reads: true,
        otherwise: &[|config| {
            // The entry points stay those that are assumed.
            entry_points(config, &["websecure.http.tls=true"]);
            config
                .args
                .push("--providers.kubernetescrd.allowcrossnamespace=true".to_owned());
        }],
    },
    Assumption {
        says: "the argument core.strictTLSOptions is off",
        part: Part::Args,
        touches: |_, _| true,
        reads: false,
        otherwise: &[|config| {
            entry_points(config, &["websecure.http.tls=true"]);
            config.args.push("--core.strictTLSOptions=true".to_owned());
        }],
    },
    Assumption {
        says: "Traefik is of version 2 where objects are of the group traefik.containo.us",
        part: Part::Version,
        touches: |object, _| object.id.group() == super::OLD_GROUP,
        reads: true,
        otherwise: &[|config| config.version = Some("3.0.0".to_owned())],
    },
    Assumption {
        says: "Traefik is of version 3.7 or newer",
        part: Part::Version,
        touches: |_, _| true,
        reads: true,
        otherwise: &[|config| config.version = Some("3.6.0".to_owned())],
    },
];

fn entry_points(config: &mut GatewayConfig, settings: &[&str]) {
    let addresses = ["web.address=:8000", "websecure.address=:8443"];
    let all = addresses.iter().chain(settings);
    config
        .args
        .extend(all.map(|setting| format!("--entryPoints.{setting}")));
}

pub(super) fn learn(installation: &Installation, maps: &ConfigMaps) -> Option<Learnt> {
    let (config, wanted) = match installation {
        Installation::Workload(workload) => from_pods(workload, maps)?,
        Installation::Release(release) => (chart::settings(release, APPS)?, None),
    };
    Some(Learnt {
        config,
        controller: DIALECT.controller.to_owned(),
        wanted,
    })
}

/// A file wins over arguments, and these over the environment; they are never mixed.
fn from_pods(workload: &Workload, maps: &ConfigMaps) -> Option<(GatewayConfig, Option<SecretRef>)> {
    let container = workload.container(APPS, APPS, |container| {
        container.image_name() == "traefik" || container.image_name().ends_with("-traefik")
    })?;
    let mut config = GatewayConfig {
        version: container.version(),
        args: container.args.clone(),
        ..GatewayConfig::default()
    };
    let (args, wanted) = match file(container, &config, workload, maps) {
        Static::Unseen(map) => (None, map),
        Static::File(args) => (Some(args), None),
        Static::None => (Some(told(container)), None),
    };
    config.args_given = args.is_some();
    config.args = args.map(with_default).map(public).unwrap_or_default();
    Some((config, wanted))
}

/// What there is of a static configuration file.
enum Static {
    None,
    /// It is there, but cannot be read here; the ConfigMap that holds it, if one does.
    Unseen(Option<SecretRef>),
    File(Vec<String>),
}

fn file(
    container: &Container,
    config: &GatewayConfig,
    workload: &Workload,
    maps: &ConfigMaps,
) -> Static {
    let named = config.flag("configfile");
    let paths = match named {
        Some(path) => vec![path],
        None => FILES.to_vec(),
    };
    let place = |path: &&str| container.file(path, maps, &workload.namespace);
    let Some((map, key)) = paths.iter().find_map(place) else {
        return named.map_or(Static::None, |_| Static::Unseen(None));
    };
    let Some(data) = maps.get(&map) else {
        return Static::Unseen(Some(map));
    };
    let text = data.get(&key).map(String::as_str).unwrap_or_default();
    match yaml::parse(text) {
        Ok(value) if !key.ends_with(".toml") => Static::File(flags(&value)),
        _ => Static::Unseen(None),
    }
}

/// Arguments, or else the variables `TRAEFIK_…`.
fn told(container: &Container) -> Vec<String> {
    let flags = container.args.iter().filter(|arg| arg.starts_with("--"));
    let flags: Vec<_> = flags.cloned().collect();
    if !flags.is_empty() {
        return flags;
    }
    let variables = container.env.iter().filter_map(|(name, value)| {
        let name = name.strip_prefix("TRAEFIK_")?.replace('_', ".");
        Some(format!("--{}={}", name.to_lowercase(), value.as_ref()?))
    });
    variables.collect()
}

/// A file's settings as the arguments that say the same.
pub(super) fn flags(value: &Value) -> Vec<String> {
    let mut flags = Vec::new();
    flatten("-", value, &mut flags);
    flags
}

/// An empty mapping switches a setting on, as does `true`.
fn flatten(path: &str, value: &Value, flags: &mut Vec<String>) {
    let below = |key: &str| match path {
        "-" => format!("--{key}"),
        path => format!("{path}.{key}"),
    };
    match value {
        Value::Object(map) if map.is_empty() && path != "-" => flags.push(format!("{path}=true")),
        Value::Object(map) => {
            for (key, value) in map {
                flatten(&below(key), value, flags);
            }
        }
        Value::Array(items) if items.iter().any(Value::is_object) => {
            for (index, item) in items.iter().enumerate() {
                flatten(&format!("{path}[{index}]"), item, flags);
            }
        }
        Value::Array(items) => {
            let items: Vec<_> = items.iter().filter_map(scalar).collect();
            flags.push(format!("{path}={}", items.join(",")));
        }
        value => flags.extend(scalar(value).map(|value| format!("{path}={value}"))),
    }
}

/// Without any entry point there is `http` on port 80 (`static_config.go:293-303`).
fn with_default(mut args: Vec<String>) -> Vec<String> {
    if !args.iter().any(|arg| entry_point(arg).is_some()) {
        args.push("--entryPoints.http.address=:80".to_owned());
    }
    args
}

/// Without the entry points of Traefik's own services: its API, and that of the metrics, which the
/// chart's Service does not show to anybody.
fn public(args: Vec<String>) -> Vec<String> {
    let own = args.iter().filter_map(|arg| {
        let (key, value) = arg.trim_start_matches('-').split_once('=')?;
        let metrics = key.eq_ignore_ascii_case("metrics.prometheus.entrypoint");
        metrics.then(|| value.to_lowercase())
    });
    let own: Vec<_> = own.chain([INTERNAL.to_owned()]).collect();
    let shown = |arg: &String| !entry_point(arg).is_some_and(|name| own.contains(&name));
    args.into_iter().filter(shown).collect()
}

/// The entry point that an argument is about, in lower case.
fn entry_point(arg: &str) -> Option<String> {
    let arg = arg.trim_start_matches('-').to_lowercase();
    let (name, _) = arg.strip_prefix("entrypoints.")?.split_once('.')?;
    Some(name.to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{Object, Settings};
    use serde_json::json;

    fn deployment(container: &Value) -> Value {
        let mut container = container.clone();
        container["name"] = "traefik".into();
        container["image"] = "rancher/mirrored-library-traefik:3.6.4".into();
        json!({"apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "traefik", "namespace": "kube-system"},
            "spec": {"template": {"spec": {"containers": [container],
                "volumes": [{"name": "v", "configMap": {"name": "static"}}]}}}})
    }

    fn learnt(objects: &[Value]) -> GatewayConfig {
        let mut settings = Settings::default();
        for object in objects {
            settings.learn(&Object::from_value(object).unwrap());
        }
        settings.gateway("traefik", "traefik")
    }

    #[test]
    fn arguments_without_the_entry_points_of_its_own() {
        let config = learnt(&[deployment(&json!({"args": [
            "--entryPoints.web.address=:8000/tcp", "--entryPoints.metrics.address=:9100/tcp",
            "--entryPoints.traefik.address=:8080/tcp", "--metrics.prometheus.entrypoint=metrics",
            "--providers.kubernetescrd.allowCrossNamespace"]}))]);
        assert_eq!(config.release(), Some((3, 6)));
        assert!(config.is_on("providers.kubernetescrd.allowcrossnamespace"));
        assert!(config.flag("entrypoints.web.address").is_some());
        assert!(config.flag("entrypoints.metrics.address").is_none());
        assert!(config.flag("entrypoints.traefik.address").is_none());
    }

    #[test]
    fn the_environment_where_there_are_no_arguments() {
        let env = json!([{"name": "TRAEFIK_ENTRYPOINTS_WEB_ADDRESS", "value": ":80"}, {"name": "HOME", "value": "/"}]);
        let config = learnt(&[deployment(
            &json!({"env": env, "command": ["/usr/local/bin/traefik"]}),
        )]);
        assert_eq!(config.flag("entryPoints.web.address"), Some(":80"));
        let config = learnt(&[deployment(&json!({"env": env, "args": ["--ping"]}))]);
        assert_eq!(config.flag("entryPoints.web.address"), None);
        assert_eq!(config.flag("entryPoints.http.address"), Some(":80"));
    }

    #[test]
    fn a_file_wins_over_arguments() {
        let container = json!({"args": ["--entryPoints.x.address=:1"],
            "volumeMounts": [{"name": "v", "mountPath": "/etc/traefik"}]});
        let file = "entryPoints:\n  secure:\n    address: :443\n    http:\n      tls: {}\nproviders:\n  kubernetesCRD:\n    namespaces: [a, b]\n";
        let map = json!({"apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "static", "namespace": "kube-system"}, "data": {"traefik.yml": file}});
        let config = learnt(&[map, deployment(&container)]);
        assert!(config.is_on("entrypoints.secure.http.tls"));
        assert_eq!(
            config.flag("providers.kubernetescrd.namespaces"),
            Some("a,b")
        );
        assert_eq!(config.flag("entrypoints.x.address"), None);
        // Whether the folder has the file is not known: nothing is taken from the arguments.
        assert!(!learnt(&[deployment(&container)]).knows(Part::Args));
    }
}
