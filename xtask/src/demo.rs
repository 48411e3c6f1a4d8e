//! `cargo xtask demo`: the main job on a real API server behind a real Traefik. A CA, a protected
//! host, a stranger refused, a client let in, and the webhook that keeps it so.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use tests::cluster::{Output, Running, run};
use tests::traefik::{Traefik, backend, binary, service};
use tests::webhook::Webhook;
use tests::{Cluster, wait_until};

use crate::{interrupt, say, shown};

const NAMESPACE: &str = "shop";
/// curl's codes for a connection that the server ends in or right after the handshake.
pub(crate) const REFUSED: [i32; 3] = [35, 55, 56];

/// Runs the demo on a cluster of its own, or on an existing one.
pub(crate) fn start(kubeconfig: Option<&str>) -> anyhow::Result<()> {
    say("xtask: building kubectl-mtls and mtls-webhook (a cold build takes about 3 minutes)");
    crate::test::cargo(
        &[
            "build",
            "--quiet",
            "--package",
            "cli",
            "--package",
            "webhook",
            "--locked",
        ],
        None,
    )?;
    if let Some(kubeconfig) = kubeconfig {
        return demo(&Cluster::existing(kubeconfig)?, false);
    }
    let running = Running::start()?;
    interrupt::end_on_signal(&running.cluster)?;
    demo(&running.cluster, true)
}

/// The demo; the webhook reaches an API server on this machine only.
fn demo(cluster: &Cluster, local: bool) -> anyhow::Result<()> {
    if !local {
        // A namespace that is there is somebody's, and would be deleted in the end.
        let made = cluster.kubectl(&["create", "namespace", NAMESPACE])?;
        ensure!(
            made.success,
            "the demo needs namespace {NAMESPACE} for itself, and changes nothing: {}",
            made.stderr.trim()
        );
    }
    let demo = Demo::new(cluster)?;
    let result = demo.story(local);
    if !local {
        // On a cluster of the user's own nothing else takes it away.
        cluster.kubectl(&[
            "delete",
            "namespace",
            NAMESPACE,
            "--ignore-not-found",
            "--timeout=60s",
        ])?;
    }
    result?;
    shown("\ndemo: all of it came out as told")
}

/// A shop behind Traefik, and the files of the story.
pub(crate) struct Demo<'a> {
    pub(crate) cluster: &'a Cluster,
    files: tempfile::TempDir,
}

impl<'a> Demo<'a> {
    pub(crate) fn new(cluster: &'a Cluster) -> anyhow::Result<Self> {
        Ok(Self {
            cluster,
            files: tempfile::tempdir().context("making a folder")?,
        })
    }

    fn story(&self, local: bool) -> anyhow::Result<()> {
        self.chapter("A shop with two hosts, behind Traefik, open to everybody")?;
        let traefik = self.shop()?;
        self.expect(&traefik, "api.example.com", &[], true)?;
        self.chapter("A CA, and its certificate where the gateway looks")?;
        self.mtls(&["create", "ca", "partners", "-n", NAMESPACE])?;
        self.chapter("Both hosts behind it")?;
        self.mtls(&[
            "protect",
            "ingressroute/api",
            "-n",
            NAMESPACE,
            "--trust",
            "partners-trust",
        ])?;
        self.mtls(&[
            "protect",
            "ingress/web",
            "-n",
            NAMESPACE,
            "--trust",
            "partners-trust",
        ])?;
        self.mtls(&["get", "hosts", "-n", NAMESPACE])?;
        self.chapter("A stranger is refused, a client is let in")?;
        for host in ["api.example.com", "web.example.com"] {
            self.strangers_and_client(&traefik, host)?;
        }
        if local {
            self.chapter("The webhook keeps it so")?;
            self.webhook()?;
        }
        Ok(())
    }

