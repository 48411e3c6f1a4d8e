//! The static verdict against the proof: what each Traefik fixture is said to be, and what the real
//! Traefik does with strangers and clients of it.

mod not_shown;
mod told;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use not_shown::{NOT_SHOWN, could_run};
use pki::{LeafParams, Profile, San};
use serde_json::Value;
use tests::cluster::{Cluster, Running, run};
use tests::corpus::{Certificates, Fixture, fixtures};
use tests::gateways::{Files, open};
use tests::traefik::{Traefik, backend, binary, service};
use tests::{keys, say, wait_until};

/// What this Traefik watches; objects outside `shop` are those of fixtures that need two namespaces.
const NAMESPACES: [&str; 4] = ["shop", "other", "a", "a-b"];

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

/// As [`crate::seen::agrees`]. The good client's subject is none that the pattern of a fixture is for: where
/// it gets in, the pattern is void.
fn agrees(said: &str, seen: &str, void_pattern: bool) -> bool {
    match said {
        "weak" if void_pattern => seen == "enforced",
        said => crate::seen::agrees(said, seen),
    }
}

/// A name to ask for: of a wildcard one below it, of all hosts one that no other stands for.
fn name_of(host: &str, alone: bool) -> &str {
    match host {
        "*" if alone => "api.example.com",
        "*" => "rest.example.com",
        "*.example.com" => "wild.example.com",
        host => host,
    }
}

struct Lab {
    cluster: Cluster,
    folder: tempfile::TempDir,
    port: u16,
    tls_port: u16,
}

