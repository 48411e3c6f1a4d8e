//! `cargo xtask dist`: everything that a release consists of, the same bytes whoever builds it.

mod archive;
mod build;
mod collect;
mod krew;
mod platform;
mod sbom;
mod tools;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail, ensure};

use crate::say;
use archive::Entry;
use platform::Platform;

/// What a run was asked for.
pub(crate) struct Options {
    /// Rust's names of the platforms to build for; none: the one that this runs on.
    targets: Vec<String>,
    /// Packs this program and builds nothing.
    binary: Option<PathBuf>,
    /// Where everything goes.
    out: PathBuf,
    /// Builds nothing, and demands the archives of all platforms.
    collect: bool,
}

impl Options {
    pub(crate) fn parse(args: &[&str]) -> anyhow::Result<Self> {
        let mut options = Self {
            targets: Vec::new(),
            binary: None,
            out: crate::root().join("target/dist"),
            collect: false,
        };
        let mut args = args.iter();
        while let Some(flag) = args.next() {
            let mut value = || args.next().with_context(|| format!("{flag} needs a value"));
            match *flag {
                "--collect" => options.collect = true,
                "--tag" => check_tag(value()?)?,
                "--target" => options.targets.push((*value()?).to_owned()),
                "--binary" => options.binary = Some(PathBuf::from(*value()?)),
                "--out" => options.out = std::path::absolute(*value()?)?,
                _ => bail!("dist: {flag} is unknown; `cargo xtask` lists what there is"),
            }
        }
        Ok(options)
    }
}

pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    fs::create_dir_all(&options.out)
        .with_context(|| format!("creating {}", options.out.display()))?;
    if options.collect {
        return collect::run(&options.out, true);
    }
    let host = platform::host()?;
    let targets = match options.targets.as_slice() {
        [] => vec![host],
        named => named.to_vec(),
    };
    for target in &targets {
        let platform = Platform::of(target)?;
        let program = match &options.binary {
            Some(program) => program.clone(),
            None => build::plugin(&platform)?,
        };
        pack(&platform, &program, &options.out)?;
        if options.binary.is_none() && platform.os == "linux" {
            image(&platform, &options.out)?;
        }
    }
    collect::run(&options.out, false)
}

/// The archive of one platform, and what its program is made of.
fn pack(platform: &Platform, program: &Path, out: &Path) -> anyhow::Result<()> {
    let mut entries = vec![
        Entry::program(platform.program(), program)?,
        Entry::file("LICENSE", &crate::root().join("LICENSE"))?,
    ];
    entries.extend(extras(program)?);
    let archive = out.join(platform.archive());
    archive::write(&archive, entries, epoch()?)?;
    say(&format!("xtask: {}", archive.display()));
    parts("kubectl-mtls", "cli", platform, out)
}

/// What a program is made of.
fn parts(program: &str, package: &str, platform: &Platform, out: &Path) -> anyhow::Result<()> {
    let name = format!("{program}-{}-{}.cdx.json", platform.os, platform.arch);
    let list = out.join(name);
    fs::write(&list, sbom::of(program, package, platform.target)?)
        .with_context(|| format!("writing {}", list.display()))?;
    say(&format!("xtask: {}", list.display()));
    Ok(())
}

/// Man pages and completions, as the program itself prints them.
fn extras(program: &Path) -> anyhow::Result<Vec<Entry>> {
    let folder = tempfile::tempdir()?;
    asked(
        Command::new(program)
            .arg("man")
            .arg("--out")
            .arg(folder.path()),
    )?;
    let mut entries = Vec::new();
    for page in fs::read_dir(folder.path())? {
        let path = page?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        entries.push(Entry::file(&format!("man/{name}"), &path)?);
    }
    ensure!(
        !entries.is_empty(),
        "{} wrote no man page",
        program.display()
    );
    for (shell, file) in [
        ("bash", "kubectl-mtls.bash"),
        ("fish", "kubectl-mtls.fish"),
        ("powershell", "kubectl-mtls.ps1"),
        ("zsh", "_kubectl-mtls"),
    ] {
        let script = asked(Command::new(program).args(["completion", shell]))?;
        entries.push(Entry::text(&format!("completions/{file}"), script));
    }
    Ok(entries)
}

