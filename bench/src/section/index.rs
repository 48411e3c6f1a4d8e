//! The same review with few and with many routes in the index.

use std::time::Duration;

use crate::objects::{ingress, review};
use crate::table::Table;
use crate::world::World;

use super::{INGRESSES, memory, micros};

const STEPS: [usize; 3] = [100, 10_000, 100_000];
const TIMES: usize = 2_000;

/// Fills the index step by step; every route has a host of its own and demands certificates.
pub(crate) async fn index(world: &World, table: &mut Table) -> anyhow::Result<()> {
    let body = review(ingress("new", "new.example.com", None), 2048);
    let mut known = 0;
    let mut p99 = Vec::new();
    for routes in STEPS {
        tests::say(&format!("bench: {routes} routes"));
        let made = (known..routes).map(|number| {
            let (name, host) = (format!("r{number}"), format!("r{number}.example.com"));
            ingress(&name, &host, Some("shop/partners-trust"))
        });
        world.create(INGRESSES, made).await?;
        world.await_index(routes)?;
        known = routes;
        let (p50, tail) = measured(world, &body).await?;
        table.row(
            &format!("{routes} routes: p50 / p99 of a review, alone"),
            &format!("{} / {}", micros(p50), micros(tail)),
            if routes == 10_000 { "p99 < 1 ms" } else { "" },
        );
        p99.push(tail.as_secs_f64());
        let goal = if routes == 10_000 { "≤ 64 MiB" } else { "" };
        memory::row(world, table, &format!("{routes} routes"), goal)?;
    }
    if let [_, middle, many] = p99.as_slice() {
        table.row(
            "p99 with 100000 routes beside 10000",
            &format!("{:.2}", many / middle),
            "≤ 1.3",
        );
    }
    Ok(())
}

/// The best of three rounds, because machines are busy with other things too.
async fn measured(world: &World, body: &[u8]) -> anyhow::Result<(Duration, Duration)> {
    let mut best = (Duration::MAX, Duration::MAX);
    for _ in 0..3 {
        let figures = world.ask_alone(body, TIMES).await?;
        best = best.min((figures.quantile(0.5), figures.quantile(0.99)));
    }
    Ok(best)
}
