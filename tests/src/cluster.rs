//! etcd, kube-apiserver and kube-controller-manager, started, awaited and ended together.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use serde::{Deserialize, Serialize};

use crate::build::Programs;
use crate::process::Process;
use crate::{keys, ports, say, wait_until};

pub use crate::program::{Output, run};

/// The administrator's token; the cluster listens on loopback alone and lives for minutes.
pub const TOKEN: &str = "loopback-admin";
const READY: Duration = Duration::from_secs(60);

/// A cluster that others started, or that lives as long as [`Running`].
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Cluster {
    /// The folder with logs, keys and the kubeconfig.
    pub folder: PathBuf,
    /// A kubeconfig for the administrator.
    pub kubeconfig: PathBuf,
    /// The URL of the API server.
    pub server: String,
    /// What it is made of.
    pub programs: Programs,
    /// The processes, etcd last.
    pub processes: Vec<u32>,
}

/// A cluster that ends when it goes.
pub struct Running {
    /// How to reach it.
    pub cluster: Cluster,
    /// In the order in which they are ended.
    processes: Vec<Process>,
    _folder: Option<tempfile::TempDir>,
}

impl Running {
    /// Starts a cluster in a temporary folder.
    ///
    /// # Errors
    /// When a program does not get ready; with the end of its log.
    pub fn start() -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("kubectl-mtls-").tempdir();
        let folder = folder.context("making a folder for the cluster")?;
        let mut running = Self::start_in(folder.path())?;
        running._folder = Some(folder);
        Ok(running)
    }

    /// Starts a cluster in a folder that stays.
    ///
    /// # Errors
    /// As [`Running::start`].
    pub fn start_in(folder: &Path) -> anyhow::Result<Self> {
        Self::start_with(folder, &[])
    }

    /// Starts a cluster in a folder that stays, with more flags for the API server.
    ///
    /// # Errors
    /// As [`Running::start`].
    pub fn start_with(folder: &Path, flags: &[String]) -> anyhow::Result<Self> {
        let programs = Programs::build()?;
        keys::write(folder)?;
        let [client, peer, api] = ports::free()?;
        say(&format!(
            "starting a control plane on 127.0.0.1:{api} (logs in {})",
            folder.display()
        ));
        let etcd = etcd(&programs, folder, client, peer)?;
        let server = format!("https://127.0.0.1:{api}");
        let api_server = api_server(&programs, folder, client, api, flags)?;
        let kubeconfig = folder.join("kubeconfig");
        let mut cluster = Cluster {
            folder: folder.to_owned(),
            kubeconfig,
            server,
            programs,
            processes: Vec::new(),
        };
        let mut processes = vec![api_server, etcd];
        cluster.await_ready(&mut processes)?;
        let manager = controller_manager(&cluster)?;
        processes.insert(0, manager);
        cluster.apply_file(&cluster.programs.traefik_crds.clone())?;
        cluster.apply_file(&Path::new(env!("CARGO_MANIFEST_DIR")).join("recipes/apisix.yaml"))?;
        for name in ["clientauthexceptions.yaml", "clientauthpolicies.yaml"] {
            let crds = Path::new(env!("CARGO_MANIFEST_DIR")).join("../manifests/crds");
            cluster.apply_file(&crds.join(name))?;
        }
        cluster.await_namespace()?;
        cluster.processes = processes.iter().map(Process::id).collect();
        Ok(Self {
            cluster,
            processes,
            _folder: None,
        })
    }

    /// Leaves the cluster running when its owner goes.
    pub fn leave(mut self) -> Cluster {
        for process in self.processes.drain(..) {
            process.leave();
        }
        self.cluster.clone()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // The API server before etcd, or its end takes a minute.
        for process in self.processes.drain(..) {
            drop(process);
        }
    }
}

