//! Reviews in a second and what each costs, beside a handler that does nothing.

use std::time::Duration;

use crate::load::Figures;
use crate::objects::{ingress, review};
use crate::table::Table;
use crate::usage;
use crate::world::World;

use super::micros;

/// Sizes of a review in KiB and how many are sent in a round.
const SIZES: [(usize, usize); 3] = [(2, 20_000), (40, 6_000), (780, 600)];
/// Odd, so that there is a median.
const ROUNDS: usize = 5;

/// One server in one round.
struct Round {
    rate: f64,
    p50: Duration,
    p99: Duration,
    /// Seconds of processor time for a review.
    cpu: f64,
}

/// The median of all rounds, each of which asks both servers.
pub(crate) async fn throughput(world: &World, table: &mut Table) -> anyhow::Result<()> {
    let object = ingress("new", "new.example.com", None);
    for (size, times) in SIZES {
        let body = review(object.clone(), size * 1024);
        let (mut own, mut empty) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            let process = world.baseline.id();
            empty.push(round(process, times, world.ask_baseline(&body, times)).await?);
            let process = world.webhook.process.id();
            own.push(round(process, times, world.ask(&body, times)).await?);
        }
        rows(table, size, &own, &empty);
    }
    Ok(())
}

async fn round(
    process: u32,
    times: usize,
    ask: impl Future<Output = anyhow::Result<Figures>>,
) -> anyhow::Result<Round> {
    let before = usage::cpu(process)?;
    let figures = ask.await?;
    let cpu = usage::cpu(process)?.saturating_sub(before);
    Ok(Round {
        rate: figures.rate(),
        p50: figures.quantile(0.5),
        p99: figures.quantile(0.99),
        cpu: cpu.as_secs_f64() / times as f64,
    })
}

fn rows(table: &mut Table, size: usize, own: &[Round], empty: &[Round]) {
    let rate = |rounds: &[Round]| median(rounds.iter().map(|round| round.rate));
    let cpu = |rounds: &[Round]| median(rounds.iter().map(|round| round.cpu));
    let time = |rounds: &[Round], of: fn(&Round) -> Duration| {
        micros(Duration::from_secs_f64(median(
            rounds.iter().map(|round| of(round).as_secs_f64()),
        )))
    };
    let ratios = own
        .iter()
        .zip(empty)
        .map(|(own, empty)| own.rate / empty.rate);
    let what = format!("{size} KiB review");
    table.row(
        &format!("{what}: throughput beside the empty handler"),
        &format!("{:.2}", median(ratios)),
        if size == 2 { "≥ 0.9" } else { "" },
    );
    table.row(
        &format!("{what}: reviews in a second, webhook / empty handler"),
        &format!("{:.0} / {:.0}", rate(own), rate(empty)),
        "",
    );
    for (name, of) in [
        ("p50", (|round| round.p50) as fn(&Round) -> Duration),
        ("p99", |round| round.p99),
    ] {
        table.row(
            &format!("{what}: {name}, webhook / empty handler"),
            &format!("{} / {}", time(own, of), time(empty, of)),
            "",
        );
    }
    table.row(
        &format!("{what}: added processor time"),
        &format!("{:.1} µs", (cpu(own) - cpu(empty)) * 1e6),
        if size == 2 { "≤ 30 µs" } else { "" },
    );
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<_> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
