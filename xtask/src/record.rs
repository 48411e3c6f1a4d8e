//! `cargo xtask record`: a session in a terminal, on a real API server behind a real Traefik, as the
//! picture docs/demo.svg. The commands run as they are shown, on a pseudo-terminal; only the port that
//! Traefik happened to get is written as 8443, so that the picture is the same each time.

mod screen;
mod svg;

use std::env;
use std::fs;
use std::process::Command;
use std::time::Duration;

use ::tests::cluster::{Running, run};
use ::tests::traefik::{Traefik, binary};
use ::tests::wait_until;
use anyhow::{Context as _, ensure};

use crate::demo::{Demo, REFUSED};
use crate::{interrupt, say};

/// Where the picture is.
const PICTURE: &str = "docs/demo.svg";
/// A larger one would not be shown at once.
const LARGEST: usize = 100 * 1024;

/// A command, and how to say of its outcome that it is the one to be shown.
struct Step {
    command: &'static str,
    code: i32,
    says: &'static str,
}

const STEPS: &[Step] = &[
    Step {
        command: "kubectl mtls get hosts -n shop",
        code: 0,
        says: "none",
    },
    Step {
        command: "kubectl mtls create ca partners -n shop",
        code: 0,
        says: "secret/partners-trust created",
    },
    Step {
        command: "kubectl mtls protect ingressroute/api -n shop --trust partners-trust",
        code: 0,
        says: "host api.example.com is enforced",
    },
    Step {
        command: "kubectl mtls test ingressroute/api -n shop --ca partners --connect 127.0.0.1:PORT",
        code: 0,
        says: "proven: ",
    },
    Step {
        command: "kubectl mtls get hosts -n shop",
        code: 0,
        says: "enforced",
    },
];

/// Runs the session and writes the picture.
pub(crate) fn run_session() -> anyhow::Result<()> {
    say("xtask: building kubectl-mtls (a cold build takes about 3 minutes)");
    crate::test::cargo(&["build", "--quiet", "--package", "cli", "--locked"], None)?;
    let running = Running::start()?;
    interrupt::end_on_signal(&running.cluster)?;
    let demo = Demo::new(&running.cluster)?;
    let traefik = demo.shop()?;
    let mut scenes = Vec::new();
    for step in STEPS {
        let printed = play(step, &demo, &traefik)?;
        let shown = step.command.replace("PORT", "8443");
        scenes.push((shown, screen::lines(&printed)));
        if step.command.contains("protect") {
            until_shut(&demo, &traefik)?;
        }
    }
    let picture = svg::write(&scenes);
    ensure!(
        picture.len() <= LARGEST,
        "{} bytes are too many",
        picture.len()
    );
    let path = crate::root().join(PICTURE);
    fs::write(&path, picture).with_context(|| format!("writing {PICTURE}"))?;
    say(&format!("xtask: {PICTURE} is written"));
    Ok(())
}

/// Runs one command on a terminal, and returns what came there.
fn play(step: &Step, demo: &Demo<'_>, traefik: &Traefik) -> anyhow::Result<String> {
    let port = traefik.websecure.to_string();
    let line = format!(
        "stty cols 80 rows 40; {}",
        step.command.replace("PORT", &port)
    );
    let plugin = binary("kubectl-mtls")?;
    let mut folders = vec![demo.cluster.programs.control_plane.clone()];
    folders.extend(plugin.parent().map(ToOwned::to_owned));
    folders.extend(env::split_paths(&env::var_os("PATH").unwrap_or_default()));
    let mut command = Command::new("script");
    command
        .args(["--quiet", "--return", "--command", &line, "/dev/null"])
        .env("PATH", env::join_paths(folders).context("the PATH")?)
        .env("KUBECONFIG", &demo.cluster.kubeconfig)
        .env("TERM", "xterm")
        .env_remove("NO_COLOR");
    let output = run(&mut command, "")?;
    let printed = output.stdout.replace(&format!(":{port}"), ":8443");
    ensure!(
        output.code == step.code && printed.contains(step.says),
        "{}: {printed}{}",
        step.command,
        output.stderr
    );
    Ok(printed)
}

/// Traefik takes a moment to do what it is told.
fn until_shut(demo: &Demo<'_>, traefik: &Traefik) -> anyhow::Result<()> {
    wait_until("a shut host", Duration::from_secs(20), || {
        let output = demo.call(traefik, "api.example.com", &[])?;
        ensure!(REFUSED.contains(&output.code), "{}", output.all());
        Ok(())
    })
}

#[cfg(test)]
mod of_what_is_typed {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_picture_shows_the_session_and_needs_nothing() {
        let picture = fs::read_to_string(crate::root().join(PICTURE)).unwrap();
        assert!(picture.len() <= LARGEST);
        for step in STEPS {
            let shown = step.command.replace("PORT", "8443");
            assert!(
                picture.contains(&shown),
                "{shown}: run `cargo xtask record`"
            );
        }
        for outside in ["<script", "href", "@import", "url("] {
            assert!(!picture.contains(outside), "{outside}");
        }
    }
}
