//! Gatekeeper outside a cluster, with a policy of its own.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use tests::process::Process;
use tests::{ports, wait_until};

use crate::load::Figures;
use crate::objects::{ingress, review};
use crate::world::{ALLOWED, Review, World};

/// It runs and has its policy.
pub(super) struct Gatekeeper {
    pub(super) process: Process,
    port: u16,
}

const READY: Duration = Duration::from_secs(120);
const ADMIT: &str = "/v1/admit?timeout=10s";
const REGO: &str = r#"package clientcertificates

annotation := "nginx.ingress.kubernetes.io/auth-tls-secret"

violation[{"msg": message}] {
  not input.review.object.metadata.annotations[annotation]
  message := "the Ingress names no CA"
}

violation[{"msg": message}] {
  name := input.review.object.metadata.annotations[annotation]
  parts := split(name, "/")
  not data.inventory.namespace[parts[0]]["v1"]["Secret"][parts[1]].data["ca.crt"]
  message := sprintf("Secret %v does not exist", [name])
}
"#;

impl Gatekeeper {
    pub(super) fn start(world: &World, program: &Path) -> anyhow::Result<Self> {
        let crds = tests::build::gatekeeper_crds()?;
        world.cluster().apply_file(&crds)?;
        world.apply(&json!({"apiVersion": "v1", "kind": "Namespace",
            "metadata": {"name": "gatekeeper-system"}}))?;
        let [port, health] = ports::free()?;
        let mut command = Command::new(program);
        command
            .args([
                "--operation=webhook",
                "--operation=status",
                "--operation=generate",
            ])
            .args([
                "--disable-cert-rotation",
                "--debug-use-fake-pod",
                "--host=127.0.0.1",
            ])
            .arg(format!("--port={port}"))
            .arg(format!("--health-addr=127.0.0.1:{health}"))
            .arg("--log-level=ERROR")
            .arg("--default-create-vap-for-templates=false")
            .arg("--default-create-vap-binding-for-constraints=false")
            .arg(format!("--cert-dir={}", world.webhook.folder.display()))
            .env("POD_NAMESPACE", "gatekeeper-system")
            .env("KUBECONFIG", &world.cluster().kubeconfig);
        let folder = &world.cluster().folder;
        let mut gatekeeper = Self {
            process: Process::start("gatekeeper", &mut command, folder)?,
            port,
        };
        gatekeeper.await_port()?;
        gatekeeper.configure(world)?;
        Ok(gatekeeper)
    }

    fn await_port(&mut self) -> anyhow::Result<()> {
        wait_until("Gatekeeper", READY, || {
            ensure!(
                !self.process.has_ended(),
                "it ended: {}",
                self.process.tail()
            );
            Ok(std::net::TcpStream::connect(("127.0.0.1", self.port)).map(drop)?)
        })
        .with_context(|| self.process.tail())
    }

    /// The template, then the constraint, whose kind the template makes.
    fn configure(&self, world: &World) -> anyhow::Result<()> {
        world.apply(&sync())?;
        world.apply(&template())?;
        wait_until("the kind of the constraint", READY, || {
            world.apply(&constraint())
        })
        .with_context(|| self.process.tail())
    }

    /// Waits until all of these are answered as they should be.
    pub(super) fn await_answers(&self, world: &World, reviews: &[&Review]) -> anyhow::Result<()> {
        wait_until("Gatekeeper's policy", READY, || {
            let mut all = reviews.iter();
            all.try_for_each(|review| self.ask(world, review, 1, true).map(drop))
        })
        .with_context(|| self.process.tail())
    }

    /// Waits until it has a copy of a Secret of namespace `shop`.
    pub(super) fn await_secret(&self, world: &World, name: &str) -> anyhow::Result<()> {
        let trust = format!("shop/{name}");
        let object = ingress("new", "new.example.com", Some(&trust));
        let review = Review {
            body: review(object, 2048),
            says: ALLOWED,
        };
        self.await_answers(world, &[&review])
    }

    pub(super) fn ask(
        &self,
        world: &World,
        review: &Review,
        times: usize,
        alone: bool,
    ) -> anyhow::Result<Figures> {
        world.ask_other(self.port, review.asks(ADMIT, times), alone)
    }
}

fn sync() -> Value {
    json!({"apiVersion": "config.gatekeeper.sh/v1alpha1", "kind": "Config",
        "metadata": {"name": "config", "namespace": "gatekeeper-system"},
        "spec": {"sync": {"syncOnly": [{"group": "", "version": "v1", "kind": "Secret"}]}}})
}

fn template() -> Value {
    json!({"apiVersion": "templates.gatekeeper.sh/v1", "kind": "ConstraintTemplate",
        "metadata": {"name": "clientcertificates"},
        "spec": {"crd": {"spec": {"names": {"kind": "ClientCertificates"}}},
            "targets": [{"target": "admission.k8s.gatekeeper.sh", "rego": REGO}]}})
}

fn constraint() -> Value {
    json!({"apiVersion": "constraints.gatekeeper.sh/v1beta1", "kind": "ClientCertificates",
        "metadata": {"name": "all"},
        "spec": {"match": {"kinds": [
            {"apiGroups": ["networking.k8s.io"], "kinds": ["Ingress"]}]}}})
}
