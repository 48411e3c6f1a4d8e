//! Many Secrets in the cluster, none of which anybody names.

use serde_json::json;

use crate::bench::Bench;
use crate::figure::{Goal, Sample, Unit};
use crate::table::{Group, Table};
use crate::usage;

use super::{Chapter, WEBHOOK};

pub(super) const CHAPTER: Chapter = Chapter {
    name: "secrets",
    title: "Secrets that nobody names",
    how: "The webhook may not list Secrets: those that nobody names never reach it. What is measured is the change of its\n\
          resident memory while they are made.",
    own: WEBHOOK,
    run,
};

fn run(bench: &mut Bench, table: &mut Table) -> anyhow::Result<()> {
    let secrets = bench.size(100_000, 1_000);
    let world = bench.world()?;
    let process = world.webhook.process.id();
    let before = usage::resident(process)?;
    let path = "/api/v1/namespaces/shop/secrets";
    let secret = |number| {
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": format!("s{number}")},
            "stringData": {"password": "not a certificate"}})
    };
    world.create(path, (0..secrets).map(secret))?;
    let added = usage::resident(process)? - before;
    let what = format!("memory that {secrets} Secrets in the cluster add");
    let sample = Sample::once(Unit::Mebibytes, added);
    table.push(Group::new(what, sample).goal(Goal::AtMost(1.0)));
    Ok(())
}