impl Lab {
    fn proof(&self, traefik: &Traefik, host: &str) -> anyhow::Result<Vec<Value>> {
        let mut command = Command::new(binary("kubectl-mtls")?);
        command
            .current_dir(self.folder.path())
            .args(["test", &format!("https://{host}/"), "--connect"])
            .arg(format!("127.0.0.1:{}", traefik.websecure))
            .args(["--plain", &format!("127.0.0.1:{}", traefik.web)])
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

    /// With ports on which something answers, and without a class: this Traefik reads no
    /// IngressClasses.
    fn adapted(&self, fixture: &Fixture) -> String {
        let tls = [
            "passthrough: true",
            "ssl-passthrough: ",
            "backend-protocol: HTTPS",
        ];
        let (port, backend) = match tls.iter().any(|words| fixture.text.contains(words)) {
            true => (self.tls_port, "name: tls-backend,"),
            false => (self.port, "name: backend,"),
        };
        let text = fixture.text.replace("  ingressClassName: traefik\n", "");
        let text = text.replace("name: backend,", backend);
        let text = text.replace("port: 80}", &format!("port: {port}}}"));
        text.replace("number: 80}", &format!("number: {port}}}"))
    }

    fn judge(&self, traefik: &Traefik, fixture: &Fixture) -> anyhow::Result<String> {
        traefik.wait_until_empty()?;
        let text = self.adapted(fixture);
        let applied = self.cluster.apply(&text)?;
        if !applied.success {
            let delete = ["delete", "--ignore-not-found", "-f", "-"];
            self.cluster.kubectl_with(&delete, &text)?;
            bail!("{}: {}", fixture.name, applied.all());
        }
        // What the first of several routers does is not yet what all of them do.
        std::thread::sleep(Duration::from_millis(700));
        let verdicts = fixture.verdicts.iter();
        let seen: anyhow::Result<Vec<_>> = verdicts
            .filter_map(|verdict| verdict.split_once('='))
            .map(|(host, said)| self.compare(traefik, fixture, (host, said)))
            .collect();
        let deleted = self.cluster.kubectl_with(&["delete", "-f", "-"], &text)?;
        ensure!(deleted.success, "{}", deleted.all());
        let seen = seen.with_context(|| fixture.name.clone())?;
        Ok(format!("{}: {}", fixture.name, seen.join("; ")))
    }

    fn compare(
        &self,
        traefik: &Traefik,
        fixture: &Fixture,
        (host, said): (&str, &str),
    ) -> anyhow::Result<String> {
        let void_pattern = fixture.text.contains("auth-tls-match-cn");
        let name = name_of(host, fixture.verdicts.len() == 1);
        let seen = wait_until("agreement", Duration::from_secs(12), || {
            let items = self.proof(traefik, name)?;
            let seen = seen(&items);
            let agreed = agrees(said, seen, void_pattern);
            ensure!(agreed, "{host}: said {said}, seen {seen}: {items:#?}");
            Ok(seen.to_owned())
        })?;
        Ok(format!("{host} said {said}, seen {seen}"))
    }
}

fn lab(running: &Running, certificates: &Certificates) -> Lab {
    let cluster = running.cluster.clone();
    let folder = tempfile::tempdir().unwrap();
    let port = backend().unwrap();
    for namespace in NAMESPACES {
        let objects = format!(
            "apiVersion: v1\nkind: Namespace\nmetadata: {{name: {namespace}}}\n---\n{}",
            service(namespace, "backend", port)
        );
        assert!(cluster.apply(&objects).unwrap().success);
    }
    let class = "apiVersion: networking.k8s.io/v1\nkind: IngressClass\nmetadata: {name: nginx}\nspec: {controller: k8s.io/ingress-nginx}\n";
    assert!(cluster.apply(class).unwrap().success);
    let path = |name: &str| folder.path().join(name);
    fs::write(path("ca.crt"), certificates.ca.chain_pem()).unwrap();
    keys::authority(&path("ca.key"), &certificates.ca).unwrap();
    let tls_port = server_certificate(&cluster, folder.path());
    Lab {
        cluster,
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
    params.sans = ["api.example.com", "*.example.com"]
        .map(|name| San::parse(name).unwrap())
        .to_vec();
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
    let store = "apiVersion: traefik.io/v1alpha1\nkind: TLSStore\nmetadata: {name: default, namespace: shop, labels: {team: edge}}\n\
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

/// Judges every fixture of one group by the same Traefik.
fn judge_all(lab: &Lab, args: &[String], group: &[&Fixture], wrong: &mut Vec<String>) {
    let folder = lab.folder.path();
    let namespaces = NAMESPACES.join(",");
    told::write_file(group[0], folder).unwrap();
    let adapted = told::adapted(args, &namespaces, folder);
    let traefik = Traefik::start_with(&lab.cluster, &namespaces, &adapted).unwrap();
    for fixture in group {
        match lab.judge(&traefik, fixture) {
            Ok(line) => say(&line),
            Err(error) => {
                say(&format!("disagreement: {error:#}"));
                wrong.push(format!("{error:#}"));
            }
        }
    }
}

#[test]
fn verdicts_are_what_the_real_traefik_does() {
    let certificates = Certificates::make().unwrap();
    let all = fixtures(&certificates).unwrap();
    let of_traefik: Vec<_> = all
        .iter()
        .filter_map(|fixture| Some((fixture.name.strip_prefix("traefik/")?, fixture)))
        .collect();
    let missing = |name: &str| !of_traefik.iter().any(|(known, _)| *known == name);
    let stale: Vec<_> = NOT_SHOWN.iter().filter(|(name, _)| missing(name)).collect();
    assert!(stale.is_empty(), "not fixtures: {stale:?}");
    // A part of a name, for a quick look at some.
    let wanted = std::env::var("FIXTURE").unwrap_or_default();
    let mut groups: BTreeMap<Vec<String>, Vec<&Fixture>> = BTreeMap::new();
    for (name, fixture) in &of_traefik {
        let unknown = |verdict: &String| verdict.ends_with("=unknown");
        let told = !fixture.verdicts.iter().all(unknown);
        let shown = NOT_SHOWN.iter().all(|(not, _)| not != name);
        if told && shown && name.contains(&wanted) {
            groups.entry(told::args(fixture)).or_default().push(fixture);
        }
    }
    let running = Running::start().unwrap();
    let lab = lab(&running, &certificates);
    let mut wrong = Vec::new();
    for (args, group) in &groups {
        judge_all(&lab, args, group, &mut wrong);
    }
    let count: usize = groups.values().map(Vec::len).sum();
    assert!(
        wrong.is_empty(),
        "{} of {count}: {}",
        wrong.len(),
        wrong.join("\n")
    );
    let shown: Vec<_> = groups.values().flatten().copied().collect();
    rows(&of_traefik, &shown);
    say(&format!(
        "verdict and proof agree on {count} of {} Traefik fixtures",
        of_traefik.len()
    ));
}

/// Of the rows that can be decided for certain and that this Traefik can run, at least nine tenths
/// are shown by some fixture here.
fn rows(all: &[(&str, &Fixture)], shown: &[&Fixture]) {
    let table = concat!(env!("CARGO_MANIFEST_DIR"), "/corpus/rows.tsv");
    let table = fs::read_to_string(table).unwrap();
    let certain = table
        .lines()
        .filter_map(|line| line.split_once('\t'))
        .filter(|(id, how)| *how == "H" && id.starts_with('T'));
    let cites = |fixture: &Fixture, id: &str| fixture.rows.iter().any(|(row, _)| row == id);
    let certain: Vec<&str> = certain.map(|(id, _)| id).collect();
    let cited = certain.iter().copied();
    let cited: Vec<&str> = cited
        .filter(|id| {
            let mut runnable = all.iter().filter(|(name, _)| could_run(name));
            runnable.any(|(_, fixture)| cites(fixture, id))
        })
        .collect();
    let (proven, unproven): (Vec<&str>, Vec<&str>) = cited
        .iter()
        .partition(|id| shown.iter().any(|fixture| cites(fixture, id)));
    say(&format!(
        "rows of Traefik with H: {}, that this one can run: {}, seen on it: {}; not seen: {unproven:?}",
        certain.len(),
        cited.len(),
        proven.len()
    ));
    if std::env::var_os("FIXTURE").is_none() {
        assert!(proven.len() * 10 >= cited.len() * 9, "{unproven:?}");
    }
}
