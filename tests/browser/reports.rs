//! Reports by the built command.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use regex::Regex;
use serde_json::Value;
use tempfile::TempDir;
use tests::cluster::run;
use tests::corpus::{Certificates, Fixture, fixtures};
use tests::traefik::binary;

/// Files, and the report of them.
pub(crate) struct Reports {
    pub(crate) folder: TempDir,
}

impl Reports {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("files")).unwrap();
        Self { folder }
    }

    /// With the fixtures among the files, each with hosts and namespaces of its own; but for those
    /// that would decide of the others.
    pub(crate) fn of_the_corpus() -> Self {
        let own = Self::new();
        let alone = |fixture: &Fixture| {
            let mut kinds = ["Deployment", "ConfigMap", "TLSStore", "GatewayProxy"].iter();
            fixture.config.is_none()
                && !fixture.text.contains("name: default")
                && !kinds.any(|kind| fixture.text.contains(&format!("kind: {kind}")))
        };
        for (number, fixture) in corpus().iter().filter(|own| alone(own)).enumerate() {
            own.add(&fixture.name.replace('/', "-"), &apart(fixture, number));
        }
        own
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn add(&self, name: &str, text: &str) {
        let path = self.path("files").join(format!("{name}.yaml"));
        std::fs::write(path, text).unwrap();
    }

    /// The page.
    pub(crate) fn page(&self, more: &[&str]) -> PathBuf {
        let page = self.path("report.html");
        self.report(&[&["--out", page.to_str().unwrap()], more].concat());
        page
    }

    /// The hosts as the JSON form has them, `HOST=VERDICT`, in order.
    pub(crate) fn hosts(&self) -> Vec<String> {
        let report: Value = serde_json::from_str(&self.report(&["-o", "json"])).unwrap();
        let hosts = report["hosts"].as_array().unwrap().iter();
        let text = |host: &Value, key: &str| host[key].as_str().unwrap().to_owned();
        let hosts = hosts.map(|host| format!("{}={}", text(host, "host"), text(host, "verdict")));
        sorted(hosts.collect())
    }

    fn report(&self, more: &[&str]) -> String {
        let files = self.path("files");
        let args = ["report", "--complete", "-f", files.to_str().unwrap()];
        let output = run(mtls().args(args).args(more), "").unwrap();
        // A fixture may hold what cannot be read; the page says it.
        assert!([0, 3].contains(&output.code), "{}", output.all());
        output.stdout
    }
}

fn apart(fixture: &Fixture, number: usize) -> String {
    let namespaces = Regex::new(r"namespace: ([a-z-]+)").unwrap();
    let found = namespaces.captures_iter(&fixture.text);
    let names: BTreeSet<_> = found.map(|found| found[1].to_owned()).collect();
    let text = fixture
        .text
        .replace("example.com", &format!("s{number}.example.com"));
    names.iter().fold(text, |text, name| {
        let word = Regex::new(&format!(r"\b{name}\b")).unwrap();
        word.replace_all(&text, format!("{name}-{number}"))
            .into_owned()
    })
}

pub(crate) fn corpus() -> Vec<Fixture> {
    fixtures(&Certificates::make().unwrap()).unwrap()
}

/// The page of one fixture, with what its gateways are told.
pub(crate) fn of_fixture(fixture: &Fixture, folder: &Path) -> PathBuf {
    let (file, page) = (folder.join("fixture.yaml"), folder.join("fixture.html"));
    std::fs::write(&file, &fixture.text).unwrap();
    let config = fixture.told(folder).unwrap();
    let mut command = mtls();
    command.args(["report", "--complete", "--config", &config]);
    let output = run(command.arg("-f").arg(&file).arg("--out").arg(&page), "").unwrap();
    assert_eq!(output.code, 0, "{}: {}", fixture.name, output.all());
    page
}

pub(crate) fn sorted(mut texts: Vec<String>) -> Vec<String> {
    texts.sort();
    texts
}

fn mtls() -> Command {
    Command::new(binary("kubectl-mtls").unwrap())
}
