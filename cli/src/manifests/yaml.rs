//! Where a field of a YAML document stands. What it says is read by [`policy::yaml`].

use saphyr_parser::{Event, Parser, Span, StrInput};

/// Line (from 1) and column (from 1) of the key or item at a JSON pointer, or of the nearest one
/// above it. The text has been parsed before, so what cannot be read is not reached.
pub(super) fn locate(text: &str, pointer: &str) -> (usize, usize) {
    let wanted: Vec<_> = pointer.split('/').skip(1).map(unescape).collect();
    let mut search = Search {
        parser: Parser::new_from_str(text),
        wanted,
        best: None,
        value: None,
    };
    search.document();
    let (_, line, column) = search.best.unwrap_or((0, 1, 1));
    (line, column)
}

/// Where the scalar under a JSON pointer stands, in bytes; `None` where there is none.
pub(super) fn scalar(text: &str, pointer: &str) -> Option<std::ops::Range<usize>> {
    let wanted: Vec<_> = pointer.split('/').skip(1).map(unescape).collect();
    let mut search = Search {
        parser: Parser::new_from_str(text),
        wanted,
        best: None,
        value: None,
    };
    search.document();
    let (start, end) = search.value?;
    let mut bytes = text.char_indices().map(|(at, _)| at).chain([text.len()]);
    let start_at = bytes.nth(start)?;
    let end_at = match end.checked_sub(start + 1) {
        Some(further) => bytes.nth(further)?,
        None => start_at,
    };
    let length = own_length(&text[start_at..end_at.max(start_at)]);
    Some(start_at..start_at + length)
}

/// The parser's span goes on to the next token: what follows the scalar itself is cut off.
fn own_length(text: &str) -> usize {
    match text.chars().next() {
        Some('"') => {
            let mut escaped = true;
            let end = text.char_indices().find(|(_, char)| {
                let ends = *char == '"' && !escaped;
                escaped = *char == '\\' && !escaped;
                ends
            });
            end.map_or(text.len(), |(at, _)| at + 1)
        }
        Some('\'') => {
            let mut at = 1;
            while let Some(next) = text[at..].find('\'') {
                at += next + 1;
                if !text[at..].starts_with('\'') {
                    return at;
                }
                at += 1;
            }
            text.len()
        }
        _ => {
            let end = text.find(" #").unwrap_or(text.len());
            text[..end].trim_end().len()
        }
    }
}

fn unescape(token: &str) -> String {
    token.replace("~1", "/").replace("~0", "~")
}

struct Search<'a> {
    parser: Parser<'a, StrInput<'a>>,
    wanted: Vec<String>,
    best: Option<(usize, usize, usize)>,
    /// The scalar at the end of the pointer, in characters.
    value: Option<(usize, usize)>,
}

impl<'a> Search<'a> {
    fn next(&mut self) -> Option<(Event<'a>, Span)> {
        self.parser.next_event()?.ok()
    }

    fn document(&mut self) {
        while let Some((event, span)) = self.next() {
            if !matches!(
                event,
                Event::StreamStart | Event::DocumentStart(_) | Event::Nothing
            ) {
                self.reached(0, span);
                self.node(&event, Some(0));
                return;
            }
        }
    }

    /// Takes note of a place that lies on the way.
    fn reached(&mut self, depth: usize, span: Span) {
        if self.best.is_none_or(|(best, ..)| depth >= best) {
            self.best = Some((depth, span.start.line().max(1), span.start.col() + 1));
        }
    }

    /// Walks over a node; `depth` is how much of the pointer led here, if all of it did so far.
    fn node(&mut self, event: &Event<'a>, depth: Option<usize>) {
        match event {
            Event::MappingStart(..) => self.children(depth, true),
            Event::SequenceStart(..) => self.children(depth, false),
            _ => {}
        }
    }

    /// Takes note of the scalar that is looked for.
    fn take(&mut self, event: &Event<'a>, span: Span, below: Option<usize>) {
        let whole = below == Some(self.wanted.len());
        if whole && matches!(event, Event::Scalar(..)) {
            self.value = Some((span.start.index(), span.end.index()));
        }
    }

    fn children(&mut self, depth: Option<usize>, keyed: bool) {
        let mut index = 0;
        while let Some((event, span)) = self.next() {
            let token = match &event {
                Event::MappingEnd | Event::SequenceEnd | Event::StreamEnd => return,
                Event::Scalar(text, ..) if keyed => text.to_string(),
                _ => index.to_string(),
            };
            let wanted = depth.filter(|depth| self.wanted.get(*depth) == Some(&token));
            if let Some(depth) = wanted {
                self.reached(depth + 1, span);
            }
            let below = wanted.map(|depth| depth + 1);
            if !keyed {
                self.take(&event, span, below);
                self.node(&event, below);
            } else if let Some((value, span)) = self.next() {
                self.take(&value, span, below);
                self.node(&value, below);
            }
            index += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scalar_is_found_whatever_its_style() {
        let text = "a:\n  é: x\n  b: \"on\" # why\n  c: 'it''s'\n  d: [plain value , 2]\n  e:\n";
        let found = |pointer: &str| scalar(text, pointer).map(|range| &text[range]);
        assert_eq!(found("/a/é"), Some("x"));
        assert_eq!(found("/a/b"), Some("\"on\""));
        assert_eq!(found("/a/c"), Some("'it''s'"));
        assert_eq!(found("/a/d/0"), Some("plain value"));
        assert_eq!(found("/a/d/1"), Some("2"));
        assert_eq!((found("/a"), found("/a/x")), (None, None));
    }

    #[test]
    fn a_field_has_a_line() {
        assert_eq!(locate("a:\n  b/c:\n  - x\n  - y\n", "/a/b~1c/1"), (4, 5));
        assert_eq!(locate("a:\n  b: 1\n", "/a/none"), (1, 1));
    }
}
