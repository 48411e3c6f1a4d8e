//! The programs of the control plane, built by the go command from pinned modules into a cache
//! outside the tree. The key is the content of the recipe, so another version is another file.

use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::hash::{Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};

use crate::say;

/// One Go program.
struct Recipe {
    name: &'static str,
    package: &'static str,
    flags: &'static str,
    /// How long a cold build takes on two cores.
    minutes: u32,
}

const CONTROL_PLANE: Recipe = Recipe {
    name: "controlplane",
    package: ".",
    flags: "-s -w -X k8s.io/component-base/version.gitVersion=v1.35.4",
    minutes: 6,
};
const ETCD: Recipe = Recipe {
    name: "etcd",
    package: "go.etcd.io/etcd/server/v3",
    flags: "-s -w",
    minutes: 1,
};
const TRAEFIK: Recipe = Recipe {
    name: "traefik",
    package: "github.com/traefik/traefik/v3/cmd/traefik",
    flags: "-s -w",
    minutes: 6,
};

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
        let control_plane = ready(&CONTROL_PLANE)?;
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

fn folder(recipe: &Recipe) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("recipes")
        .join(recipe.name)
}

/// The program, built if need be: into a name of its own first, so that nobody runs half of it.
fn ready(recipe: &Recipe) -> anyhow::Result<PathBuf> {
    let source = folder(recipe);
    let target = cache()?.join(format!("{}-{:016x}", recipe.name, key(recipe, &source)?));
    let program = target.join(recipe.name);
    if program.exists() {
        return Ok(program);
    }
    check_go()?;
    fs::create_dir_all(&target).with_context(|| format!("creating {}", target.display()))?;
    say(&format!(
        "building {} (once; about {} min when nothing is cached)",
        recipe.name, recipe.minutes
    ));
    let part = target.join(format!("{}.{}", recipe.name, std::process::id()));
    let status = Command::new("go")
        .args([
            "build",
            "-mod=readonly",
            "-trimpath",
            "-ldflags",
            recipe.flags,
            "-o",
        ])
        .arg(&part)
        .arg(recipe.package)
        .current_dir(&source)
        .env("GOTOOLCHAIN", "local")
        .status()
        .context("starting go")?;
    if !status.success() {
        bail!("go could not build {}: see its messages above", recipe.name);
    }
    fs::rename(&part, &program).with_context(|| format!("writing {}", program.display()))?;
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

/// Traefik's CRDs and the same for the old group, beside the program.
fn crds(program: &Path) -> anyhow::Result<PathBuf> {
    let target = program.with_file_name("crds.yaml");
    if target.exists() {
        return Ok(target);
    }
    let output = Command::new("go")
        .args([
            "list",
            "-mod=readonly",
            "-m",
            "-f",
            "{{.Dir}}",
            "github.com/traefik/traefik/v3",
        ])
        .current_dir(folder(&TRAEFIK))
        .output()
        .context("starting go")?;
    let module = String::from_utf8(output.stdout).context("the module's folder")?;
    let path = Path::new(module.trim()).join(CRDS);
    let current =
        fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
    let old = current.replace("traefik.io", "traefik.containo.us");
    fs::write(&target, format!("{current}\n---\n{old}"))
        .with_context(|| format!("writing {}", target.display()))?;
    Ok(target)
}
