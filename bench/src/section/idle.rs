//! What the webhook holds resident when there is nothing to know.

use crate::bench::Bench;
use crate::figure::{Goal, Sample, Unit};
use crate::table::{Group, Table};
use crate::usage;
use crate::world::World;

use super::{Chapter, WEBHOOK};

pub(super) const CHAPTER: Chapter = Chapter {
    name: "idle",
    title: "The webhook at rest",
    how: "The webhook on a real API server without routes, right after its start.",
    own: WEBHOOK,
    run,
};

fn run(bench: &mut Bench, table: &mut Table) -> anyhow::Result<()> {
    let world = bench.world()?;
    let goal = Goal::AtMost(12.0);
    table.push(Group::new("memory with an empty index", resident(world)?).goal(goal));
    Ok(())
}

/// What the webhook holds now.
pub(super) fn resident(world: &World) -> anyhow::Result<Sample> {
    let resident = usage::resident(world.webhook.process.id())?;
    Ok(Sample::once(Unit::Mebibytes, resident))
}
