//! Where `lint` and `get hosts` take their objects from: files, or the cluster.

mod config_file;
mod live;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use policy::{Facts, Report, SecretRef, Seen, Settings};

use super::block_on;
use crate::cluster::Cluster;
use crate::globals::Globals;
use crate::manifests::{self, File, Manifests};
use crate::problem::say;
use crate::progress::doing;
use crate::validity::now;

/// Which objects to judge.
#[derive(clap::Args)]
#[command(next_help_heading = "Objects")]
pub(crate) struct Source {
    /// File or folder with manifests, - for stdin (can be repeated)
    #[arg(short, long, value_name = "FILE")]
    filename: Vec<PathBuf>,
    /// Read folders below too
    #[arg(short = 'R', long)]
    recursive: bool,
    /// All namespaces of the cluster
    #[arg(short = 'A', long)]
    all_namespaces: bool,
    /// The files are all there is: what they name and do not hold is missing
    #[arg(long)]
    complete: bool,
    /// Look up in the cluster what the files name and do not hold
    #[arg(long, requires = "filename", conflicts_with_all = ["complete", "all_namespaces"])]
    live: bool,
    /// What the gateways are told outside the objects: version, args and config, each of which
    /// goes before what their own objects tell
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// What was read and what it came to.
pub(crate) struct Judged {
    /// The hosts and findings.
    pub(crate) report: Report,
    /// The files, where the objects came from files.
    pub(crate) manifests: Manifests,
}

impl Judged {
    /// Says in one line which defaults verdicts rest on.
    pub(crate) fn say_assumed(&self) {
        let hosts = self.report.hosts.iter();
        let resting = hosts.filter(|host| !host.assumed.is_empty());
        let assumed: BTreeSet<_> = resting.clone().flat_map(|host| &host.assumed).collect();
        let assumed: Vec<_> = assumed.into_iter().copied().collect();
        if !assumed.is_empty() {
            let who = match resting.count() {
                1 => "the verdict of 1 host rests".to_owned(),
                count => format!("the verdicts of {count} hosts rest"),
            };
            let text = format!(
                "{who} on defaults that nothing here says ({}); --config tells what holds, or the \
                 controller's Deployment and ConfigMap among the objects",
                assumed.join("; ")
            );
            say("note", &text);
        }
    }
}

impl Source {
    /// Reads and judges.
    pub(crate) fn judge(&self, globals: &Globals) -> anyhow::Result<Judged> {
        let settings = settings(self.config.clone())?;
        if self.filename.is_empty() {
            return block_on(self.cluster(globals, settings));
        }
        let namespace = self.namespace(globals);
        let manifests = manifests::read(&self.filename, self.recursive, &namespace)?;
        manifests.say();
        self.judge_files(manifests, settings, globals)
    }

    /// Judges once more, with files that were changed meanwhile.
    pub(crate) fn judge_again(
        &self,
        judged: Judged,
        changed: &[(Arc<File>, String)],
        globals: &Globals,
    ) -> anyhow::Result<Judged> {
        let manifests = judged.manifests.with(changed, &self.namespace(globals));
        self.judge_files(manifests, settings(self.config.clone())?, globals)
    }

    fn judge_files(
        &self,
        manifests: Manifests,
        settings: Settings,
        globals: &Globals,
    ) -> anyhow::Result<Judged> {
        if self.live {
            return block_on(live::judge(manifests, settings, globals));
        }
        doing(format!("judging {} objects", manifests.objects.len()));
        let seen = if self.complete { Seen::All } else { Seen::Some };
        let mut facts = Facts::new(settings, seen);
        for manifest in &manifests.objects {
            facts.settings_mut().learn(&manifest.object);
            facts.learn(&manifest.object);
        }
        for manifest in &manifests.objects {
            let read = policy::dialect::read(&manifest.object, &facts.settings);
            facts.insert(read);
        }
        let objects = manifests.objects.iter().map(|manifest| &manifest.object);
        let objects: Vec<_> = objects.collect();
        let mut report = policy::report(&facts.view(), now());
        policy::assume(&mut report.hosts, &facts, &objects, now());
        Ok(Judged { report, manifests })
    }

    /// What is judged, in words.
    pub(crate) fn says(&self, globals: &Globals) -> String {
        let files: Vec<_> = self.filename.iter().map(|file| file.display()).collect();
        let files: Vec<_> = files.iter().map(ToString::to_string).collect();
        let files = files.join(", ");
        if files.is_empty() || self.live {
            let cluster = block_on(async { crate::cluster::name(globals).await });
            let cluster = cluster.unwrap_or_else(|_| "the cluster".to_owned());
            match (&globals.namespace, self.all_namespaces) {
                _ if self.live => format!("the files {files} laid over {cluster}"),
                (_, true) => format!("all namespaces of {cluster}"),
                (Some(namespace), false) => format!("namespace {namespace} of {cluster}"),
                (None, false) => format!("the namespace of the context in {cluster}"),
            }
        } else if self.complete {
            format!("the files {files}, which are all there is")
        } else {
            format!("the files {files}, as far as they go")
        }
    }

    /// That there is nothing, where, and where else to look.
    pub(crate) fn nothing(&self, what: &str, globals: &Globals) -> String {
        let elsewhere = match (self.filename.is_empty(), self.all_namespaces) {
            (true, false) => "; -A looks in all namespaces",
            (false, _) if !self.recursive => "; -R reads folders below too",
            _ => "",
        };
        format!("{what} in {}{elsewhere}", self.says(globals))
    }

    /// For objects in files that name none: that of the cluster they go to, where it is asked.
    fn namespace(&self, globals: &Globals) -> String {
        match self.live {
            true => block_on(async { Ok(crate::cluster::namespace(globals).await) })
                .unwrap_or_else(|_| globals.file_namespace().to_owned()),
            false => globals.file_namespace().to_owned(),
        }
    }

    async fn cluster(&self, globals: &Globals, settings: Settings) -> anyhow::Result<Judged> {
        let cluster = Cluster::connect(globals).await?;
        // Routes of every namespace decide about a host, whichever is asked for.
        let (mut facts, objects) = cluster.read(Some(&cluster.namespace), settings).await?;
        let mut report = cluster.complete(&mut facts, now()).await?;
        if !self.all_namespaces {
            limit(&mut report, &cluster.namespace);
        }
        let objects: Vec<_> = objects.iter().collect();
        policy::assume(&mut report.hosts, &facts, &objects, now());
        Ok(Judged {
            report,
            manifests: Manifests::default(),
        })
    }
}

/// What the gateways are told: the file that is named, or the nearest above the working directory.
pub(crate) fn settings(config: Option<PathBuf>) -> anyhow::Result<Settings> {
    let found = config.or_else(config_file::find);
    let gateways = found.as_deref().map(config_file::read).transpose()?;
    Ok(Settings::new(gateways.unwrap_or_default()))
}

/// Keeps the hosts that a namespace has a part in, and the findings about its own objects.
fn limit(report: &mut Report, namespace: &str) {
    report.hosts.retain(|host| {
        let mut objects = host.host.rests_on.iter();
        objects.any(|object| object.namespace == namespace && !SecretRef::is_one(object))
    });
    report
        .findings
        .retain(|finding| finding.object().namespace == namespace);
    report
        .ignores
        .retain(|(object, _)| object.namespace == namespace);
}
