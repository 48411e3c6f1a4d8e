//! How help looks: one screen of tasks for the whole program, for each verb its own arguments and
//! examples, and kubectl's flags on a page of their own.

use std::fmt::Write as _;

use clap::builder::{StyledStr, Styles};
use clap::{Arg, ArgAction, Args as _, Command, CommandFactory as _};

use crate::command::Cli;
use crate::globals::Globals;

/// What there is, by task: a screen of 24 lines and 80 columns.
const OVERVIEW: &str = "Client certificates (mTLS) at Kubernetes ingress gateways, beyond doubt.

See what is there:
  get hosts|cas|certs   Which hosts demand certificates; CAs; what they issued
  describe host         What decides about a host
  lint, explain         Settings that leave a host open; what a rule means
  report                One page of it all, for those who type no commands
Make CAs and certificates:
  create ca             A CA, and its certificate where the gateway looks
  issue                 Certificates: to files, for browsers, into Secrets
  inspect, verify       What is in a file, a Secret or behind a host
  rotate ca, revoke     A new CA without an outage; a certificate taken back
  backup, restore       CAs in one encrypted file
  create fixtures       Certificates that every gateway ought to refuse
Shut a host, and know that it is shut:
  protect               Put a route, or a whole gateway, behind a CA
  curl, test            Call a host with a certificate; prove who gets in
  webhook               Refuse changes that open a host: install, status, ...
Other: completion, options, version

Usage: kubectl mtls COMMAND [OPTIONS]   `kubectl mtls COMMAND --help`: examples
";

/// The last line of every other page.
const FOOTER: &str = "`kubectl mtls options` lists the flags that every command takes.";

/// The commands as `--help` shows them and as a line is parsed. `Cli::command()` is the same tree
/// with nothing hidden and no page rewritten.
pub(crate) fn command() -> Command {
    let help = Arg::new("help").short('h').long("help").global(true);
    let help = help.help("Print help").action(ArgAction::HelpShort);
    let command = Cli::command().disable_help_flag(true);
    let command = command.mut_args(|arg| arg.hide(true));
    let command = command.arg(help.hide(true)).mut_subcommands(page);
    command.override_help(overview())
}

/// The page of a verb.
fn page(command: Command) -> Command {
    let text = match command.get_after_help() {
        Some(text) => format!("{text}\n\n{FOOTER}"),
        None => FOOTER.to_owned(),
    };
    let command = command.after_help(text).mut_args(once);
    command.mut_subcommands(page)
}

/// Words that the help of an argument names already are not listed once more below it.
fn once(arg: Arg) -> Arg {
    let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
    let values = arg.get_possible_values();
    let named = values.iter().all(|value| help.contains(value.get_name()));
    arg.hide_possible_values(named)
}

fn overview() -> StyledStr {
    let header = *Styles::styled().get_header();
    let mut text = StyledStr::new();
    for line in OVERVIEW.lines() {
        let _ = match line.ends_with(':') {
            true => writeln!(text, "{header}{line}{header:#}"),
            false => writeln!(text, "{line}"),
        };
    }
    text
}

/// The flags that every command takes.
pub(crate) fn options() -> StyledStr {
    let page = Command::new("options").disable_help_flag(true);
    let page = page.help_template("Every command takes these flags:\n\n{options}");
    let page = page.term_width(crate::terminal::width().unwrap_or(100));
    let mut page = Globals::augment_args(page).mut_args(|arg| arg.help_heading(None));
    page.render_help()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// Every command that does something, with its page in a terminal of 80 columns.
    fn pages(command: &Command, path: &str, found: &mut Vec<(String, String)>) {
        for sub in command
            .get_subcommands()
            .filter(|sub| sub.get_name() != "help")
        {
            let path = format!("{path} {}", sub.get_name());
            if sub.has_subcommands() {
                pages(sub, &path, found);
            } else {
                let page = sub.clone().term_width(80).render_help().to_string();
                found.push((path, page));
            }
        }
    }

    fn all() -> Vec<(String, String)> {
        let mut command = command();
        command.build();
        let mut found = Vec::new();
        pages(&command, "kubectl mtls", &mut found);
        found
    }

    #[test]
    fn the_overview_is_one_screen_and_names_every_verb() {
        assert!(OVERVIEW.lines().count() <= 23);
        let long = OVERVIEW.lines().find(|line| line.chars().count() > 80);
        assert_eq!(long, None);
        for sub in Cli::command().get_subcommands() {
            assert!(OVERVIEW.contains(sub.get_name()), "{}", sub.get_name());
        }
    }

    #[test]
    fn every_verb_has_examples_and_none_repeats_the_global_flags() {
        for (path, page) in all() {
            assert!(page.contains(&format!("Usage: {path}")), "{path}: {page}");
            assert!(!page.contains("--kubeconfig"), "{path}: {page}");
            assert!(page.ends_with(&format!("{FOOTER}\n")), "{path}: {page}");
            let examples = page.split("Examples:\n").nth(1).unwrap_or_default();
            assert!(examples.contains(&path), "{path} has no example: {page}");
        }
    }

    /// A group's heading holds for what follows it, too.
    #[test]
    fn what_every_verb_may_have_stands_in_no_group_of_another_thing() {
        let command = command();
        let all = command.get_subcommands();
        let all = all.flat_map(|command| std::iter::once(command).chain(command.get_subcommands()));
        let mut seen = 0;
        for (command, arg) in all.flat_map(|one| one.get_arguments().map(move |arg| (one, arg))) {
            if ["dry_run", "force", "output", "timeout"].contains(&arg.get_id().as_str()) {
                let group = arg.get_help_heading();
                let fits = group.is_none_or(|group| group == "Delivery");
                assert!(fits, "{} {arg}: {group:?}", command.get_name());
                seen += 1;
            }
        }
        assert!(seen > 30, "{seen}");
    }

    #[test]
    fn examples_are_not_broken_at_the_edge_of_a_terminal() {
        for command in Cli::command().get_subcommands() {
            let subs = std::iter::once(command).chain(command.get_subcommands());
            for sub in subs {
                let text = sub.get_after_help().map(ToString::to_string);
                let text = text.unwrap_or_default();
                let long = text.lines().find(|line| line.chars().count() > 80);
                assert_eq!(long, None, "{}", sub.get_name());
            }
        }
    }

    #[test]
    fn the_global_flags_have_a_page() {
        let page = options().to_string();
        for flag in ["--kubeconfig", "--context", "--namespace", "--as-group"] {
            assert!(page.contains(flag), "{page}");
        }
    }
}
