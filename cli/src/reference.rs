//! The reference in docs/: what the command line says of itself. The tests compare; with
//! `KUBECTL_MTLS_CODEGEN` in the environment, as `cargo xtask codegen` sets it, they write.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use clap::{Arg, Command, CommandFactory as _};

use crate::command::Cli;
use crate::problem::{FINDINGS, USAGE, WORLD};

const VERBS: &str = "# Verbs

Generated from the help of the program: `--help` after a verb prints the same. Options that every verb has stand once,
[at the end](#cluster-options). What the exit codes mean is in [exit codes](exit-codes.md).
";

const EXIT_CODES: &str = "# Exit codes

Generated from the codes of the program.
";

/// What each code means.
const CODES: [(u8, &str); 4] = [
    (
        0,
        "clean: no finding at or above `--fail-on`, everything as expected, the change made",
    ),
    (
        FINDINGS,
        "a finding at or above `--fail-on`, an expectation not met, a hole; `webhook status`: not enforced",
    ),
    (USAGE, "wrong usage: nothing was done"),
    (
        WORLD,
        "the cluster, the network or a file failed, or nothing is proven; it goes before 1, and what could be judged is shown",
    ),
];

fn settle(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../docs/reference")
        .join(name);
    if std::env::var_os("KUBECTL_MTLS_CODEGEN").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
    }
    let current = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        current == text,
        "docs/reference/{name} is not current: run `cargo xtask codegen`"
    );
}

/// Every verb that is not hidden, by its words.
fn verbs(command: &Command, words: &str, found: &mut BTreeMap<String, Command>) {
    let subcommands = command.get_subcommands();
    for verb in subcommands.filter(|verb| !verb.is_hide_set() && verb.get_name() != "help") {
        let words = format!("{words} {}", verb.get_name());
        if verb.has_subcommands() {
            verbs(verb, &words, found);
        } else {
            found.insert(words.trim().to_owned(), verb.clone());
        }
    }
}

fn page() -> String {
    let mut root = Cli::command();
    root.build();
    let mut found = BTreeMap::new();
    verbs(&root, "", &mut found);
    let mut text = VERBS.to_owned();
    for (words, verb) in &mut found {
        text.push_str(&section(words, verb));
    }
    text.push_str("\n## Cluster options\n\nThey mean what they mean in kubectl.\n\n");
    let global = |arg: &&Arg| arg.is_global_set();
    text.extend(root.get_arguments().filter(global).map(item));
    text
}

fn section(words: &str, verb: &mut Command) -> String {
    let about = verb.get_long_about().or_else(|| verb.get_about());
    let about = about.map(ToString::to_string).unwrap_or_default();
    let usage = verb.render_usage().to_string();
    let usage = usage.trim_start_matches("Usage: ");
    let mut text = format!("\n## {words}\n\n{about}.\n\n```text\n{usage}\n```\n");
    for (heading, args) in own_arguments(verb) {
        let _ = write!(text, "\n{heading}:\n\n");
        text.extend(args.into_iter().map(item));
    }
    let help = verb.get_after_long_help().or_else(|| verb.get_after_help());
    text.push_str(&after(&help.map(ToString::to_string).unwrap_or_default()));
    text
}

/// What only this verb takes, by heading, in the order of the help.
fn own_arguments(verb: &Command) -> Vec<(&str, Vec<&Arg>)> {
    let mut groups: Vec<(&str, Vec<&Arg>)> = Vec::new();
    let own = |arg: &&Arg| !arg.is_global_set() && !arg.is_hide_set() && arg.get_id() != "help";
    for arg in verb.get_arguments().filter(own) {
        let heading = match arg.is_positional() {
            true => "Arguments",
            false => arg.get_help_heading().unwrap_or("Options"),
        };
        match groups.iter_mut().find(|(name, _)| *name == heading) {
            Some((_, args)) => args.push(arg),
            None => groups.push((heading, vec![arg])),
        }
    }
    groups.sort_by_key(|(name, _)| *name != "Arguments");
    groups
}

fn item(arg: &Arg) -> String {
    let help = arg.get_long_help().or_else(|| arg.get_help());
    let help = help.map(ToString::to_string).unwrap_or_default();
    let defaults: Vec<_> = arg
        .get_default_values()
        .iter()
        .filter_map(|value| value.to_str())
        .collect();
    let default = match arg.get_action().takes_values() && !defaults.is_empty() {
        true => format!("; by default `{}`", defaults.join(",")),
        false => String::new(),
    };
    format!(
        "- `{}`: {}{default}\n",
        spelling(arg),
        help.replace('\n', " ").replace('<', "\\<")
    )
}

/// As it is typed.
fn spelling(arg: &Arg) -> String {
    let values = arg.get_value_names().unwrap_or_default();
    let values: Vec<_> = values.iter().map(|name| name.as_str()).collect();
    let values = values.join(" ");
    if arg.is_positional() {
        return values;
    }
    let short = arg.get_short().map(|short| format!("-{short}"));
    let long = arg.get_long().map(|long| format!("--{long}"));
    let names: Vec<_> = short.into_iter().chain(long).collect();
    match arg.get_action().takes_values() {
        true => format!("{} {values}", names.join(", ")),
        false => names.join(", "),
    }
}

/// Examples as shell, and what else the help ends with as it stands.
fn after(help: &str) -> String {
    let (mut examples, mut rest) = (String::new(), String::new());
    let mut inside = false;
    for line in help.lines() {
        if line.trim_end() == "Examples:" {
            inside = true;
        } else if let Some(example) = line.strip_prefix("  ").filter(|_| inside) {
            let _ = writeln!(examples, "{example}");
        } else {
            inside = false;
            let _ = writeln!(rest, "{line}");
        }
    }
    let block = |kind: &str, text: &str| match text.trim_matches('\n') {
        "" => String::new(),
        text => format!("\n```{kind}\n{text}\n```\n"),
    };
    block("sh", &examples) + &block("text", &rest)
}

#[test]
fn the_reference_of_verbs_is_current() {
    let text = page();
    assert!(text.matches("\n## ").count() > 20, "{text}");
    assert_eq!(text.matches("--kubeconfig FILE").count(), 1);
    settle("verbs.md", &text);
}

#[test]
fn the_reference_of_exit_codes_is_current() {
    let rows = CODES
        .iter()
        .map(|(code, what)| format!("| {code} | {what} |\n"));
    let table = format!(
        "\n| code | what it says |\n|---|---|\n{}",
        rows.collect::<String>()
    );
    let curl = "\n`kubectl mtls curl` exits as curl does: its codes are in curl's manual.\n";
    settle("exit-codes.md", &format!("{EXIT_CODES}{table}{curl}"));
}
