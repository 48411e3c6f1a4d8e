//! `webhook print`: everything that `webhook install` would apply.

use std::path::{Path, PathBuf};

use serde_json::json;

use crate::files::{self, File};
use crate::globals::Globals;
use crate::installation::objects::Part;
use crate::installation::{Policy, Shape, shape};
use crate::output::{self, Format};
use crate::problem::Problem;

/// Print the manifests of the admission webhook
#[derive(clap::Args)]
#[command(after_help = "Examples:
  # Look at them
  kubectl mtls webhook print
  # A folder for Flux or Argo CD
  kubectl mtls webhook print --kustomize deploy/mtls-webhook
  # With a certificate of your own
  kubectl mtls webhook print --cert-mode files --ca-bundle ca.crt \\
    | kubectl apply --server-side -f -")]
pub(crate) struct Args {
    /// What happens to a change of a route while the webhook does not answer: Ignore or Fail
    #[arg(long, value_name = "POLICY", default_value = "Ignore")]
    fail_policy: Policy,
    /// Write files and a kustomization into a folder
    #[arg(long, value_name = "DIR", conflicts_with = "output")]
    kustomize: Option<PathBuf>,
    /// Write over the files in the folder
    #[arg(long, requires = "kustomize")]
    force: bool,
    /// Output format: yaml or json
    #[arg(short, long, default_value = "yaml", value_parser = form)]
    output: Format,
    #[command(flatten)]
    shape: Shape,
}

fn form(text: &str) -> Result<Format, String> {
    match text {
        "yaml" => Ok(Format::Yaml),
        "json" => Ok(Format::Json),
        _ => Err("one of yaml and json is expected".to_owned()),
    }
}

pub(crate) fn run(args: &Args, globals: &Globals) -> anyhow::Result<u8> {
    args.shape.check()?;
    let namespace = shape::namespace(globals)?;
    let parts = args.shape.render(&namespace, args.fail_policy)?;
    match &args.kustomize {
        Some(folder) => kustomize(folder, &parts, args.force)?,
        None => {
            let objects: Vec<_> = parts.into_iter().map(|part| part.object).collect();
            output::objects(args.output, &objects, "")?;
        }
    }
    Ok(0)
}

/// Writes a file for each shipped one, and the kustomization that names them.
fn kustomize(folder: &Path, parts: &[Part], force: bool) -> anyhow::Result<()> {
    // In the order of the parts, so that the namespace comes before what stands in it.
    let mut texts: Vec<(String, String)> = Vec::new();
    for part in parts {
        // One folder for all: names below it would be folders to make.
        let name = part.file.replace('/', "-");
        let text = output::yaml(&part.object)?;
        match texts.iter_mut().find(|(known, _)| *known == name) {
            Some((_, before)) => before.push_str(&format!("---\n{text}")),
            None => texts.push((name, text)),
        }
    }
    let resources: Vec<_> = texts.iter().map(|(name, _)| name).collect();
    let kustomization = output::yaml(&json!({"apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization", "resources": resources}))?;
    let mut all: Vec<_> = texts
        .iter()
        .map(|(name, text)| File::public(name.as_str(), text))
        .collect();
    all.push(File::public("kustomization.yaml", &kustomization));
    if folder.is_file() {
        return Err(
            Problem::usage(format!("--kustomize {} is a file", folder.display()))
                .hint("name a folder"),
        );
    }
    files::write_all(folder, &all, force)?;
    let names: String = all
        .iter()
        .map(|file| format!("{}\n", folder.join(&file.name).display()))
        .collect();
    output::bytes(names.as_bytes())
}
