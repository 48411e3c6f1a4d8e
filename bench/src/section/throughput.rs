//! Reviews in a second and what each costs, beside a handler that does nothing.

use std::time::Duration;

use crate::bench::Bench;
use crate::figure::{Goal, Sample, Unit};
use crate::load::Figures;
use crate::objects::{ingress, review};
use crate::table::{Group, Table};
use crate::usage;
use crate::world::{ALLOWED, Review};

use super::{Chapter, ROUNDS, WEBHOOK};

pub(super) const CHAPTER: Chapter = Chapter {
    name: "throughput",
    title: "The webhook under load",
    how: "The empty handler is made of the same libraries, reads the body, parses nothing and allows everything: nothing\n\
          can be faster. Eight connections that stay open. The webhook knows all routes of the chapters before.",
    own: WEBHOOK,
    run,
};

const EMPTY: &str = "empty handler";
/// Sizes of a review in KiB and how many are sent in a round.
const SIZES: [(usize, usize); 3] = [(2, 20_000), (40, 6_000), (780, 600)];

/// One server in one round.
struct Round {
    rate: f64,
    p50: Duration,
    p99: Duration,
    /// Seconds of processor time for a review.
    cpu: f64,
}

fn run(bench: &mut Bench, table: &mut Table) -> anyhow::Result<()> {
    let object = ingress("new", "new.example.com", None);
    let part = bench.size(1, 20);
    let world = bench.world()?;
    for (size, times) in SIZES.map(|(size, times)| (size, times / part)) {
        let review = Review {
            body: review(object.clone(), size * 1024),
            says: ALLOWED,
        };
        let (mut own, mut empty) = (Vec::new(), Vec::new());
        for number in 0..=ROUNDS {
            let process = world.baseline.id();
            let floor = round(process, times, || world.ask_baseline(&review, times))?;
            let process = world.webhook.process.id();
            let webhook = round(process, times, || world.ask(&review, times))?;
            if number > 0 {
                empty.push(floor);
                own.push(webhook);
            }
        }
        groups(table, size, &own, &empty);
    }
    Ok(())
}

fn round(
    process: u32,
    times: usize,
    ask: impl FnOnce() -> anyhow::Result<Figures>,
) -> anyhow::Result<Round> {
    let before = usage::cpu(process)?;
    let figures = ask()?;
    let cpu = usage::cpu(process)?.saturating_sub(before);
    Ok(Round {
        rate: figures.rate(),
        p50: figures.quantile(0.5),
        p99: figures.quantile(0.99),
        cpu: cpu.as_secs_f64() / times as f64,
    })
}

fn groups(table: &mut Table, size: usize, own: &[Round], empty: &[Round]) {
    let goal = |goal| (size == 2).then_some(goal);
    let what = |what: &str| format!("{size} KiB review: {what}");
    let pairs = || own.iter().zip(empty);
    let ratios = Sample::new(
        Unit::Times,
        pairs().map(|(own, empty)| own.rate / empty.rate),
    );
    let group = Group::new(what("throughput, as a part of the empty handler's"), ratios);
    table.push(group.goal(goal(Goal::AtLeast(0.9))));
    for (name, of) in [
        ("answers", rates as fn(&[Round]) -> Sample),
        ("p50", |rounds| {
            Sample::durations(rounds.iter().map(|round| round.p50))
        }),
        ("p99", |rounds| {
            Sample::durations(rounds.iter().map(|round| round.p99))
        }),
    ] {
        table.push(Group::new(what(name), of(own)).floor(EMPTY, of(empty)));
    }
    let added = Sample::new(
        Unit::Seconds,
        pairs().map(|(own, empty)| own.cpu - empty.cpu),
    );
    let group = Group::new(what("processor time beyond the empty handler's"), added);
    table.push(group.goal(goal(Goal::AtMost(30e-6))));
}

fn rates(rounds: &[Round]) -> Sample {
    Sample::new(Unit::PerSecond, rounds.iter().map(|round| round.rate))
}
