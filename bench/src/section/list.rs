//! A cluster of many Ingresses, judged beside a command that only reads them.

use anyhow::{Context as _, ensure};
use serde_json::Value;

use crate::bench::{Bench, own};
use crate::command::{Done, Job, Measured, side_by_side};
use crate::figure::{Goal, Sample, Unit};
use crate::objects::ingress;
use crate::table::{Group, Table};
use crate::world::World;

use super::{CLI, Chapter, INGRESSES, ROUNDS};

pub(super) const CHAPTER: Chapter = Chapter {
    name: "list",
    title: "The plugin and a cluster",
    how: "A real API server with Ingresses behind one CA. `kubectl get ingress -A -o json` reads the same Ingresses and prints\n\
          them; `kubectl-mtls` also reads routes of the other gateways, classes and the Secret of the CA, and settles every host.",
    own: CLI,
    run,
};

fn run(bench: &mut Bench, table: &mut Table) -> anyhow::Result<()> {
    let (count, rounds) = (bench.size(5_000, 100), bench.size(ROUNDS, 1));
    let kubectl = bench.rival("kubectl")?;
    let plugin = own(CLI)?;
    let world = World::start()?;
    let made = (0..count).map(|number| {
        let (name, host) = (format!("r{number}"), format!("r{number}.example.com"));
        ingress(&name, &host, Some("shop/partners-trust"))
    });
    world.create(INGRESSES, made)?;
    let config = world.cluster().kubeconfig.display().to_string();
    let hosts = ["get", "hosts", "-A", "-o", "json", "--kubeconfig", &config];
    let lint = ["lint", "-A", "--kubeconfig", &config];
    let get = [
        "get",
        "ingress",
        "-A",
        "-o",
        "json",
        "--kubeconfig",
        &config,
    ];
    let jobs = [
        Job::new(CLI, &plugin, &hosts, |done| judged(done, count)),
        Job::new(CLI, &plugin, &lint, |done| settled(done, count)),
        Job::new("kubectl", &kubectl.program, &get, |done| {
            items(done, count).map(drop)
        }),
    ];
    let measured = side_by_side(rounds, &jobs)?;
    if let [hosts, lint, kubectl] = measured.as_slice() {
        groups(
            table,
            &format!("get hosts -A of {count} Ingresses"),
            hosts,
            kubectl,
        );
        let what = format!("lint -A of {count} Ingresses");
        groups(table, &what, lint, kubectl);
        let pairs = lint.seconds.iter().zip(&kubectl.seconds);
        let ratios = Sample::new(Unit::Times, pairs.map(|(own, other)| own / other));
        let what = format!("{what}, as a part of kubectl's time");
        table.push(Group::new(what, ratios).goal(Goal::AtMost(1.2)));
    }
    Ok(())
}

fn groups(table: &mut Table, what: &str, own: &Measured, kubectl: &Measured) {
    table.push(Group::new(what, own.time()).rival("kubectl", kubectl.time()));
    let group = Group::new(format!("{what}: peak memory"), own.peak());
    table.push(group.rival("kubectl", kubectl.peak()));
}

fn items(done: &Done, count: usize) -> anyhow::Result<Vec<Value>> {
    ensure!(done.code == 0, "it should exit with 0");
    let mut list: Value = serde_json::from_str(&done.stdout)?;
    let Value::Array(items) = list["items"].take() else {
        anyhow::bail!("no items");
    };
    ensure!(items.len() == count, "{} items, not {count}", items.len());
    Ok(items)
}

fn judged(done: &Done, count: usize) -> anyhow::Result<()> {
    let items = items(done, count)?;
    let other = items.iter().find(|item| item["verdict"] != "enforced");
    ensure!(other.is_none(), "not enforced: {other:?}");
    Ok(())
}

fn settled(done: &Done, count: usize) -> anyhow::Result<()> {
    ensure!(done.code == 0, "it should exit with 0");
    let hosts = format!("{count} hosts, {count} enforced");
    let summary = done
        .stderr
        .lines()
        .find(|line| line.starts_with("summary: "));
    let summary = summary.context("no summary")?;
    ensure!(summary.contains(&hosts), "{summary:?}, not {hosts:?}");
    Ok(())
}
