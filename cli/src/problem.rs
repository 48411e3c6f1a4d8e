//! What went wrong, with the next step and the exit code. The one place that prints an error.

use std::fmt;
use std::io::{self, Write as _};
use std::process::ExitCode;

use crate::color::{Stream, paint};
use crate::{hints, progress, terminal};

/// Findings at or above `--fail-on`, or an expectation not met.
pub(crate) const FINDINGS: u8 = 1;
/// Wrong usage.
pub(crate) const USAGE: u8 = 2;
/// The cluster, the network or a file failed.
pub(crate) const WORLD: u8 = 3;

/// An error with a next step.
#[derive(Debug)]
pub(crate) struct Problem {
    message: String,
    hint: Option<String>,
    code: u8,
}

impl Problem {
    /// The cluster, the network or a file failed.
    pub(crate) fn world(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            hint: None,
            code: WORLD,
        }
    }

    /// The command line asks for something that cannot be.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            hint: None,
            code: USAGE,
        }
    }

    /// With the next step.
    pub(crate) fn hint(self, hint: impl Into<String>) -> anyhow::Error {
        anyhow::Error::new(Self {
            hint: Some(hint.into()),
            ..self
        })
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Problem {}

/// Prints an error and says how to exit; a closed pipe is no error.
pub(crate) fn print(error: &anyhow::Error) -> ExitCode {
    let broken_pipe = |cause: &(dyn std::error::Error + 'static)| {
        cause
            .downcast_ref::<io::Error>()
            .is_some_and(|io| io.kind() == io::ErrorKind::BrokenPipe)
    };
    if error.chain().any(broken_pipe) {
        return ExitCode::SUCCESS;
    }
    let problem = error.downcast_ref::<Problem>();
    say("error", &format!("{error:#}"));
    let hint = match problem {
        Some(problem) => problem.hint.as_deref(),
        None => hints::of_any(error),
    };
    if let Some(hint) = hint {
        say("hint", hint);
    }
    ExitCode::from(problem.map_or(WORLD, |problem| problem.code))
}

/// One line on stderr: `error: …`, `warning: …`, `hint: …`, `note: …`.
pub(crate) fn say(what: &str, text: &str) {
    progress::clear();
    let said = format!("{what}: {text}");
    let said = match terminal::error_width() {
        Some(width) => terminal::fold(&said, width, 2),
        None => said,
    };
    let (_, rest) = said.split_at(what.len());
    let what = paint(Stream::Err, what, what);
    let _ = writeln!(io::stderr(), "{what}{rest}");
}
