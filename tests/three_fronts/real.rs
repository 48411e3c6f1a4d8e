//! The static verdict against the proof: what each Traefik fixture is said to be, and what the real
//! Traefik does with strangers and clients of it.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use pki::{LeafParams, Profile, San};
use serde_json::Value;
use tests::cluster::{Cluster, Running, run};
use tests::corpus::{Certificates, Fixture, fixtures};
use tests::gateways::{Files, open};
use tests::traefik::{Traefik, backend, binary, service};
use tests::{keys, say, wait_until};

/// Fixtures that this Traefik cannot show, each with the reason.
const NOT_SHOWN: [(&str, &str); 4] = [
    (
        "old-group",
        "Traefik 3 does not read traefik.containo.us (docs, migration v2 to v3)",
    ),
    ("gateway", "this Traefik runs without the Gateway provider"),
    (
        "gateway-default-option",
        "this Traefik runs without the Gateway provider",
    ),
    (
        "other-provider",
        "the option is one of a file provider, which this Traefik does not have",
    ),
];

/// What was seen of a host, in the words of the verdicts.
fn seen(items: &[Value]) -> &'static str {
    let accepted = |case: &str| {
        items
            .iter()
            .any(|item| item["case"] == case && item["outcome"] == "accepted")
    };
    let strangers = accepted("none") || accepted("plain-http");
    match (strangers, accepted("other-ca"), accepted("good")) {
        (true, false, true) if !accepted("expired") => "optional",
        (true, ..) => "open",
        (false, true, _) => "weak",
        (false, false, true) => "enforced",
        (false, false, false) => "broken",
    }
}

/// Whether what was seen is what was said. Optional certificates are weak, and let strangers in; a
/// host that is open or of which nothing is said lets everybody in.
fn agrees(said: &str, seen: &str) -> bool {
    match said {
        "open" | "none" => ["open", "optional"].contains(&seen),
        "weak" => ["weak", "optional", "open"].contains(&seen),
        other => other == seen,
    }
}

struct Lab {
    cluster: Cluster,
    traefik: Traefik,
    folder: tempfile::TempDir,
    port: u16,
    tls_port: u16,
}

impl Lab {
    fn proof(&self) -> anyhow::Result<Vec<Value>> {
        let mut command = Command::new(binary("kubectl-mtls")?);
        command
            .current_dir(self.folder.path())
            .args(["test", "https://api.example.com/", "--connect"])
            .arg(format!("127.0.0.1:{}", self.traefik.websecure))
            .args(["--plain", &format!("127.0.0.1:{}", self.traefik.web)])
            .args([
                "--ca-cert",
                "ca.crt",
                "--ca-key",
                "ca.key",
                "--server-ca",
                "server.crt",
            ])
            .args(["--timeout", "3s", "-o", "json"]);
        let said = run(&mut command, "")?;
        let proof: Value = serde_json::from_str(&said.stdout).with_context(|| said.all())?;
        let items = proof["items"].as_array().context("a proof has items")?;
        // What the gateway itself answers with 404 reaches nobody.
        let reaches = |item: &&Value| item["status"] != 404;
        Ok(items.iter().filter(reaches).cloned().collect())
    }

    /// Waits until Traefik serves nothing at the host.
    fn is_empty(&self) -> anyhow::Result<()> {
        wait_until("an empty Traefik", Duration::from_secs(20), || {
            ensure!(
                seen(&self.proof()?) == "broken",
                "something is served still"
            );
            Ok(())
        })
    }

    /// With ports on which something answers, and without a class: this Traefik reads no
    /// IngressClasses.
    fn adapted(&self, fixture: &Fixture) -> String {
        let (port, backend) = match fixture.text.contains("passthrough: true") {
            true => (self.tls_port, "name: tls-backend,"),
            false => (self.port, "name: backend,"),
        };
        let text = fixture.text.replace("  ingressClassName: traefik\n", "");
        let text = text.replace("name: backend,", backend);
        let text = text.replace("port: 80}", &format!("port: {port}}}"));
        text.replace("number: 80}", &format!("number: {port}}}"))
    }

