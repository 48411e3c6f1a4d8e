//! An option on which thousands of hosts rest.

use crate::objects::{default_option, envelope, ingress_route};
use crate::table::Table;
use crate::world::World;

use super::micros;

const HOSTS: usize = 10_000;
const API: &str = "/apis/traefik.io/v1alpha1/namespaces/shop";

/// The option is weakened, which settles hosts, and changed to an equal one, which settles none.
pub(crate) async fn weakened(world: &World, table: &mut Table) -> anyhow::Result<()> {
    let before = world.metric("mtls_webhook_objects")? as usize;
    let strict = default_option("RequireAndVerifyClientCert");
    let options = std::iter::once(strict.clone());
    world.create(&format!("{API}/tlsoptions"), options).await?;
    let routes = (0..HOSTS)
        .map(|number| ingress_route(&format!("o{number}"), &format!("o{number}.example.com")));
    world
        .create(&format!("{API}/ingressroutes"), routes)
        .await?;
    world.await_index(before + HOSTS + 1)?;
    let mut labelled = strict.clone();
    labelled["metadata"]["labels"] = serde_json::json!({"team": "shop"});
    for (what, new, goal) in [
        ("weakened", default_option("NoClientCert"), "< 50 ms"),
        ("changed to an equal one", labelled, ""),
    ] {
        let figures = world.ask_alone(&envelope(&new, &strict), 20).await?;
        table.row(
            &format!("an option under {HOSTS} hosts is {what}: p50"),
            &micros(figures.quantile(0.5)),
            goal,
        );
    }
    Ok(())
}
