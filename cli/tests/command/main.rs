//! The command as a user types it, without any cluster.
#![allow(clippy::unwrap_used)]

mod bad_input;
mod configuration;
mod full_disk;
mod hosts;
mod lint;
mod lint_fix;
mod lint_forms;
mod lint_input;
mod lint_live;
mod pki;
mod pki_out;
mod protect;
mod report;
mod report_html;
mod webhook;

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

struct Said {
    code: i32,
    stdout: String,
    stderr: String,
}

/// Runs the command in a folder, with no cluster configured.
fn mtls(folder: &Path, args: &[&str], stdin: &str) -> Said {
    said(folder, args, &[], stdin)
}

/// The same with an environment.
fn mtls_with(folder: &Path, args: &[&str], environment: &[(&str, &str)]) -> Said {
    said(folder, args, environment, "")
}

fn said(folder: &Path, args: &[&str], environment: &[(&str, &str)], stdin: &str) -> Said {
    let mut child = Command::new(env!("CARGO_BIN_EXE_kubectl-mtls"))
        .args(args)
        .current_dir(folder)
        .env_clear()
        .env("HOME", folder)
        .envs(environment.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
    let output = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let said = Said {
        code: output.status.code().unwrap(),
        stdout: text(output.stdout),
        stderr: text(output.stderr),
    };
    assert!(!said.stderr.contains("panicked"), "{}", said.stderr);
    said
}
