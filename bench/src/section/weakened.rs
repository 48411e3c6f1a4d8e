//! An option on which thousands of hosts rest.

use serde_json::Value;

use crate::bench::Bench;
use crate::figure::{Goal, Sample};
use crate::objects::{default_option, envelope, ingress_route};
use crate::table::{Group, Table};
use crate::world::{ALLOWED, DENIED, Review, World};

use super::{Chapter, ROUNDS, WEBHOOK};

pub(super) const CHAPTER: Chapter = Chapter {
    name: "weakened",
    title: "An option of many hosts",
    how: "A TLSOption `default` under IngressRoutes that name none: a change that opens their hosts is refused, one that\n\
          changes a label alone is let through; on one connection.",
    own: WEBHOOK,
    run,
};

const API: &str = "/apis/traefik.io/v1alpha1/namespaces/shop";

fn run(bench: &mut Bench, table: &mut Table) -> anyhow::Result<()> {
    let hosts = bench.size(10_000, 200);
    let world = bench.world()?;
    let strict = default_option("RequireAndVerifyClientCert");
    fill(world, hosts, &strict)?;
    let mut labelled = strict.clone();
    labelled["metadata"]["labels"] = serde_json::json!({"team": "shop"});
    let weak = default_option("NoClientCert");
    let goal = Goal::Below(0.05);
    for (what, new, says, goal) in [
        ("weakened", weak, DENIED, Some(goal)),
        ("changed to an equal one", labelled, ALLOWED, None),
    ] {
        let body = envelope(&new, &strict);
        let review = Review { body, says };
        let mut p50 = Vec::new();
        for _ in 0..ROUNDS {
            p50.push(world.ask_alone(&review, 10)?.quantile(0.5));
        }
        let what = format!("an option under {hosts} hosts is {what}: p50");
        table.push(Group::new(what, Sample::durations(p50)).goal(goal));
    }
    Ok(())
}

fn fill(world: &World, hosts: usize, option: &Value) -> anyhow::Result<()> {
    let before = world.metric("mtls_webhook_objects")? as usize;
    let options = std::iter::once(option.clone());
    world.create(&format!("{API}/tlsoptions"), options)?;
    let routes = (0..hosts)
        .map(|number| ingress_route(&format!("o{number}"), &format!("o{number}.example.com")));
    world.create(&format!("{API}/ingressroutes"), routes)?;
    world.await_index(before + hosts + 1)
}
