//! What the objects of APISIX and its ingress controller say (apache/apisix-ingress-controller,
//! `internal/controller/config`; apache/apisix-helm-chart, `charts/apisix`).

use super::DIALECT;
use crate::object::SecretRef;
use crate::settings::{
    Assumption, ConfigMaps, Container, Installation, Learnt, Part, Release, Workload, scalar,
    version,
};
use crate::{GatewayConfig, yaml};

/// `app.kubernetes.io/name` of the controller's pods, and the charts' names.
pub(super) const APPS: &[&str] = &["apisix", "apisix-ingress-controller", "ingress-controller"];
/// The controller's image and program.
const CONTROLLER: &str = "apisix-ingress-controller";
/// Where its file is unless `--config` says so.
const FILE: &str = "/app/conf/config.yaml";
/// The chart's value that takes the plain port away.
const PLAIN_PORT: &str = "service.http.enabled";

/// What the verdicts take for granted where nothing is told.
pub(super) const ASSUMPTIONS: &[Assumption] = &[Assumption {
    says: "plain HTTP is served: service.http.enabled is true",
    part: Part::Config,
    touches: |_, _| true,
    reads: false,
    otherwise: &[|config| {
        config
            .config
            .insert(PLAIN_PORT.to_owned(), "false".to_owned());
    }],
}];

pub(super) fn learn(installation: &Installation, maps: &ConfigMaps) -> Option<Learnt> {
    match installation {
        Installation::Workload(workload) => from_pods(workload, maps),
        Installation::Release(release) => from_values(release),
    }
}

/// The controller's pods; those of APISIX itself do not tell what its Service shows.
fn from_pods(workload: &Workload, maps: &ConfigMaps) -> Option<Learnt> {
    let is_controller = |container: &Container| {
        container.image_name() == CONTROLLER
            || container
                .args
                .iter()
                .any(|arg| arg.rsplit('/').next() == Some(CONTROLLER))
    };
    let container = workload.container(APPS, &[CONTROLLER, "manager"], is_controller)?;
    let config = GatewayConfig {
        version: container.version(),
        args: container.args.clone(),
        args_given: true,
        ..GatewayConfig::default()
    };
    let (controller, wanted) = controller(container, &config, workload, maps);
    Some(Learnt {
        controller: controller.unwrap_or_else(|| DIALECT.controller.to_owned()),
        config,
        wanted,
    })
}

/// `controller_name` of the file, and the ConfigMap where it was not seen.
fn controller(
    container: &Container,
    config: &GatewayConfig,
    workload: &Workload,
    maps: &ConfigMaps,
) -> (Option<String>, Option<SecretRef>) {
    let path = config.flag("config").or(config.flag("config-path"));
    let Some((map, key)) = container.file(path.unwrap_or(FILE), maps, &workload.namespace) else {
        return (None, None);
    };
    let Some(data) = maps.get(&map) else {
        return (None, Some(map));
    };
    let file = data.get(&key).and_then(|text| yaml::parse(text).ok());
    let name = file.and_then(|file| scalar(&file["controller_name"]));
    (name, None)
}

fn from_values(release: &Release) -> Option<Learnt> {
    if release.chart != DIALECT.id {
        return None;
    }
    let plain = scalar(release.value(&["service", "http", "enabled"]));
    let plain = plain.unwrap_or_else(|| "true".to_owned());
    let tag = release.value(&["ingress-controller", "deployment", "image", "tag"]);
    Some(Learnt {
        config: GatewayConfig {
            version: tag.as_str().and_then(version),
            config: [(PLAIN_PORT.to_owned(), plain)].into(),
            config_given: true,
            ..GatewayConfig::default()
        },
        controller: DIALECT.controller.to_owned(),
        wanted: None,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::PLAIN_PORT;
    use crate::{Object, Settings};
    use serde_json::json;

    #[test]
    fn the_controller_and_its_name() {
        let deployment = json!({"apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "c", "namespace": "edge"},
            "spec": {"template": {"spec": {"containers": [{"name": "manager",
                "image": "apache/apisix-ingress-controller:2.2.0",
                "volumeMounts": [{"name": "v", "mountPath": "/app/conf"}]}],
                "volumes": [{"name": "v", "configMap": {"name": "m"}}]}}}});
        let map = json!({"apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "m", "namespace": "edge"},
            "data": {"config.yaml": "controller_name: example.com/own\n"}});
        let class = json!({"apiVersion": "networking.k8s.io/v1", "kind": "IngressClass",
            "metadata": {"name": "edge"}, "spec": {"controller": "example.com/own"}});
        let mut settings = Settings::default();
        for object in [deployment, map, class] {
            settings.learn(&Object::from_value(&object).unwrap());
        }
        assert_eq!(settings.learnt_dialect("edge"), Some("apisix"));
        assert_eq!(settings.gateway("apisix", "edge").release(), Some((2, 2)));
    }

    #[test]
    fn the_chart_takes_the_plain_port_away() {
        let release = json!({"apiVersion": "helm.toolkit.fluxcd.io/v2", "kind": "HelmRelease",
            "metadata": {"name": "edge", "namespace": "edge"}, "spec": {
                "chart": {"spec": {"chart": "apisix"}},
                "values": {"service": {"http": {"enabled": false}}}}});
        let mut settings = Settings::default();
        settings.learn(&Object::from_value(&release).unwrap());
        assert!(
            !settings
                .gateway("apisix", "apisix")
                .config_is_on(PLAIN_PORT, true)
        );
    }
}