/// What a program prints.
fn asked(command: &mut Command) -> anyhow::Result<Vec<u8>> {
    let output = command.output().with_context(|| {
        format!(
            "starting {:?}: man pages and completions come from the program itself, so build on a \
            machine that can run it",
            command.get_program()
        )
    })?;
    ensure!(
        output.status.success(),
        "{command:?} failed: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(output.stdout)
}

/// The folder from which the image of the webhook is built: the last stage of the Dockerfile, and
/// the programs that it takes from the stage before.
fn image(platform: &Platform, out: &Path) -> anyhow::Result<()> {
    let program = build::webhook(platform)?;
    let context = out.join("image");
    let folder = context.join("linux").join(platform.arch);
    fs::create_dir_all(&folder).with_context(|| format!("creating {}", folder.display()))?;
    fs::copy(&program, folder.join("mtls-webhook")).context("copying the webhook")?;
    let dockerfile = fs::read_to_string(crate::root().join("Dockerfile"))?;
    fs::write(context.join("Dockerfile"), last_stage(&dockerfile)?)?;
    say(&format!("xtask: {}", context.display()));
    parts("mtls-webhook", "webhook", platform, out)
}

/// The stage that makes the image, with programs of the context in place of the stage before.
fn last_stage(dockerfile: &str) -> anyhow::Result<String> {
    const BUILT: &str = "COPY --from=build /mtls-webhook";
    const GIVEN: &str = "ARG TARGETARCH\nCOPY linux/${TARGETARCH}/mtls-webhook";
    let start = dockerfile
        .rfind("\nFROM ")
        .context("Dockerfile has no stage")?;
    let stage = dockerfile.get(start + 1..).unwrap_or_default();
    ensure!(
        stage.contains(BUILT),
        "the last stage of Dockerfile lacks `{BUILT}`"
    );
    Ok(stage.replace(BUILT, GIVEN))
}

/// The time that everything is said to be of: of the commit.
fn epoch() -> anyhow::Result<u64> {
    let text = match std::env::var("SOURCE_DATE_EPOCH") {
        Ok(text) => text,
        Err(_) => {
            let log = ["log", "-1", "--format=%ct"];
            let output = Command::new("git")
                .args(log)
                .current_dir(crate::root())
                .output();
            let output = output.context("starting git, which tells the time of the commit")?;
            String::from_utf8(output.stdout).context("the time of the commit")?
        }
    };
    text.trim()
        .parse()
        .context("the time of the commit is unknown: run in a checkout, or set SOURCE_DATE_EPOCH")
}

/// A release is of the version that its program tells.
fn check_tag(tag: &str) -> anyhow::Result<()> {
    let version = version();
    ensure!(
        tag == version,
        "the tag is {tag}, and the version of the workspace is {version}: set `version` in \
        Cargo.toml, or tag the commit {version}"
    );
    Ok(())
}

/// The version of the workspace, as tags have it.
fn version() -> String {
    format!("v{}", env!("CARGO_PKG_VERSION"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    #[test]
    fn the_image_is_the_last_stage_of_the_dockerfile() {
        let dockerfile = include_str!("../../Dockerfile");
        let stage = super::last_stage(dockerfile).unwrap();
        assert!(stage.starts_with("FROM scratch\n"), "{stage}");
        assert!(stage.contains("COPY linux/${TARGETARCH}/mtls-webhook /mtls-webhook\n"));
        assert!(stage.contains("USER 65532:65532\n"));
        assert!(!stage.contains("build"));
    }

    #[test]
    fn flags_are_read_and_unknown_ones_refused() {
        let options = super::Options::parse(&["--target", "a", "--target", "b"]).unwrap();
        assert_eq!(options.targets, ["a", "b"]);
        assert!(super::Options::parse(&["--target"]).is_err());
        assert!(super::Options::parse(&["--taget", "a"]).is_err());
        assert!(super::Options::parse(&["--tag", &super::version()]).is_ok());
        assert!(super::Options::parse(&["--tag", "v0.0.0"]).is_err());
    }
}
