//! kubectl's own completion asks a program beside the plugin
//! (`kubectl/pkg/cmd/plugin/plugin_completion.go`): a script of two lines.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::completion::SHIM;
use crate::files::{self, File};
use crate::output;
use crate::problem::{Problem, say};

const SCRIPT: &str = "#!/bin/sh\n# Written by kubectl mtls: lets kubectl complete `kubectl mtls`.\nexec kubectl-mtls __complete \"$@\"\n";

pub(super) fn print() -> anyhow::Result<u8> {
    output::bytes(SCRIPT.as_bytes())?;
    let text = format!("kubectl looks for it as {SHIM} on the PATH; --install writes it there");
    say("note", &text);
    Ok(0)
}

pub(super) fn install(folder: Option<&Path>) -> anyhow::Result<u8> {
    if cfg!(windows) {
        return Err(Problem::world(
            "kubectl looks for a program on Windows, and this would be a script",
        )
        .hint("complete `kubectl-mtls` itself: `kubectl mtls completion powershell`"));
    }
    let folder = match folder {
        Some(folder) => folder.to_owned(),
        None => own_folder()?,
    };
    if !folder.is_dir() {
        return Err(Problem::world(format!("{} is no folder", folder.display()))
            .hint("name one that exists and is on the PATH: --dir DIR"));
    }
    let path = folder.join(SHIM);
    match std::fs::read(&path) {
        Ok(found) if found == SCRIPT.as_bytes() => {}
        Ok(_) => {
            return Err(
                Problem::world(format!("{} is another program", path.display()))
                    .hint("move it away, or name another folder on the PATH: --dir DIR"),
            );
        }
        Err(_) => write(&folder).map_err(|error| {
            Problem::world(format!("{} cannot be written: {error:#}", path.display()))
                .hint("name a folder on the PATH that is yours: --dir ~/.local/bin")
        })?,
    }
    output::bytes(format!("{}\n", path.display()).as_bytes())?;
    if !on_path().contains(&folder) {
        let folder = folder.display();
        say(
            "warning",
            &format!("kubectl will not find it: {folder} is not on the PATH"),
        );
        say("hint", &format!("export PATH={folder}:$PATH"));
    }
    Ok(0)
}

fn write(folder: &Path) -> anyhow::Result<()> {
    files::write_all(folder, &[File::program(SHIM, SCRIPT)], false)
}

/// Where kubectl finds the plugin, which may be a link to this program.
fn own_folder() -> anyhow::Result<PathBuf> {
    let mut folders = on_path().into_iter();
    if let Some(folder) = folders.find(|folder| folder.join("kubectl-mtls").is_file()) {
        return Ok(folder);
    }
    let own = env::current_exe().context("looking for this program")?;
    Ok(own.parent().unwrap_or(&own).to_owned())
}

fn on_path() -> Vec<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).collect()
}
