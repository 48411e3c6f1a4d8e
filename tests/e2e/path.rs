//! The whole path: a CA in the cluster, a host protected, a stranger refused, a client let in.

use std::process::Command;
use std::time::Duration;

use tests::cluster::run;
use tests::traefik::{Traefik, backend, service};
use tests::wait_until;

use crate::{applied, cluster, mtls, must, namespace};

fn ingress_route(ns: &str) -> String {
    format!(
        "apiVersion: traefik.io/v1alpha1
kind: IngressRoute
metadata: {{name: api, namespace: {ns}}}
spec:
  entryPoints: [websecure]
  routes:
  - kind: Rule
    match: Host(`api.example.com`)
    services: [{{name: backend, port: http}}]
  tls: {{secretName: api-tls}}
"
    )
}

fn ingress(ns: &str) -> String {
    format!("apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: web
  namespace: {ns}
  annotations: {{traefik.ingress.kubernetes.io/router.entrypoints: websecure}}
spec:
  rules:
  - host: web.example.com
    http:
      paths: [{{path: /, pathType: Prefix, backend: {{service: {{name: backend, port: {{name: http}}}}}}}}]
  tls: [{{hosts: [web.example.com], secretName: api-tls}}]
")
}

/// curl's codes for a connection that the server ends in or right after the handshake: the alert
/// may come before, while or after curl sends its request. The control is the client let in.
const REFUSED: [i32; 3] = [35, 55, 56];

/// One request with the given identity; curl's exit code and what it printed.
fn call(host: &str, port: u16, server_ca: &str, identity: &[&str], curl: &[&str]) -> (i32, String) {
    let url = format!("https://{host}/");
    let connect = format!("127.0.0.1:{port}");
    let mut args = vec![
        "curl",
        &url,
        "--server-ca",
        server_ca,
        "--connect",
        &connect,
    ];
    args.extend(identity);
    args.extend(["--", "-sS", "--max-time", "5"]);
    args.extend(curl);
    let output = mtls(&args);
    (output.code, output.all())
}

#[test]
fn a_stranger_is_refused_and_a_client_let_in() {
    let ns = "path";
    namespace(ns);
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().display().to_string();
    let server_ca = format!("{dir}/server/ca.crt");
    must(&["create", "ca", "server", "--out", &format!("{dir}/server")]);
    must(&[
        "issue",
        "api",
        "--profile",
        "server",
        "--san",
        "api.example.com",
        "--san",
        "web.example.com",
        "--ca-cert",
        &server_ca,
        "--ca-key",
        &format!("{dir}/server/ca.key"),
        "-n",
        ns,
        "--to-secret",
        "api-tls",
    ]);
    must(&[
        "create",
        "ca",
        "strangers",
        "--out",
        &format!("{dir}/strangers"),
    ]);
    must(&["create", "ca", "partners", "-n", ns]);
    applied(&service(ns, "backend", backend().unwrap()));
    applied(&ingress_route(ns));
    applied(&ingress(ns));
    let traefik = Traefik::start(cluster(), ns).unwrap();
    let none: [&str; 0] = [];
    for host in ["api.example.com", "web.example.com"] {
        wait_until("an open host", Duration::from_secs(20), || {
            let (code, said) = call(host, traefik.websecure, &server_ca, &none, &["-f"]);
            anyhow::ensure!(code == 0 && said.contains("backend"), "{code}: {said}");
            Ok(())
        })
        .unwrap();
    }
    for target in ["ingressroute/api", "ingress/web"] {
        must(&["protect", target, "-n", ns, "--trust", "partners-trust"]);
    }
    let good = format!("{ns}/partners");
    let (other_cert, other_key) = (
        format!("{dir}/strangers/ca.crt"),
        format!("{dir}/strangers/ca.key"),
    );
    for host in ["api.example.com", "web.example.com"] {
        wait_until("a shut host", Duration::from_secs(20), || {
            let (code, said) = call(host, traefik.websecure, &server_ca, &none, &[]);
            anyhow::ensure!(REFUSED.contains(&code), "{code}: {said}");
            Ok(())
        })
        .unwrap();
        for version in [&["--tls-max", "1.2"][..], &["--tlsv1.3"][..]] {
            let (code, said) = call(host, traefik.websecure, &server_ca, &none, version);
            assert!(
                REFUSED.contains(&code),
                "without a certificate: {code}: {said}"
            );
            let stranger = ["--ca-cert", other_cert.as_str(), "--ca-key", &other_key];
            let (code, said) = call(host, traefik.websecure, &server_ca, &stranger, version);
            assert!(REFUSED.contains(&code), "with another CA: {code}: {said}");
            let (code, said) = call(
                host,
                traefik.websecure,
                &server_ca,
                &["--ca", &good],
                version,
            );
            assert!(
                code == 0 && said.contains("backend"),
                "with the right CA: {code}: {said}"
            );
        }
    }
    let connect = format!("127.0.0.1:{}", traefik.websecure);
    let plain = format!("127.0.0.1:{}", traefik.web);
    for target in ["ingressroute/api", "ingress/web"] {
        let at = [target, "-n", ns, "--ca", &good, "--connect", &connect];
        let proof = must(&[&["test"], &at[..], &["--plain", &plain]].concat());
        assert!(proof.contains("certificate_required"), "{proof}");
        let answer = must(&[&["curl"], &at[..], &["--", "-sS"]].concat());
        assert!(answer.contains("backend"), "{answer}");
        let printed = must(&[&["curl"], &at[..], &["--print"]].concat());
        assert!(
            printed.starts_with("curl --cert CERT --key KEY"),
            "{printed}"
        );
    }
    let hosts = must(&["get", "hosts", "-n", ns]);
    assert_eq!(hosts.matches("enforced").count(), 2, "{hosts}");
}

#[test]
fn a_ca_is_never_replaced() {
    let ns = "ca-twice";
    namespace(ns);
    must(&["create", "ca", "partners", "-n", ns]);
    let key = || {
        cluster()
            .must(&[
                "get",
                "secret",
                "partners",
                "-n",
                ns,
                "-o",
                "jsonpath={.data.tls\\.key}",
            ])
            .unwrap()
    };
    let before = key();
    let second = mtls(&["create", "ca", "partners", "-n", ns]);
    assert_eq!(second.code, 3, "{}", second.all());
    assert!(
        second.stderr.contains("exists") && second.stderr.contains("hint:"),
        "{}",
        second.stderr
    );
    assert_eq!(key(), before);
}

#[test]
fn a_trust_secret_that_exists_leaves_no_half_ca() {
    let ns = "ca-half";
    namespace(ns);
    applied(&format!(
        "apiVersion: v1\nkind: Secret\nmetadata: {{name: partners-trust, namespace: {ns}}}\n"
    ));
    assert_eq!(mtls(&["create", "ca", "partners", "-n", ns]).code, 3);
    assert!(
        !cluster()
            .kubectl(&["get", "secret", "partners", "-n", ns])
            .unwrap()
            .success
    );
}

#[test]
fn issued_into_a_secret() {
    let ns = "issue";
    namespace(ns);
    must(&["create", "ca", "partners", "-n", ns]);
    let ca = format!("{ns}/partners");
    let yaml = must(&[
        "issue",
        "alice",
        "--ca",
        &ca,
        "-n",
        ns,
        "--to-secret",
        "alice",
        "--dry-run=client",
        "-o",
        "yaml",
    ]);
    assert!(
        yaml.contains("tls.crt") && !yaml.contains("ca.crt"),
        "{yaml}"
    );
    assert!(
        !cluster()
            .kubectl(&["get", "secret", "alice", "-n", ns])
            .unwrap()
            .success
    );
    must(&[
        "issue",
        "alice",
        "--ca",
        &ca,
        "-n",
        ns,
        "--to-secret",
        "alice",
    ]);
    assert_eq!(
        mtls(&[
            "issue",
            "alice",
            "--ca",
            &ca,
            "-n",
            ns,
            "--to-secret",
            "alice"
        ])
        .code,
        3
    );
}

#[test]
fn a_ca_secret_without_a_key_cannot_sign() {
    let ns = "no-key";
    namespace(ns);
    must(&["create", "ca", "partners", "-n", ns]);
    let output = mtls(&[
        "issue",
        "alice",
        "--ca",
        &format!("{ns}/partners-trust"),
        "-n",
        ns,
        "--to-secret",
        "a",
    ]);
    assert_eq!(output.code, 3);
    assert!(
        output.stderr.contains("tls.crt") && output.stderr.contains("signing Secret"),
        "{}",
        output.stderr
    );
}

#[test]
fn no_permission_makes_verdicts_unknown() {
    let ns = "forbidden";
    namespace(ns);
    applied(&format!("apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: api
  namespace: {ns}
  annotations: {{nginx.ingress.kubernetes.io/auth-tls-secret: {ns}/ca}}
spec:
  ingressClassName: nginx
  tls: [{{hosts: [f.example.com]}}]
  rules: [{{host: f.example.com, http: {{paths: [{{path: /, pathType: Prefix, backend: {{service: {{name: a, port: {{number: 80}}}}}}}}]}}}}]
---
apiVersion: v1
kind: ServiceAccount
metadata: {{name: reader, namespace: {ns}}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {{name: {ns}-reader}}
rules: [{{apiGroups: [networking.k8s.io], resources: [ingresses, ingressclasses], verbs: [list]}}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {{name: {ns}-reader}}
roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: {ns}-reader}}
subjects: [{{kind: ServiceAccount, name: reader, namespace: {ns}}}]
"));
    let kubeconfig = cluster().service_account(ns, "reader").unwrap();
    let mut command = Command::new(tests::traefik::binary("kubectl-mtls").unwrap());
    let output = run(
        command
            .args(["get", "hosts", "-n", ns, "--kubeconfig"])
            .arg(kubeconfig),
        "",
    )
    .unwrap();
    assert!(output.stdout.contains("unknown"), "{}", output.all());
    assert!(
        output.stderr.contains("may not be read"),
        "{}",
        output.stderr
    );
    assert!(
        output.stderr.contains("tlsoptions cannot be listed"),
        "{}",
        output.stderr
    );
}
