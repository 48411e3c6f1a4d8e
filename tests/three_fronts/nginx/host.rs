//! One host of a fixture, and everything that strangers and clients try on it.

use std::collections::BTreeSet;
use std::process::Command;

use pki::Authority;
use serde_json::{Value, json};
use tests::cluster::run;
use tests::corpus::{Certificates, Fixture};
use tests::ingress_nginx::{Controller, Manifests};

use super::Lab;
use crate::seen::{proof, test};

/// One host of a fixture on a running nginx.
pub(super) struct Host<'a> {
    lab: &'a Lab,
    controller: &'a Controller,
    pub(super) name: String,
    paths: BTreeSet<String>,
    /// What a subject must match, if anything.
    pattern: Option<String>,
}

impl<'a> Host<'a> {
    pub(super) fn of(
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
            pattern: controller.made.subject(&concrete(name)).map(str::to_owned),
            name: concrete(name),
            paths,
        })
    }

    /// All that is tried on all paths.
    pub(super) fn items(&self) -> anyhow::Result<Vec<Value>> {
        let subject = self.subject();
        let [own, stranger] = self.authorities();
        let good = self.lab.client(own, &subject, "good")?;
        let other = self.lab.client(stranger, &subject, "other")?;
        let mut items = Vec::new();
        for path in &self.paths {
            items.extend(self.cases(path, own)?);
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

    /// The subject that is meant to get in.
    fn subject(&self) -> String {
        let subject = self.pattern.as_deref().map_or(String::new(), meant);
        match subject.as_str() {
            "" => "kubectl-mtls-test".to_owned(),
            _ => subject,
        }
    }

    /// The CA that its clients' certificates come from, and another one that a neighbour may trust.
    fn authorities(&self) -> [&Authority; 2] {
        let Certificates { ca, other, .. } = &*self.lab.certificates;
        let anchors = self.controller.made.anchors(&self.name);
        let trusts = |ca: &Authority| anchors.contains(ca.chain_pem().trim());
        match trusts(other) && !trusts(ca) {
            true => [other, ca],
            false => [ca, other],
        }
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

    /// Whether the backend sees what a client, good or none, forges in the gateway's own headers.
    pub(super) fn is_spoofed(&self) -> anyhow::Result<bool> {
        let subject = self.subject();
        let [cert, key] = self.lab.client(self.authorities()[0], &subject, "good")?;
        for path in &self.paths {
            let mut curl = self.curl(path, true, true)?;
            curl.args(["--cert", &cert, "--key", &key]);
            for header in ["verify", "subject-dn", "issuer-dn", "cert"] {
                curl.args(["-H", &format!("ssl-client-{header}: forged")]);
            }
            if run(&mut curl, "")?.stdout.contains(": forged") {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Certificates of every kind. Where a subject is asked for, the good one has another.
    fn cases(&self, path: &str, own: &Authority) -> anyhow::Result<Vec<Value>> {
        let [cert, key] = self.lab.authority(own)?;
        let mut command = self.test(path)?;
        let mut items = proof(command.args(["--ca-cert", &cert, "--ca-key", &key]))?;
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
            .args(["-sk", "-w", "\n%{http_code}", "--noproxy", "*"])
            .args(["--connect-to", &format!("::127.0.0.1:{port}")])
            .args(["-H", &format!("Host: {}", self.name)])
            .arg(format!("{scheme}://{name}:{port}{path}"));
        Ok(command)
    }
}

/// What curl is answered, as an item of a proof.
fn item(case: &str, curl: &mut Command) -> anyhow::Result<Value> {
    let said = run(curl, "")?;
    let status = said.stdout.lines().last().unwrap_or_default();
    let outcome = if status == "200" {
        "accepted"
    } else {
        "refused"
    };
    Ok(json!({"case": case, "outcome": outcome, "status": status}))
}

/// A name that a host of a rule stands for.
pub(super) fn concrete(host: &str) -> String {
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
