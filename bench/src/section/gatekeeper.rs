//! Admission beside Gatekeeper, with the nearest policy that it can express.

mod rival;

use serde_json::json;

use crate::bench::Bench;
use crate::figure::{Sample, Unit};
use crate::load::Figures;
use crate::objects::{ingress, review};
use crate::table::{Group, Table};
use crate::usage;
use crate::world::{ALLOWED, DENIED, Review, World};

use super::{Chapter, ROUNDS, WEBHOOK, idle};
use rival::Gatekeeper;

pub(super) const CHAPTER: Chapter = Chapter {
    name: "gatekeeper",
    title: "The webhook beside Gatekeeper",
    how: "The same API server, the same reviews over TLS on connections that stay open. The webhook has a ClientAuthPolicy that\n\
          demands certificates of every host. Gatekeeper has a ConstraintTemplate in Rego that demands the annotation of\n\
          ingress-nginx and that the Secret which it names is among the Secrets that Gatekeeper keeps a copy of; it says nothing\n\
          of the CA in it, of other routes of the host, and of other gateways. Before it denies the webhook reads live what the\n\
          denial rests on. Both must deny an Ingress without a CA and one that names a Secret that does not exist, and let one\n\
          behind a CA in.",
    own: WEBHOOK,
    run,
};

const GATEKEEPER: &str = "Gatekeeper";

fn run(bench: &mut Bench, table: &mut Table) -> anyhow::Result<()> {
    let program = bench.rival("gatekeeper")?.program;
    let (times, secrets) = (bench.size(2_000, 100), bench.size(10_000, 200));
    let world = World::start()?;
    world.apply(&policy())?;
    let gatekeeper = Gatekeeper::start(&world, &program)?;
    let [good, silent, wrong] = reviews();
    world.await_answers(&[&good, &silent, &wrong])?;
    gatekeeper.await_answers(&world, &[&good, &silent, &wrong])?;
    let memory = |table: &mut Table, what: String| -> anyhow::Result<()> {
        let other = usage::resident(gatekeeper.process.id())?;
        let other = Sample::once(Unit::Mebibytes, other);
        table.push(Group::new(what, idle::resident(&world)?).rival(GATEKEEPER, other));
        Ok(())
    };
    memory(table, "memory at rest".to_owned())?;
    for (what, review) in [
        ("behind a CA", &good),
        ("without a CA", &silent),
        ("naming no Secret", &wrong),
    ] {
        measured(&world, &gatekeeper, table, (what, review), times)?;
    }
    memory(table, "memory after the load".to_owned())?;
    fill(&world, secrets)?;
    gatekeeper.await_secret(&world, &format!("s{}", secrets - 1))?;
    memory(
        table,
        format!("memory with {secrets} Secrets of 2 KiB in the cluster"),
    )
}

/// One that both let in, and two that both deny.
fn reviews() -> [Review; 3] {
    let one = |trust, says| Review {
        body: review(ingress("new", "new.example.com", trust), 2048),
        says,
    };
    [
        one(Some("shop/partners-trust"), ALLOWED),
        one(None, DENIED),
        one(Some("shop/partners-trsut"), DENIED),
    ]
}

fn policy() -> serde_json::Value {
    json!({"apiVersion": "kubectl-mtls.github.io/v1alpha1", "kind": "ClientAuthPolicy",
        "metadata": {"name": "all"},
        "spec": {"match": {}, "demand": "required"}})
}

fn measured(
    world: &World,
    gatekeeper: &Gatekeeper,
    table: &mut Table,
    (what, review): (&str, &Review),
    times: usize,
) -> anyhow::Result<()> {
    let mut rounds: [Vec<Figures>; 4] = Default::default();
    for number in 0..=ROUNDS {
        let figures = [
            world.ask(review, times)?,
            gatekeeper.ask(world, review, times, false)?,
            world.ask_alone(review, times / 4)?,
            gatekeeper.ask(world, review, times / 4, true)?,
        ];
        for (all, one) in rounds.iter_mut().zip(figures).filter(|_| number > 0) {
            all.push(one);
        }
    }
    let [own, other, own_alone, other_alone] = &rounds;
    let mut group =
        |name: &str, own: &[Figures], other: &[Figures], of: fn(&[Figures]) -> Sample| {
            let what = format!("an Ingress {what}: {name}");
            table.push(Group::new(what, of(own)).rival(GATEKEEPER, of(other)));
        };
    group("answers", own, other, rate);
    group("p50", own, other, p50);
    group("p99", own, other, p99);
    group("p50 alone", own_alone, other_alone, p50);
    Ok(())
}

fn rate(rounds: &[Figures]) -> Sample {
    Sample::new(Unit::PerSecond, rounds.iter().map(Figures::rate))
}

fn p50(rounds: &[Figures]) -> Sample {
    Sample::durations(rounds.iter().map(|round| round.quantile(0.5)))
}

fn p99(rounds: &[Figures]) -> Sample {
    Sample::durations(rounds.iter().map(|round| round.quantile(0.99)))
}

/// Secrets as clusters have them; none of them is named by anybody.
fn fill(world: &World, secrets: usize) -> anyhow::Result<()> {
    let secret = |number| {
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": format!("s{number}")},
            "stringData": {"ca.crt": "x".repeat(2048)}})
    };
    world.create("/api/v1/namespaces/shop/secrets", (0..secrets).map(secret))
}
