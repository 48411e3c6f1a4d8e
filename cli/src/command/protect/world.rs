//! Where the target stands: in files, or in the cluster.

use anyhow::Context as _;
use policy::dialect::{self, Written};
use policy::{Facts, Object, ObjectRef, Report, Seen, Settings};

use super::Args;
use super::target::{Target, singular};
use crate::cluster::{Cluster, Merged, item};
use crate::globals::{DryRun, Globals};
use crate::manifests;
use crate::problem::Problem;
use crate::validity::now;

/// What can be looked up, and changed.
pub(super) enum World {
    /// A cluster.
    Cluster(Cluster),
    /// Files, which are not changed, and the namespace that is asked for.
    Files(Vec<Object>, String),
}

impl World {
    /// Reads the objects.
    pub(super) async fn open(
        args: &Args,
        settings: Settings,
        globals: &Globals,
    ) -> anyhow::Result<(Self, Facts)> {
        if args.filename.is_empty() {
            let cluster = Cluster::connect(globals).await?;
            let facts = cluster.facts(Some(&cluster.namespace), settings).await?;
            return Ok((Self::Cluster(cluster), facts));
        }
        if args.dry_run != DryRun::Client {
            return Err(
                Problem::usage("a target in a file cannot be changed in the cluster")
                    .hint("add --dry-run=client -o yaml to print what to apply"),
            );
        }
        let read = manifests::read(&args.filename, false, globals.file_namespace())?;
        let objects = read.objects.into_iter().map(|manifest| manifest.object);
        let objects: Vec<_> = objects.collect();
        let mut facts = Facts::new(settings, Seen::Some);
        objects
            .iter()
            .for_each(|object| facts.settings_mut().learn(object));
        for object in &objects {
            let read = dialect::read(object, &facts.settings);
            facts.insert(read);
        }
        let namespace = globals.file_namespace().to_owned();
        Ok((Self::Files(objects, namespace), facts))
    }

    /// The namespace of the flags or the context.
    pub(super) fn namespace(&self) -> &str {
        match self {
            Self::Cluster(cluster) => &cluster.namespace,
            Self::Files(_, namespace) => namespace,
        }
    }

    /// The route that is meant.
    pub(super) async fn target(&self, target: &Target<'_>, text: &str) -> anyhow::Result<Object> {
        match self {
            Self::Cluster(cluster) => fetch(cluster, target).await,
            Self::Files(objects, namespace) => {
                let named: Vec<_> = objects.iter().filter(|object| target.is(object)).collect();
                let there = named
                    .iter()
                    .find(|object| object.id.namespace == *namespace);
                let sole = match named.as_slice() {
                    [sole] if namespace == "default" => Some(sole),
                    _ => None,
                };
                let found = there.or(sole).map(|&object| object.clone());
                found.ok_or_else(|| {
                    Problem::world(format!("{text} is not in these files")).hint(
                        "check the name and -n; `kubectl mtls get hosts -f FILE` shows what is there",
                    )
                })
            }
        }
    }

    /// An object as it is; `None` where it is not there.
    pub(super) async fn object(&self, id: &ObjectRef) -> anyhow::Result<Option<Object>> {
        let cluster = match self {
            Self::Files(objects, _) => {
                return Ok(objects.iter().find(|object| *object.id == *id).cloned());
            }
            Self::Cluster(cluster) => cluster,
        };
        let path = path(id)?;
        let text = cluster.get(&path).await?;
        text.map(|text| parse(&text, &path)).transpose()
    }

    /// Makes the change, and takes note of what the API server made of it.
    pub(super) async fn change(
        &self,
        args: &Args,
        written: &Written,
        facts: &mut Facts,
    ) -> anyhow::Result<()> {
        let (Self::Cluster(cluster), DryRun::None | DryRun::Server) = (self, args.dry_run) else {
            return Ok(());
        };
        let dry = args.dry_run == DryRun::Server;
        for config in &written.apply {
            let object = parse(&config.to_string(), "what is written")?;
            let path = path(&object.id)?;
            let applied = cluster.apply(&path, config, dry, args.force_conflicts);
            let applied = applied.await?;
            // After a dry run the removals are still to come: what was laid over stays.
            if !dry {
                learn(facts, &parse(&applied, &path)?);
            }
        }
        for removal in &written.remove {
            let path = path(&removal.object)?;
            match cluster.merge(&path, &removal.patch(), dry).await? {
                Merged::Done(text) if !dry => learn(facts, &parse(&text, &path)?),
                Merged::Done(_) => {}
                Merged::Conflict | Merged::Missing => {
                    return Err(
                        Problem::world(format!("{} changed meanwhile", removal.object))
                            .hint("run the command again"),
                    );
                }
            }
        }
        Ok(())
    }

    /// What the hosts come to.
    pub(super) async fn report(&self, facts: &mut Facts) -> anyhow::Result<Report> {
        match self {
            Self::Cluster(cluster) => cluster.complete(facts, now()).await,
            Self::Files(..) => Ok(policy::report(&facts.view(), now())),
        }
    }
}

fn learn(facts: &mut Facts, object: &Object) {
    let read = dialect::read(object, &facts.settings);
    facts.insert(read);
}

fn parse(text: &str, what: &str) -> anyhow::Result<Object> {
    Object::from_json(text)
        .map_err(|unreadable| anyhow::anyhow!("reading {what}: {}", unreadable.reason))
}

fn path(id: &ObjectRef) -> anyhow::Result<String> {
    let kind = dialect::kind_of(id).context("an object of a kind that is read")?;
    Ok(item(
        &kind.api_version(),
        kind.plural,
        &id.namespace,
        &id.name,
    ))
}

async fn fetch(cluster: &Cluster, target: &Target<'_>) -> anyhow::Result<Object> {
    for kind in &target.kinds {
        let path = item(
            &kind.api_version(),
            kind.plural,
            &cluster.namespace,
            target.name,
        );
        if let Some(text) = cluster.get(&path).await? {
            return parse(&text, &path);
        }
    }
    let kind = &target.kinds[0];
    Err(Problem::world(format!(
        "{}/{} does not exist in namespace {}",
        singular(kind),
        target.name,
        cluster.namespace
    ))
    .hint(format!(
        "`kubectl get {} -A` lists what there is",
        kind.plural
    )))
}
