//! The static verdict against the proof: what each ingress-nginx fixture is said to be, and what a
//! real nginx does with strangers and clients of it, configured as the controller would.

mod host;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, ensure};
use pki::{Authority, LeafParams, Profile, San};
use serde_json::Value;
use tests::corpus::{Certificates, Fixture, fixtures};
use tests::gateways::{Files, open};
use tests::ingress_nginx::{Controller, Place, unreadable};
use tests::{echo, keys, say};

use crate::rows::tally;
use crate::seen::{agrees, seen};
use host::{Host, concrete};

/// Fixtures that this nginx cannot show, each with the reason.
const NOT_SHOWN: [(&str, &str); 4] = [
    (
        "public-ca",
        "only a public CA could issue the certificate that gets in",
    ),
    (
        "settings-of-a-chart",
        "its settings are chart values, which no controller reads: Helm makes a ConfigMap of them",
    ),
    (
        "namesake-controller",
        "it is another controller's, nginx.org/ingress-controller, and this is no account of that",
    ),
    (
        "unquoted-on",
        "the API server refuses an annotation that is no string, so no controller ever reads it",
    ),
];

pub(crate) struct Lab {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) place: Place,
    server_ca: Authority,
    pub(crate) certificates: Arc<Certificates>,
}

impl Lab {
    pub(crate) fn start(certificates: Arc<Certificates>) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let path = |name: &str| folder.path().join(name);
        let params = pki::CaParams::new("server", now() + pki::CA_LIFETIME);
        let server_ca = pki::create_root(&params, now())?;
        fs::write(path("server-ca.crt"), server_ca.chain_pem())?;
        certify(folder.path(), &server_ca, &["api.example.com".to_owned()])?;
        let files = Files {
            folder: folder.path().to_owned(),
            server_ca: path("server-ca.crt"),
            client_ca: path("server-ca.crt"),
            crl: None,
            cert: path("server.crt"),
            key: path("server.key"),
        };
        let place = Place {
            folder: folder.path().to_owned(),
            backend: echo::start()?,
            tls_backend: open(&files, "200 OK")?.port,
        };
        Ok(Self {
            folder,
            place,
            server_ca,
            certificates,
        })
    }

    /// Says what was seen of every host of a fixture, or where it is not what was said.
    fn judge(&self, fixture: &Fixture) -> anyhow::Result<String> {
        ensure!(!unreadable(&fixture.text)?, "an Ingress that is none");
        let said: Vec<_> = fixture
            .verdicts
            .iter()
            .filter_map(|verdict| verdict.split_once('='))
            .filter(|(_, said)| *said != "unknown")
            .collect();
        let names: Vec<_> = said.iter().map(|(host, _)| concrete(host)).collect();
        certify(self.folder.path(), &self.server_ca, &names)?;
        let controller = Controller::start(&fixture.text, fixture.config.as_deref(), &self.place)?;
        let mut lines = Vec::new();
        let mut spoofed = false;
        for (host, said) in said {
            let host = Host::of(self, &controller, fixture, host)?;
            let items = host.items()?;
            let seen = seen(&items);
            let refused = controller.refused.as_deref().unwrap_or_default();
            ensure!(
                agrees(said, seen),
                "{}: said {said}, seen {seen} {refused}: {}",
                host.name,
                short(&items)
            );
            spoofed |= host.is_spoofed()?;
            lines.push(format!("{} said {said}, seen {seen}", host.name));
        }
        let told = fixture.rules.contains("spoofable-header");
        ensure!(spoofed || !told, "the backend saw no forged header");
        Ok(format!("{}: {}", fixture.name, lines.join("; ")))
    }

    /// The files of a CA, certificate and key.
    fn authority(&self, ca: &Authority) -> anyhow::Result<[String; 2]> {
        let path = |file: &str| self.folder.path().join(file);
        fs::write(path("ca.crt"), ca.chain_pem())?;
        keys::authority(&path("ca.key"), ca)?;
        Ok(["ca.crt".to_owned(), "ca.key".to_owned()])
    }

    /// A client certificate; returns the names of its files.
    pub(crate) fn client(
        &self,
        ca: &Authority,
        subject: &str,
        name: &str,
    ) -> anyhow::Result<[String; 2]> {
        let params = LeafParams::new(subject, now() + pki::LEAF_LIFETIME);
        let issued = pki::issue(ca, &params, now())?;
        let [cert, key] = [format!("{name}.crt"), format!("{name}.key")];
        let path = |file: &str| self.folder.path().join(file);
        fs::write(path(&cert), &issued.signed.chain_pem)?;
        keys::issued(&path(&key), &issued)?;
        Ok([cert, key])
    }
}

