//! One host that thousands of routes claim.

use crate::objects::{ingress, review};
use crate::table::Table;
use crate::world::World;

use super::{INGRESSES, micros};

const CLAIMS: usize = 10_000;

/// Every route claims the same host; one more comes.
pub(crate) async fn claims(world: &World, table: &mut Table) -> anyhow::Result<()> {
    let before = world.metric("mtls_webhook_objects")? as usize;
    let host = "claimed.example.com";
    let made = (0..CLAIMS).map(|number| ingress(&format!("c{number}"), host, None));
    world.create(INGRESSES, made).await?;
    world.await_index(before + CLAIMS)?;
    let figures = world
        .ask_alone(&review(ingress("one-more", host, None), 2048), 20)
        .await?;
    table.row(
        &format!("one host with {CLAIMS} claims: p50 of a review of one more"),
        &micros(figures.quantile(0.5)),
        "",
    );
    Ok(())
}
