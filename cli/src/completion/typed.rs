//! What the line says so far: which cluster, as whom, in which namespace.

use std::ffi::OsString;

use clap::{ArgMatches, CommandFactory as _, FromArgMatches as _};

use crate::command::Cli;
use crate::globals::Globals;

/// The line, as far as it is typed.
#[derive(Clone, Debug, Default)]
pub(super) struct Typed {
    /// kubectl's flags on it.
    pub(super) globals: Globals,
    /// The CA on it, [NAMESPACE/]NAME.
    pub(super) ca: Option<String>,
}

impl Typed {
    /// Reads a line without the word at the cursor; what is not whole yet is no error.
    pub(super) fn of(line: &[OsString], cursor: usize) -> Self {
        let words = line.iter().enumerate();
        let words = words
            .filter(|(at, _)| *at != cursor)
            .map(|(_, word)| word.clone());
        let command = Cli::command().ignore_errors(true);
        let Ok(matches) = command.try_get_matches_from(words) else {
            return Self::default();
        };
        Self {
            globals: Globals::from_arg_matches(&matches).unwrap_or_default(),
            ca: ca(&matches),
        }
    }
}

fn ca(matches: &ArgMatches) -> Option<String> {
    if let Some((_, below)) = matches.subcommand() {
        return ca(below);
    }
    matches.try_get_one::<String>("ca").ok()?.cloned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(line: &str) -> Globals {
        let words: Vec<_> = line.split(' ').map(OsString::from).collect();
        let cursor = words.len() - 1;
        Typed::of(&words, cursor).globals
    }

    #[test]
    fn flags_count_wherever_they_stand() {
        let globals = typed("kubectl-mtls get hosts -n shop --context=east ");
        assert_eq!(globals.namespace.as_deref(), Some("shop"));
        assert_eq!(globals.context.as_deref(), Some("east"));
        assert_eq!(
            typed("kubectl-mtls --context west test ")
                .context
                .as_deref(),
            Some("west")
        );
    }

    #[test]
    fn a_line_that_is_not_whole_is_read_as_far_as_it_goes() {
        let globals = typed("kubectl-mtls issue -n pki --ca par");
        assert_eq!(globals.namespace.as_deref(), Some("pki"));
        let words = ["kubectl-mtls", "revoke", "--ca", "pki/partners", ""].map(OsString::from);
        assert_eq!(Typed::of(&words, 4).ca.as_deref(), Some("pki/partners"));
        assert_eq!(typed("kubectl-mtls nonsense -n pki x").namespace, None);
    }
}
