//! What the webhook holds resident.

use serde_json::json;

use crate::table::Table;
use crate::usage;
use crate::world::World;

const SECRETS: usize = 100_000;

/// With an empty index.
pub(crate) fn idle(world: &World, table: &mut Table) -> anyhow::Result<()> {
    row(world, table, "an empty index", "≤ 12 MiB")
}

/// With many Secrets in the cluster, none of which anybody names.
pub(crate) async fn secrets(world: &World, table: &mut Table) -> anyhow::Result<()> {
    let before = usage::resident(world.webhook.process.id())?;
    let path = "/api/v1/namespaces/shop/secrets";
    let secret = |number| {
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": format!("s{number}")},
            "stringData": {"password": "not a certificate"}})
    };
    world.create(path, (0..SECRETS).map(secret)).await?;
    let after = usage::resident(world.webhook.process.id())?;
    table.row(
        &format!("memory that {SECRETS} Secrets in the cluster add"),
        &format!("{:.1} MiB", after - before),
        "nothing",
    );
    Ok(())
}

pub(super) fn row(world: &World, table: &mut Table, with: &str, goal: &str) -> anyhow::Result<()> {
    let resident = usage::resident(world.webhook.process.id())?;
    table.row(
        &format!("memory with {with}"),
        &format!("{resident:.1} MiB"),
        goal,
    );
    Ok(())
}
