//! What can be the value of which argument. One table; files, folders and fixed choices follow from
//! the arguments' types.

use std::ffi::OsStr;

use clap_complete::engine::{ArgValueCompleter, CompletionCandidate};
use policy::dialect::DIALECTS;

use super::live;
use super::typed::Typed;
use crate::command::lint::form;

/// What can stand for an argument, given the line and the word at the cursor.
type Values = fn(&Typed, &str) -> Vec<CompletionCandidate>;

/// A verb (`*`: any), an argument's id, and its values.
const TABLE: &[(&str, &str, Values)] = &[
    ("*", "ca", |typed, _| live::cas(typed)),
    ("*", "case", |_, _| {
        let cases = pki::case::CASES.iter();
        helped(cases.map(|case| (case.id, case.text)))
    }),
    ("*", "cluster", |typed, _| {
        live::kubeconfig(typed, |names| names.clusters)
    }),
    ("*", "context", |typed, _| {
        live::kubeconfig(typed, |names| names.contexts)
    }),
    ("*", "except", |typed, _| live::hosts(typed)),
    ("*", "fail_on", |_, _| words(&["error", "info", "warning"])),
    ("*", "from_secret", |typed, _| live::cas(typed)),
    ("*", "issuer", live::issuers),
    ("*", "key_type", |_, _| {
        words(&pki::KEY_TYPES.iter().map(|row| row.0).collect::<Vec<_>>())
    }),
    ("*", "mode", |_, _| words(&["optional", "required"])),
    ("*", "namespace", |typed, _| live::namespaces(typed)),
    ("*", "profile", |_, _| words(&["both", "client", "server"])),
    ("*", "secret", |typed, _| live::pairs(typed)),
    ("*", "server_cert", |typed, _| live::pairs(typed)),
    ("*", "trust", |typed, _| live::trusts(typed)),
    ("*", "trust_namespace", |typed, _| live::namespaces(typed)),
    ("*", "user", |typed, _| {
        live::kubeconfig(typed, |names| names.users)
    }),
    ("curl", "target", live::targets),
    ("describe host", "host", |typed, _| live::hosts(typed)),
    ("explain", "rule", |_, _| {
        let rules = policy::rule::RULES.iter();
        helped(rules.map(|rule| (rule.id, rule.summary)))
    }),
    ("inspect", "what", live::inspected),
    ("lint", "output", |_, _| {
        words(&form::names().collect::<Vec<_>>())
    }),
    ("protect", "target", |typed, word| {
        let gateways = DIALECTS.iter();
        let gateways = gateways.map(|dialect| format!("gateway/{}", dialect.id).into());
        gateways.chain(live::routes(typed, word)).collect()
    }),
    ("revoke", "what", live::certificates),
    ("rotate ca", "name", |typed, _| live::cas(typed)),
    ("test", "target", live::targets),
];

/// Gives every argument of the table its values.
pub(super) fn add(command: clap::Command, typed: &Typed) -> clap::Command {
    below(command, "", typed)
}

fn below(command: clap::Command, verb: &str, typed: &Typed) -> clap::Command {
    let command = command.mut_args(|arg| match row(verb, arg.get_id().as_str()) {
        Some(values) => complete(arg, values, typed),
        None => folder(arg),
    });
    command.mut_subcommands(|sub| {
        let verb = format!("{verb} {}", sub.get_name());
        below(sub, verb.trim_start(), typed)
    })
}

fn row(verb: &str, argument: &str) -> Option<Values> {
    let is_it = |of: &str, id: &str| id == argument && [verb, "*"].contains(&of);
    let row = TABLE.iter().find(|(of, id, _)| is_it(of, id));
    row.map(|(.., values)| *values)
}

/// Where a folder is meant, no files are offered.
fn folder(arg: clap::Arg) -> clap::Arg {
    let names = arg.get_value_names().unwrap_or_default();
    match names.iter().any(|name| name == "DIR") {
        true => arg.value_hint(clap::ValueHint::DirPath),
        false => arg,
    }
}

fn complete(arg: clap::Arg, values: Values, typed: &Typed) -> clap::Arg {
    let typed = typed.clone();
    arg.add(ArgValueCompleter::new(move |word: &OsStr| {
        let word = word.to_string_lossy();
        let mut found = values(&typed, &word);
        found.retain(|one| one.get_value().to_string_lossy().starts_with(&*word));
        found
    }))
}

fn words(words: &[&'static str]) -> Vec<CompletionCandidate> {
    words.iter().map(CompletionCandidate::new).collect()
}

fn helped(rows: impl Iterator<Item = (&'static str, &'static str)>) -> Vec<CompletionCandidate> {
    rows.map(|(value, help)| CompletionCandidate::new(value).help(Some(help.into())))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use clap::CommandFactory as _;

    use super::*;

    /// Every argument as the table could name it.
    fn arguments(command: &clap::Command, verb: &str, all: &mut BTreeSet<(String, String)>) {
        for arg in command.get_arguments() {
            for of in [verb, "*"] {
                all.insert((of.to_owned(), arg.get_id().to_string()));
            }
        }
        for sub in command.get_subcommands() {
            let verb = format!("{verb} {}", sub.get_name());
            arguments(sub, verb.trim_start(), all);
        }
    }

    #[test]
    fn every_row_is_about_an_argument_that_exists() {
        let mut all = BTreeSet::new();
        arguments(&crate::command::Cli::command(), "", &mut all);
        for (verb, id, _) in TABLE {
            assert!(
                all.contains(&((*verb).to_owned(), (*id).to_owned())),
                "{verb} {id}"
            );
        }
    }
}