    /// Two hosts, open to everybody.
    pub(crate) fn shop(&self) -> anyhow::Result<Traefik> {
        let namespace = format!(
            "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: {NAMESPACE}\n  labels: {{webhook: demo}}\n"
        );
        self.apply(&namespace)?;
        for name in ["server", "strangers"] {
            self.quiet(&["create", "ca", name, "--out", &self.file(name)])?;
        }
        self.quiet(&[
            "issue",
            "api",
            "--profile",
            "server",
            "--san",
            "api.example.com",
            "--san",
            "web.example.com",
            "--ca-cert",
            &self.file("server/ca.crt"),
            "--ca-key",
            &self.file("server/ca.key"),
            "-n",
            NAMESPACE,
            "--to-secret",
            "api-tls",
        ])?;
        self.apply(&service(NAMESPACE, "backend", backend()?))?;
        self.apply(ROUTES)?;
        let traefik = Traefik::start(self.cluster, NAMESPACE)?;
        for host in ["api.example.com", "web.example.com"] {
            wait_until("an open host", Duration::from_secs(20), || {
                let output = self.call(&traefik, host, &[])?;
                ensure!(output.stdout.contains("backend"), "{}", output.all());
                Ok(())
            })?;
        }
        Ok(traefik)
    }

    fn strangers_and_client(&self, traefik: &Traefik, host: &str) -> anyhow::Result<()> {
        wait_until("a shut host", Duration::from_secs(20), || {
            let output = self.call(traefik, host, &[])?;
            ensure!(REFUSED.contains(&output.code), "{}", output.all());
            Ok(())
        })?;
        let (cert, key) = (self.file("strangers/ca.crt"), self.file("strangers/ca.key"));
        self.expect(traefik, host, &[], false)?;
        self.expect(
            traefik,
            host,
            &["--ca-cert", &cert, "--ca-key", &key],
            false,
        )?;
        self.expect(
            traefik,
            host,
            &["--ca", &format!("{NAMESPACE}/partners")],
            true,
        )
    }

    fn webhook(&self) -> anyhow::Result<()> {
        let _webhook = Webhook::start(self.cluster, "demo", &[])?;
        let bad = BAD_INGRESS.replace("REFERENCE", "shop/partners-trsut");
        self.denied(
            &self.cluster.apply(&bad)?,
            "an Ingress with a misspelt Secret",
        )?;
        let bad = BAD_INGRESS.replace("REFERENCE", "kube-system/partners-trust");
        self.denied(
            &self.cluster.apply(&bad)?,
            "an Ingress with a Secret of another namespace",
        )?;
        let repaired = BAD_INGRESS.replace("REFERENCE", "partners-trust");
        self.apply(&repaired)?;
        let stored =
            "jsonpath={.metadata.annotations.nginx\\.ingress\\.kubernetes\\.io/auth-tls-secret}";
        let value = self
            .cluster
            .must(&["get", "ingress", "bad", "-n", NAMESPACE, "-o", stored])?;
        ensure!(value == "shop/partners-trust", "not repaired: {value}");
        shown(&format!(
            "repaired: auth-tls-secret partners-trust is stored as {value}"
        ))?;
        self.apply(DEFAULT_OPTION)?;
        let delete = [
            "delete",
            "tlsoptions.traefik.io",
            "default",
            "-n",
            NAMESPACE,
        ];
        self.denied(
            &self.cluster.kubectl(&delete)?,
            "deletion of the TLSOption that shuts a host",
        )
    }

    fn denied(&self, output: &Output, what: &str) -> anyhow::Result<()> {
        ensure!(!output.success, "{what} was admitted: {}", output.all());
        let reason = output.stderr.split("denied the request: ").nth(1);
        let reason = reason.with_context(|| format!("not by the webhook: {}", output.stderr))?;
        shown(&format!("denied: {what}\n  {}", reason.trim()))
    }

    fn expect(
        &self,
        traefik: &Traefik,
        host: &str,
        identity: &[&str],
        lets_in: bool,
    ) -> anyhow::Result<()> {
        for (name, version) in [("1.2", ["--tls-max", "1.2"]), ("1.3", ["--tlsv1.3", "-4"])] {
            let output = self.call_with(traefik, host, identity, &version)?;
            let in_fact = output.code == 0 && output.stdout.contains("backend");
            let who = match identity {
                [] => "without a certificate",
                ["--ca", ..] => "with a certificate of shop/partners",
                _ => "with a certificate of another CA",
            };
            let refused = REFUSED.contains(&output.code);
            ensure!(
                if lets_in { in_fact } else { refused },
                "{host} {who}: {}",
                output.all()
            );
            let came = if in_fact { "let in" } else { "refused" };
            shown(&format!(
                "{host} over TLS {name} {who}: {came} (curl exits with {})",
                output.code
            ))?;
        }
        Ok(())
    }

