//! What the line says so far: which cluster, as whom, in which namespace.

use std::ffi::OsString;

use clap::{CommandFactory as _, FromArgMatches as _};

use crate::command::Cli;
use crate::globals::Globals;

/// The line, as far as it is typed.
#[derive(Clone, Debug, Default)]
pub(super) struct Typed {
    /// kubectl's flags on it.
    pub(super) globals: Globals,
}

impl Typed {
    /// Reads a line without the word at the cursor; what is not whole yet is no error.
    pub(super) fn of(line: &[OsString], cursor: usize) -> Self {
        let words = line.iter().enumerate();
        let words = words
            .filter(|(at, _)| *at != cursor)
            .map(|(_, word)| word.clone());
        let command = Cli::command().ignore_errors(true);
        let matches = command.try_get_matches_from(words);
        let globals = matches.and_then(|matches| Globals::from_arg_matches(&matches));
        Self {
            globals: globals.unwrap_or_default(),
        }
    }
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
        assert_eq!(typed("kubectl-mtls nonsense -n pki x").namespace, None);
    }
}
