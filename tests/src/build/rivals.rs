//! What is measured beside this project, built by the measurements alone.

use std::fs;
use std::path::PathBuf;

use anyhow::Context as _;

use super::recipe::{CONTROL_PLANES, KUBECTL, RIVALS, Recipe};
use super::{folder, module_folder, ready};

/// A program that others made.
#[derive(Clone, Debug)]
pub struct Rival {
    /// Its name.
    pub name: &'static str,
    /// Where it is.
    pub program: PathBuf,
    /// As `v1.2.3`.
    pub version: String,
}

/// One of the programs that are measured beside this project.
///
/// # Errors
/// When there is no such recipe, Go is missing or the build fails.
pub fn rival(name: &str) -> anyhow::Result<Rival> {
    let found = RIVALS.iter().find(|one| one.recipe.name == name);
    let found = found.with_context(|| format!("there is no recipe for {name}"))?;
    Ok(Rival {
        name: found.recipe.name,
        version: version(&found.recipe, found.module)?,
        program: ready(&found.recipe)?,
    })
}

/// kubectl as it is shipped: what the test cluster links is one program with the API server.
///
/// # Errors
/// When Go is missing or the build fails.
pub fn kubectl() -> anyhow::Result<Rival> {
    Ok(Rival {
        name: KUBECTL.name,
        version: version(&KUBECTL, "k8s.io/kubernetes")?,
        program: ready(&KUBECTL)?,
    })
}

/// The description of Kubernetes' objects that its sources ship.
///
/// # Errors
/// When the module cannot be had.
pub fn swagger() -> anyhow::Result<PathBuf> {
    let module = module_folder(&CONTROL_PLANES[0].recipe, "k8s.io/kubernetes")?;
    Ok(module.join("api/openapi-spec/swagger.json"))
}

/// A folder with the CRDs of Gatekeeper.
///
/// # Errors
/// When the module cannot be had.
pub fn gatekeeper_crds() -> anyhow::Result<PathBuf> {
    let found = RIVALS.iter().find(|one| one.recipe.name == "gatekeeper");
    let found = found.context("there is no recipe for gatekeeper")?;
    Ok(module_folder(&found.recipe, found.module)?.join("charts/gatekeeper/crds"))
}

/// What `go.mod` of a recipe says of a module.
fn version(recipe: &Recipe, module: &str) -> anyhow::Result<String> {
    let path = folder(recipe).join("go.mod");
    let text = fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
    let versions = text.lines().filter_map(|line| {
        let line = line.trim().trim_start_matches("require ");
        line.strip_prefix(module)?.strip_prefix(' ')
    });
    let version = versions.filter_map(|rest| rest.split(' ').next()).next();
    let version = version.with_context(|| format!("{}: no {module}", path.display()))?;
    Ok(version.to_owned())
}
