//! The kubelet's part of an installation: it runs the program of each pod with the arguments and the
//! environment that stand in the pod, and says that a pod is ready when its program says so. Only
//! the addresses where the program listens differ, because all pods share one loopback.

use std::collections::BTreeMap;
use std::process::Command;

use anyhow::Context as _;
use base64::Engine as _;
use serde_json::{Value, json};
use tests::cluster::{Cluster, run};
use tests::ports;
use tests::process::Process;
use tests::traefik::binary;

use super::stage::{NS, lead_to_loopback};

/// Runs the pods of the webhook's namespace.
pub(super) struct Kubelet<'a> {
    cluster: &'a Cluster,
    /// The port of the Service, where the first pod listens.
    pub(super) port: u16,
    pods: BTreeMap<String, Program>,
}

/// The program of a pod.
pub(super) struct Program {
    pub(super) process: Process,
    health: u16,
    ready: bool,
    /// Its arguments as the pod has them.
    pub(super) args: Vec<String>,
}

impl<'a> Kubelet<'a> {
    pub(super) fn new(cluster: &'a Cluster) -> Self {
        let [port] = ports::free().unwrap();
        Self {
            cluster,
            port,
            pods: BTreeMap::new(),
        }
    }

    /// The programs that run.
    pub(super) fn programs(&self) -> impl Iterator<Item = &Program> {
        self.pods.values()
    }

    /// Looks once at the pods that there should be.
    pub(super) fn look(&mut self) -> anyhow::Result<()> {
        let text = self
            .cluster
            .must(&["get", "pods", "-n", NS, "-o", "json"])?;
        let list: Value = serde_json::from_str(&text)?;
        let pods = list["items"].as_array().context("no list")?;
        let going = |pod: &Value| !pod["metadata"]["deletionTimestamp"].is_null();
        let pods: BTreeMap<_, _> = pods
            .iter()
            .filter(|pod| !going(pod))
            .filter_map(|pod| Some((pod["metadata"]["name"].as_str()?, pod)))
            .collect();
        // A pod that goes ends its program.
        self.pods.retain(|name, _| pods.contains_key(name.as_str()));
        for (name, pod) in pods {
            if !self.pods.contains_key(name) {
                let program = self.start(name, pod)?;
                self.pods.insert(name.to_owned(), program);
            }
        }
        for (name, program) in &mut self.pods {
            program.tell(self.cluster, name)?;
        }
        Ok(())
    }

    fn start(&self, name: &str, pod: &Value) -> anyhow::Result<Program> {
        let container = &pod["spec"]["containers"][0];
        let [other, health] = ports::free()?;
        let port = match self.pods.is_empty() {
            true => {
                lead_to_loopback(self.cluster);
                self.port
            }
            false => other,
        };
        let account = pod["spec"]["serviceAccountName"].as_str();
        let account = account.context("no service account")?;
        let kubeconfig = self.cluster.service_account(NS, account)?;
        let args = container["args"].as_array().context("no arguments")?.iter();
        let args: Vec<_> = args.filter_map(Value::as_str).map(str::to_owned).collect();
        let mut command = Command::new(binary("mtls-webhook")?);
        command.env_clear().env("KUBECONFIG", kubeconfig);
        for variable in container["env"].as_array().into_iter().flatten() {
            let name = variable["name"].as_str().context("no name")?;
            command.env(name, value(variable, pod)?);
        }
        let mounted = self.mounted(pod)?;
        let told = args.iter().map(|arg| arg.replace("=/tls/", &mounted));
        command.args(told).args([
            format!("--listen=127.0.0.1:{port}"),
            format!("--health-listen=127.0.0.1:{health}"),
        ]);
        Ok(Program {
            process: Process::start(name, &mut command, &self.cluster.folder)?,
            health,
            ready: false,
            args,
        })
    }
}

impl Kubelet<'_> {
    /// Puts the Secret of the serving certificate, if the pod has one, where it can be read.
    fn mounted(&self, pod: &Value) -> anyhow::Result<String> {
        let mut volumes = pod["spec"]["volumes"].as_array().into_iter().flatten();
        let Some(volume) = volumes.find(|volume| volume["name"] == "tls") else {
            return Ok("=/tls/".to_owned());
        };
        let secret = volume["secret"]["secretName"]
            .as_str()
            .context("no Secret")?;
        let get = ["get", "secret", secret, "-n", NS, "-o", "json"];
        let secret: Value = serde_json::from_str(&self.cluster.must(&get)?)?;
        let folder = self.cluster.folder.join("tls");
        std::fs::create_dir_all(&folder)?;
        for key in ["tls.crt", "tls.key"] {
            let data = secret["data"][key].as_str().context("no key pair yet")?;
            let text = base64::engine::general_purpose::STANDARD.decode(data)?;
            std::fs::write(folder.join(key), text)?;
        }
        Ok(format!("={}/", folder.display()))
    }
}

impl Program {
    /// Says that the pod is ready, once it is.
    fn tell(&mut self, cluster: &Cluster, name: &str) -> anyhow::Result<()> {
        let url = format!("http://127.0.0.1:{}/readyz", self.health);
        if self.ready || !run(Command::new("curl").args(["-sSf", &url]), "")?.success {
            return Ok(());
        }
        let status = json!({"status": {"phase": "Running",
            "conditions": [{"type": "Ready", "status": "True"}]}});
        let status = status.to_string();
        let patch = ["patch", "pod", name, "-n", NS, "--subresource=status"];
        let how = ["--type=merge", "-p", &status];
        self.ready = cluster.kubectl(&[&patch[..], &how].concat())?.success;
        Ok(())
    }
}

/// A variable as the kubelet fills it in.
fn value(variable: &Value, pod: &Value) -> anyhow::Result<String> {
    if let Some(value) = variable["value"].as_str() {
        return Ok(value.to_owned());
    }
    let path = variable["valueFrom"]["fieldRef"]["fieldPath"].as_str();
    let pointer = format!("/{}", path.context("no field")?.replace('.', "/"));
    let value = pod.pointer(&pointer).and_then(Value::as_str);
    value.map(str::to_owned).context(pointer)
}
