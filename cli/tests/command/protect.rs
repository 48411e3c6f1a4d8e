//! `protect` over files: what it would apply, and what it says of the hosts.

use std::fs;

use super::mtls;

const ROUTES: &str = "apiVersion: traefik.io/v1alpha1
kind: IngressRoute
metadata: {name: api, namespace: shop}
spec:
  entryPoints: [websecure]
  routes: [{kind: Rule, match: Host(`a.example`)}]
  tls: {}
---
apiVersion: traefik.io/v1alpha1
kind: IngressRoute
metadata: {name: web, namespace: shop}
spec:
  entryPoints: [websecure]
  routes: [{kind: Rule, match: Host(`a.example`) && PathPrefix(`/web`)}]
  tls: {}
---
apiVersion: traefik.io/v1alpha1
kind: IngressRoute
metadata: {name: plain, namespace: shop}
spec:
  entryPoints: [web]
  routes: [{kind: Rule, match: Host(`b.example`)}]
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: apx, namespace: shop}
spec:
  ingressClassName: apisix
  tls: [{hosts: [x.example], secretName: x-tls}]
  rules: [{host: x.example, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: a, port: {number: 80}}}}]}}]
";

fn protect(more: &[&str]) -> super::Said {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("routes.yaml"), ROUTES).unwrap();
    let common = ["-n", "shop", "-f", "routes.yaml", "--dry-run=client"];
    let trust = ["--trust", "partners-trust"];
    mtls(
        folder.path(),
        &[&["protect"], more, &common[..], &trust].concat(),
        "",
    )
}

#[test]
fn who_else_opens_the_host_is_named_with_the_command_that_shuts_it() {
    let said = protect(&["ingressroute/api"]);
    assert_eq!(said.code, 1, "{}", said.stderr);
    let command = "`kubectl mtls protect ingressroute/web -n shop --trust partners-trust`";
    for words in [
        "host a.example would be open",
        "option-conflict",
        command,
        "--whole-host",
    ] {
        assert!(said.stderr.contains(words), "{words}: {}", said.stderr);
    }
    let said = protect(&["ingressroute/api", "--whole-host"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert!(said.stdout.contains("ingressroute/web"), "{}", said.stdout);
    assert!(
        !said.stdout.contains("ingressroute/plain"),
        "{}",
        said.stdout
    );
    assert!(!said.stderr.contains("would be open"), "{}", said.stderr);
}

#[test]
fn an_ingress_of_apisix_loses_its_certificate_to_an_apisix_tls() {
    let said = protect(&["ingress/apx", "-o", "yaml"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    for words in ["kind: ApisixTls", "name: x-tls", "http-to-https"] {
        assert!(said.stdout.contains(words), "{words}: {}", said.stdout);
    }
    let patch = r#"-p '{"spec":{"tls":null}}'"#;
    assert!(said.stderr.contains(patch), "{}", said.stderr);
}

#[test]
fn a_gateway_is_written_with_exceptions_or_says_what_to_do_instead() {
    let said = protect(&["gateway/traefik", "--except", "a.example"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    let lines: Vec<_> = said.stdout.lines().collect();
    assert_eq!(
        lines,
        [
            "tlsoption/no-client-auth serverside-applied (dry run)",
            "ingressroute/api serverside-applied (dry run)",
            "ingressroute/web serverside-applied (dry run)",
            "tlsoption/default serverside-applied (dry run)",
        ]
    );
    assert!(said.stderr.contains("TLS-ALPN"), "{}", said.stderr);
    let plain = "ingressroute/plain in namespace shop still opens b.example on web without TLS";
    for words in [plain, "redirectScheme"] {
        assert!(said.stderr.contains(words), "{words}: {}", said.stderr);
    }
    for gateway in ["gateway/ingress-nginx", "gateway/apisix"] {
        let said = protect(&[gateway]);
        assert_eq!(said.code, 3);
        assert!(said.stderr.contains("hint: "), "{}", said.stderr);
    }
    for wrong in [
        &["gateway/none"][..],
        &["ingressroute/api", "--except", "a.example"],
        &["gateway/traefik", "--whole-host"],
    ] {
        assert_eq!(protect(wrong).code, 2, "{wrong:?}");
    }
}

#[test]
fn targets_that_are_none_are_wrong_usage() {
    let folder = tempfile::tempdir().unwrap();
    for verb in ["test", "curl"] {
        for target in ["", "nonsense", "pod/a", "ingress/", "http:/"] {
            let said = mtls(folder.path(), &[verb, target], "");
            assert_eq!(said.code, 2, "{verb} {target}: {}", said.stderr);
            assert!(said.stderr.contains("hint: "), "{}", said.stderr);
        }
    }
    let args = ["test", "https://localhost/", "--path", "admin"];
    assert_eq!(mtls(folder.path(), &args, "").code, 2);
}

#[test]
fn a_name_that_resolves_nowhere_has_curls_own_code() {
    let folder = tempfile::tempdir().unwrap();
    let target = "https://nowhere.invalid/";
    let path = [("PATH", "/usr/bin:/bin")];
    let said = super::mtls_with(folder.path(), &["curl", target, "--", "-sS"], &path);
    assert_eq!(said.code, 6, "{}", said.stderr);
    assert!(
        said.stderr.contains("--connect HOST:PORT"),
        "{}",
        said.stderr
    );
    let said = mtls(folder.path(), &["curl", target, "--", "-sS"], "");
    assert_eq!(said.code, 6, "{}", said.stderr);
    let said = mtls(folder.path(), &["test", target], "");
    assert_eq!(said.code, 3);
    assert!(said.stderr.contains("resolves nowhere"), "{}", said.stderr);
}
