//! The programs that judge files, and how each tells that it has judged all of them.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use serde_json::Value;
use tests::build::Rival;
use tests::manifests::TEAMS;

use super::schema;
use crate::bench::{Bench, own};
use crate::command::{Done, Job};
use crate::section::CLI;

/// An Ingress that demands certificates of no CA and leaves out what it must say of a path: one
/// thing for each program to find.
pub(super) const WRONG: &str = "---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: wrong
  namespace: team-0
  annotations:
    nginx.ingress.kubernetes.io/auth-tls-verify-client: \"on\"
spec:
  ingressClassName: nginx
  tls:
  - hosts:
    - wrong.example.com
    secretName: wrong-tls
  rules:
  - host: wrong.example.com
    http:
      paths:
      - path: /
        backend:
          service:
            name: wrong
            port:
              number: 8080
";

const POLICY: &str = r#"package main

import rego.v1

deny contains message if {
	input.kind == "Ingress"
	not input.metadata.annotations["nginx.ingress.kubernetes.io/auth-tls-secret"]
	message := sprintf("%s names no CA", [input.metadata.name])
}
"#;

/// The programs, and what they need beside the files.
pub(super) struct Judges {
    plugin: PathBuf,
    kubeconform: Rival,
    kube_score: Rival,
    conftest: Rival,
    /// Of `kubeconform`, in its own spelling.
    schemas: String,
    policy: String,
}

impl Judges {
    pub(super) fn new(bench: &mut Bench, folder: &Path) -> anyhow::Result<Self> {
        let (schemas, policy) = (folder.join("schemas"), folder.join("policy"));
        schema::write(&schemas)?;
        fs::create_dir_all(&policy).context("making a folder")?;
        fs::write(policy.join("main.rego"), POLICY).context("writing the policy")?;
        Ok(Self {
            plugin: own(CLI)?,
            kubeconform: bench.rival("kubeconform")?,
            kube_score: bench.rival("kube-score")?,
            conftest: bench.rival("conftest")?,
            schemas: format!("{}/{{{{.ResourceKind}}}}.json", schemas.display()),
            policy: policy.display().to_string(),
        })
    }

    /// All of them on one file of so many Ingresses that are good and so many that are wrong.
    pub(super) fn jobs(&self, file: &str, good: usize, wrong: usize) -> [Job<'_>; 4] {
        let Self {
            schemas, policy, ..
        } = self;
        let kubeconform = [
            "-schema-location",
            schemas,
            "-summary",
            "-output",
            "json",
            file,
        ];
        let kube_score = ["score", "--kubernetes-version", "v1.35", "-o", "ci", file];
        let conftest = ["test", "--no-color", "-o", "json", "-p", policy, file];
        let plugin = ["lint", "--complete", "-f", file];
        [
            Job::new(CLI, &self.plugin, &plugin, move |done| {
                settled(done, good, wrong)
            }),
            Job::new(
                "kubeconform",
                &self.kubeconform.program,
                &kubeconform,
                move |done| conforms(done, good, wrong),
            ),
            Job::new(
                "kube-score",
                &self.kube_score.program,
                &kube_score,
                move |done| scored(done, good + wrong),
            ),
            Job::new("conftest", &self.conftest.program, &conftest, move |done| {
                tested(done, good, wrong)
            }),
        ]
    }
}

/// Every good host is enforced, and there is an error of each wrong one.
fn settled(done: &Done, good: usize, wrong: usize) -> anyhow::Result<()> {
    let hosts = format!("{} hosts, {good} enforced", good + wrong);
    ensure!(done.stderr.contains(&hosts), "not {hosts:?}");
    code(done, wrong)?;
    let errors = done.stdout.lines().filter(|line| line.contains(": error "));
    let errors = errors.count();
    ensure!((errors > 0) == (wrong > 0), "{errors} errors");
    Ok(())
}

fn conforms(done: &Done, good: usize, wrong: usize) -> anyhow::Result<()> {
    code(done, wrong)?;
    let report: Value = serde_json::from_str(&done.stdout)?;
    for (field, count) in [
        ("valid", good + TEAMS),
        ("invalid", wrong),
        ("errors", 0),
        ("skipped", 0),
    ] {
        let found = &report["summary"][field];
        ensure!(*found == count, "{field}: {found}, not {count}");
    }
    Ok(())
}

/// It has looked for the Service of each Ingress, none of which is in the file.
fn scored(done: &Done, ingresses: usize) -> anyhow::Result<()> {
    let missed = done.stdout.matches("No service match was found").count();
    ensure!(missed == ingresses, "{missed} Ingresses, not {ingresses}");
    Ok(())
}

fn tested(done: &Done, good: usize, wrong: usize) -> anyhow::Result<()> {
    code(done, wrong)?;
    let report: Value = serde_json::from_str(&done.stdout)?;
    let (passed, failed) = (&report[0]["successes"], &report[0]["failures"]);
    ensure!(*passed == good + TEAMS, "{passed} passed");
    let failed = failed.as_array().map_or(0, Vec::len);
    ensure!(failed == wrong, "{failed} failed");
    Ok(())
}

fn code(done: &Done, wrong: usize) -> anyhow::Result<()> {
    let expected = i32::from(wrong > 0);
    ensure!(done.code == expected, "it should exit with {expected}");
    Ok(())
}
