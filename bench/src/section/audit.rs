//! What the audit of a cluster costs, which alone tells that a Secret expired or was replaced.

use std::time::Duration;

use anyhow::ensure;
use serde_json::json;
use tests::wait_until;

use crate::bench::Bench;
use crate::figure::{Goal, Sample, Unit};
use crate::objects::ingress;
use crate::table::{Group, Table};
use crate::usage;
use crate::world::World;

use super::{Chapter, INGRESSES, WEBHOOK, idle};

pub(super) const CHAPTER: Chapter = Chapter {
    name: "audit",
    title: "The audit",
    how: "A webhook that audits, as it is shipped, though every ten seconds and not every five minutes: each Ingress names\n\
          one of the Secrets. A round settles every host and reads every named Secret once; its processor time is that of\n\
          everything that the webhook does from the end of one round to the end of the next.",
    own: WEBHOOK,
    run,
};

const SECRETS: &str = "/api/v1/namespaces/shop/secrets";
/// So many seconds between two rounds.
const AUDIT: [&str; 2] = ["--audit", "--audit-interval=10"];
const ROUNDS_ENDED: &str = "mtls_webhook_audit_rounds_total{why=\"interval\"}";

fn run(bench: &mut Bench, table: &mut Table) -> anyhow::Result<()> {
    let (routes, secrets) = (bench.size(10_000, 100), bench.size(100, 10));
    let world = World::start_with(&AUDIT)?;
    fill(&world, routes, secrets)?;
    let what = |what: &str| format!("{routes} routes that name {secrets} Secrets: {what}");
    // What came with the objects, one by one, is no round over everything.
    round(&world)?;
    round(&world)?;
    let mut costs = Vec::new();
    for _ in 0..bench.size(3, 1) {
        let before = usage::cpu(world.webhook.process.id())?;
        round(&world)?;
        costs.push(usage::cpu(world.webhook.process.id())?.saturating_sub(before));
        let reads = world.metric("mtls_webhook_audit_reads")?;
        ensure!(
            reads == secrets as f64,
            "{reads} reads of {secrets} Secrets"
        );
    }
    let reads = Sample::once(Unit::Count, secrets as f64);
    table.push(Group::new(what("Secrets read in a round"), reads));
    let costs = Sample::durations(costs);
    table.push(Group::new(what("processor time of a round"), costs));
    let memory = Group::new(what("memory"), idle::resident(&world)?);
    table.push(memory.goal(Some(Goal::AtMost(64.0))));
    Ok(())
}

fn fill(world: &World, routes: usize, secrets: usize) -> anyhow::Result<()> {
    let certificate = std::fs::read_to_string(world.webhook.ca_file())?;
    let secret = |number| {
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": format!("ca-{number}")},
            "stringData": {"ca.crt": certificate}})
    };
    world.create(SECRETS, (0..secrets).map(secret))?;
    let route = |number| {
        let (name, host) = (format!("r{number}"), format!("r{number}.example.com"));
        ingress(&name, &host, Some(&format!("shop/ca-{}", number % secrets)))
    };
    world.create(INGRESSES, (0..routes).map(route))?;
    world.await_index(routes)
}

/// Waits until one more round has ended.
fn round(world: &World) -> anyhow::Result<()> {
    // There is none before the first.
    let before = world.metric(ROUNDS_ENDED).unwrap_or_default();
    wait_until("a round of the audit", Duration::from_secs(120), || {
        let ended = world.metric(ROUNDS_ENDED)?;
        ensure!(ended > before, "{ended} rounds have ended");
        Ok(())
    })
}