impl Cluster {
    /// The cluster whose description stands in a file.
    ///
    /// # Errors
    /// When the file is no such description.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let text = fs::read(path).with_context(|| format!("reading {}", path.display()))?;
        serde_json::from_slice(&text).with_context(|| format!("reading {}", path.display()))
    }

    /// A cluster of the user's own, with the programs that tests need beside it.
    ///
    /// # Errors
    /// When a program cannot be built.
    pub fn existing(kubeconfig: &str) -> anyhow::Result<Self> {
        let folder = std::env::temp_dir().join(format!("kubectl-mtls-{}", std::process::id()));
        fs::create_dir_all(&folder).with_context(|| format!("creating {}", folder.display()))?;
        Ok(Self {
            folder,
            kubeconfig: PathBuf::from(kubeconfig),
            server: String::new(),
            programs: Programs::build()?,
            processes: Vec::new(),
        })
    }

    /// Describes the cluster in a file.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&self, path: &Path) -> anyhow::Result<()> {
        keys::secret(
            path,
            &serde_json::to_string_pretty(self).context("describing the cluster")?,
        )
    }

    /// Runs kubectl as the administrator.
    ///
    /// # Errors
    /// When kubectl cannot be started.
    pub fn kubectl(&self, args: &[&str]) -> anyhow::Result<Output> {
        self.kubectl_with(args, "")
    }

    /// Runs kubectl with something on stdin.
    ///
    /// # Errors
    /// When kubectl cannot be started.
    pub fn kubectl_with(&self, args: &[&str], stdin: &str) -> anyhow::Result<Output> {
        let mut command = Command::new(self.programs.control_plane.join("kubectl"));
        command.arg("--kubeconfig").arg(&self.kubeconfig).args(args);
        run(&mut command, stdin)
    }

    /// Runs kubectl and returns stdout.
    ///
    /// # Errors
    /// When kubectl fails, with what it said.
    pub fn must(&self, args: &[&str]) -> anyhow::Result<String> {
        let output = self.kubectl(args)?;
        ensure!(
            output.success,
            "kubectl {}: {}",
            args.join(" "),
            output.stderr
        );
        Ok(output.stdout)
    }

    /// Applies manifests.
    ///
    /// # Errors
    /// When kubectl cannot be started.
    pub fn apply(&self, manifests: &str) -> anyhow::Result<Output> {
        self.kubectl_with(&["apply", "-f", "-"], manifests)
    }

    /// Applies a file, which must succeed.
    ///
    /// # Errors
    /// When it does not.
    pub fn apply_file(&self, path: &Path) -> anyhow::Result<()> {
        self.must(&["apply", "--server-side", "-f", &path.display().to_string()])
            .map(drop)
    }

    /// A kubeconfig with a token, in a file that only its owner may read.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write_kubeconfig(&self, path: &Path, token: &str) -> anyhow::Result<()> {
        let ca = self.folder.join("certs/apiserver.crt");
        let text = serde_json::json!({"apiVersion": "v1", "kind": "Config",
            "clusters": [{"name": "test", "cluster": {
                "server": self.server, "certificate-authority": ca}}],
            "users": [{"name": "test", "user": {"token": token}}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
            "current-context": "test"});
        // Others read the file while it is written anew.
        let beside = path.with_extension(format!("{:?}", std::thread::current().id()));
        keys::secret(&beside, &text.to_string())?;
        fs::rename(&beside, path).with_context(|| format!("writing {}", path.display()))
    }

    /// A kubeconfig with a token of a service account.
    ///
    /// # Errors
    /// When there is no such account.
    pub fn service_account(&self, namespace: &str, name: &str) -> anyhow::Result<PathBuf> {
        let token = self.must(&["create", "token", name, "-n", namespace, "--duration=2h"])?;
        let path = self.folder.join(format!("{namespace}.{name}.kubeconfig"));
        self.write_kubeconfig(&path, token.trim())?;
        Ok(path)
    }

    fn await_ready(&self, processes: &mut [Process]) -> anyhow::Result<()> {
        let mut ended = None;
        let ready = wait_until("a ready API server", READY, || {
            for process in processes.iter_mut() {
                if process.has_ended() {
                    ended = Some(process.tail());
                    return Ok(());
                }
            }
            let certificate = self.folder.join("certs/apiserver.crt");
            ensure!(
                certificate.exists(),
                "{} is not there yet",
                certificate.display()
            );
            self.write_kubeconfig(&self.kubeconfig, TOKEN)?;
            self.must(&["get", "--raw", "/readyz"]).map(drop)
        });
        if let Some(tail) = ended {
            bail!("the control plane did not start: {tail}");
        }
        ready.with_context(|| processes.first().map(Process::tail).unwrap_or_default())
    }

    fn await_namespace(&self) -> anyhow::Result<()> {
        wait_until("the namespace default", READY, || {
            self.must(&["get", "serviceaccount", "default", "-n", "default"])
                .map(drop)
        })
    }
}

