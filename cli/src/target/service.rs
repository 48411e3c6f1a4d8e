//! Where a gateway answers, from its own Service.

use serde_json::Value;

use crate::cluster::{Cluster, collection};

/// The label by which Helm charts name what they install.
const NAME_LABEL: &str = "app.kubernetes.io/name";

/// How a gateway is reached from here.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// At this address; and at this one without TLS.
    Direct(String, Option<String>),
    /// From inside the cluster; how to get there.
    Forward(String),
    /// Nothing says.
    Unknown,
}

/// Looks for the Service of a gateway. Who may not list Services learns nothing from them.
pub(super) async fn reach(cluster: &Cluster, gateway: &str) -> Reach {
    let path = collection("v1", "services", None);
    let label = format!("{NAME_LABEL}={gateway}");
    let Ok(text) = cluster.select(&path, &label).await else {
        return Reach::Unknown;
    };
    let list: Value = serde_json::from_str(&text).unwrap_or_default();
    of_services(list["items"].as_array().map_or(&[][..], Vec::as_slice))
}

fn of_services(services: &[Value]) -> Reach {
    let with_tls = |service: &&Value| port(service, 443, ["https", "websecure"]).is_some();
    let services: Vec<_> = services.iter().filter(with_tls).collect();
    let direct = services.iter().find_map(|service| {
        let balancer = &service["status"]["loadBalancer"]["ingress"][0];
        let at = balancer["ip"]
            .as_str()
            .or(balancer["hostname"].as_str())
            .or(service["spec"]["externalIPs"][0].as_str())?;
        let tls = port(service, 443, ["https", "websecure"])?;
        let plain = port(service, 80, ["http", "web"]);
        Some(Reach::Direct(
            format!("{at}:{tls}"),
            plain.map(|plain| format!("{at}:{plain}")),
        ))
    });
    let forward = services.first().and_then(|service| {
        let text = |field: &str| service["metadata"][field].as_str();
        let tls = port(service, 443, ["https", "websecure"])?;
        Some(Reach::Forward(format!(
            "`kubectl port-forward -n {} svc/{} 8443:{tls}`, then --connect 127.0.0.1:8443",
            text("namespace")?,
            text("name")?
        )))
    });
    direct.or(forward).unwrap_or(Reach::Unknown)
}

/// A port by its number, else by its name.
fn port(service: &Value, number: u64, names: [&str; 2]) -> Option<u64> {
    let ports = service["spec"]["ports"].as_array()?;
    let by_number = ports.iter().find(|port| port["port"] == number);
    let named = |port: &&Value| {
        port["name"]
            .as_str()
            .is_some_and(|name| names.contains(&name))
    };
    by_number.or_else(|| ports.iter().find(named))?["port"].as_u64()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn service(kind: &str, status: &Value) -> Value {
        json!({"metadata": {"name": "traefik", "namespace": "ingress"},
            "spec": {"type": kind, "ports": [{"name": "web", "port": 80}, {"name": "websecure", "port": 8443}]},
            "status": status})
    }

    #[test]
    fn a_load_balancer_is_reached_and_others_are_forwarded_to() {
        let metrics = json!({"metadata": {"name": "m", "namespace": "ingress"},
            "spec": {"ports": [{"name": "metrics", "port": 9100}]}});
        let balanced = json!({"loadBalancer": {"ingress": [{"ip": "192.0.2.7"}]}});
        let found = of_services(&[metrics.clone(), service("LoadBalancer", &balanced)]);
        let plain = Some("192.0.2.7:80".to_owned());
        assert_eq!(found, Reach::Direct("192.0.2.7:8443".to_owned(), plain));
        let Reach::Forward(hint) = of_services(&[service("ClusterIP", &json!({}))]) else {
            panic!("it has no address");
        };
        assert!(
            hint.contains("port-forward -n ingress svc/traefik 8443:8443"),
            "{hint}"
        );
        assert_eq!(of_services(&[metrics]), Reach::Unknown);
    }
}
