//! A real Contour in front of a real API server, with the Envoy that it configures.

use std::net::TcpStream;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, ensure};

use crate::cluster::{Cluster, run};
use crate::process::Process;
use crate::{build, ports, wait_until};

/// Contour and Envoy, running.
pub struct Contour {
    /// Envoy's port for plain HTTP.
    pub http: u16,
    /// Envoy's port for TLS.
    pub https: u16,
    _envoy: Process,
    contour: Process,
}

impl Contour {
    /// Starts both, with Contour's CRDs.
    ///
    /// # Errors
    /// When one cannot be had or does not start.
    pub fn start(cluster: &Cluster) -> anyhow::Result<Self> {
        let (program, crds) = build::contour()?;
        cluster.apply_file(&crds)?;
        // A new kind is served a moment after its definition.
        wait_until("Contour's kinds", Duration::from_secs(30), || {
            cluster.must(&["get", "httpproxies", "-A"]).map(drop)
        })?;
        let [http, https, xds, health, metrics, debug, stats] = ports::free()?;
        let mut command = Command::new(&program);
        command
            .args([
                "serve",
                "--no-incluster",
                "--insecure",
                "--disable-leader-election",
            ])
            .arg(format!("--kubeconfig={}", cluster.kubeconfig.display()));
        for (name, port) in [
            ("xds-", xds),
            ("health-", health),
            ("http-", metrics),
            ("debug-http-", debug),
            ("stats-", stats),
            ("envoy-service-http-", http),
            ("envoy-service-https-", https),
        ] {
            command.arg(format!("--{name}address=127.0.0.1"));
            command.arg(format!("--{name}port={port}"));
        }
        let mut contour = Process::start("contour", &mut command, &cluster.folder)?;
        wait_until("Contour", Duration::from_secs(60), || {
            ensure!(!contour.has_ended(), "it ended: {}", contour.tail());
            TcpStream::connect(("127.0.0.1", xds))
                .context("connecting")
                .map(drop)
        })?;
        let bootstrap = cluster.folder.join("envoy.json");
        let mut command = Command::new(&program);
        let said = run(
            command
                .arg("bootstrap")
                .arg(&bootstrap)
                .args(["--xds-address=127.0.0.1", &format!("--xds-port={xds}")])
                .arg(format!(
                    "--admin-address={}",
                    cluster.folder.join("envoy.sock").display()
                )),
            "",
        )?;
        ensure!(said.success, "contour bootstrap: {}", said.all());
        let mut command = Command::new(build::envoy()?);
        command.arg("-c").arg(bootstrap).args([
            "--service-cluster",
            "contour",
            "--service-node",
            "envoy",
            "--use-dynamic-base-id",
            "--concurrency",
            "1",
            "-l",
            "warning",
        ]);
        let envoy = Process::start("envoy", &mut command, &cluster.folder)?;
        Ok(Self {
            http,
            https,
            _envoy: envoy,
            contour,
        })
    }

    /// The end of Contour's log.
    pub fn tail(&self) -> String {
        self.contour.tail()
    }
}
