//! krew installs it, and kubectl finds it.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use tests::build::{Judges, Programs, judges};

use crate::{RELEASE, TARGETS, ok, run, server, text};

const VERSION: &str = concat!("v", env!("CARGO_PKG_VERSION"));

/// A user with kubectl and krew, and nothing installed yet.
struct User {
    home: tempfile::TempDir,
    kubectl: PathBuf,
    judges: Judges,
}

impl User {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let judges = judges().unwrap();
        fs::create_dir(home.path().join("bin")).unwrap();
        symlink(&judges.krew, home.path().join("bin/kubectl-krew")).unwrap();
        let kubectl = Programs::build().unwrap().control_plane;
        Self {
            home,
            kubectl,
            judges,
        }
    }

    /// A program with the PATH of somebody who followed krew's instructions.
    fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let home = self.home.path().display();
        let own = format!("{home}/krew/bin:{home}/bin:{}", self.kubectl.display());
        let mut command = Command::new(program);
        command
            .env("PATH", format!("{own}:/usr/bin:/bin"))
            .env("HOME", self.home.path())
            .env("KREW_ROOT", self.home.path().join("krew"))
            .env("KREW_NO_UPGRADE_CHECK", "1")
            .env_remove("KUBECONFIG");
        command
    }

    fn kubectl(&self, args: &[&str]) -> Command {
        let mut command = self.command(self.kubectl.join("kubectl"));
        command.args(args);
        command
    }

    /// The plugin is there, and answers by its name.
    fn has_it(&self) {
        let version = ok(&mut self.kubectl(&["mtls", "version"]));
        assert_eq!(version, format!("kubectl-mtls {VERSION}\n"));
        let help = ok(&mut self.kubectl(&["mtls", "--help"]));
        assert!(help.contains("Usage: kubectl mtls"), "{help}");
        let listed = ok(&mut self.kubectl(&["plugin", "list"]));
        let place = self.home.path().join("krew/bin/kubectl-mtls");
        assert!(listed.contains(&place.display().to_string()), "{listed}");
    }
}

/// The manifest, with archives from loopback.
fn manifest() -> String {
    static ADDRESS: LazyLock<String> = LazyLock::new(|| server::start(RELEASE.path()));
    let github = "https://github.com/kubectl-mtls/kubectl-mtls/releases/download";
    let manifest = text("mtls.yaml");
    assert_eq!(
        manifest
            .matches(&format!("uri: {github}/{VERSION}/"))
            .count(),
        TARGETS.len()
    );
    manifest.replace(github, &ADDRESS)
}

/// The manifest in a file of the name that krew demands.
fn written(folder: &Path, manifest: &str) -> PathBuf {
    let path = folder.join("mtls.yaml");
    fs::write(&path, manifest).unwrap();
    path
}

#[test]
fn it_installs_from_the_address_of_the_manifest() {
    let user = User::new();
    let served = tempfile::tempdir().unwrap();
    written(served.path(), &manifest());
    let url = format!("{}/mtls.yaml", server::start(served.path()));
    ok(&mut user.kubectl(&[
        "krew",
        "install",
        "--no-update-index",
        "--manifest-url",
        &url,
    ]));
    user.has_it();
}

#[test]
fn it_installs_from_an_index() {
    let user = User::new();
    let index = user.home.path().join("index");
    fs::create_dir_all(index.join("plugins")).unwrap();
    written(&index.join("plugins"), &manifest());
    for args in [
        &["init", "--quiet"][..],
        &["add", "."],
        &[
            "-c",
            "user.name=a",
            "-c",
            "user.email=a@example.com",
            "commit",
            "--quiet",
            "-m",
            "a",
        ],
    ] {
        ok(user.command("git").args(args).current_dir(&index));
    }
    let place = format!("file://{}", index.display());
    ok(&mut user.kubectl(&["krew", "index", "add", "kubectl-mtls", &place]));
    ok(&mut user.kubectl(&["krew", "install", "kubectl-mtls/mtls"]));
    user.has_it();
    ok(&mut user.kubectl(&["krew", "uninstall", "mtls"]));
    assert!(!run(&mut user.kubectl(&["mtls", "version"])).success);
}

#[test]
fn an_archive_that_was_changed_is_refused() {
    let user = User::new();
    let other = |line: &str| match line.split_once("sha256: ") {
        Some((before, _)) => format!("{before}sha256: {}\n", "a".repeat(64)),
        None => format!("{line}\n"),
    };
    let wrong: String = manifest().lines().map(other).collect();
    let path = written(user.home.path(), &wrong);
    let path = path.to_str().unwrap();
    let output = run(&mut user.kubectl(&["krew", "install", "--manifest", path]));
    assert!(
        !output.success && output.stderr.contains("checksum"),
        "{}",
        output.all()
    );
}

#[test]
fn krews_own_check_installs_every_platform() {
    let user = User::new();
    let check = |manifest: &str| {
        let path = written(user.home.path(), manifest);
        run(user
            .command(&user.judges.validate_krew_manifest)
            .arg("-manifest")
            .arg(path))
    };
    let output = check(&manifest());
    let all = format!("all {} spec.platforms installed fine", TARGETS.len());
    assert!(
        output.success && output.stderr.contains(&all),
        "{}",
        output.all()
    );
    // It sees what is wrong.
    let without_licence = manifest().replace("    - from: LICENSE\n      to: .\n", "");
    let output = check(&without_licence);
    assert!(
        !output.success && output.stderr.contains("LICENSE"),
        "{}",
        output.all()
    );
}
