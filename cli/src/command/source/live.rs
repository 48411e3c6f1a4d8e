//! `--live`: the files as they would be once they are applied to the cluster.

use std::collections::HashSet;
use std::sync::Arc;

use policy::{Facts, Object, ObjectFacts, ObjectRef, Report, Settings};

use super::Judged;
use crate::cluster::Cluster;
use crate::globals::Globals;
use crate::manifests::Manifests;
use crate::validity::{now, time};

/// Lays the files over what is in the cluster, and judges the hosts that they have a part in.
pub(super) async fn judge(
    manifests: Manifests,
    mut settings: Settings,
    globals: &Globals,
) -> anyhow::Result<Judged> {
    let cluster = Cluster::connect(globals).await?;
    let objects = || manifests.objects.iter().map(|manifest| &manifest.object);
    objects().for_each(|object| settings.learn(object));
    let (mut facts, mut all) = cluster.read(Some(&cluster.namespace), settings).await?;
    // The cluster's classes were learnt after those of the files, which go before them.
    objects().for_each(|object| facts.settings_mut().learn(object));
    objects().for_each(|object| facts.learn(object));
    let today = time(now());
    for object in objects() {
        let read = read(object, &facts, &today);
        facts.insert(read);
    }
    let mut report = cluster.complete(&mut facts, now()).await?;
    let own: HashSet<&ObjectRef> = objects().map(|object| &*object.id).collect();
    limit(&mut report, &own);
    all.retain(|object| !own.contains(&*object.id));
    let all: Vec<_> = all.iter().chain(objects()).collect();
    policy::assume(&mut report.hosts, &facts, &all, now());
    Ok(Judged { report, manifests })
}

/// An object keeps the time when it was made; a new one is the youngest.
fn read(object: &Object, facts: &Facts, today: &str) -> ObjectFacts {
    let mut object = object.clone();
    let known = facts.object(&object.id);
    let created = known
        .and_then(|facts| facts.routes.first())
        .map(|route| &route.created);
    match (created, known) {
        (Some(created), _) => object.created.clone_from(created),
        (None, None) if object.created.is_empty() => object.created = today.to_owned(),
        _ => {}
    }
    policy::dialect::read(&object, &facts.settings)
}

/// Keeps the hosts that the files have a part in with all their findings, and what is found in
/// the files themselves.
fn limit(report: &mut Report, own: &HashSet<&ObjectRef>) {
    let is_own = |object: &Arc<ObjectRef>| own.contains(&**object);
    report
        .hosts
        .retain(|host| host.host.rests_on.iter().any(is_own));
    let of_hosts: HashSet<_> = report
        .hosts
        .iter()
        .flat_map(|host| {
            host.findings
                .iter()
                .map(|finding| (finding.rule, finding.site.clone()))
        })
        .map(|(rule, site)| (rule, site.object, site.pointer))
        .collect();
    report.findings.retain(|finding| {
        let site = finding.site.clone();
        is_own(finding.object()) || of_hosts.contains(&(finding.rule, site.object, site.pointer))
    });
    report.ignores.retain(|(object, _)| is_own(object));
}
