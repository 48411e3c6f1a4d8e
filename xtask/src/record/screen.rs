//! What a terminal shows of the bytes that a program sent it, as far as kubectl-mtls sends any.

/// Text in one colour; `0` is the terminal's own.
pub(super) struct Span {
    pub(super) color: u8,
    pub(super) text: String,
}

/// The lines on the screen.
pub(super) fn lines(sent: &str) -> Vec<Vec<Span>> {
    let sent = sent.replace("\r\n", "\n");
    sent.trim_end().split('\n').map(line).collect()
}

/// One line; a carriage return takes back what was there for a while.
fn line(sent: &str) -> Vec<Span> {
    let sent = sent.rsplit('\r').next().unwrap_or_default();
    let mut spans = Vec::new();
    let mut color = 0;
    for (at, part) in sent.split('\u{1b}').enumerate() {
        let text = match at {
            0 => part,
            _ => {
                let (code, text) = sequence(part);
                color = code.unwrap_or(color);
                text
            }
        };
        if !text.is_empty() {
            spans.push(Span {
                color,
                text: text.to_owned(),
            });
        }
    }
    spans
}

/// The colour that an escape sequence turns to, and the text behind it.
fn sequence(part: &str) -> (Option<u8>, &str) {
    let Some(end) = part.find(|char: char| char.is_ascii_alphabetic()) else {
        return (None, "");
    };
    let (code, rest) = part.split_at(end);
    let text = rest.get(1..).unwrap_or_default();
    let number = code.trim_start_matches('[').parse().ok();
    match rest.starts_with('m') {
        true => (number, text),
        false => (None, text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_kept_and_what_was_taken_back_is_gone() {
        let sent = "waiting (1 s)\r\u{1b}[K\u{1b}[31merror\u{1b}[0m: no\r\nsecond\r\n";
        let lines = lines(sent);
        let told: Vec<_> = lines
            .iter()
            .flatten()
            .map(|span| (span.color, span.text.as_str()))
            .collect();
        assert_eq!(told, [(31, "error"), (0, ": no"), (0, "second")]);
    }
}