/// A server certificate for the names, for nginx and for the backend that speaks TLS.
fn certify(folder: &Path, ca: &Authority, names: &[String]) -> anyhow::Result<()> {
    let mut params = LeafParams::new("server", now() + pki::LEAF_LIFETIME);
    params.profile = Profile::Server;
    for name in names {
        params.sans.push(San::parse(name).context("a host name")?);
    }
    let issued = pki::issue(ca, &params, now())?;
    fs::write(folder.join("server.crt"), &issued.signed.chain_pem)?;
    keys::issued(&folder.join("server.key"), &issued)
}

fn short(items: &[Value]) -> String {
    let words = items.iter().map(|item| {
        let text = |key: &str| item[key].as_str().unwrap_or_default();
        format!("{} {} {}", text("case"), text("over"), text("outcome"))
    });
    words
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect::<Vec<_>>()
        .join(", ")
}

fn now() -> i64 {
    let now = std::time::UNIX_EPOCH.elapsed().unwrap_or_default();
    i64::try_from(now.as_secs()).unwrap_or_default()
}

/// Judges fixtures one after the other; returns where what was said is not what was seen.
fn judge_all(certificates: &Arc<Certificates>, fixtures: &[&Fixture]) -> Vec<String> {
    let lab = Lab::start(Arc::clone(certificates)).unwrap();
    let mut wrong = Vec::new();
    for fixture in fixtures {
        match lab.judge(fixture) {
            Ok(line) => say(&line),
            Err(error) => wrong.push(format!("{}: {error:#}", fixture.name)),
        }
    }
    wrong
}

/// Whether the table says why not; and unknown says nothing of what a gateway does.
fn is_shown(fixture: &Fixture) -> bool {
    let name = fixture.name.strip_prefix("ingress-nginx/");
    let named = NOT_SHOWN.iter().any(|(not, _)| name == Some(*not));
    let unknown = |verdict: &String| verdict.ends_with("=unknown");
    !named && !fixture.verdicts.iter().all(unknown)
}

#[test]
fn verdicts_are_what_the_real_nginx_does() {
    let certificates = Arc::new(Certificates::make().unwrap());
    let all = fixtures(&certificates).unwrap();
    let of_nginx = |fixture: &&Fixture| fixture.name.starts_with("ingress-nginx/");
    let of_nginx: Vec<_> = all.iter().filter(of_nginx).collect();
    let shown: Vec<_> = of_nginx
        .iter()
        .copied()
        .filter(|fixture| is_shown(fixture))
        .collect();
    let (one, other) = shown.split_at(shown.len() / 2);
    let wrong = std::thread::scope(|scope| {
        let one = scope.spawn(|| judge_all(&certificates, one));
        let other = judge_all(&certificates, other);
        [one.join().unwrap(), other].concat()
    });
    let rows = shown.iter().flat_map(|fixture| &fixture.rows);
    say(&format!(
        "nginx: {} of {} fixtures shown on the real one, {}",
        shown.len(),
        of_nginx.len(),
        tally('N', &rows.map(|(id, _)| id.clone()).collect())
    ));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
