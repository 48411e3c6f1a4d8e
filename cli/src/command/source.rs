//! Where `lint` and `get hosts` take their objects from: files, or the cluster.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use policy::{Facts, GatewayConfig, Report, Seen, Settings};
use serde::Deserialize;

use super::block_on;
use crate::cluster::Cluster;
use crate::globals::Globals;
use crate::manifests::{self, Manifests};
use crate::problem::Problem;
use crate::validity::now;

/// The name of the configuration that is looked for from the working directory upwards.
const CONFIG: &str = ".kubectl-mtls.yaml";

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
    /// What the gateways are told outside the objects
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

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ConfigFile {
    #[serde(rename = "apiVersion")]
    _api_version: String,
    #[serde(rename = "kind")]
    _kind: String,
    #[serde(default)]
    gateways: Vec<GatewayConfig>,
}

impl Source {
    /// Reads and judges.
    pub(crate) fn judge(&self, globals: &Globals) -> anyhow::Result<Judged> {
        let settings = settings(self.config.clone())?;
        if self.filename.is_empty() {
            return block_on(self.cluster(globals, settings));
        }
        let manifests = manifests::read(&self.filename, self.recursive, globals.file_namespace())?;
        let seen = if self.complete { Seen::All } else { Seen::Some };
        let mut facts = Facts::new(settings, seen);
        for manifest in &manifests.objects {
            facts.settings.learn(&manifest.object);
        }
        for manifest in &manifests.objects {
            let read = policy::dialect::read(&manifest.object, &facts.settings);
            facts.insert(read);
        }
        Ok(Judged {
            report: policy::report(&facts.view(), now()),
            manifests,
        })
    }

    async fn cluster(&self, globals: &Globals, settings: Settings) -> anyhow::Result<Judged> {
        let cluster = Cluster::connect(globals).await?;
        // Routes of every namespace decide about a host, whichever is asked for.
        let mut facts = cluster.facts(Some(&cluster.namespace), settings).await?;
        let mut report = cluster.complete(&mut facts, now()).await?;
        if !self.all_namespaces {
            limit(&mut report, &cluster.namespace);
        }
        Ok(Judged {
            report,
            manifests: Manifests::default(),
        })
    }
}

/// What the gateways are told: the file that is named, or the nearest above the working directory.
pub(super) fn settings(config: Option<PathBuf>) -> anyhow::Result<Settings> {
    let found = config.or_else(find_config);
    let gateways = found
        .as_deref()
        .map(read_config)
        .transpose()?
        .unwrap_or_default();
    Ok(Settings {
        gateways,
        ..Settings::default()
    })
}

/// Keeps the hosts that a namespace has a part in, and the findings about its own objects.
fn limit(report: &mut Report, namespace: &str) {
    report.hosts.retain(|host| {
        let mut objects = host.host.rests_on.iter();
        objects.any(|object| object.namespace == namespace && object.kind != "Secret")
    });
    report
        .findings
        .retain(|finding| finding.object().namespace == namespace);
}

fn find_config() -> Option<PathBuf> {
    let here = std::env::current_dir().ok()?;
    here.ancestors()
        .map(|folder| folder.join(CONFIG))
        .find(|path| path.is_file())
}

fn read_config(path: &Path) -> anyhow::Result<Vec<GatewayConfig>> {
    let text = String::from_utf8(crate::files::read(path)?);
    let text = text.with_context(|| format!("reading {}", path.display()))?;
    let wrong = |reason: String| {
        Problem::world(format!("{}: {reason}", path.display())).hint(
            "apiVersion: kubectl-mtls.github.io/v1alpha1, kind: Config, gateways: [{dialect: …}]",
        )
    };
    let value = manifests::parse(&text).map_err(|(line, column, reason)| {
        wrong(format!("line {line}, column {column}: {reason}"))
    })?;
    let file: ConfigFile =
        serde_json::from_value(value).map_err(|error| wrong(error.to_string()))?;
    let known = |config: &&GatewayConfig| policy::dialect::by_id(&config.dialect).is_none();
    if let Some(unknown) = file.gateways.iter().find(known) {
        return Err(wrong(format!("there is no dialect {:?}", unknown.dialect)));
    }
    Ok(file.gateways)
}
