//! Real controllers of others: sealed-secrets and cert-manager.

use std::fs;
use std::net::TcpStream;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, ensure};

use crate::cluster::Cluster;
use crate::process::Process;
use crate::{build, keys, ports, wait_until};

/// A running controller.
pub struct Controller {
    _process: Process,
}

/// Starts the controller of sealed-secrets, which reaches its cluster only from inside a pod: a
/// mount namespace of its own shows it a service account.
///
/// # Errors
/// When it cannot be built, or has made no sealing key in time.
pub fn sealed_secrets(cluster: &Cluster) -> anyhow::Result<Controller> {
    let (program, crds) = build::sealed_secrets()?;
    cluster.apply_file(&crds)?;
    let account = cluster.folder.join("sealed-secrets");
    fs::create_dir_all(&account).context("making a folder for the service account")?;
    let certificate = fs::read_to_string(cluster.folder.join("certs/apiserver.crt"))?;
    fs::write(account.join("ca.crt"), certificate)?;
    keys::secret(&account.join("token"), crate::cluster::TOKEN)?;
    fs::write(account.join("namespace"), "kube-system")?;
    let script = "mount -t tmpfs tmpfs /var/run && \
        mkdir -p /var/run/secrets/kubernetes.io/serviceaccount && \
        cp \"$0\"/* /var/run/secrets/kubernetes.io/serviceaccount/ && exec \"$@\"";
    let address = cluster.server.trim_start_matches("https://");
    let (host, port) = address.rsplit_once(':').context("the API server's port")?;
    let [listen, metrics] = ports::free()?;
    let mut command = Command::new("unshare");
    command
        .args(["--mount", "--map-root-user", "sh", "-c", script])
        .arg(&account)
        .arg(program)
        .args(["--key-size=2048", "--key-renew-period=0"])
        .args([
            format!("--listen-addr=127.0.0.1:{listen}"),
            format!("--listen-metrics-addr=127.0.0.1:{metrics}"),
        ])
        .envs([
            ("KUBERNETES_SERVICE_HOST", host),
            ("KUBERNETES_SERVICE_PORT", port),
            ("POD_NAMESPACE", "kube-system"),
        ]);
    let mut process = Process::start("sealed-secrets", &mut command, &cluster.folder)?;
    wait_until("a sealing key", Duration::from_secs(60), || {
        ensure!(!process.has_ended(), "{}", process.tail());
        sealing_certificate(cluster).map(drop)
    })
    .with_context(|| process.tail())?;
    Ok(Controller { _process: process })
}

/// The certificate with which to seal, as the controller's key Secret holds it.
///
/// # Errors
/// When there is none yet.
pub fn sealing_certificate(cluster: &Cluster) -> anyhow::Result<String> {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    let encoded = cluster.must(&[
        "get",
        "secret",
        "-n",
        "kube-system",
        "-l",
        "sealedsecrets.bitnami.com/sealed-secrets-key=active",
        "-o",
        "jsonpath={.items[0].data.tls\\.crt}",
    ])?;
    ensure!(!encoded.is_empty(), "there is no sealing key yet");
    Ok(String::from_utf8(STANDARD.decode(encoded)?)?)
}

/// Starts the controller of cert-manager.
///
/// # Errors
/// When it cannot be built or does not start.
pub fn cert_manager(cluster: &Cluster) -> anyhow::Result<Controller> {
    let (program, crds) = build::cert_manager()?;
    cluster.apply_file(&crds)?;
    let _ = cluster.kubectl(&["create", "namespace", "cert-manager"])?;
    let [metrics] = ports::free()?;
    let mut command = Command::new(program);
    command.args([
        format!("--kubeconfig={}", cluster.kubeconfig.display()),
        "--leader-elect=false".to_owned(),
        "--cluster-resource-namespace=cert-manager".to_owned(),
        format!("--metrics-listen-address=127.0.0.1:{metrics}"),
        "--profiler-address=127.0.0.1:0".to_owned(),
    ]);
    let mut process = Process::start("cert-manager", &mut command, &cluster.folder)?;
    wait_until("a ready cert-manager", Duration::from_secs(60), || {
        ensure!(!process.has_ended(), "{}", process.tail());
        TcpStream::connect(("127.0.0.1", metrics))
            .context("connecting")
            .map(drop)
    })
    .with_context(|| process.tail())?;
    Ok(Controller { _process: process })
}

/// Starts cert-manager's injector of caBundles; the CRDs are there already. It tells nobody that it
/// is ready: what it writes shows it.
///
/// # Errors
/// When it cannot be built or does not start.
pub fn cainjector(cluster: &Cluster) -> anyhow::Result<Controller> {
    let mut command = Command::new(build::cainjector()?);
    command.env("KUBECONFIG", &cluster.kubeconfig);
    let process = Process::start("cainjector", &mut command, &cluster.folder)?;
    Ok(Controller { _process: process })
}