    /// Calls a host with an identity, or none.
    pub(crate) fn call(
        &self,
        traefik: &Traefik,
        host: &str,
        identity: &[&str],
    ) -> anyhow::Result<Output> {
        self.call_with(traefik, host, identity, &[])
    }

    fn call_with(
        &self,
        traefik: &Traefik,
        host: &str,
        identity: &[&str],
        curl: &[&str],
    ) -> anyhow::Result<Output> {
        let (url, connect) = (
            format!("https://{host}/"),
            format!("127.0.0.1:{}", traefik.websecure),
        );
        let ca = self.file("server/ca.crt");
        let mut args = vec!["curl", &url, "--server-ca", &ca, "--connect", &connect];
        args.extend(identity);
        args.extend(["--", "-sS", "-f", "--max-time", "5"]);
        args.extend(curl);
        self.run(&args)
    }

    /// Shows a command as a user types it, and what it prints.
    fn mtls(&self, args: &[&str]) -> anyhow::Result<()> {
        shown(&format!("$ kubectl mtls {}", args.join(" ")))?;
        let output = self.run(args)?;
        ensure!(output.success, "{}", output.all());
        shown(output.all().trim_end())
    }

    fn quiet(&self, args: &[&str]) -> anyhow::Result<()> {
        let output = self.run(args)?;
        ensure!(
            output.success,
            "kubectl mtls {}: {}",
            args.join(" "),
            output.all()
        );
        Ok(())
    }

    fn run(&self, args: &[&str]) -> anyhow::Result<Output> {
        let mut command = Command::new(binary("kubectl-mtls")?);
        run(
            command
                .args(args)
                .env("KUBECONFIG", &self.cluster.kubeconfig),
            "",
        )
    }

    fn apply(&self, manifests: &str) -> anyhow::Result<()> {
        let output = self.cluster.apply(manifests)?;
        ensure!(output.success, "{}", output.all());
        Ok(())
    }

    fn file(&self, name: &str) -> String {
        self.files.path().join(name).display().to_string()
    }

    fn chapter(&self, title: &str) -> anyhow::Result<()> {
        shown(&format!("\n# {title}"))
    }
}

const ROUTES: &str = "apiVersion: traefik.io/v1alpha1
kind: IngressRoute
metadata: {name: api, namespace: shop}
spec:
  entryPoints: [websecure]
  routes:
  - kind: Rule
    match: Host(`api.example.com`)
    services: [{name: backend, port: http}]
  tls: {secretName: api-tls}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: web
  namespace: shop
  annotations: {traefik.ingress.kubernetes.io/router.entrypoints: websecure}
spec:
  rules:
  - host: web.example.com
    http:
      paths: [{path: /, pathType: Prefix, backend: {service: {name: backend, port: {name: http}}}}]
  tls: [{hosts: [web.example.com], secretName: api-tls}]
";

const BAD_INGRESS: &str = "apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: bad
  namespace: shop
  annotations: {nginx.ingress.kubernetes.io/auth-tls-secret: REFERENCE}
spec:
  ingressClassName: nginx
  rules:
  - host: nginx.example.com
    http:
      paths: [{path: /, pathType: Prefix, backend: {service: {name: backend, port: {name: http}}}}]
  tls: [{hosts: [nginx.example.com], secretName: api-tls}]
";

const DEFAULT_OPTION: &str = "apiVersion: traefik.io/v1alpha1
kind: TLSOption
metadata: {name: default, namespace: shop}
spec: {clientAuth: {secretNames: [partners-trust]}}
---
apiVersion: traefik.io/v1alpha1
kind: IngressRoute
metadata: {name: third, namespace: shop}
spec:
  entryPoints: [websecure]
  routes:
  - kind: Rule
    match: Host(`third.example.com`)
    services: [{name: backend, port: http}]
  tls: {secretName: api-tls}
";
