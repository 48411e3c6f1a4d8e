//! The static verdict against the proof: what each ingress-nginx fixture is said to be, and what a
//! real nginx does with strangers and clients of it, configured as the controller would.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, ensure};
use pki::{Authority, LeafParams, Profile, San};
use serde_json::{Value, json};
use tests::cluster::run;
use tests::corpus::{Certificates, Fixture, fixtures};
use tests::gateways::{Files, open};
use tests::ingress_nginx::{Controller, Manifests, Place, unreadable};
use tests::{echo, keys, say};

use crate::seen::{agrees, proof, seen, test};

/// Fixtures that this nginx cannot show, each with the reason.
const NOT_SHOWN: [(&str, &str); 3] = [
    (
        "expired-ca",
        "a verdict has no clock; the rule expired-ca says that nobody gets in",
    ),
    (
        "stale-crl",
        "a verdict has no clock; the rule stale-crl says that nobody gets in",
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
    pub(crate) certificates: Certificates,
}

/// One host of a fixture on a running nginx.
struct Host<'a> {
    lab: &'a Lab,
    controller: &'a Controller,
    name: String,
    paths: BTreeSet<String>,
    /// What a subject must match, if anything.
    pattern: Option<String>,
}

impl Lab {
    pub(crate) fn start(certificates: Certificates) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let path = |name: &str| folder.path().join(name);
        let params = pki::CaParams::new("server", now() + pki::CA_LIFETIME);
        let server_ca = pki::create_root(&params, now())?;
        fs::write(path("server-ca.crt"), server_ca.chain_pem())?;
        fs::write(path("ca.crt"), certificates.ca.chain_pem())?;
        keys::authority(&path("ca.key"), &certificates.ca)?;
        certify(folder.path(), &server_ca, &["api.example.com".to_owned()])?;
        let files = Files {
            folder: folder.path().to_owned(),
            server_ca: path("server-ca.crt"),
            client_ca: path("ca.crt"),
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
            .collect();
        let names: Vec<_> = said.iter().map(|(host, _)| concrete(host)).collect();
        certify(self.folder.path(), &self.server_ca, &names)?;
        let controller = Controller::start(&fixture.text, fixture.config.as_deref(), &self.place)?;
        let mut lines = Vec::new();
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
            lines.push(format!("{} said {said}, seen {seen}", host.name));
        }
        Ok(format!("{}: {}", fixture.name, lines.join("; ")))
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

impl<'a> Host<'a> {
    fn of(
        lab: &'a Lab,
        controller: &'a Controller,
        fixture: &Fixture,
        name: &str,
    ) -> anyhow::Result<Self> {
        let manifests = Manifests::read(&fixture.text)?;
        let annotated = |name: &str| {
            let name = format!("nginx.ingress.kubernetes.io/{name}");
            manifests
                .annotated(&name)
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        // Every path that is served, and the pages where those go who are refused.
        let mut paths: BTreeSet<_> = manifests.paths().map(str::to_owned).collect();
        paths.insert("/".to_owned());
        let pages = annotated("auth-tls-error-page").into_iter();
        paths.extend(pages.filter(|page| page.starts_with('/')));
        Ok(Self {
            lab,
            controller,
            name: concrete(name),
            paths,
            pattern: annotated("auth-tls-match-cn")
                .into_iter()
                .find(|text| !text.is_empty()),
        })
    }

    /// All that is tried on all paths.
    fn items(&self) -> anyhow::Result<Vec<Value>> {
        let subject = self.pattern.as_deref().map_or(String::new(), meant);
        let subject = match subject.as_str() {
            "" => "kubectl-mtls-test",
            subject => subject,
        };
        let certificates = &self.lab.certificates;
        let good = self.lab.client(&certificates.ca, subject, "good")?;
        let other = self.lab.client(&certificates.other, subject, "other")?;
        let mut items = Vec::new();
        for path in &self.paths {
            items.extend(self.cases(path)?);
            if self.pattern.is_some() {
                items.extend(self.given(path, &good)?);
            }
            // Another CA, with the subject that is asked for, by name and without one.
            for by_name in [true, false] {
                let mut curl = self.curl(path, true, by_name)?;
                curl.args(["--cert", &other[0], "--key", &other[1]]);
                items.push(item("other-ca", &mut curl)?);
            }
            if self.controller.made.settings.forwarded_headers {
                let mut curl = self.curl(path, false, true)?;
                curl.args(["-H", "X-Forwarded-Proto: https"]);
                items.push(item("plain-http", &mut curl)?);
            }
        }
        Ok(items)
    }

    fn test(&self, path: &str) -> anyhow::Result<Command> {
        let mut command = test(&format!("https://{}{path}", self.name))?;
        command
            .current_dir(self.lab.folder.path())
            .args(["--connect", &format!("127.0.0.1:{}", self.controller.https)])
            .args(["--plain", &format!("127.0.0.1:{}", self.controller.http)])
            .args(["--server-ca", "server-ca.crt"]);
        Ok(command)
    }

    /// Certificates of every kind. Where a subject is asked for, the good one has another.
    fn cases(&self, path: &str) -> anyhow::Result<Vec<Value>> {
        let mut command = self.test(path)?;
        let mut items = proof(command.args(["--ca-cert", "ca.crt", "--ca-key", "ca.key"]))?;
        if self.pattern.is_some() {
            let good = items.iter_mut().filter(|item| item["case"] == "good");
            good.for_each(|item| item["case"] = "other-subject".into());
        }
        Ok(items)
    }

    /// The certificate that is meant to get in.
    fn given(&self, path: &str, [cert, key]: &[String; 2]) -> anyhow::Result<Vec<Value>> {
        let mut command = self.test(path)?;
        proof(command.args(["--cert", cert, "--key", key]))
    }

    fn curl(&self, path: &str, tls: bool, by_name: bool) -> anyhow::Result<Command> {
        let (scheme, port) = match tls {
            true => ("https", self.controller.https),
            false => ("http", self.controller.http),
        };
        let name = if by_name { &self.name } else { "127.0.0.1" };
        let mut command = Command::new("curl");
        command
            .current_dir(self.lab.folder.path())
            .args([
                "-sk",
                "-o",
                "/dev/null",
                "-w",
                "%{http_code}",
                "--noproxy",
                "*",
            ])
            .args(["--connect-to", &format!("::127.0.0.1:{port}")])
            .args(["-H", &format!("Host: {}", self.name)])
            .arg(format!("{scheme}://{name}:{port}{path}"));
        Ok(command)
    }
}

/// What curl is answered, as an item of a proof.
fn item(case: &str, curl: &mut Command) -> anyhow::Result<Value> {
    let said = run(curl, "")?;
    let outcome = if said.stdout == "200" {
        "accepted"
    } else {
        "refused"
    };
    Ok(json!({"case": case, "outcome": outcome, "status": said.stdout}))
}

/// A name that a host of a rule stands for.
fn concrete(host: &str) -> String {
    match host.strip_prefix("*.") {
        Some(parent) => format!("any.{parent}"),
        None if host == "*" => "unlisted.example.org".to_owned(),
        None => host.to_owned(),
    }
}

/// The first subject that a pattern spells out: what its author means.
fn meant(pattern: &str) -> String {
    let pattern = pattern.strip_prefix("CN=").unwrap_or(pattern);
    let pattern = pattern.trim_start_matches(['(', '^', '?', ':']);
    let mut name = String::new();
    let mut letters = pattern.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => name.extend(letters.next()),
            letter if letter.is_alphanumeric() || "-_ @".contains(letter) => name.push(letter),
            _ => break,
        }
    }
    name
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

#[test]
fn verdicts_are_what_the_real_nginx_does() {
    let lab = Lab::start(Certificates::make().unwrap()).unwrap();
    let all = fixtures(&lab.certificates).unwrap();
    let of_nginx = |fixture: &&Fixture| fixture.name.starts_with("ingress-nginx/");
    let not_shown = |fixture: &Fixture| {
        let name = fixture.name.strip_prefix("ingress-nginx/");
        let named = NOT_SHOWN.iter().any(|(not, _)| name == Some(*not));
        // Unknown says nothing of what a gateway does.
        named
            || fixture
                .verdicts
                .iter()
                .all(|verdict| verdict.ends_with("=unknown"))
    };
    let (mut shown, mut total) = (0, 0);
    let mut wrong = Vec::new();
    for fixture in all.iter().filter(of_nginx) {
        total += 1;
        if not_shown(fixture) {
            continue;
        }
        shown += 1;
        match lab.judge(fixture) {
            Ok(line) => say(&line),
            Err(error) => wrong.push(format!("{}: {error:#}", fixture.name)),
        }
    }
    say(&format!(
        "nginx: {shown} of {total} fixtures shown on the real one"
    ));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
