//! Many objects in one go, without a process for each.

use std::fs;
use std::process::Command;

use anyhow::{Context as _, ensure};
use policy::Object;
use policy::dialect::kind_of;
use serde_json::Value;
use tests::Cluster;
use tests::cluster::{TOKEN, run};

/// What the API server made of one object.
#[derive(Debug)]
pub(crate) struct Answer {
    /// Whether it was refused.
    pub(crate) refused: bool,
    /// The reason, or what was warned of.
    pub(crate) says: String,
}

/// Creates objects by dry run, one after the other.
pub(crate) fn create_dry(cluster: &Cluster, objects: &[Value]) -> anyhow::Result<Vec<Answer>> {
    create(cluster, objects, "?dryRun=All", &[])
}

/// Creates objects, all at once.
pub(crate) fn create_at_once(cluster: &Cluster, objects: &[Value]) -> anyhow::Result<Vec<Answer>> {
    create(
        cluster,
        objects,
        "",
        &["--parallel", "--parallel-immediate"],
    )
}

fn create(
    cluster: &Cluster,
    objects: &[Value],
    query: &str,
    how: &[&str],
) -> anyhow::Result<Vec<Answer>> {
    let folder = tempfile::tempdir().context("a folder for requests")?;
    let path = |at: usize, end: &str| folder.path().join(format!("{at}.{end}"));
    let mut calls = Vec::new();
    for (at, object) in objects.iter().enumerate() {
        fs::write(path(at, "json"), object.to_string())?;
        calls.push(format!(
            "url = \"{}/apis/{}{query}\"\ndata-binary = \"@{}\"\noutput = \"{}\"\ndump-header = \"{}\"\n\
             header = \"Content-Type: application/json\"\nheader = \"Authorization: Bearer {TOKEN}\"\n\
             cacert = \"{}\"\nsilent\nshow-error\n",
            cluster.server,
            resource(object)?,
            path(at, "json").display(),
            path(at, "out").display(),
            path(at, "head").display(),
            cluster.folder.join("certs/apiserver.crt").display()
        ));
    }
    let output = run(
        Command::new("curl").args(how).args(["-K", "-"]),
        &calls.join("next\n"),
    )?;
    ensure!(output.success, "{}", output.all());
    let answers = (0..objects.len()).map(|at| answer(&path(at, "out"), &path(at, "head")));
    answers.collect()
}

fn resource(object: &Value) -> anyhow::Result<String> {
    let read = Object::from_value(object).ok().context("no object")?;
    let kind = kind_of(&read.id).with_context(|| format!("{} is of no kind", read.id))?;
    Ok(format!(
        "{}/namespaces/{}/{}",
        read.id.api_version, read.id.namespace, kind.plural
    ))
}

fn answer(body: &std::path::Path, head: &std::path::Path) -> anyhow::Result<Answer> {
    let body: Value = serde_json::from_slice(&fs::read(body)?)?;
    let head = fs::read_to_string(head)?;
    let warnings = head
        .lines()
        .filter(|line| line.to_lowercase().starts_with("warning:"));
    let refused = body["kind"] == "Status";
    let message = body["message"].as_str().unwrap_or_default();
    Ok(Answer {
        refused,
        says: match refused {
            true => message.to_owned(),
            false => warnings.collect(),
        },
    })
}
