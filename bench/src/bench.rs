//! What all chapters of one run share.

use std::path::PathBuf;

use anyhow::{Context as _, ensure};
use tests::build::Rival;

use crate::section::CLI;
use crate::world::World;

/// One run.
pub(crate) struct Bench {
    /// Few rounds with little, to see that everything works.
    pub(crate) quick: bool,
    /// As `kubeconform v0.1.2`, in the order in which they came.
    versions: Vec<String>,
    world: Option<World>,
}

impl Bench {
    pub(crate) fn new(quick: bool) -> Self {
        Self {
            quick,
            versions: Vec::new(),
            world: None,
        }
    }

    /// The one number, or the other where the run is to be quick.
    pub(crate) fn size(&self, whole: usize, quick: usize) -> usize {
        if self.quick { quick } else { whole }
    }

    /// The world whose index grows from chapter to chapter.
    pub(crate) fn world(&mut self) -> anyhow::Result<&World> {
        match &mut self.world {
            Some(world) => Ok(world),
            none => Ok(none.insert(World::start()?)),
        }
    }

    /// A program that others made; its version is told.
    pub(crate) fn rival(&mut self, name: &str) -> anyhow::Result<Rival> {
        let rival = match name {
            "kubectl" => tests::build::kubectl()?,
            _ => tests::build::rival(name)?,
        };
        self.note(format!("{} {}", rival.name, rival.version));
        Ok(rival)
    }

    /// openssl, which the system brings.
    pub(crate) fn openssl(&mut self) -> anyhow::Result<()> {
        let mut command = std::process::Command::new("openssl");
        let output = tests::cluster::run(command.arg("version"), "")?;
        ensure!(output.success, "openssl version: {}", output.all());
        let words: Vec<_> = output.stdout.split(' ').take(2).collect();
        self.note(words.join(" "));
        Ok(())
    }

    fn note(&mut self, version: String) {
        if !self.versions.contains(&version) {
            self.versions.push(version);
        }
    }

    pub(crate) fn versions(&self) -> String {
        self.versions.join(", ")
    }
}

/// One of this project's programs, as it is released; for a try, as this one is built.
pub(crate) fn own(name: &str) -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe().context("finding this program")?;
    let folder = own.parent().context("this program stands in no folder")?;
    let path = match name == CLI && folder.ends_with("release") {
        // `[profile.plugin]` of the workspace.
        true => folder.with_file_name("plugin").join(name),
        false => folder.join(name),
    };
    ensure!(path.exists(), "{} is not built", path.display());
    Ok(path)
}
