//! One host that thousands of routes claim.

use crate::bench::Bench;
use crate::figure::Sample;
use crate::objects::{ingress, review};
use crate::table::{Group, Table};
use crate::world::{ALLOWED, Review};

use super::{Chapter, INGRESSES, ROUNDS, WEBHOOK};

pub(super) const CHAPTER: Chapter = Chapter {
    name: "claims",
    title: "One host of many routes",
    how: "Every route claims the same host, and one more comes; on one connection.",
    own: WEBHOOK,
    run,
};

fn run(bench: &mut Bench, table: &mut Table) -> anyhow::Result<()> {
    let claims = bench.size(10_000, 200);
    let world = bench.world()?;
    let before = world.metric("mtls_webhook_objects")? as usize;
    let host = "claimed.example.com";
    let made = (0..claims).map(|number| ingress(&format!("c{number}"), host, None));
    world.create(INGRESSES, made)?;
    world.await_index(before + claims)?;
    let review = Review {
        body: review(ingress("one-more", host, None), 2048),
        says: ALLOWED,
    };
    let mut p50 = Vec::new();
    for _ in 0..ROUNDS {
        p50.push(world.ask_alone(&review, 10)?.quantile(0.5));
    }
    let what = format!("one host with {claims} claims: p50 of a review of one more");
    table.push(Group::new(what, Sample::durations(p50)));
    Ok(())
}
