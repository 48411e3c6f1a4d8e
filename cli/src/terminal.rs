//! The terminal that is looked at, if there is one.

use std::io::{self, IsTerminal as _};

use terminal_size::{Height, Width, terminal_size_of};

/// A terminal is taken to be at least so wide.
const NARROWEST: usize = 40;

/// The columns of the terminal on stdout; `None` where the output is piped on, and kept whole.
pub(crate) fn width() -> Option<usize> {
    let stdout = io::stdout();
    stdout
        .is_terminal()
        .then(|| columns(terminal_size_of(&stdout)))
}

/// The columns of the terminal on stderr.
pub(crate) fn error_width() -> Option<usize> {
    let stderr = io::stderr();
    stderr
        .is_terminal()
        .then(|| columns(terminal_size_of(&stderr)))
}

fn columns(size: Option<(Width, Height)>) -> usize {
    size.map_or(80, |(Width(columns), _)| {
        usize::from(columns).max(NARROWEST)
    })
}

/// Breaks lines between words, so that none is longer; what follows is indented so far. Commands between
/// backquotes are left whole, because they are copied.
pub(crate) fn fold(text: &str, width: usize, indent: usize) -> String {
    let lines = text.lines().map(|line| fold_line(line, width, indent));
    lines.collect::<Vec<_>>().join("\n")
}

fn fold_line(line: &str, width: usize, indent: usize) -> String {
    if line.chars().count() <= width {
        return line.to_owned();
    }
    let blanks = line.chars().take_while(|char| *char == ' ').count();
    let mut out = " ".repeat(blanks);
    let mut used = blanks;
    let mut empty = true;
    for word in words(line.trim_start()) {
        let length = word.chars().count();
        if !empty && used + 1 + length > width {
            out.push('\n');
            used = blanks.max(indent);
            out.push_str(&" ".repeat(used));
        } else if !empty {
            out.push(' ');
            used += 1;
        }
        out.push_str(&word);
        used += length;
        empty = false;
    }
    out
}

/// Words, each command between backquotes as one.
fn words(line: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut quoted = false;
    for part in line.split(' ') {
        match words.last_mut() {
            Some(last) if quoted => {
                last.push(' ');
                last.push_str(part);
            }
            _ => words.push(part.to_owned()),
        }
        quoted ^= part.matches('`').count() % 2 == 1;
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_broken_between_words_and_commands_are_not() {
        let text = "  hint: this is rather long, so `kubectl mtls get hosts -A` is whole";
        let folded = fold(text, 40, 4);
        assert_eq!(
            folded,
            "  hint: this is rather long, so\n    `kubectl mtls get hosts -A` is whole"
        );
        assert_eq!(fold("short", 40, 2), "short");
    }
}