    fn judge(&self, fixture: &Fixture) -> anyhow::Result<String> {
        let said = fixture
            .verdicts
            .iter()
            .filter_map(|verdict| verdict.split_once('='))
            .find(|(host, _)| *host == "api.example.com" || *host == "*");
        let said = said.context("a verdict of the host")?.1.to_owned();
        self.is_empty()?;
        let text = self.adapted(fixture);
        let applied = self.cluster.apply(&text)?;
        ensure!(applied.success, "{}", applied.all());
        let agreed = wait_until("agreement", Duration::from_secs(12), || {
            let items = self.proof()?;
            let seen = seen(&items);
            ensure!(agrees(&said, seen), "said {said}, seen {seen}: {items:#?}");
            Ok(seen.to_owned())
        });
        let deleted = self.cluster.kubectl_with(&["delete", "-f", "-"], &text)?;
        ensure!(deleted.success, "{}", deleted.all());
        let agreed = agreed.with_context(|| fixture.name.clone())?;
        Ok(format!("{}: said {said}, seen {agreed}", fixture.name))
    }
}

fn lab(running: &Running, certificates: &Certificates) -> Lab {
    let cluster = running.cluster.clone();
    let folder = tempfile::tempdir().unwrap();
    let namespace = "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n";
    assert!(cluster.apply(namespace).unwrap().success);
    let port = backend().unwrap();
    assert!(
        cluster
            .apply(&service("shop", "backend", port))
            .unwrap()
            .success
    );
    let path = |name: &str| folder.path().join(name);
    fs::write(path("ca.crt"), certificates.ca.chain_pem()).unwrap();
    keys::authority(&path("ca.key"), &certificates.ca).unwrap();
    let tls_port = server_certificate(&cluster, folder.path());
    let traefik = Traefik::start(&cluster, "shop").unwrap();
    Lab {
        cluster,
        traefik,
        folder,
        port,
        tls_port,
    }
}

/// Traefik's default certificate, so that the host is known whatever a fixture says of it; and a
/// backend that speaks TLS itself, with the same.
fn server_certificate(cluster: &Cluster, folder: &Path) -> u16 {
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
    let now = i64::try_from(now).unwrap();
    let ca = pki::create_root(&pki::CaParams::new("server", now + pki::CA_LIFETIME), now).unwrap();
    fs::write(folder.join("server.crt"), ca.chain_pem()).unwrap();
    let mut params = LeafParams::new("api.example.com", now + pki::LEAF_LIFETIME);
    params.profile = Profile::Server;
    params.sans = vec![San::parse("api.example.com").unwrap()];
    let issued = pki::issue(&ca, &params, now).unwrap();
    let (cert, key) = (folder.join("tls.crt"), folder.join("tls.key"));
    fs::write(&cert, &issued.signed.chain_pem).unwrap();
    keys::issued(&key, &issued).unwrap();
    let arguments = (
        format!("--cert={}", cert.display()),
        format!("--key={}", key.display()),
    );
    let create = [
        "create",
        "secret",
        "tls",
        "server",
        "-n",
        "shop",
        &arguments.0,
        &arguments.1,
    ];
    cluster.must(&create).unwrap();
    let store = "apiVersion: traefik.io/v1alpha1\nkind: TLSStore\nmetadata: {name: default, namespace: shop}\n\
        spec: {defaultCertificate: {secretName: server}}\n";
    assert!(cluster.apply(store).unwrap().success);
    let files = Files {
        folder: folder.to_owned(),
        server_ca: folder.join("server.crt"),
        client_ca: folder.join("ca.crt"),
        crl: None,
        cert,
        key,
    };
    let port = open(&files, "200 OK").unwrap().port;
    assert!(
        cluster
            .apply(&service("shop", "tls-backend", port))
            .unwrap()
            .success
    );
    port
}

#[test]
fn verdicts_are_what_the_real_traefik_does() {
    let certificates = Certificates::make().unwrap();
    let all = fixtures(&certificates).unwrap();
    let of_traefik = |fixture: &&Fixture| {
        let name = fixture.name.strip_prefix("traefik/");
        let shown = NOT_SHOWN.iter().all(|(not, _)| name != Some(*not));
        name.is_some() && shown && !fixture.files_only
    };
    let running = Running::start().unwrap();
    let lab = lab(&running, &certificates);
    let mut wrong = Vec::new();
    let mut count = 0;
    for fixture in all.iter().filter(of_traefik) {
        count += 1;
        match lab.judge(fixture) {
            Ok(line) => say(&line),
            Err(error) => wrong.push(format!("{error:#}")),
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {count}: {}",
        wrong.len(),
        wrong.join("\n")
    );
    let rows = all
        .iter()
        .filter(|fixture| fixture.name.starts_with("traefik/"))
        .count();
    assert!(count * 10 >= rows * 9, "{count} of {rows} are shown");
    say(&format!(
        "verdict and proof agree on {count} of {rows} Traefik fixtures"
    ));
}
