//! Completion: what can stand at the cursor. One engine over the clap tree answers the scripts of
//! the shells and, in cobra's protocol, kubectl; names in the cluster are looked up as they are now.

mod live;
mod typed;
mod values;

use std::env;
use std::ffi::OsString;
use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::CommandFactory as _;
use clap_complete::engine::{CompletionCandidate, complete};
use clap_complete::env::{EnvCompleter, Shells};

use crate::command::Cli;
use crate::output;
use typed::Typed;

/// The program as a shell finds it on the PATH.
const PROGRAM: &str = "kubectl-mtls";
/// Tells this program which shell asks.
const VARIABLE: &str = "KUBECTL_MTLS_COMPLETE";
/// The verb by which kubectl asks, as programs made with cobra have it.
const VERB: &str = "__complete";
/// What kubectl calls for completion: it may be a link to this program.
pub(crate) const SHIM: &str = "kubectl_complete-mtls";

/// cobra's directives (`cobra/completions.go`): leave no blank after the word, and no file names.
const NO_SPACE: u8 = 2;
const NO_FILES: u8 = 4;

/// Answers a shell or kubectl; `None` where the program was called for something else.
pub(crate) fn answer() -> Option<ExitCode> {
    let words: Vec<_> = env::args_os().collect();
    let text = if let Some(shell) = env::var_os(VARIABLE) {
        for_shell(&shell.to_string_lossy(), words)?
    } else {
        let is_shim = words
            .first()
            .is_some_and(|word| word.to_string_lossy().ends_with(SHIM));
        let is_verb = words.get(1).is_some_and(|word| word == VERB);
        let skipped = match (is_shim, is_verb) {
            (true, _) => 1,
            (_, true) => 2,
            _ => return None,
        };
        for_kubectl(words.into_iter().skip(skipped))
    };
    let written = io::stdout().write_all(&text);
    Some(ExitCode::from(u8::from(written.is_err())))
}

/// The script that makes a shell ask this program.
pub(crate) fn script(shell: clap_complete::Shell) -> anyhow::Result<Vec<u8>> {
    let mut script = Vec::new();
    if let Some(adapter) = Shells::builtins().completer(&shell.to_string()) {
        adapter.write_registration(VARIABLE, "kubectl_mtls", PROGRAM, PROGRAM, &mut script)?;
    }
    Ok(script)
}

/// The words after `--` are the line that is typed.
fn for_shell(shell: &str, words: Vec<OsString>) -> Option<Vec<u8>> {
    let mut line: Vec<_> = words.into_iter().skip_while(|word| word != "--").collect();
    if line.is_empty() {
        return None;
    }
    line.remove(0);
    if shell == "bash" {
        return Some(for_bash(line));
    }
    let shells = Shells::builtins();
    let adapter: &dyn EnvCompleter = shells.completer(shell)?;
    let mut text = Vec::new();
    let index = index().unwrap_or(line.len().saturating_sub(1));
    let mut command = tree(&line, index);
    let answered = adapter.write_complete(&mut command, line, directory().as_deref(), &mut text);
    answered.ok().map(|()| text)
}

/// bash takes `--ca=pki/x` for three words, and wants an answer for the last of them alone.
fn for_bash(line: Vec<OsString>) -> Vec<u8> {
    let cursor = index().unwrap_or(line.len().saturating_sub(1));
    let equals = |at: usize, word: &OsString| word == "=" && at != cursor;
    let before = line.iter().take(cursor).enumerate();
    let dropped = before.filter(|(at, word)| equals(*at, word)).count();
    let words = line.iter().enumerate();
    let words: Vec<_> = words
        .filter(|(at, word)| !equals(*at, word))
        .map(|(_, word)| word.clone())
        .collect();
    let separator = env::var("_CLAP_IFS").unwrap_or_else(|_| "\n".to_owned());
    let found = candidates(words, cursor - dropped);
    let values: Vec<_> = found
        .iter()
        .map(|candidate| candidate.get_value().to_string_lossy())
        .collect();
    values.join(&separator).into_bytes()
}

/// A choice in each line, with its help after a tab, and the directive in the last.
fn for_kubectl(words: impl Iterator<Item = OsString>) -> Vec<u8> {
    let line: Vec<_> = std::iter::once(PROGRAM.into()).chain(words).collect();
    let cursor = line.len().saturating_sub(1);
    let mut text = String::new();
    let mut goes_on = true;
    for candidate in candidates(line, cursor) {
        let value = output::printable(&candidate.get_value().to_string_lossy());
        goes_on &= value.ends_with(['/', '=', ':']);
        text.push_str(&value);
        let help = candidate.get_help().map(ToString::to_string);
        if let Some(first) = help.as_deref().and_then(|help| help.lines().next()) {
            text.push('\t');
            text.push_str(first);
        }
        text.push('\n');
    }
    let directive = NO_FILES | if goes_on { NO_SPACE } else { 0 };
    format!("{text}:{directive}\n").into_bytes()
}

fn candidates(line: Vec<OsString>, cursor: usize) -> Vec<CompletionCandidate> {
    let mut command = tree(&line, cursor);
    complete(&mut command, line, cursor, directory().as_deref()).unwrap_or_default()
}

/// The commands, each argument with what can be its value on this line. Options are offered once a
/// dash is typed, or where there is nothing else.
fn tree(line: &[OsString], cursor: usize) -> clap::Command {
    let typed = Typed::of(line, cursor);
    let dash = line
        .get(cursor)
        .is_some_and(|word| word.to_string_lossy().starts_with('-'));
    let command = values::add(Cli::command(), &typed);
    if dash { command } else { hide_options(command) }
}

fn hide_options(command: clap::Command) -> clap::Command {
    let hide = |arg: clap::Arg| {
        let hidden = !arg.is_positional();
        arg.hide(hidden)
    };
    let command = command.mut_args(hide).mut_subcommands(hide_options);
    command
        .disable_help_flag(true)
        .disable_help_subcommand(true)
}

/// Which word is being typed, where the shell says so.
fn index() -> Option<usize> {
    env::var("_CLAP_COMPLETE_INDEX").ok()?.parse().ok()
}

fn directory() -> Option<std::path::PathBuf> {
    env::current_dir().ok()
}
