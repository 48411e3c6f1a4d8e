//! The same review with few and with many routes in the index.

use crate::bench::Bench;
use crate::figure::{Goal, Sample, Unit};
use crate::objects::{ingress, review};
use crate::table::{Group, Table};
use crate::world::{ALLOWED, Review, World};

use super::{Chapter, INGRESSES, ROUNDS, WEBHOOK, idle};

pub(super) const CHAPTER: Chapter = Chapter {
    name: "index",
    title: "The webhook and many routes",
    how: "Every route is an Ingress with a host of its own behind a CA. A review of 2 KiB of one more route is asked for on\n\
          one connection, where nothing waits for anything.",
    own: WEBHOOK,
    run,
};

/// The goals are of the second and the third.
const STEPS: [usize; 3] = [100, 10_000, 100_000];

fn run(bench: &mut Bench, table: &mut Table) -> anyhow::Result<()> {
    let steps = match bench.quick {
        true => [50, 100, 200],
        false => STEPS,
    };
    let times = bench.size(2_000, 100);
    let world = bench.world()?;
    let mut known = 0;
    let mut tails = Vec::new();
    for (step, routes) in steps.into_iter().enumerate() {
        fill(world, known, routes)?;
        known = routes;
        tails.push(measured(world, table, routes, times, step == 1)?);
    }
    if let [_, middle, many] = tails.as_slice() {
        let ratio = Sample::once(Unit::Times, many.median() / middle.median());
        let what = format!("p99 with {} routes beside {}", steps[2], steps[1]);
        table.push(Group::new(what, ratio).goal(Goal::AtMost(1.3)));
    }
    Ok(())
}

fn fill(world: &World, known: usize, routes: usize) -> anyhow::Result<()> {
    tests::say(&format!("bench: {routes} routes"));
    let made = (known..routes).map(|number| {
        let (name, host) = (format!("r{number}"), format!("r{number}.example.com"));
        ingress(&name, &host, Some("shop/partners-trust"))
    });
    world.create(INGRESSES, made)?;
    world.await_index(routes)
}

/// Time and memory; the p99 is returned.
fn measured(
    world: &World,
    table: &mut Table,
    routes: usize,
    times: usize,
    goals: bool,
) -> anyhow::Result<Sample> {
    let review = Review {
        body: review(ingress("new", "new.example.com", None), 2048),
        says: ALLOWED,
    };
    let (mut p50, mut p99) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let figures = world.ask_alone(&review, times)?;
        p50.push(figures.quantile(0.5));
        p99.push(figures.quantile(0.99));
    }
    let tail = Sample::durations(p99);
    let goal = |goal| goals.then_some(goal);
    let what = |what: &str| format!("{routes} routes: {what}");
    table.push(Group::new(what("p50 of a review"), Sample::durations(p50)));
    let group = Group::new(what("p99 of a review"), tail.clone());
    table.push(group.goal(goal(Goal::Below(0.001))));
    let group = Group::new(what("memory"), idle::resident(world)?);
    table.push(group.goal(goal(Goal::AtMost(64.0))));
    Ok(tail)
}
