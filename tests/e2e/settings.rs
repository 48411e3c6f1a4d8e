//! What the cluster itself tells of a controller decides; what may not be read is assumed, and said.

use std::process::Command;

use serde_json::Value;
use tests::cluster::run;
use tests::traefik::binary;

use crate::{applied, cluster, must, namespace};

const NS: &str = "settings";

/// The controller of an IngressClass of its own, so that no other test meets it.
fn controller() -> String {
    format!(
        "apiVersion: networking.k8s.io/v1
kind: IngressClass
metadata: {{name: {NS}}}
spec: {{controller: k8s.io/ingress-nginx}}
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: ingress-nginx-controller
  namespace: {NS}
  labels: {{app.kubernetes.io/name: ingress-nginx}}
spec:
  selector: {{matchLabels: {{app.kubernetes.io/name: ingress-nginx}}}}
  template:
    metadata: {{labels: {{app.kubernetes.io/name: ingress-nginx}}}}
    spec:
      containers:
      - name: controller
        image: registry.k8s.io/ingress-nginx/controller:v1.15.1
        args: [/nginx-ingress-controller, --ingress-class={NS}, --configmap=$(POD_NAMESPACE)/told]
        env: [{{name: POD_NAMESPACE, valueFrom: {{fieldRef: {{fieldPath: metadata.namespace}}}}}}]
---
apiVersion: v1
kind: ConfigMap
metadata: {{name: told, namespace: {NS}}}
data: {{ssl-redirect: \"false\"}}
"
    )
}

fn ingress() -> String {
    format!(
        "apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: api
  namespace: {NS}
  annotations: {{nginx.ingress.kubernetes.io/auth-tls-secret: {NS}/partners-trust}}
spec:
  ingressClassName: {NS}
  tls: [{{hosts: [settings.example.com]}}]
  rules: [{{host: settings.example.com, http: {{paths: [{{path: /, pathType: Prefix, backend: {{service: {{name: a, port: {{number: 80}}}}}}}}]}}}}]
"
    )
}

/// One who may read the routes and the Secret, and nothing of the controller but its class.
fn reader() -> String {
    format!(
        "apiVersion: v1
kind: ServiceAccount
metadata: {{name: reader, namespace: {NS}}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {{name: {NS}-reader}}
rules:
- {{apiGroups: [networking.k8s.io], resources: [ingresses, ingressclasses], verbs: [list]}}
- {{apiGroups: [traefik.io, traefik.containo.us, apisix.apache.org], resources: ['*'], verbs: [list]}}
- {{apiGroups: [''], resources: [secrets], verbs: [get]}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {{name: {NS}-reader}}
roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: {NS}-reader}}
subjects: [{{kind: ServiceAccount, name: reader, namespace: {NS}}}]
"
    )
}

fn host(hosts: &str) -> Value {
    let hosts: Value = serde_json::from_str(hosts).unwrap();
    hosts["items"][0].clone()
}

#[test]
fn the_controllers_own_settings_decide() {
    namespace(NS);
    applied(&controller());
    must(&["create", "ca", "partners", "-n", NS]);
    applied(&ingress());
    applied(&reader());
    let get = ["get", "hosts", "-n", NS, "-o", "json"];
    let told = host(&must(&get));
    assert_eq!(told["verdict"], "open", "{told}");
    assert_eq!(told["assumed"], Value::Array(Vec::new()));
    let findings = must(&["describe", "host", "settings.example.com", "-n", NS]);
    assert!(findings.contains("plaintext-bypass"), "{findings}");
    let kubeconfig = cluster().service_account(NS, "reader").unwrap();
    let mut command = Command::new(binary("kubectl-mtls").unwrap());
    command.args(get).arg("--kubeconfig").arg(kubeconfig);
    let output = run(&mut command, "").unwrap();
    assert!(output.success, "{}", output.all());
    let guessed = host(&output.stdout);
    assert_eq!(guessed["verdict"], "enforced", "{guessed}");
    assert_eq!(guessed["assumed"][0], "ConfigMap key ssl-redirect is true");
}
