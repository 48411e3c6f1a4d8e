//! Colours: on a terminal, unless somebody says otherwise.

use std::borrow::Cow;
use std::env;
use std::ffi::OsString;
use std::io::{self, IsTerminal as _};
use std::sync::atomic::{AtomicU8, Ordering};

use clap::ColorChoice;
use clap::builder::styling::{AnsiColor, Style};

const AUTO: u8 = 0;
const ALWAYS: u8 = 1;
const NEVER: u8 = 2;

/// What `--color` says; it is set once, when the command line is read.
static CHOICE: AtomicU8 = AtomicU8::new(AUTO);

/// Where a text goes.
#[derive(Clone, Copy)]
pub(crate) enum Stream {
    Out,
    Err,
}

/// What `--color` says on a line that may be wrong: what is said of it is coloured so, too.
pub(crate) fn choice(words: &[OsString]) -> ColorChoice {
    let words = words.iter().map(|word| word.to_string_lossy());
    let mut words = words.take_while(|word| word != "--");
    let mut said = None;
    while let Some(word) = words.next() {
        match word.strip_prefix("--color") {
            Some("") => said = words.next().map(Cow::into_owned),
            Some(rest) => said = rest.strip_prefix('=').map(str::to_owned),
            None => {}
        }
    }
    match said.as_deref() {
        Some("always") => ColorChoice::Always,
        Some("never") => ColorChoice::Never,
        _ => ColorChoice::Auto,
    }
}

/// Does from here on what `--color` says.
pub(crate) fn set(choice: ColorChoice) {
    let number = match choice {
        ColorChoice::Auto => AUTO,
        ColorChoice::Always => ALWAYS,
        ColorChoice::Never => NEVER,
    };
    CHOICE.store(number, Ordering::Relaxed);
}

/// Whether what goes there is coloured (`NO_COLOR`: no-color.org).
pub(crate) fn wanted(stream: Stream) -> bool {
    let says = |name: &str| env::var_os(name).is_some_and(|value| !value.is_empty());
    let plain = says("NO_COLOR") || env::var_os("TERM").is_some_and(|term| term == "dumb");
    match (CHOICE.load(Ordering::Relaxed), stream) {
        (ALWAYS, _) => true,
        (NEVER, _) => false,
        (_, Stream::Out) => !plain && io::stdout().is_terminal(),
        (_, Stream::Err) => !plain && io::stderr().is_terminal(),
    }
}

/// A text as its word asks: bad news is red, doubt is yellow, good news is green.
pub(crate) fn paint(stream: Stream, word: &str, text: &str) -> String {
    match style(word) {
        Some(style) if wanted(stream) => format!("{style}{text}{style:#}"),
        _ => text.to_owned(),
    }
}

fn style(word: &str) -> Option<Style> {
    let color = match word {
        "error" | "open" | "expired" | "revoked" => AnsiColor::Red,
        "warning" | "weak" | "broken" | "unknown" | "none" => AnsiColor::Yellow,
        "enforced" | "good" => AnsiColor::Green,
        "note" | "hint" | "info" | "summary" => AnsiColor::Cyan,
        _ => return None,
    };
    Some(color.on_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(line: &[&str]) -> ColorChoice {
        choice(&line.iter().map(OsString::from).collect::<Vec<_>>())
    }

    #[test]
    fn the_choice_is_found_wherever_it_stands() {
        assert_eq!(of(&["a", "--color", "never", "get"]), ColorChoice::Never);
        assert_eq!(of(&["a", "get", "--color=always"]), ColorChoice::Always);
        assert_eq!(
            of(&["a", "curl", "--", "--color=never", "x"]),
            ColorChoice::Auto
        );
        assert_eq!(of(&["a", "get"]), ColorChoice::Auto);
    }
}