fn etcd(programs: &Programs, folder: &Path, client: u16, peer: u16) -> anyhow::Result<Process> {
    let (client, peer) = (
        format!("http://127.0.0.1:{client}"),
        format!("http://127.0.0.1:{peer}"),
    );
    let mut command = Command::new(&programs.etcd);
    command
        .args([
            "--unsafe-no-fsync",
            "--log-level=warn",
            "--name=test",
            "--data-dir",
        ])
        .arg(folder.join("etcd"))
        .args([
            "--listen-client-urls",
            &client,
            "--advertise-client-urls",
            &client,
        ])
        .args([
            "--listen-peer-urls",
            &peer,
            "--initial-advertise-peer-urls",
            &peer,
        ])
        .args(["--initial-cluster", &format!("test={peer}")]);
    Process::start("etcd", &mut command, folder)
}

fn api_server(
    programs: &Programs,
    folder: &Path,
    etcd: u16,
    port: u16,
    flags: &[String],
) -> anyhow::Result<Process> {
    let tokens = folder.join("tokens.csv");
    keys::secret(
        &tokens,
        &format!("{TOKEN},admin,admin,\"system:masters\"\n"),
    )?;
    let file = |name: &str| folder.join(name).display().to_string();
    let mut command = Command::new(programs.control_plane.join("kube-apiserver"));
    command.args([
        format!("--etcd-servers=http://127.0.0.1:{etcd}"),
        "--bind-address=127.0.0.1".to_owned(),
        "--advertise-address=127.0.0.1".to_owned(),
        // Nobody asks for the Endpoints of `kubernetes`, and since 1.37 loopback is none.
        "--endpoint-reconciler-type=none".to_owned(),
        format!("--secure-port={port}"),
        format!("--cert-dir={}", file("certs")),
        format!("--token-auth-file={}", tokens.display()),
        "--authorization-mode=RBAC".to_owned(),
        "--disable-admission-plugins=ServiceAccount".to_owned(),
        "--service-account-issuer=https://kubernetes.default.svc".to_owned(),
        format!("--service-account-key-file={}", file("sa.pub")),
        format!("--service-account-signing-key-file={}", file("sa.key")),
        "--service-cluster-ip-range=10.0.0.0/24".to_owned(),
        "--allow-privileged=true".to_owned(),
    ]);
    command.args(flags);
    Process::start("kube-apiserver", &mut command, folder)
}

fn controller_manager(cluster: &Cluster) -> anyhow::Result<Process> {
    let folder = &cluster.folder;
    let file = |name: &str| folder.join(name).display().to_string();
    let [port] = ports::free()?;
    let mut command = Command::new(
        cluster
            .programs
            .control_plane
            .join("kube-controller-manager"),
    );
    command.args([
        format!("--kubeconfig={}", cluster.kubeconfig.display()),
        "--bind-address=127.0.0.1".to_owned(),
        format!("--secure-port={port}"),
        format!("--cert-dir={}", file("certs-manager")),
        format!("--cluster-signing-cert-file={}", file("ca.crt")),
        format!("--cluster-signing-key-file={}", file("ca.key")),
        format!("--root-ca-file={}", file("certs/apiserver.crt")),
        format!("--service-account-private-key-file={}", file("sa.key")),
        "--leader-elect=false".to_owned(),
        // As kubeadm has it: each controller is a user of its own.
        "--use-service-account-credentials=true".to_owned(),
        "--namespace-sync-period=10s".to_owned(),
    ]);
    Process::start("kube-controller-manager", &mut command, folder)
}
